"""Files that terminals send (screenshots, logs): by digest, checked, the newest kept. For signed-in operators only."""

import hashlib
import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path

KEPT_PER_TERMINAL = 20
MAX_FILE_BYTES = 8 * 1024 * 1024
TYPES = {"image/webp": ".webp", "image/png": ".png", "application/gzip": ".gz"}
_MAGIC = {
    "image/webp": (b"RIFF", b"WEBP"),
    "image/png": (b"\x89PNG", b""),
    "application/gzip": (b"\x1f\x8b\x08", b""),
}


class BadFile(ValueError):
    """Not what it says it is."""


def keep(directory: Path, terminal_id: str, digest: str, content_type: str, body: bytes) -> Path:
    """Written whole and synced, or not at all. Raises `BadFile`."""
    if content_type not in TYPES:
        raise BadFile(f"{content_type or 'sans type'} : seuls les images WebP et PNG et les journaux gzip sont pris")
    start, fourth = _MAGIC[content_type]
    if not body.startswith(start) or fourth not in (b"", body[8:12]):
        raise BadFile(f"ce n’est pas {content_type}")
    if hashlib.sha256(body).hexdigest() != digest:
        raise BadFile("le contenu n’a pas l’empreinte annoncée")
    folder = directory / terminal_id
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{digest}{TYPES[content_type]}"
    fresh = folder / f".{digest}.new"
    with fresh.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    forget_old(folder)
    return path


def forget_old(folder: Path) -> None:
    files = sorted(folder.glob("*.*"), key=_came_at)
    for path in files[:-KEPT_PER_TERMINAL]:
        path.unlink(missing_ok=True)


def _came_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # gone meanwhile, by its age
        return 0.0


def forget_before(directory: Path, moment: datetime) -> int:
    """Those that came before. Returns how many."""
    gone = 0
    for path in directory.glob("*/*.*"):
        with suppress(FileNotFoundError):  # gone already, for another reason
            if path.stat().st_mtime < moment.timestamp():
                path.unlink()
                gone += 1
    return gone


def find(directory: Path, terminal_id: str, digest: str) -> tuple[Path, str] | None:
    """Where it lies and its media type, while it is kept."""
    for content_type, suffix in TYPES.items():
        path = directory / terminal_id / f"{digest}{suffix}"
        if path.exists():
            return path, content_type
    return None
