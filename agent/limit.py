"""How much of the place's line a fetch may take: one bucket of tokens for all of its connections."""

import threading
import time

_BURST_S = 0.25
_LEAST_PIECE = 2048


class Limit:
    """At most `bytes_per_s` on the average of any second, whatever the number of threads; 0 for no limit."""

    def __init__(self, bytes_per_s: float = 0) -> None:
        self._rate = bytes_per_s
        self._free_at = 0.0
        self._lock = threading.Lock()

    def piece(self, most: int) -> int:
        """What to read at once, so that a slow line is used evenly."""
        return min(most, max(_LEAST_PIECE, int(self._rate * _BURST_S / 4))) if self._rate else most

    def take(self, count: int) -> None:
        """Returns when `count` more bytes may come."""
        if not self._rate or count <= 0:
            return
        with self._lock:
            now = time.monotonic()
            # What was not used is saved for a short burst only.
            self._free_at = max(self._free_at, now - _BURST_S) + count / self._rate
            wait = self._free_at - now
        if wait > 0:
            time.sleep(wait)


UNLIMITED = Limit()
