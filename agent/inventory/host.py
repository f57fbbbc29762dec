"""A machine's own files, below `root`: bounded in size and in number. What can't be read says nothing."""

import os
from collections.abc import Iterator
from heapq import nsmallest
from pathlib import Path

_MOST_TEXT = 64 * 1024
_MOST_ENTRIES = 256
_MOST_LINE = 4096


class Host:
    """`root`: `/`, or a folder that looks like one."""

    def __init__(self, root: Path = Path("/")) -> None:
        self.root = root

    def raw(self, path: str, most: int = _MOST_TEXT) -> bytes:
        """The first `most` bytes; none where there is no such file, or no right to it."""
        try:
            # Never waited for: a pipe or a device that somebody put there would keep us for ever.
            descriptor = os.open(self.root / path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return b""
        try:
            return _read(descriptor, most)
        except OSError:
            return b""
        finally:
            os.close(descriptor)

    def text(self, path: str, most: int = _MOST_TEXT) -> str:
        return self.raw(path, most).decode("utf-8", "replace")

    def line(self, path: str) -> str:
        """The first one, without what is around it, as it may be shown."""
        return plain(self.text(path, _MOST_LINE).partition("\n")[0])

    def lines(self, path: str, most: int) -> Iterator[bytes]:
        """One after the other, at most `most` bytes of them: a file of megabytes is never held. Of a line that is too
        long, its beginning."""
        try:
            with (self.root / path).open("rb") as file:
                goes_on = False
                while most > 0 and (line := file.readline(_MOST_LINE)):
                    most -= len(line)
                    if not goes_on:
                        yield line
                    goes_on = not line.endswith(b"\n")
        except OSError:
            return

    def entries(self, path: str, ending: str = "", most: int = _MOST_ENTRIES) -> list[str]:
        """The first names in a folder, in their order; of those with this ending."""
        try:
            with os.scandir(self.root / path) as folder:
                return nsmallest(most, (one.name for one in folder if one.name.endswith(ending)))
        except OSError:
            return []

    def is_there(self, path: str) -> bool:
        return (self.root / path).exists()

    def target(self, path: str) -> str:
        """Where a link leads; empty for what is none."""
        try:
            return str((self.root / path).readlink())
        except OSError:
            return ""


def _read(descriptor: int, most: int) -> bytes:
    """The kernel's files come in pieces."""
    found = bytearray()
    while len(found) < most and (piece := os.read(descriptor, most - len(found))):
        found += piece
    return bytes(found)


def plain(text: str, most: int = 120) -> str:
    """One line of at most `most` characters that all can be shown, single spaces between words."""
    return " ".join("".join(one if one.isprintable() else " " for one in text.replace("\ufffd", " ")).split())[:most]
