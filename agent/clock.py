"""The terminal's time. Kiosks boot with wrong clocks, so the system's is only believed above a floor.

The floor is the latest of: when this software was built, the last time that the server told, times verified since
(`raise_floor`). Once the server has told its time an offset on the monotonic clock is kept, and the clock is *trusted*
until the next boot.

Only that time, signed by the fleet's key over a nonce of ours, may bring the floor down again (never below the build):
a server whose own clock was once in the future would otherwise leave every terminal there for ever. Nobody else gains
by it: an answer recorded earlier is over another nonce, and one that is held back is too slow to be believed.
"""

import contextlib
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from agent.disk import write_synced
from wire.ids import uuid7

BUILT = datetime(2026, 11, 24, tzinfo=UTC)
"""When this software was made: no true clock shows less. By hand, the day of `VERSION` in CHANGELOG.md: a file's own
date is whatever the machine took for the time."""
_KEEP_EVERY = timedelta(minutes=5)
_SLOWEST_ANSWER_S = 30.0
"""A time that took longer to arrive says too little."""


def _system() -> datetime:
    return datetime.now(UTC)


def _since_power_on() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)  # counts through suspension, unlike CLOCK_MONOTONIC


class Clock:
    """One per agent run; `boot` names the run. `path` keeps the floor over reboots."""

    def __init__(
        self,
        path: Path,
        system: Callable[[], datetime] = _system,
        monotonic: Callable[[], float] = _since_power_on,
        built: datetime = BUILT,
    ) -> None:
        self._path = path
        self._system = system
        self._monotonic = monotonic
        self._built = built
        self._started = monotonic()
        self._true_at_start: datetime | None = None
        self._floor = self._kept_floor = max(built, _read(path) or built)
        self.boot = uuid7(int(self.now().timestamp() * 1000))

    @property
    def floor(self) -> datetime:
        return self._floor

    @property
    def trusted(self) -> bool:
        return self._true_at_start is not None

    def elapsed(self) -> float:
        """Seconds since this run began, never going back."""
        return self._monotonic() - self._started

    def mono_ms(self) -> int:
        return max(0, int(self.elapsed() * 1000))

    def now(self) -> datetime:
        """The best known time: the server's, else the system's where it is above the floor, else on from the floor."""
        if self._true_at_start is not None:
            return self._true_at_start + timedelta(seconds=self.elapsed())
        system = self._system()
        return system if system >= self._floor else self._floor + timedelta(seconds=self.elapsed())

    def learn(self, server_time: datetime, asked_at: float) -> bool:
        """The server's time, signed over our nonce, asked at `asked_at` (`elapsed`).

        False where it can't be: too slow to say much, or before this software was built.
        """
        took = self.elapsed() - asked_at
        if not 0 <= took <= _SLOWEST_ANSWER_S or server_time < self._built:
            return False
        self._true_at_start = server_time.astimezone(UTC) - timedelta(seconds=asked_at + took / 2)
        self._floor = server_time.astimezone(UTC)
        self._keep_floor()
        return True

    def raise_floor(self, at: datetime) -> None:
        """A verified time: it can't be earlier than this any more, over reboots too."""
        self._floor = max(self._floor, at.astimezone(UTC))
        self._keep_floor()

    def _keep_floor(self) -> None:
        if abs(self._floor - self._kept_floor) >= _KEEP_EVERY:
            # A full disk must not cost the connection; the floor is then kept next time.
            with contextlib.suppress(OSError):
                write_synced(self._path, self._floor.isoformat().encode())
                self._kept_floor = self._floor

    def offset_ms(self) -> int | None:
        """How far the system's clock is ahead of the true time; None while that is unknown."""
        if not self.trusted:
            return None
        return int((self._system() - self.now()).total_seconds() * 1000)

    def stamp(self, ago_ms: int = 0) -> dict[str, Any]:
        """An event's own id and times; `ago_ms` for what happened a little before it was told."""
        at = self.now() - timedelta(milliseconds=ago_ms)
        return {
            "id": uuid7(int(self.now().timestamp() * 1000)),
            "at": at,
            "mono_ms": max(0, self.mono_ms() - ago_ms),
            "boot": self.boot,
            "trusted": self.trusted,
        }


def _read(path: Path) -> datetime | None:
    try:
        kept = datetime.fromisoformat(path.read_text())
    except (OSError, ValueError):
        return None
    return kept if kept.tzinfo else None
