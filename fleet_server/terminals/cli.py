"""`balise terminal list|views|add|token|revoke|find|show|tag|note|retire`; orders are in `command_cli`."""

from collections.abc import Iterator
from contextlib import contextmanager
from inspect import Parameter
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fleet_server.inventory.cli import install as install_inventory
from fleet_server.reach import elsewhere, is_elsewhere, refuse, refusing, settings_of
from fleet_server.terminals.command_cli import install
from fleet_server.terminals.search import SORT_HELP, BadSearch, Criterion, Search, search, with_criteria
from fleet_server.terminals.upkeep.cli import app as maintenance
from fleet_server.timeline.cli import install as install_timeline

if TYPE_CHECKING:
    from fleet_server.terminals.fleet_access import FleetAccess
    from fleet_server.terminals.fleet_api import TerminalView

app = typer.Typer(
    add_completion=False, help="Les bornes : ajout, recherche, commandes, mise dehors.", no_args_is_help=True
)
DataDir = Annotated[Path | None, typer.Option(help="Dossier du serveur (sinon BALISE_DATA_DIR)")]
TerminalId = Annotated[str, typer.Argument(help="Identifiant : b-k7m2xq4z (balise terminal list)")]
Kind = Literal["mairie", "centre_commercial", "campus_connecte", "france_services", "autre"]
Sorted = Annotated[str, typer.Option(help=SORT_HELP)]
_PAGE = 500


def _option(name: str, criterion: Criterion) -> Parameter:
    taken = typer.Option(f"--{name}", help=criterion.help)
    typed = Annotated[bool, taken] if criterion.flag else Annotated[str, taken]
    return Parameter(name, Parameter.KEYWORD_ONLY, annotation=typed, default=False if criterion.flag else "")


def list_terminals(
    *, view: Annotated[str, typer.Option(help="Nom d’une vue enregistrée (balise terminal views)")] = "",
    sort: Sorted = "", csv: Annotated[bool, typer.Option("--csv", help="En CSV, pour un tableur")] = False,
    data_dir: DataDir = None, **given: str | bool,
) -> None:  # fmt: skip
    """Montre les bornes. Sans rien demander : toutes, retirées comprises, avec leur état d’enrôlement. Avec un critère
    ou un ordre : celles qui y répondent, avec leur état ; d’un autre serveur, par BALISE_URL et BALISE_TOKEN."""
    if any(given.values()) or view or sort or csv or is_elsewhere(data_dir):
        _show_found(_wanted(given, sort), view, csv, data_dir)
    else:
        _show_registry(data_dir)


def find(
    text: Annotated[str, typer.Argument(help="Nom, lieu ou commune")] = "", *, sort: Sorted = "",
    page: Annotated[int, typer.Option(min=1, help="Pages de 50")] = 1, data_dir: DataDir = None, **given: str | bool,
) -> None:  # fmt: skip
    """Cherche des bornes, et dit leur état : ici, ou sur un autre serveur par BALISE_URL et BALISE_TOKEN."""
    wanted = _wanted({"text": text, **given}, sort)
    with _fleet(data_dir) as fleet:
        found = fleet.find(wanted, page)
    _show_rows(found.terminals)
    typer.echo(f"{found.total} borne{'s' if found.total > 1 else ''}, page {found.page}.", err=True)


app.command("list")(with_criteria(list_terminals, _option))
app.command()(with_criteria(find, _option))


@app.command("views")
def show_views(data_dir: DataDir = None) -> None:
    """Montre les vues enregistrées de la flotte : ici celles de l’équipe ; par BALISE_TOKEN, celles du compte aussi."""
    with _fleet(data_dir) as fleet:
        for one in fleet.views():
            typer.echo(f"{one.name:32} {'équipe' if one.shared else 'compte':8} {one.words}")


def _wanted(given: dict[str, str | bool], sort: str) -> Search:
    try:
        return search(given, sort)
    except BadSearch as bad:
        refuse(str(bad))


def _show_found(wanted: Search, view: str, csv: bool, data_dir: Path | None) -> None:
    """Whatever their number."""
    from fleet_server.terminals.export import as_csv

    rows: list[TerminalView] = []
    with _fleet(data_dir) as fleet:
        for number in count(1):
            got = fleet.find(wanted, number, _PAGE, view)
            rows += got.terminals
            if not got.terminals or len(rows) >= got.total:
                break
    if csv:
        said = [f"vue « {view} »"] * bool(view) + [wanted.said()] * bool(wanted.given)
        typer.echo(as_csv(rows, ", ".join(said)), nl=False)
        return
    _show_rows(rows)
    how = f"vue « {view} »" if view and not wanted.sort else wanted.sorted_how()
    typer.echo(f"{len(rows)} borne{'s' if len(rows) > 1 else ''}, {how}.", err=True)


def _show_rows(rows: "list[TerminalView]") -> None:
    for one in rows:
        typer.echo(f"{one.id:12} {one.name:24} {one.state:10} {one.release:12} {one.place}  {', '.join(one.tags)}")


def _show_registry(data_dir: Path | None) -> None:
    from sqlmodel import select

    from fleet_server.db import reading
    from fleet_server.offline import offline
    from fleet_server.terminals.models import Terminal
    from fleet_server.terminals.registry import places

    with offline(settings_of(data_dir)) as ctx, reading(ctx.engine) as session:
        stand = places(session)
        for one in session.exec(select(Terminal).order_by(Terminal.name)):
            typer.echo(f"{one.id:12} {one.name:24} {one.status:14} {one.generation:3}  {stand[one.id].name}")


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Le nom que les collègues liront : la ville, le plus souvent")],
    commune: Annotated[str, typer.Option(help="Code Insee de la commune : 53130")],
    commune_name: Annotated[str, typer.Option(help="Son nom")],
    place: Annotated[str, typer.Option(help="Le lieu : « Mairie de Laval »")],
    kind: Annotated[Kind, typer.Option(help="Genre de lieu")] = "autre",
    latitude: Annotated[float, typer.Option(help="Sur la carte, en degrés ; 0 et 0 : non donnée")] = 0,
    longitude: Annotated[float, typer.Option(help="Sur la carte, en degrés")] = 0,
    group: Annotated[list[str] | None, typer.Option(help="Groupe ; plusieurs possibles")] = None,
    data_dir: DataDir = None,
) -> None:
    """Ajoute une borne attendue et affiche, une seule fois, son jeton d’enrôlement."""
    from pydantic import ValidationError

    from fleet_server.db import transaction
    from fleet_server.offline import offline
    from fleet_server.terminals.enrolment import make_token
    from fleet_server.terminals.registry import add_terminal, first_release
    from wire.state import Place

    try:
        stands = Place(site=place, name=place, kind=kind, commune=commune, commune_name=commune_name,
                       department=commune[:2], latitude=latitude, longitude=longitude)  # fmt: skip
    except ValidationError as error:
        problem = error.errors()[0]
        refuse(f"« {problem['loc'][0]} » vaut {problem['input']!r} : {problem['msg']}.")
    with offline(settings_of(data_dir)) as ctx, transaction(ctx.engine) as session:
        terminal = add_terminal(session, name, stands, group or [], ctx.now())
        token, first = make_token(session, ctx, terminal, None), first_release(session)
    _show_token(terminal.id, token)
    typer.echo(f"Elle commencera par l’édition {first.label}, celle de la plupart des bornes." if first
               else "Aucune édition ne lui est encore demandée : balise content publish.")  # fmt: skip


@app.command()
def token(terminal: TerminalId, data_dir: DataDir = None) -> None:
    """Fait un nouveau jeton d’enrôlement pour une borne ; le précédent ne vaut plus."""
    from fleet_server.db import transaction
    from fleet_server.offline import offline
    from fleet_server.terminals.enrolment import make_token
    from fleet_server.terminals.registry import UnknownTerminal, get_terminal

    try:
        with offline(settings_of(data_dir)) as ctx, transaction(ctx.engine) as session:
            made = make_token(session, ctx, get_terminal(session, terminal), None)
    except UnknownTerminal:
        refuse(f"Aucune borne « {terminal} ». Leur liste : balise terminal list.")
    _show_token(terminal, made)


install(app)
install_inventory(app)
install_timeline(app)
app.add_typer(maintenance, name="maintenance")


@app.command()
def revoke(
    terminal: TerminalId,
    reason: Annotated[Literal["decommissioned", "stolen"], typer.Option(help="Retirée du service, ou volée")],
    data_dir: DataDir = None,
) -> None:
    """Met une borne dehors : rien d’elle n’est plus pris, ses certificats sont révoqués, sa connexion est coupée."""
    from fleet_server.certificates.revoked import keep_list
    from fleet_server.db import transaction
    from fleet_server.offline import offline
    from fleet_server.terminals.enrolment import put_out
    from fleet_server.terminals.registry import UnknownTerminal, get_terminal

    try:
        with offline(settings_of(data_dir)) as ctx:
            with transaction(ctx.engine) as session:
                asked = get_terminal(session, terminal)
                if asked.status == "decommissioned":
                    refuse(f"{asked.name} est déjà dehors.")
                put_out(session, ctx, asked, reason, None, who="ligne de commande")
            keep_list(ctx.settings, ctx.keys, ctx.engine, ctx.now())
    except UnknownTerminal:
        refuse(f"Aucune borne « {terminal} ». Leur liste : balise terminal list.")
    typer.echo(f"{asked.name} est dehors : plus rien d’elle n’est pris. Le serveur qui tourne la coupe du courtier.")


@app.command()
def show(terminal: TerminalId, data_dir: DataDir = None) -> None:
    """Montre tout d’une borne, en JSON : ici, ou sur un autre serveur par BALISE_URL et BALISE_TOKEN."""
    with _fleet(data_dir) as fleet:
        typer.echo(fleet.one(terminal).model_dump_json(indent=2))


@app.command()
def tag(
    terminal: TerminalId,
    add: Annotated[list[str] | None, typer.Argument(help="Étiquettes à mettre")] = None,
    remove: Annotated[list[str] | None, typer.Option(help="Étiquette à enlever ; répétable")] = None,
    data_dir: DataDir = None,
) -> None:
    """Met et enlève des étiquettes : ici, ou sur un autre serveur par BALISE_URL et BALISE_TOKEN."""
    given, taken = ({one.lower() for one in some or ()} for some in (add, remove))
    with _fleet(data_dir) as fleet:
        typer.echo(f"Étiquettes : {', '.join(fleet.tag(terminal, given, taken).tags) or 'aucune'}.")


@app.command()
def note(terminal: TerminalId, text: Annotated[str, typer.Argument(help="La note")], data_dir: DataDir = None) -> None:
    """Écrit une note sur une borne : ici, ou sur un autre serveur par BALISE_URL et BALISE_TOKEN."""
    with _fleet(data_dir) as fleet:
        fleet.note(terminal, text)
    typer.echo("Note écrite.")


NoteNumber = Annotated[int, typer.Argument(min=1, max=2**31 - 1, help="Son numéro (balise terminal notes)")]


@app.command()
def notes(terminal: TerminalId, data_dir: DataDir = None) -> None:
    """Montre les notes d’une borne, les plus récentes d’abord : ici, ou par BALISE_URL et BALISE_TOKEN."""
    from fleet_server.web.french import PARIS

    with _fleet(data_dir) as fleet:
        for one in fleet.notes(terminal):
            corrected = f", corrigée par {one.changed_by}" if one.changed_by else ""
            typer.echo(f"{one.id:5}  {one.at.astimezone(PARIS):%d/%m/%Y %H:%M}  {one.by}{corrected}\n       {one.text}")


@app.command("correct-note")
def correct_note(
    terminal: TerminalId, number: NoteNumber, text: Annotated[str, typer.Argument(help="Ce qu’elle dira")],
    data_dir: DataDir = None,
) -> None:  # fmt: skip
    """Corrige une note : ici, ou sur un autre serveur par BALISE_URL et BALISE_TOKEN."""
    with _fleet(data_dir) as fleet:
        fleet.correct_note(terminal, number, text)
    typer.echo("Note corrigée.")


@app.command("delete-note")
def delete_note(terminal: TerminalId, number: NoteNumber, data_dir: DataDir = None) -> None:
    """Supprime une note, pour de bon : ici, ou sur un autre serveur par BALISE_URL et BALISE_TOKEN."""
    with _fleet(data_dir) as fleet:
        fleet.delete_note(terminal, number)
    typer.echo("Note supprimée.")


@app.command()
def retire(
    terminal: TerminalId,
    confirm: Annotated[str, typer.Option(help="Le nom de la borne, pour n’en retirer aucune autre")],
    data_dir: DataDir = None,
) -> None:
    """Retire une borne : plus rien d’elle n’est pris. Ici, ou sur un autre serveur par BALISE_URL et BALISE_TOKEN."""
    with _fleet(data_dir) as fleet:
        fleet.retire(terminal, confirm)
    typer.echo("Borne retirée.")


@contextmanager
def _fleet(data_dir: Path | None) -> "Iterator[FleetAccess]":
    """With BALISE_TOKEN, the server at BALISE_URL; else the one of this machine."""
    from fleet_server.offline import offline
    from fleet_server.terminals.fleet_access import Local

    with refusing():
        if server := elsewhere(data_dir):
            yield server
        else:
            with offline(settings_of(data_dir)) as ctx:
                yield Local(ctx)


def _show_token(terminal: str, token: str) -> None:
    typer.echo(f"Borne {terminal}. Son jeton, montré une seule fois et valable 48 heures :\n  {token}")
    typer.echo("Sur la borne : balise agent --enrol JETON")
