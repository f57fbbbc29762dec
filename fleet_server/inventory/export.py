"""The list as a spreadsheet reads it."""

import csv
import io
from collections.abc import Iterable

from fleet_server.inventory.asking import MadeOf, Question
from fleet_server.inventory.words import ASKED
from fleet_server.web.spreadsheet import safe

COLUMNS = {
    "terminal": "borne", "name": "nom", "model": "modèle", "memory_bytes": "mémoire (octets)", "system": "système",
    "kernel": "noyau", "python": "python", "agent": "logiciel de la borne", "packages": "paquets", "came_at": "reçu le",
}  # fmt: skip
"""Field of `MadeOf` → what the column is called."""


def as_csv(rows: Iterable[MadeOf], question: Question) -> str:
    """What was asked in the first line; the version of the package asked for in the last column."""
    text = io.StringIO()
    written = csv.writer(text, delimiter=";", lineterminator="\r\n")
    given = ", ".join(f"{ASKED[name][1]} = {value}" for name, value in question.given.items())
    written.writerow([safe(f"Inventaire des bornes : {given or 'toutes'}")])
    columns = COLUMNS | ({"version": f"version de {question.package}"} if question.package else {})
    written.writerow([safe(title) for title in columns.values()])
    for one in rows:
        said = one.model_dump(mode="json")
        written.writerow([safe(said[name]) if isinstance(said[name], str) else said[name] for name in columns])
    return text.getvalue()
