"""`balise terminal maintenance list|plan|change|end|call-off|reopen`: here, or on the server at BALISE_URL."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fleet_server.reach import ask, refuse

if TYPE_CHECKING:
    from fleet_server.terminals.upkeep.api import MaintenanceView

app = typer.Typer(no_args_is_help=True, help="Les travaux prévus : ni pannes ni commandes, des faits datés.")
DataDir = Annotated[Path | None, typer.Option(help="Dossier du serveur (sinon BALISE_DATA_DIR)")]
Number = Annotated[int, typer.Argument(min=1, max=2**31 - 1, help="Le numéro (balise terminal maintenance list)")]
_HOUR = "2026-12-01T09:00, à l’heure du lieu"


@app.command("list")
def list_maintenance(
    terminal: Annotated[str, typer.Argument(help="Identifiant de la borne ; vide : toutes")] = "",
    past: Annotated[bool, typer.Option("--past", help="Ceux qui sont passés ou annulés")] = False,
    data_dir: DataDir = None,
) -> None:
    """Montre ce qui est en cours et à venir, dans l’ordre."""
    from urllib.parse import urlencode

    from fleet_server.terminals.upkeep.api import MaintenanceView, told

    wanted = urlencode({"terminal": terminal} | ({"past": "true"} if past else {}))
    for one in ask(list[MaintenanceView], "GET", f"/maintenance?{wanted}",
                   lambda ctx, session: told(session, ctx, terminal, past), data_dir):  # fmt: skip
        typer.echo(_words(one))


@app.command()
def plan(
    begins: Annotated[str, typer.Option("--from", help=_HOUR)],
    ends: Annotated[str, typer.Option("--to", help=_HOUR)],
    reason: Annotated[str, typer.Option(help="Le motif, que les collègues liront")],
    terminals: Annotated[list[str] | None, typer.Argument(help="Identifiants des bornes")] = None,
    place: Annotated[str, typer.Option(help="Ou un lieu : toute borne qui s’y trouvera")] = "",
    data_dir: DataDir = None,
) -> None:
    """Prévoit des travaux pour des bornes, ou pour un lieu."""
    from fleet_server.terminals.upkeep.api import MaintenanceView, NewMaintenance, planned

    given = {"terminals": terminals or [], "place": place, "begins_at": _moment("--from", begins),
             "ends_at": _moment("--to", ends), "reason": reason}  # fmt: skip
    asked = _checked(NewMaintenance, given)
    made = ask(MaintenanceView, "POST", "/maintenance", lambda ctx, session: planned(session, ctx, asked, None),
               data_dir, asked)  # fmt: skip
    typer.echo(_words(made))


@app.command()
def change(
    number: Number,
    begins: Annotated[str, typer.Option("--from", help=_HOUR)] = "",
    ends: Annotated[str, typer.Option("--to", help=_HOUR)] = "",
    reason: Annotated[str | None, typer.Option(help="Le motif")] = None,
    data_dir: DataDir = None,
) -> None:
    """Change les heures ou le motif ; ce qui a commencé garde son début."""
    from fleet_server.terminals.upkeep.api import ChangedMaintenance, MaintenanceView, changed, read

    at = f"/maintenance/{number}"
    known = ask(MaintenanceView, "GET", at, lambda ctx, session: read(session, ctx, number), data_dir)
    given = {"revision": known.revision, "begins_at": _moment("--from", begins) if begins else None,
             "ends_at": _moment("--to", ends) if ends else None, "reason": reason}  # fmt: skip
    asked = _checked(ChangedMaintenance, given)
    made = ask(MaintenanceView, "PATCH", at, lambda ctx, session: changed(session, ctx, number, asked, None), data_dir,
               asked)  # fmt: skip
    typer.echo(_words(made))


@app.command("call-off")
def call_off(number: Number, data_dir: DataDir = None) -> None:
    """Annule des travaux qui n’ont pas commencé."""
    _act(number, "call-off", data_dir)


@app.command()
def end(number: Number, data_dir: DataDir = None) -> None:
    """Termine maintenant des travaux en cours."""
    _act(number, "end", data_dir)


@app.command()
def reopen(number: Number, data_dir: DataDir = None) -> None:
    """Rétablit des travaux annulés ou terminés depuis un jour au plus, avant l’heure où ils devaient finir."""
    _act(number, "reopen", data_dir)


def _act(number: int, act: str, data_dir: Path | None) -> None:
    from fleet_server.terminals.upkeep.api import MaintenanceView, done

    made = ask(MaintenanceView, "POST", f"/maintenance/{number}/{act}",
               lambda ctx, session: done(session, ctx, number, act, None), data_dir)  # fmt: skip
    typer.echo(_words(made))


def _checked(shape: Any, given: dict[str, Any]) -> Any:
    from pydantic import ValidationError

    try:
        return shape.model_validate(given)
    except ValidationError as error:
        problem = error.errors()[0]
        refuse(f"« {problem['loc'][0]} » ne convient pas : {problem['msg']}.")


def _moment(option: str, text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        refuse(f"« {option} {text} » ne se lit pas : un jour et une heure, par exemple {_HOUR}.")


def _words(one: "MaintenanceView") -> str:
    from fleet_server.web.vocabulary import state_of
    from wire.hours import zone_of

    zone = zone_of(one.timezone)
    begins, ends = (f"{at.astimezone(zone):%d/%m/%Y %H:%M}" for at in (one.begins_at, one.ends_at))
    whom = one.place or ", ".join(one.terminals)
    return f"{one.id:5}  {state_of('maintenance', one.state).word:9} {begins} – {ends}  {one.reason}  ({whom})"
