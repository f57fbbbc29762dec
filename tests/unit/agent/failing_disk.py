"""A disk that fails, or loses its power, at a given I/O."""

import os
from pathlib import Path


class PowerCut(BaseException):
    """Nothing runs after it: neither `except` nor any further I/O."""


class FailingDisk:
    """Stands for `os` in a module: cuts the power, or fails, at the `fatal`-th I/O.

    A cut loses what was written and not synced: such a file keeps half of its bytes.
    """

    IO = ("write", "fsync", "replace", "unlink", "mkdir", "open", "symlink")

    def __init__(self, fatal: int, error: type[BaseException]) -> None:
        self.count = 0
        self.fatal = fatal
        self.error = error
        self.unsynced: dict[int, str] = {}
        self.dirty: set[str] = set()

    def __getattr__(self, name: str) -> object:
        real = getattr(os, name)
        if name not in self.IO:
            return real

        def call(*args: object, **kwargs: object) -> object:
            self.count += 1
            over = self.error is PowerCut and self.count > self.fatal
            if self.count == self.fatal or over:
                self._lose()
                raise self.error("the disk fails here")
            result = real(*args, **kwargs)
            self._note(name, args, result)
            return result

        return call

    def _note(self, name: str, args: tuple[object, ...], result: object) -> None:
        if name == "open":
            self.unsynced[int(result)] = str(args[0])  # type: ignore[call-overload]
        elif name == "write":
            self.dirty.add(self.unsynced[int(args[0])])  # type: ignore[call-overload]
        elif name == "fsync":
            self.dirty.discard(self.unsynced.get(int(args[0]), ""))  # type: ignore[call-overload]
        elif name == "replace" and str(args[0]) in self.dirty:
            self.dirty.discard(str(args[0]))
            self.dirty.add(str(args[1]))

    def _lose(self) -> None:
        if self.error is not PowerCut:
            return
        for path in map(Path, self.dirty):
            if path.exists():
                os.truncate(path, path.stat().st_size // 2)
        self.dirty.clear()
