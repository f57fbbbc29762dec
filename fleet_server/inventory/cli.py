"""`balise inventory find|counts`, `balise terminal inventory`: here, or elsewhere by BALISE_URL and BALISE_TOKEN."""

from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote, urlencode

import typer

if TYPE_CHECKING:
    from sqlmodel import Session

    from fleet_server.context import Context
    from fleet_server.inventory.api import InventoryView, MadeOfPage
    from fleet_server.inventory.asking import Question

app = typer.Typer(add_completion=False, help="De quoi les bornes sont faites.", no_args_is_help=True)
DataDir = Annotated[Path | None, typer.Option(help="Dossier du serveur (sinon BALISE_DATA_DIR)")]
TerminalId = Annotated[str, typer.Argument(help="Identifiant : b-k7m2xq4z (balise terminal list)")]
_PAGE = 500


@app.command()
def find(
    model: Annotated[str, typer.Option(help="Machine : « Dell Wyse 5070 »")] = "",
    system: Annotated[str, typer.Option(help="Système : « Debian GNU/Linux 12.11 »")] = "",
    kernel: Annotated[str, typer.Option(help="Noyau")] = "",
    python: Annotated[str, typer.Option(help="Version de Python")] = "",
    agent: Annotated[str, typer.Option(help="Version du logiciel de la borne")] = "",
    package: Annotated[str, typer.Option(help="Nom d’un paquet, entier : openssl")] = "",
    version: Annotated[str, typer.Option(help="Sa version, ou son début suivi de * : 3.0.*")] = "",
    csv: Annotated[bool, typer.Option("--csv", help="En CSV, pour un tableur")] = False,
    data_dir: DataDir = None,
) -> None:
    """Cherche les bornes faites de tout ce qui est donné."""
    from fleet_server.inventory.api import MadeOfPage
    from fleet_server.inventory.asking import MadeOf, question_of
    from fleet_server.inventory.export import as_csv
    from fleet_server.reach import ask

    question = question_of(
        model=model, system=system, kernel=kernel, python=python, agent=agent, package=package, version=version
    )
    rows: list[MadeOf] = []
    for number in count(1):
        here = partial(_page, question, number)
        wanted = urlencode(question.given | {"page": number, "size": _PAGE})
        got = ask(MadeOfPage, "GET", f"/inventory?{wanted}", here, data_dir)
        rows += got.terminals
        if not got.terminals or len(rows) >= got.total:
            break
    if csv:
        typer.echo(as_csv(rows, question), nl=False)
        return
    for one in rows:
        typer.echo(f"{one.terminal:12} {one.name:24} {one.model:28} {one.system:24} {one.agent:10} {one.version}")
    typer.echo(f"{len(rows)} borne{'s' if len(rows) > 1 else ''}.", err=True)


@app.command("counts")
def show_counts(data_dir: DataDir = None) -> None:
    """Compte les bornes par machine, système, noyau et version."""
    from fleet_server.inventory.api import CountsView, counted_of
    from fleet_server.reach import ask

    counted = ask(CountsView, "GET", "/inventory/counts", lambda _, session: counted_of(session), data_dir)
    titles = {"model": "Machine", "system": "Système", "kernel": "Noyau", "agent": "Logiciel", "python": "Python"}
    for name, title in titles.items():
        typer.echo(title)
        for value, many in getattr(counted, name).items():
            typer.echo(f"  {many:6}  {value or 'non dit'}")


def inventory(
    terminal: TerminalId,
    packages: Annotated[bool, typer.Option("--packages", help="Ses paquets, un par ligne")] = False,
    changes: Annotated[bool, typer.Option("--changes", help="Ce qui a changé, le plus récent d’abord")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Tout, en JSON")] = False,
    data_dir: DataDir = None,
) -> None:
    """Dit de quoi une borne est faite : ici, ou sur un autre serveur par BALISE_URL et BALISE_TOKEN."""
    from fleet_server.inventory.api import InventoryView, viewed
    from fleet_server.reach import ask

    at = f"/terminals/{quote(terminal, safe='')}/inventory"
    if changes:
        _show_changes(terminal, at, data_dir)
        return
    got = ask(InventoryView, "GET", at, lambda _, session: viewed(session, terminal), data_dir)
    if as_json:
        typer.echo(got.model_dump_json(indent=2))
    elif packages:
        for name, version in sorted([*got.inventory.packages.items(), *got.inventory.python_packages.items()]):
            typer.echo(f"{name} {version}")
        if got.inventory.packages_untold:
            typer.echo(f"Et au moins {got.inventory.packages_untold} de plus, qui ne sont pas dits.", err=True)
    else:
        _show_facts(got)


def install(terminal_app: typer.Typer) -> None:
    """The commands of this room that speak of one terminal."""
    terminal_app.command()(inventory)


def _page(question: "Question", number: int, ctx: "Context", session: "Session") -> "MadeOfPage":
    from fleet_server.inventory.api import page_of

    return page_of(session, question, number, _PAGE)


def _show_facts(got: "InventoryView") -> None:
    from fleet_server.inventory.shown import hardware_facts, system_facts

    said = hardware_facts(got.inventory.hardware) + system_facts(got.inventory.system, got.inventory.agent)
    for name, values in said:
        for value in values:
            typer.echo(f"{name:22} {value}")
            name = ""
    many, at = len(got.inventory.packages), f"{got.came_at:%d/%m/%Y à %H:%M} UTC"
    typer.echo(f"{many} paquets du système, reçu le {at}.", err=True)


def _show_changes(terminal: str, at: str, data_dir: Path | None) -> None:
    from fleet_server.inventory.api import ChangeView, changed
    from fleet_server.inventory.words import change_title, line_words
    from fleet_server.reach import ask
    from fleet_server.terminals.named import named

    def here(ctx: "Context", session: "Session") -> list[ChangeView]:
        named(session, terminal)
        return changed(session, terminal, 50)

    for one in ask(list[ChangeView], "GET", f"{at}/changes", here, data_dir):
        typer.echo(f"{one.at:%d/%m/%Y %H:%M}  {change_title(one.part, one.lines)}")
        for line in one.lines[:20]:
            typer.echo(f"    {line_words(line)}")
