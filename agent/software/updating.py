"""The agent's loop around `Update`: when to take a turn, what the report says of it.

`Restart` ends the agent; the launcher then starts what the pointer says.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Protocol

import structlog

from agent.activation import NOW, Verdict
from agent.loops import Backoff
from agent.software.host import TerminalHost
from agent.software.record import Record
from agent.software.transitions import AT_REST
from agent.software.update import Update
from wire.software import SoftwareRelease
from wire.state import Desired, SoftwareState

log = structlog.get_logger()
_LOOK_S = 60.0
_REST_LOOK_S = 3600.0
_FIRST_RETRY_S, _LONGEST_RETRY_S = 2.0, 300.0
NO_SLOTS = "installed by hand, not from a slot: it can't be updated from afar"


class Updates(Protocol):
    """What the kiosk knows of updates."""

    def wish(self, desired: Desired) -> None: ...
    def wake(self) -> None: ...
    def state(self) -> SoftwareState: ...


class NoUpdates:
    """This agent was started otherwise than by the launcher: from sources, in a demonstration."""

    def __init__(self) -> None:
        self._want: Desired | None = None

    def wish(self, desired: Desired) -> None:
        self._want = desired

    def wake(self) -> None:
        return

    def state(self) -> SoftwareState:
        want = self._want
        if want is None or want.software is None:
            return SoftwareState()
        return SoftwareState(
            phase="failed", target=want.software, revision=_revision(want), rejected=True, reason=NO_SLOTS
        )

    async def run(self) -> None:
        return


class Updating:
    """`changed`: what `state` says is another now."""

    def __init__(self, update: Update, host: TerminalHost, changed: Callable[[], None]) -> None:
        self._update = update
        self._host = host
        self._changed = changed
        self._want: Desired | None = None
        self._heard: Desired | None = None
        """The wish of the last turn."""
        self._wake = asyncio.Event()
        self._backoff = Backoff(_FIRST_RETRY_S, _LONGEST_RETRY_S)

    def wish(self, desired: Desired) -> None:
        before, self._want = self._want, desired
        if before is None or _fetching_part(before) != _fetching_part(desired):
            self._host.rested()
        self.wake()

    def wake(self) -> None:
        self._wake.set()

    def state(self) -> SoftwareState:
        """From any thread."""
        record, host = self._update.record, self._host
        release = record.release if record.release and record.release.version == self._update.running else None
        fetching, bringing = record.phase == "downloading", record.phase in ("downloading", "installing")
        waits = self._waits(record)
        return SoftwareState(
            phase=record.phase, release=release, committed_boot=(record.committed_boot or None) if release else None,
            previous=record.previous or None, target=record.target, revision=record.revision,
            progress=host.progress if fetching else float(record.phase not in ("idle", "failed")),
            reason=((host.trouble if bringing else "") or record.reason)[:200], rejected=record.rejected,
            waits_for=waits.waits_for, waits_until=waits.again_at, lacks_bytes=host.lacks if bringing else 0,
        )  # fmt: skip

    async def run(self) -> None:
        """Until cancelled. Raises `Restart`."""
        try:
            while True:
                self._wake.clear()
                if wait := self._held() or await self._turned():
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(wait):
                            await self._wake.wait()
        finally:
            self._host.child.end()

    async def _turned(self) -> float:
        """Take a turn; how long until the next one, in seconds."""
        self._host.child.open()
        want, before = self._want, self._update.record
        try:
            record = await self._watched(asyncio.create_task(asyncio.to_thread(self._turn, want)))
        except OSError as error:
            wait = self._backoff.next()
            log.warning("update put off", reason=str(error)[:200], again_in_s=round(wait, 1))
            return wait
        self._backoff.reset()
        self._heard = want
        if record != before:
            self._changed()
        if record.phase in AT_REST:
            return 0 if record != before else _REST_LOOK_S  # once more, to put away what is left over
        # In these it only looks: is all well, has the visitor gone?
        return min(5.0, self._update.steady_s / 4) if record.phase in ("verifying", "rolling_back") else 0

    async def _watched(self, turn: asyncio.Task[Record]) -> Record:
        """The hours of downloads may end while one is under way."""
        while not (await asyncio.wait({turn}, timeout=_LOOK_S))[0]:
            if not self._waits(self._update.record).may:
                self._host.child.end()
        return await turn

    def _turn(self, want: Desired | None) -> Record:
        if want:
            self._update.wish(want.software, _revision(want))
        record = self._update.turn()
        if record.phase in AT_REST:
            self._host.at_rest()
        return record

    def _held(self) -> float:
        """Seconds until a step may be that must wait. Each turn is written to the disk: none is taken to find out."""
        if self._want is not self._heard:
            return 0
        waits = self._waits(self._update.record)
        if not waits.may:
            seconds = (waits.again_at - self._host.now()).total_seconds() if waits.again_at else _LOOK_S
            return max(0.05, min(seconds, _LOOK_S))
        if self._update.record.phase in ("downloading", "installing"):
            return max(0.0, self._host.rest_until - self._host.monotonic())
        return 0

    def _waits(self, record: Record) -> Verdict:
        if record.phase == "downloading":
            return self._host.download()
        if record.phase == "restarting" and record.target and record.target.version != self._update.running:
            return self._host.restart()
        return NOW


def told(record: Record) -> dict[str, Any]:
    """A change of phase in an event's details."""
    target: SoftwareRelease | None = record.target
    said = {"version": target.version, "release": target.id} if target else {}
    return said | ({"reason": record.reason[:200]} if record.reason else {})


def _fetching_part(desired: Desired) -> tuple[object, ...]:
    """What a fetch under way goes by."""
    return desired.software, _revision(desired), desired.settings.download_kbit_s


def _revision(desired: Desired) -> int:
    return desired.software_revision or desired.revision
