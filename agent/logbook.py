"""The agent's own log, kept on its disk within a bound so that it can be asked for, redacted, from afar."""

import contextlib
import gzip
import os
from pathlib import Path
from typing import TextIO

from agent.redact import redacted

HALF = 2 * 2**20
"""Two files of this size at most: days of a terminal in good health."""
MAX_PACKED = 1024 * 1024


class Logbook:
    """A text file to write to, passing on to `also`. What the disk does not take is lost here, and nowhere else."""

    def __init__(self, directory: Path, also: TextIO) -> None:
        self._path = directory / "agent.log"
        self._also = also
        self._size = self._path.stat().st_size if self._path.exists() else 0

    def write(self, text: str) -> int:
        self._also.write(text)
        # A full disk must keep nothing else from being done, and this can't be logged.
        with contextlib.suppress(OSError):
            self._append(text.encode(errors="replace"))
        return len(text)

    def flush(self) -> None:
        self._also.flush()

    def _append(self, line: bytes) -> None:
        if self._size + len(line) > HALF:
            self._path.replace(self._path.with_suffix(".log.1"))
            self._size = 0
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._size += os.write(descriptor, line)
        finally:
            os.close(descriptor)


def packed(directory: Path, most: int) -> bytes:
    """The newest `most` bytes, from the beginning of a line, without secrets, gzipped to `MAX_PACKED` at most."""
    both = b"".join(_read(directory / name, most) for name in ("agent.log.1", "agent.log"))
    while True:
        newest = both[-most:]
        if len(newest) < len(both):
            newest = newest[newest.find(b"\n") + 1 :]
        body = gzip.compress(redacted(newest.decode(errors="replace")).encode(), mtime=0)
        if len(body) <= MAX_PACKED:
            return body
        most //= 2


def _read(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - most - 1))
            return file.read()
    except FileNotFoundError:
        return b""
