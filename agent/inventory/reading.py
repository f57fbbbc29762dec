"""The formats of the kernel and of Debian, from their text to facts. Pure: whatever the text, no error and an end."""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from agent.inventory.host import plain

_EMPTY_WORDS = {
    "default string", "not specified", "not applicable", "none", "to be filled by o.e.m.", "system product name",
    "system manufacturer", "system serial number", "o.e.m.", "0", "unknown", "n/a",
}  # fmt: skip
"""What firmware says where its maker wrote nothing."""
_ABS_X, _ABS_MT_POSITION_X, _BTN_TOUCH = 0x00, 0x35, 0x14A
_KERNEL_LONGS = 64
DIST_INFO = ".dist-info"
_DIST_INFO = re.compile(rf"^([A-Za-z0-9][A-Za-z0-9._]*)-([A-Za-z0-9][A-Za-z0-9.+!_]*){re.escape(DIST_INFO)}$")


def said_by_firmware(text: str) -> str:
    found = plain(text)
    return "" if found.casefold() in _EMPTY_WORDS else found


def assignments(text: str) -> dict[str, str]:
    """`NAME="value"` lines, as in /etc/os-release and /etc/default/locale."""
    found = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith("#"):
            found[name.strip()] = plain(value.strip().strip("\"'"))
    return found


def memory_bytes(meminfo: str) -> int:
    """All that the kernel has: a little less than what is plugged in."""
    found = re.search(r"^MemTotal:\s+(\d{1,12}) kB", meminfo, re.M)
    return int(found[1]) * 1024 if found else 0


def processor(cpuinfo: str) -> tuple[str, int]:
    """Model and threads; ARM says `Model` or `Hardware`, and names no model for each."""
    fields = [(name.strip(), plain(value)) for name, colon, value in _pairs(cpuinfo) if colon]
    threads = sum(name == "processor" for name, _ in fields)
    said = dict(reversed(fields))
    return said.get("model name") or said.get("Hardware") or "", threads


def _pairs(text: str) -> Iterator[tuple[str, str, str]]:
    return (line.partition(":") for line in text.splitlines())


def touch_devices(devices: str) -> list[str]:
    """Of /proc/bus/input/devices: those that tell where on a surface a finger is, a mouse not."""
    return [plain(said.get("name", "").strip('"')) for said in _blocks(devices) if _feels_fingers(said)]


def _feels_fingers(said: Mapping[str, str]) -> bool:
    absolute, keys = _bits(said.get("ABS", "")), _bits(said.get("KEY", ""))
    return _ABS_MT_POSITION_X in absolute or (_ABS_X in absolute and _BTN_TOUCH in keys)


def _blocks(devices: str) -> Iterator[dict[str, str]]:
    for block in devices.split("\n\n"):
        said: dict[str, str] = {}
        for line in block.splitlines():
            letter, _, rest = line.partition(": ")
            name, equals, value = rest.partition("=")
            if equals and letter in ("N", "B"):
                said["name" if letter == "N" else name] = value
        if said:
            yield said


def _bits(words: str) -> set[int]:
    """The kernel writes a bitmap as words of a `long`, the highest first, without leading zeros."""
    found = set()
    for place, word in enumerate(reversed(words.split()[:32])):
        value = int(word, 16) if re.fullmatch(r"[0-9a-fA-F]{1,16}", word) else 0
        found |= {place * _KERNEL_LONGS + bit for bit in range(_KERNEL_LONGS) if value >> bit & 1}
    return found


def sound_cards(cards: str) -> list[str]:
    """Of /proc/asound/cards, ` 0 [PCH            ]: HDA-Intel - HDA Intel PCH`."""
    return [plain(line.partition("]: ")[2]) for line in cards.splitlines() if "]: " in line]


def debian_packages(lines: Iterable[bytes], most: int) -> tuple[dict[str, str], int]:
    """Of dpkg's status file: what is installed, and how many more than `most`. One of another architecture than the
    first is named with it. Lines are looked at one by one, never held."""
    found: dict[str, str] = {}
    said: dict[bytes, str] = {}
    more = 0
    for line in chain(lines, (b"\n",)):
        if line == b"\n":
            package = _installed(found, said)
            if package and len(found) < most:
                found[package[0]] = package[1]
            elif package:
                more += 1
            said = {}
        elif line.startswith((b"Package: ", b"Version: ", b"Status: ", b"Architecture: ")):
            name, _, value = line.partition(b": ")
            said[name] = plain(value.decode("utf-8", "replace"))
    return found, more


def _installed(found: Mapping[str, str], said: Mapping[bytes, str]) -> tuple[str, str] | None:
    """Its name and version."""
    name, version = said.get(b"Package", ""), said.get(b"Version", "")
    if not version or not said.get(b"Status", "").endswith(" installed") or not is_package_name(name):
        return None
    if name in found:
        name = f"{name}:{said.get(b'Architecture', '')}"[:120]
    return (name, version) if is_package_name(name) else None


def is_package_name(name: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9+._:-]{0,119}", name) is not None


def python_packages(names: Iterable[str]) -> dict[str, str]:
    """Of the folders in `site-packages`, `pydantic_core-2.46.1.dist-info`; under the name that PyPI gives them."""
    parts = (_DIST_INFO.match(name[:240]) for name in names)
    return {re.sub(r"[._-]+", "-", found[1]).lower()[:120]: found[2][:120] for found in parts if found}
