"""Files that survive a power cut: written aside, fsynced, renamed, and the folder fsynced too."""

import os
from pathlib import Path


def write_durable(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Replace `path` by `data` as one step: after a power cut it holds the old bytes or the new ones, never a mix."""
    aside = path.with_name(path.name + ".new")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)
        file.write(data)
        file.flush()
        os.fsync(descriptor)
    aside.replace(path)
    sync_dir(path.parent)


def sync_dir(directory: Path) -> None:
    """Make the renames and removals in `directory` durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
