"""One environment a version, at its final path, and the pointer to the one that runs.

A slot is whole once its mark is there, which is written last: what a power cut leaves of one is made anew.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path

from agent import disk

_MARK = ".whole"


class Slots:
    def __init__(self, root: Path) -> None:
        self._root = root
        self._slots = root / "slots"

    def path(self, version: str) -> Path:
        return self._slots / version

    def whole(self, version: str) -> bool:
        return (self.path(version) / _MARK).exists()

    def begin(self, version: str) -> Path:
        """An empty place for this version. Raises `OSError`."""
        slot = self.path(version)
        if slot.exists():
            disk.remove(slot / _MARK)
            disk.sync_dir(slot)
            shutil.rmtree(slot)
        disk.make_dir(slot)
        return slot

    def finish(self, version: str) -> None:
        """Its files have been synced by the caller."""
        disk.write_synced(self.path(version) / _MARK, b"")

    def point(self, version: str) -> None:
        disk.point(self._root / "current", Path("slots") / version)

    def collect(self, kept: Iterable[str]) -> list[str]:
        """Remove every slot but these; returns which."""
        gone = sorted({path.name for path in self._slots.iterdir()} - set(kept))
        for version in gone:
            disk.remove(self.path(version) / _MARK)
            shutil.rmtree(self.path(version))
        return gone
