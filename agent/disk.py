"""What is written here survives a power cut: a change is one atomic rename, and what it points to was synced before.

Every write to the disk of the content store goes through these few functions, so that a test can fail each one of them.
"""

import json
import os
from pathlib import Path
from typing import Any


def write_synced(path: Path, data: bytes, mode: int = 0o644) -> None:
    """`path` holds either what it held before or all of `data`, whatever happens. Raises `OSError`."""
    fresh = path.with_name(f".{path.name}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        write_all(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    move_synced(fresh, path)


def append_synced(path: Path, data: bytes, mode: int = 0o644) -> None:
    """`data` at the end of `path`; a power cut meanwhile may leave a part of it there. Raises `OSError`."""
    fresh = not path.exists()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, mode)
    try:
        write_all(descriptor, data)
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)
    if fresh:
        sync_dir(path.parent)


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """Not synced. Raises `OSError`, when a part of it may be there."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def write_json(path: Path, value: Any, mode: int = 0o644) -> None:
    write_synced(path, json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(), mode)


def read_json(path: Path) -> Any:
    """None where the file is missing or unreadable: what is kept this way can be found again or done without."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None


def move_synced(source: Path, target: Path) -> None:
    """Rename within one file system; `source` must have been synced."""
    move(source, target)
    sync_dir(target.parent)


def move(source: Path, target: Path) -> None:
    """The same, whose directory the caller syncs."""
    os.replace(source, target)  # noqa: PTH105  # the seam where tests cut the power


def point(link: Path, target: Path) -> None:
    """`link` names `target` from now on; it is never absent. Raises `OSError`."""
    fresh = link.with_name(f"{link.name}.new")
    remove(fresh)
    os.symlink(target, fresh)  # noqa: PTH211  # as above
    move_synced(fresh, link)


def make_dir(path: Path) -> None:
    if path.is_dir():
        return
    make_dir(path.parent)
    try:
        os.mkdir(path)  # noqa: PTH102
    except FileExistsError:
        return
    sync_dir(path.parent)


def remove(path: Path) -> None:
    try:
        os.unlink(path)  # noqa: PTH108
    except FileNotFoundError:
        return


def sync_file(path: Path) -> None:
    """The bytes of a file that somebody else wrote."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_dir(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
