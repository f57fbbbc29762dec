"""Disk that the launcher gives away when it is full, so that a version which can tell so can still be started.

A bad version that fills the disk leaves its files there: nobody knows which they are. `reserve.start` goes when a
version that is not on trial is to be started on a full disk, `reserve.fall` only with a fall: the version that is left
behind may have filled the first.
"""

import os
import shutil
from pathlib import Path

from agent import disk
from agent.software.launcher import RESERVES

SIZE = 16 * 2**20
"""Of each: outboxes, records and logs of weeks without a network."""


def keep(root: Path) -> None:
    """Made, or made anew once there is room enough again. What can't be is left for the next time."""
    for name in RESERVES:
        path, fresh = root / name, root / f"{name}.new"
        if path.exists() or shutil.disk_usage(root).free < 4 * SIZE:
            continue
        try:
            descriptor = os.open(fresh, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, SIZE)
            finally:
                os.close(descriptor)
            disk.move(fresh, path)
        except OSError:
            disk.remove(fresh)
            return
