"""`balise terminal timeline`: here, or on another server by BALISE_URL and BALISE_TOKEN."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote, urlencode

import typer

if TYPE_CHECKING:
    from sqlmodel import Session

    from fleet_server.context import Context
    from fleet_server.timeline.api import TimelinePage


def timeline(
    terminal: Annotated[str, typer.Argument(help="Identifiant : b-k7m2xq4z (balise terminal list)")],
    kind: Annotated[str, typer.Option(help="demarrages, logiciel, contenu, reglages, commandes, incidents…")] = "",
    size: Annotated[int, typer.Option(min=1, max=200, help="Nombre de lignes")] = 50,
    before: Annotated[str, typer.Option(help="Reprend après cette suite, que la page d’avant a dite")] = "",
    data_dir: Annotated[Path | None, typer.Option(help="Dossier du serveur (sinon BALISE_DATA_DIR)")] = None,
) -> None:
    """Raconte ce qui est arrivé à une borne : ici, ou sur un autre serveur par BALISE_URL et BALISE_TOKEN."""
    from fleet_server.inventory.words import line_words
    from fleet_server.reach import ask, refuse
    from fleet_server.timeline.api import TimelinePage, told
    from fleet_server.timeline.keys import read_key
    from fleet_server.timeline.kinds import KINDS
    from fleet_server.timeline.lines import Asked
    from fleet_server.web.french import PARIS

    if kind and kind not in KINDS:
        refuse(f"« {kind} » n’est pas un genre. Il y a : {', '.join(KINDS)}.")

    if before and read_key(before) is None:
        refuse("« --before » n’est pas une suite : reprenez celle que la page d’avant a dite.")

    def here(ctx: "Context", session: "Session") -> "TimelinePage":
        return told(session, ctx, Asked(terminal, kind, before=read_key(before), simulated=ctx.settings.demo), size)

    given = {name: value for name, value in {"kind": kind, "before": before}.items() if value}
    path = f"/terminals/{quote(terminal, safe='')}/timeline?{urlencode(given | {'size': size})}"
    page = ask(TimelinePage, "GET", path, here, data_dir)
    for one in page.lines:
        said = " ; ".join(part for part in (one.detail, *(line_words(line) for line in one.changed[:3])) if part)
        at = f"{one.at.astimezone(PARIS):%d/%m/%Y %H:%M:%S}"
        typer.echo(f"{at}  {one.kind:12} {one.words}{f' : {said}' if said else ''}")
    if page.next:
        typer.echo(f"La suite : --before {page.next}", err=True)


def install(terminal_app: typer.Typer) -> None:
    """The commands of this room that speak of one terminal."""
    terminal_app.command()(timeline)
