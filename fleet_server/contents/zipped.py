"""A pack that came as a .zip, from a browser: written out below one folder, or refused in a sentence before it harms.

Nothing is believed of what the archive says of itself: names are checked one by one, sizes are counted as they come.
"""

import os
import re
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO

MOST_ZIPPED = 200 * 1000 * 1000
MOST_UNPACKED = 400 * 1000 * 1000
MOST_FILES = 5_000
_DIRECTORY_BYTES = 4 * 1024 * 1024
_DEEPEST = 10
_AT_ONCE = 256 * 1024
_IGNORED = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini")
"""What computers add by themselves."""


class NotAPack(Exception):
    """The message is French: what is wrong, and what to do."""


def unpack(archive: IO[bytes], into: Path) -> Path:
    """The folder of the pack, in `into`. Raises `NotAPack`, `OSError`."""
    try:
        _refuse_huge_directory(archive)
        with zipfile.ZipFile(archive) as opened:
            members = _members(opened)
            left = MOST_UNPACKED
            for name, member in members.items():
                left -= _write(opened, member, into / name, left)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise NotAPack("Ce fichier n’est pas un .zip lisible : refaites-le, puis recommencez.") from error
    return _root(into)


def _refuse_huge_directory(archive: IO[bytes]) -> None:
    """Python reads the whole list of an archive into memory: its length is looked at first."""
    archive.seek(0, os.SEEK_END)
    length = archive.tell()
    if length > MOST_ZIPPED:
        raise NotAPack(f"Le fichier dépasse {MOST_ZIPPED // 1_000_000} Mo.")
    archive.seek(max(0, length - 66_000))
    tail = archive.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) < at + 22 or int.from_bytes(tail[at + 12 : at + 16], "little") > _DIRECTORY_BYTES:
        raise zipfile.BadZipFile
    if tail[max(0, at - 20) : at].startswith(b"PK\6\7"):  # the 64-bit list, which would win over this one
        raise zipfile.BadZipFile
    archive.seek(0)


def _members(opened: zipfile.ZipFile) -> dict[PurePosixPath, zipfile.ZipInfo]:
    """The files to write, by where. All names are looked at before the first byte is written."""
    found: dict[PurePosixPath, zipfile.ZipInfo] = {}
    folders: set[PurePosixPath] = set()
    for member in opened.infolist():
        path = PurePosixPath(member.filename)
        if member.is_dir() or any(part in _IGNORED for part in path.parts):
            continue
        if not _stays_within(member.orig_filename) or stat.S_ISLNK(member.external_attr >> 16):
            raise NotAPack(f"Le .zip contient un chemin interdit ({member.orig_filename[:80]!r}) : refaites-le.")
        if member.flag_bits & 1:
            raise NotAPack("Le .zip est protégé par un mot de passe : refaites-le sans.")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise NotAPack("Le .zip est compressé d’une façon qui n’est pas lue ici : refaites-le, format ordinaire.")
        if path in found:
            raise NotAPack(f"Le .zip contient deux fois {path} : gardez-en un.")
        found[path] = member
        folders.update(path.parents)
    if both := folders & found.keys():
        raise NotAPack(f"Dans le .zip, {both.pop()} est à la fois un fichier et un dossier : refaites-le.")
    if len(found) > MOST_FILES:
        raise NotAPack(f"Le .zip contient {len(found)} fichiers ; {MOST_FILES} au plus sont acceptés.")
    return found


def _stays_within(name: str) -> bool:
    """A plain relative path, on every system."""
    parts = name.split("/")
    return len(parts) <= _DEEPEST and not any(
        part in ("", ".", "..") or len(part.encode()) > 200 or re.search(r"[\\:\x00-\x1f]", part) for part in parts
    )


def _write(opened: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path, left: int) -> int:
    """Returns how many bytes came."""
    path.parent.mkdir(parents=True, exist_ok=True)
    came = 0
    with opened.open(member) as packed, path.open("xb") as file:
        while part := packed.read(_AT_ONCE):
            came += len(part)
            if came > left:
                raise NotAPack(f"Déplié, le .zip dépasse {MOST_UNPACKED // 1_000_000} Mo : rien n’a été gardé.")
            file.write(part)
    return came


def _root(into: Path) -> Path:
    """Where pack.yml is: at the top, or in the one folder that was zipped."""
    if (into / "pack.yml").is_file():
        return into
    below = list(into.iterdir())
    if len(below) == 1 and (below[0] / "pack.yml").is_file():
        return below[0]
    raise NotAPack("Il n’y a pas de pack.yml dans ce .zip : prenez le dossier du paquet, en entier.")
