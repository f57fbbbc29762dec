"""Files of releases by SHA-256: `<directory>/<ab>/<sha256>`. Written once, never changed, shared by releases."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from fleet_server.durable import write_durably

_PIECE = 2**20


class NotThatFile(Exception):
    """What was read has another digest than the one it was to be kept under."""


def blob_path(directory: Path, sha256: str) -> Path:
    return directory / sha256[:2] / sha256


def keep_blob(directory: Path, content: bytes) -> str:
    """Its digest, once it is on the disk."""
    sha256 = hashlib.sha256(content).hexdigest()
    path = blob_path(directory, sha256)
    if not path.exists():
        write_durably(path, content)
    return sha256


def keep_file(directory: Path, source: Path, sha256: str) -> None:
    """As `keep_blob`, of a file too large to hold in memory. Raises `NotThatFile`, `OSError`."""
    path = blob_path(directory, sha256)
    if not path.exists():
        write_durably(path, _verified(source, sha256))


def _verified(source: Path, sha256: str) -> Iterator[bytes]:
    """Its pieces; ends badly, before the file has its name, when they are not those of that digest."""
    digest = hashlib.sha256()
    with source.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
            yield piece
    if digest.hexdigest() != sha256:
        raise NotThatFile(str(source))
