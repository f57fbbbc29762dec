"""What changed between two inventories of a terminal: part → lines. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from pydantic import BaseModel

from fleet_server.inventory.words import (
    FIELDS,
    Line,
    disk_words,
    display_words,
    interface_words,
    memory_words,
    processor_words,
)
from wire.inventory import Inventory

T = TypeVar("T")


def changes(before: Inventory, after: Inventory) -> dict[str, list[Line]]:
    """In the order that pages show; a part that is the same is not there."""
    old, new = before.hardware, after.hardware
    found = {
        "machine": _fields(old.board, new.board, "maker", "model", "serial", "firmware"),
        "processor": _one(processor_words(old.processor), processor_words(new.processor)),
        "memory": _one(memory_words(old.memory_bytes), memory_words(new.memory_bytes)),
        "disk": _named(old.disks, new.disks, lambda one: one.name, disk_words),
        "interface": _named(old.interfaces, new.interfaces, lambda one: one.name, interface_words),
        "display": _named(old.displays, new.displays, lambda one: one.output, display_words),
        "touch": _bag(old.touch, new.touch),
        "camera": _bag(old.cameras, new.cameras),
        "sound": _bag(old.sound, new.sound),
        "system": _fields(before.system, after.system, *type(after.system).model_fields),
        "agent": _one(before.agent, after.agent),
        "package": _versions(before.packages, after.packages),
        "python_package": _versions(before.python_packages, after.python_packages),
    }
    return {part: lines for part, lines in found.items() if lines}


def _one(before: str, after: str) -> list[Line]:
    return [] if before == after else [("", before or None, after or None)]


def _fields(before: BaseModel, after: BaseModel, *names: str) -> list[Line]:
    pairs = ((FIELDS.get(name, name), getattr(before, name), getattr(after, name)) for name in names)
    return [(subject, old or None, new or None) for subject, old, new in pairs if old != new]


def _named(before: Iterable[T], after: Iterable[T], name: Callable[[T], str], words: Callable[[T], str]) -> list[Line]:
    """Devices that stay at their place by name: `sda`, `eth0`, `HDMI-A-1`."""
    old, new = ({name(one): words(one) for one in devices} for devices in (before, after))
    return _versions(old, new)


def _bag(before: Iterable[str], after: Iterable[str]) -> list[Line]:
    """Devices that have no place: two of the same name may be there."""
    gone, come = Counter(before) - Counter(after), Counter(after) - Counter(before)
    return [("", one, None) for one in gone.elements()] + [("", None, one) for one in come.elements()]


def _versions(before: Mapping[str, str], after: Mapping[str, str]) -> list[Line]:
    names = sorted(before.keys() | after.keys())
    return [(one, before.get(one), after.get(one)) for one in names if before.get(one) != after.get(one)]
