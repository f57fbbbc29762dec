"""`balise rollout list|show|content|software|settings|act`: on the server's machine; the running server goes on."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer

if TYPE_CHECKING:
    from sqlmodel import Session

    from fleet_server.context import Context
    from fleet_server.rollouts.models import Rollout
    from fleet_server.rollouts.plan import Target

app = typer.Typer(
    add_completion=False, help="Les déploiements : préparer, lancer, suivre, arrêter.", no_args_is_help=True
)
DataDir = Annotated[Path | None, typer.Option(help="Dossier du serveur (sinon BALISE_DATA_DIR)")]
Number = Annotated[int, typer.Argument(help="Son numéro (balise rollout list)")]
Group = Annotated[list[str] | None, typer.Option(help="Groupe ; plusieurs possibles")]
Terminal = Annotated[list[str] | None, typer.Option(help="Identifiant d’une borne ; plusieurs possibles")]
Whom = Annotated[
    list[str] | None,
    typer.Option(
        help="Critère : tag=pilote, kind=mairie, site=…, department=53, model=…, software=1.4.2, release=2026.47, "
        "text=… ; plusieurs possibles ; sans aucun critère, toutes les bornes"
    ),
]
PlanFile = Annotated[Path | None, typer.Option(help="Le plan, en JSON : vagues, seuils, heures", exists=True)]
Act = Literal["submit", "start", "pause", "resume", "stop", "retry", "force"]


@app.command("list")
def list_rollouts(data_dir: DataDir = None) -> None:
    """Montre les déploiements, ceux qui durent d’abord."""
    from fleet_server.rollouts.shown import newest
    from fleet_server.web.vocabulary import state_of

    with _session(data_dir) as (_, session):
        for one in newest(session):
            typer.echo(f"{one.id:5} {state_of('rollout', one.state).word:12} {one.title:40} {one.made_by_name}")


@app.command()
def show(number: Number, data_dir: DataDir = None) -> None:
    """Dit où il en est, borne par borne ; avant le départ, ce qui va se passer."""
    from fleet_server.rollouts.shown import shown
    from fleet_server.web.vocabulary import state_of

    with _session(data_dir) as (ctx, session):
        found = shown(session, _row(session, number), ctx.now())
        row = found.rollout
        word = state_of("rollout", row.state).word
        typer.echo(f"{row.title} : {word}{f' ({row.reason})' if row.reason else ''}")
        typer.echo(f"Pour : {found.whom}.")
        if found.preview:
            typer.echo(found.preview)
        for at, what in found.ahead:
            typer.echo(f"  {at} : {what}")
        for wave, lines in enumerate(found.waves, 1):
            for line in lines:
                step = state_of("rollout_terminal", line.step).word
                typer.echo(f"  vague {wave}  {line.row.terminal:12} {line.name:24} {step:22} {line.said}")


@app.command()
def content(
    label: Annotated[str, typer.Argument(help="L’édition : 2026.48")],
    group: Group = None, terminal: Terminal = None, whom: Whom = None, plan: PlanFile = None,
    data_dir: DataDir = None,
) -> None:  # fmt: skip
    """Prépare le déploiement d’une édition ; rien ne part avant « submit », puis « start »."""
    _create("content", {"label": label}, _target(group, terminal, whom), plan, data_dir)


@app.command()
def software(
    version: Annotated[str, typer.Argument(help="La version : balise software list")],
    group: Group = None, terminal: Terminal = None, whom: Whom = None, plan: PlanFile = None,
    data_dir: DataDir = None,
) -> None:  # fmt: skip
    """Prépare le déploiement d’une version du logiciel ; rien ne part avant « submit », puis « start »."""
    _create("software", {"version": version}, _target(group, terminal, whom), plan, data_dir)


@app.command()
def settings(
    value: Annotated[list[str], typer.Argument(help="nom=valeur, en JSON : idle_warning_s=50")],
    group: Group = None, terminal: Terminal = None, whom: Whom = None, plan: PlanFile = None,
    data_dir: DataDir = None,
) -> None:  # fmt: skip
    """Prépare le déploiement de réglages, posés borne par borne."""
    values: dict[str, Any] = {}
    for one in value:
        name, _, text = one.partition("=")
        try:
            values[name] = json.loads(text)
        except json.JSONDecodeError:
            values[name] = text
    _create("settings", {"values": values}, _target(group, terminal, whom), plan, data_dir)


@app.command()
def act(
    name: Annotated[Act, typer.Argument(help="Le geste")],
    number: Number,
    reason: Annotated[str, typer.Option(help="La raison, gardée au journal ; exigée pour forcer")] = "",
    terminal: Terminal = None,
    data_dir: DataDir = None,
) -> None:
    """Propose, lance, met en pause, reprend, arrête, réessaie ou force. On approuve sur les pages, ou par un jeton."""
    from fleet_server.rollouts.acts import ACTS, Asked, RolloutRefused
    from fleet_server.web.vocabulary import state_of

    with _session(data_dir, write=True) as (ctx, session):
        row = _row(session, number)
        try:
            ACTS[name](session, ctx, row, Asked(None, reason[:200], tuple(terminal or ())))
        except RolloutRefused as refused:
            _refuse(str(refused))
        typer.echo(f"Déploiement {number}, {row.title} : {state_of('rollout', row.state).word}.")


def _create(
    kind: Literal["content", "software", "settings"], what: dict[str, Any], target: "Target",
    file: Path | None, data_dir: Path | None,
) -> None:  # fmt: skip
    from pydantic import ValidationError

    from fleet_server.rollouts.acts import Asked, RolloutRefused, create
    from fleet_server.rollouts.plan import Plan
    from fleet_server.rollouts.shown import shown

    try:
        plan = Plan.model_validate_json(file.read_bytes()) if file else Plan()
    except ValidationError as error:
        problem = error.errors()[0]
        _refuse(f"{file} : « {'.'.join(map(str, problem['loc']))} » : {problem['msg']}.")
    with _session(data_dir, write=True) as (ctx, session):
        try:
            made = create(session, ctx, kind, what, target, plan, Asked(None))
        except RolloutRefused as refused:
            _refuse(str(refused))
        found = shown(session, made, ctx.now())
        typer.echo(f"Déploiement {made.id} préparé. {found.preview}")
        typer.echo(f"Pour : {found.whom}.")
        typer.echo(f"Rien n’est parti. Ensuite : balise rollout act submit {made.id}, puis start.")


def _target(groups: list[str] | None, terminals: list[str] | None, whom: list[str] | None) -> "Target":
    from pydantic import ValidationError

    from fleet_server.rollouts.plan import Target
    from fleet_server.rollouts.whom import SEARCHED

    given: dict[str, Any] = {"groups": [*(groups or ())], "terminals": [*(terminals or ())]}
    for one in whom or ():
        name, equals, value = one.partition("=")
        if not equals or name not in (*SEARCHED, "text"):
            _refuse(f"« {one[:60]} » n’est pas un critère : {', '.join(SEARCHED)} ou text, puis « = » et une valeur.")
        if name == "text":
            given["text"] = value
        else:
            given.setdefault(SEARCHED[name], []).append(value)
    try:
        return Target(everyone=not (groups or terminals or whom), **given)
    except ValidationError:
        _refuse("La valeur d’un critère a de 1 à 80 caractères ; 2 000 valeurs d’un critère au plus.")


@contextmanager
def _session(data_dir: Path | None, write: bool = False) -> Iterator["tuple[Context, Session]"]:
    from fleet_server.db import reading, transaction
    from fleet_server.offline import offline
    from fleet_server.settings import WrongSettings, read_settings

    try:
        with (
            offline(read_settings(**({"data_dir": data_dir} if data_dir else {}))) as ctx,
            (transaction if write else reading)(ctx.engine) as session,
        ):
            yield ctx, session
    except FileNotFoundError:
        _refuse("Pas de serveur ici : lancez « balise server init », ou corrigez --data-dir.")
    except WrongSettings as wrong:
        _refuse(str(wrong))


def _row(session: "Session", number: int) -> "Rollout":
    from fleet_server.rollouts.models import Rollout

    row = session.get(Rollout, number) if 0 < number < 2**31 else None
    return row or _refuse(f"Aucun déploiement n’a le numéro {number} : balise rollout list.")


def _refuse(sentence: str) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(1)
