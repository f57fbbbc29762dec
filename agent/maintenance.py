"""Maintenance ordered from afar: kept over restarts, and ended by itself whatever the clock says.

A clock that can't be trusted yet may be years behind: no longer than what was asked for is ever waited.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from agent import disk
from agent.clock import Clock

log = structlog.get_logger()


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True)

    until: AwareDatetime
    minutes: int


class Maintenance:
    """`changed(until)`: told of the beginning and of the end (None)."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self.changed: Callable[[datetime | None], None] = lambda until: None
        self._ends = 0.0
        self.until: datetime | None = None
        self._resume()

    def set(self, minutes: int) -> None:
        """From now on, in place of what was set before; 0 ends it. Raises `OSError`, and nothing has changed then."""
        if minutes:
            until = self._clock.now() + timedelta(minutes=minutes)
            disk.write_synced(self._path, _Kept(until=until, minutes=minutes).model_dump_json().encode())
            self.until, self._ends = until, self._clock.elapsed() + minutes * 60
        else:
            disk.remove(self._path)
            self.until = None
        self.changed(self.until)

    def turn(self) -> None:
        """Look whether it is over."""
        if self.until is None:
            return
        known_over = self._clock.trusted and self._clock.now() >= self.until
        if not known_over and self._clock.elapsed() < self._ends:
            return
        self.until = None
        try:
            disk.remove(self._path)
        except OSError as error:  # at the next start it is over just the same
            log.warning("the end of the maintenance is not kept", reason=str(error)[:200])
        self.changed(None)

    def _resume(self) -> None:
        try:
            kept = _Kept.model_validate(disk.read_json(self._path))
        except ValidationError:
            return
        left = min((kept.until - self._clock.now()).total_seconds(), kept.minutes * 60)
        if left > 0:
            self.until, self._ends = kept.until, self._clock.elapsed() + left
