"""The inventory in French: what its parts are called, and how sizes and devices read."""

from collections.abc import Sequence

from fleet_server.web.french import NBSP, num, plural, size
from wire.inventory import Disk, Display, Interface, Processor

PARTS = {
    "machine": "Machine",
    "processor": "Processeur",
    "memory": "Mémoire",
    "disk": "Disque",
    "interface": "Réseau",
    "display": "Écran",
    "touch": "Surface tactile",
    "camera": "Caméra",
    "sound": "Carte son",
    "system": "Système",
    "agent": "Logiciel de la borne",
    "package": "Paquet",
    "python_package": "Paquet Python",
}
FIELDS = {
    "maker": "fabricant", "model": "modèle", "serial": "n° de série", "firmware": "micrologiciel",
    "host": "nom de machine", "name": "distribution", "release": "version", "kernel": "noyau", "python": "Python",
    "timezone": "fuseau horaire", "locale": "langue",
}  # fmt: skip
ASKED = {
    "model": ("modele", "Modèle"), "system": ("systeme", "Système"), "kernel": ("noyau", "Noyau"),
    "agent": ("logiciel", "Logiciel de la borne"), "python": ("python", "Python"), "package": ("paquet", "Paquet"),
    "version": ("version", "Version"),
}  # fmt: skip
"""What may be asked for → the word of the page's address, and what people call it."""
_DISKS = {"ssd": "SSD", "hdd": "disque dur", "nvme": "SSD NVMe", "mmc": "carte mémoire"}
_INTERFACES = {"ethernet": "filaire", "wifi": "Wi-Fi"}
_SOLD = (0.5, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512, 1024)
_GIB = 2**30
_LEFT = 0.8
"""Of what is plugged in, the kernel counts at least so much: the rest is the screen's and its own."""
_DEVICES = ("machine", "processor", "disk", "display", "touch", "camera", "sound")
_FEMININE = ("machine", "memory", "touch", "camera", "sound")
_IDENTITY = ("fabricant", "modèle", "n° de série")
Line = tuple[str, str | None, str | None]
"""Subject, before, after."""


def processor_words(processor: Processor) -> str:
    threads = plural(processor.threads, "fil d’exécution", "fils d’exécution") if processor.threads else ""
    return ", ".join(one for one in (processor.model, processor.architecture, threads) if one)


def memory_words(octets: int) -> str:
    """As it is sold: what the kernel counts is a little less, and another little less under each kernel."""
    if not octets:
        return ""
    gib = octets / _GIB
    fitting = next((sold for sold in _SOLD if gib <= sold), None)
    if fitting is None or gib < fitting * _LEFT:
        return f"{num(gib, 1)}{NBSP}Go"
    return f"{num(fitting, 0 if fitting >= 1 else 1)}{NBSP}Go"


def disk_words(disk: Disk) -> str:
    kind = _DISKS.get(disk.kind, disk.kind)
    return ", ".join(one for one in (size(disk.bytes), kind, disk.model, "amovible" if disk.removable else "") if one)


def interface_words(interface: Interface) -> str:
    said = (_INTERFACES.get(interface.kind, interface.kind), interface.mac, interface.driver)
    return ", ".join(one for one in said if one)


def display_words(display: Display) -> str:
    name = " ".join(one for one in (display.maker, display.name) if one)
    pixels = f"{display.width_px} × {display.height_px} px" if display.width_px else ""
    wide = f"{display.width_mm} × {display.height_mm} mm" if display.width_mm else ""
    serial = f"n° {display.serial}" if display.serial else ""
    return ", ".join(one for one in (name, pixels, wide, serial) if one) or "écran inconnu"


def line_words(line: Line) -> str:
    """`openssl 3.0.14 → 3.0.15`, for where there is no table."""
    subject, before, after = line
    if before is None:
        said = f"{after} en plus"
    elif after is None:
        said = f"{before} en moins"
    else:
        said = f"{before} → {after}"
    return f"{subject} {said}".strip()


def change_title(part: str, lines: Sequence[Line]) -> str:
    """One line of the history, in a few words: « 12 paquets changés », « Écran remplacé »."""
    word = PARTS.get(part, part)
    if part == "package" and len(lines) > 1:
        return f"{len(lines)} paquets changés"
    if part == "python_package" and len(lines) > 1:
        return f"{len(lines)} paquets Python changés"
    if part == "machine" and not any(subject in _IDENTITY and old and new for subject, old, new in lines):
        return "Machine changée"
    if all(old is None for _, old, _ in lines):
        verb = "ajouté"
    elif all(new is None for *_, new in lines):
        verb = "retiré"
    else:
        verb = "remplacé" if part in _DEVICES else "changé"
    return f"{word} {verb}{'e' if part in _FEMININE else ''}"


def change_detail(lines: Sequence[Line], most: int = 3) -> str:
    said = " ; ".join(line_words(line) for line in lines[:most])
    more = len(lines) - most
    return f"{said} ; et {more} autre{'s' if more > 1 else ''}" if more > 0 else said
