"""How much of the place's line fetches may take: one bucket of tokens for all of their connections and processes."""

import contextlib
import fcntl
import os
import struct
import threading
import time
from pathlib import Path

_BURST_S = 0.25
_LEAST_PIECE = 2048
_FAR_S = 60.0
"""Nothing is ever promised for so much later: such a number is of another boot of the machine."""
_NUMBER = struct.Struct("=d")


def line_of(state_dir: Path) -> Path:
    """What all processes of one terminal that fetch share."""
    return state_dir / "line"


class Limit:
    """At most `bytes_per_s` on the average of any second, whatever the number of threads; 0 for no limit.

    `line`: a file by which processes share one limit; where the disk fails, each keeps to its own.
    """

    def __init__(self, bytes_per_s: float = 0, line: Path | None = None) -> None:
        self._rate = bytes_per_s
        self._free_at = 0.0
        self._lock = threading.Lock()
        self._line = -1
        if line and bytes_per_s:
            with contextlib.suppress(OSError):
                self._line = os.open(line, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def piece(self, most: int) -> int:
        """What to read at once, so that a slow line is used evenly."""
        return min(most, max(_LEAST_PIECE, int(self._rate * _BURST_S / 4))) if self._rate else most

    def take(self, count: int) -> None:
        """Returns when `count` more bytes may come."""
        if not self._rate or count <= 0:
            return
        with self._lock:
            now = time.monotonic()
            wait = self._promise(now, count / self._rate) - now
        if wait > 0:
            time.sleep(wait)

    def _promise(self, now: float, seconds: float) -> float:
        if self._line >= 0:
            with contextlib.suppress(OSError):
                fcntl.flock(self._line, fcntl.LOCK_EX)
                try:
                    kept = os.pread(self._line, _NUMBER.size, 0)
                    free_at = _NUMBER.unpack(kept)[0] if len(kept) == _NUMBER.size else 0.0
                    self._free_at = free_at if free_at < now + _FAR_S else 0.0
                    free_at = self._after(now, seconds)
                    os.pwrite(self._line, _NUMBER.pack(free_at), 0)
                    return free_at
                finally:
                    fcntl.flock(self._line, fcntl.LOCK_UN)
        return self._after(now, seconds)

    def _after(self, now: float, seconds: float) -> float:
        # What was not used is saved for a short burst only.
        self._free_at = max(self._free_at, now - _BURST_S) + seconds
        return self._free_at


UNLIMITED = Limit()
