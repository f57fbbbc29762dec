"""The list as a spreadsheet reads it."""

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Protocol

from fleet_server.evaluation.frequentation import safe
from fleet_server.inventory.asking import Question

COLUMNS = ("borne", "nom", "modèle", "mémoire (octets)", "système", "noyau", "python", "logiciel de la borne",
           "paquets", "reçu le")  # fmt: skip


class Row(Protocol):
    """One terminal, from the database or from another server."""

    @property
    def terminal(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def memory_bytes(self) -> int: ...
    @property
    def system(self) -> str: ...
    @property
    def kernel(self) -> str: ...
    @property
    def python(self) -> str: ...
    @property
    def agent(self) -> str: ...
    @property
    def packages(self) -> int: ...
    @property
    def came_at(self) -> datetime: ...
    @property
    def version(self) -> str: ...


def as_csv(rows: Iterable[Row], question: Question) -> str:
    """What was asked in the first line; the version of the package asked for in the last column."""
    text = io.StringIO()
    written = csv.writer(text, delimiter=";", lineterminator="\r\n")
    given = ", ".join(f"{name} = {value}" for name, value in asdict(question).items() if value)
    written.writerow([safe(f"Inventaire des bornes : {given or 'toutes'}")])
    written.writerow([*COLUMNS, *([f"version de {question.package}"] if question.package else [])])
    for one in rows:
        written.writerow([
            safe(one.terminal), safe(one.name), safe(one.model), one.memory_bytes, safe(one.system), safe(one.kernel),
            safe(one.python), safe(one.agent), one.packages, one.came_at.isoformat(),
            *([safe(one.version)] if question.package else []),
        ])  # fmt: skip
    return text.getvalue()
