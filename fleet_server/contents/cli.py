"""`balise content check|build|publish`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from sqlmodel import Session

    from fleet_server.contents.pack import Pack

app = typer.Typer(add_completion=False, help="Les contenus des bornes.", no_args_is_help=True)
PackDir = Annotated[Path, typer.Argument(help="Dossier du paquet", exists=True, file_okay=False)]
DEFAULT = Path("content/pays-de-la-loire")


@app.command()
def check(pack: PackDir = DEFAULT) -> None:
    """Vérifie un paquet : fichier, ligne, problème, remède. Sort avec 1 s’il ne peut pas être publié."""
    found = _checked(pack)
    typer.echo(f"{pack} : {_count(len(found.grave), 'erreur')}, "
               f"{_count(len(found.problems) - len(found.grave), 'avertissement')}.")  # fmt: skip
    if found.grave:
        raise typer.Exit(1)


@app.command()
def build(
    pack: PackDir = DEFAULT,
    out: Annotated[Path, typer.Option(help="Où écrire les fichiers de l’édition")] = Path("var/content"),
    label: Annotated[str, typer.Option(help="Nom de l’édition (sinon année.semaine)")] = "",
) -> None:
    """Construit une édition dans un dossier, pour la regarder ; rien n’est publié."""
    from fleet_server.contents.build import build as build_release
    from fleet_server.releases.publish import week_label

    now = datetime.now(UTC)
    built = build_release(_fit(pack), label or week_label(now.date()), now)
    for file in built.manifest.files:
        target = out / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(built.files[file.sha256])
    (out / "manifest.json").write_bytes(built.raw)
    typer.echo(f"Édition {built.release.label} dans {out}, empreinte {built.release.id[:16]}…")


@app.command()
def publish(
    pack: PackDir = DEFAULT,
    label: Annotated[str, typer.Option(help="Nom de l’édition (sinon année.semaine)")] = "",
    terminal: Annotated[list[str] | None, typer.Option(help="Identifiant d’une borne ; sans cela, toutes")] = None,
    ask: Annotated[
        bool, typer.Option("--ask/--no-ask", help="La demander aux bornes, ou la garder pour un déploiement")
    ] = True,
    data_dir: Annotated[Path | None, typer.Option(help="Dossier du serveur (sinon BALISE_DATA_DIR)")] = None,
) -> None:
    """Vérifie, construit, signe et publie une édition ; le serveur qui tourne la demande aux bornes."""
    from rich.console import Console
    from rich.progress import Progress

    from fleet_server.contents.build import build as build_release
    from fleet_server.db import reading, transaction
    from fleet_server.offline import offline
    from fleet_server.releases.publish import LabelTaken, free_label, week_label, wish
    from fleet_server.releases.publish import publish as publish_release
    from fleet_server.settings import WrongSettings, read_settings

    if terminal and not ask:
        _refuse("--no-ask ne la demande à aucune borne : enlevez --terminal, ou --no-ask.")
    found, now = _fit(pack), datetime.now(UTC)
    try:
        with (
            offline(read_settings(**({"data_dir": data_dir} if data_dir else {}))) as ctx,
            Progress(console=Console(stderr=True), transient=True) as progress,
        ):
            with reading(ctx.engine) as session:
                _known_terminals(session, terminal or [])
                name = label or free_label(session, week_label(now.date()))
            built = build_release(found, name, now)
            task = progress.add_task("Fichiers gardés", total=len(built.files))
            row = publish_release(ctx, built, None, lambda: progress.advance(task))
            count = 0
            if ask:
                with transaction(ctx.engine) as session:
                    count = wish(session, ctx, row, terminal, None)
    except LabelTaken as taken:
        _refuse(f"L’édition {taken} existe déjà : choisissez un autre nom (--label).")
    except FileNotFoundError as missing:
        _refuse(
            f"Il manque {missing.filename or missing} : lancez d’abord « balise server init », ou corrigez --data-dir."
        )
    except WrongSettings as wrong:
        _refuse(str(wrong))
    asked = f"demandée à {_count(count, 'borne')}" if ask else "demandée à aucune borne : un déploiement la portera"
    typer.echo(f"Édition {name} publiée, {asked}.")


def _known_terminals(session: "Session", asked: list[str]) -> None:
    from fleet_server.terminals.public import names

    for one in sorted(set(asked) - names(session).keys()):
        _refuse(f"Aucune borne n’a l’identifiant {one} : « balise terminal list » les montre. Rien n’est publié.")


def _checked(pack: Path) -> "Pack":
    from fleet_server.contents.check import UI_SOURCES, checked

    found = checked(pack, datetime.now(UTC).date(), UI_SOURCES if UI_SOURCES.is_dir() else None)
    for problem in found.problems:
        typer.echo(f"{problem}", err=problem.grave)
    return found


def _fit(pack: Path) -> "Pack":
    found = _checked(pack)
    if found.grave:
        typer.echo(f"{_count(len(found.grave), 'erreur')} : l’édition n’est pas construite.", err=True)
        raise typer.Exit(1)
    return found


def _refuse(sentence: str) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(1)


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'s' if number > 1 else ''}"
