"""The list of terminals as a spreadsheet reads it."""

import csv
import io
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from fleet_server.terminals.place_kinds import KINDS
from fleet_server.web.spreadsheet import safe
from fleet_server.web.vocabulary import state_of

if TYPE_CHECKING:
    from fleet_server.terminals.fleet_api import TerminalView

COLUMNS = {
    "id": "borne", "name": "nom", "state": "état", "detail": "détail", "place": "lieu", "kind": "type de lieu",
    "commune": "commune", "department": "département", "groups": "groupes", "tags": "étiquettes",
    "software": "logiciel", "wanted_software": "logiciel souhaité", "release": "édition",
    "wanted_release": "édition souhaitée", "drift": "en écart", "problems": "ce qui ne va pas", "heard_at": "vue le",
    "certificate_until": "certificat jusqu’au", "maintenance_until": "travaux jusqu’au",
    "next_maintenance_at": "prochains travaux le",
}  # fmt: skip
"""Field of `TerminalView` → what the column is called."""


def as_csv(rows: Iterable["TerminalView"], asked: str) -> str:
    """`asked`: which they are, in words; it is the first line. Times are in UTC."""
    text = io.StringIO()
    written = csv.writer(text, delimiter=";", lineterminator="\r\n")
    written.writerow([safe(f"Bornes : {asked or 'toutes'}")])
    written.writerow(COLUMNS.values())
    for one in rows:
        said = one.model_dump(mode="json")
        written.writerow([safe(_in_words(name, said[name])) for name in COLUMNS])
    return text.getvalue()


def _in_words(name: str, value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "oui" if value else "non"
        case list():
            return ", ".join(value) if name != "problems" else " ".join(value)
        case _ if name == "state":
            return state_of("terminal", value).word
        case _ if name == "kind":
            return KINDS.get(str(value), str(value))
        case _:
            return str(value)
