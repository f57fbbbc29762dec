"""The inventory of one terminal as a page shows it: names and values, in French, with what nobody said left out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from fleet_server.inventory.models import InventoryChange
from fleet_server.inventory.words import (
    Line,
    change_detail,
    change_title,
    disk_words,
    display_words,
    interface_words,
    memory_words,
    processor_words,
)
from wire.inventory import Hardware, System

Facts = list[tuple[str, list[str]]]
"""What it is called, and one or several of it."""


@dataclass(frozen=True, slots=True)
class Change:
    """One row of the history."""

    at: datetime
    part: str
    title: str
    detail: str
    lines: list[Line]


def hardware_facts(hardware: Hardware) -> Facts:
    board = hardware.board
    return _said([
        ("Machine", [board.full_name]), ("N° de série", [board.serial]),
        ("Micrologiciel", [board.firmware]),
        ("Processeur", [processor_words(hardware.processor)]), ("Mémoire", [memory_words(hardware.memory_bytes)]),
        ("Disques", [f"{one.name} : {disk_words(one)}" for one in hardware.disks]),
        ("Réseau", [f"{one.name} : {interface_words(one)}" for one in hardware.interfaces]),
        ("Écrans", [f"{one.output} : {display_words(one)}" for one in hardware.displays]),
        ("Surface tactile", list(hardware.touch)), ("Caméras", list(hardware.cameras)),
        ("Son", list(hardware.sound)),
    ])  # fmt: skip


def system_facts(system: System, agent: str) -> Facts:
    return _said([
        ("Système", [system.name]), ("Version", [system.release]), ("Noyau", [system.kernel]),
        ("Logiciel de la borne", [agent]), ("Python", [system.python]), ("Nom de machine", [system.host]),
        ("Fuseau horaire", [system.timezone]), ("Langue", [system.locale]),
    ])  # fmt: skip


def _said(facts: Facts) -> Facts:
    """Two cameras of one kind are shown as two."""
    kept = [(name, [one for one in values if one]) for name, values in facts]
    return [(name, values) for name, values in kept if values]


def newest_changes(session: Session, terminal: str, most: int, before: int | None = None) -> Sequence[InventoryChange]:
    """The last ones, newest first; `before`: an id, to go on from."""
    query = select(InventoryChange).where(InventoryChange.terminal == terminal)
    if before is not None:
        query = query.where(col(InventoryChange.id) < before)
    return session.exec(query.order_by(col(InventoryChange.id).desc()).limit(most)).all()


def change_of(row: InventoryChange) -> Change:
    lines: list[Line] = [(str(subject or ""), before, after) for subject, before, after in row.lines]
    return Change(row.at, row.part, change_title(row.part, lines), change_detail(lines), lines)
