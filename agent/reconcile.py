"""Carries out `plan`, one step a turn, the state read again each time. What is begun is saved before it is done."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from agent import disk
from agent.content_gate import Gate, Unfit, Visiting, check_content
from agent.fetching import NotFetched
from agent.loops import Backoff
from agent.page import Page
from agent.plan import (
    Activate,
    ApplySettings,
    Confirm,
    Fetch,
    Have,
    Phase,
    RollBack,
    Step,
    StopFetching,
    Wait,
    is_reached,
    plan,
)
from agent.spool import CannotKeep
from agent.store import Damaged, Store
from wire.state import ContentState, Desired, Release

log = structlog.get_logger()
_PAINTING_WITHIN_S = 10.0
_GATE_LOOK_S = 0.5
_REST_LOOK_S = 60.0
FIRST_RETRY_S = 2.0
LONGEST_RETRY_S = 300.0


Happened = tuple[str, dict[str, Any]]
"""What, and its details, for the journal."""
Bring = Callable[[str, Callable[[float], None]], Awaitable[None]]
"""Brings a release into the store, telling how far it is. Raises `NotFetched`."""


@dataclass(frozen=True, slots=True)
class Effects:
    """Whom the reconciler acts upon. `tell(what, detail)` must be durable when it returns."""

    bring: Bring
    apply: Callable[[Desired], None]
    show: Callable[[Release | None], None]
    reload: Callable[[], None]
    tell: Callable[[str, dict[str, Any]], Awaitable[None]]
    changed: Callable[[], None]


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True)

    phase: Phase = Phase()
    applied: Desired | None = None


class Reconciler:
    """`want` is set by whoever hears the wishes (`wish`); `run` brings the terminal there and keeps it there."""

    def __init__(
        self, store: Store, path: Path, page: Page, visit: Visiting, effects: Effects, monotonic: Callable[[], float]
    ) -> None:
        self._store = store
        self._path = path
        self._page = page
        self._visit = visit
        self._do = effects
        self._monotonic = monotonic
        self.want: Desired | None = None
        self._reported: Desired | None = None
        self._kept = self._read()
        self._wake = asyncio.Event()
        self._fetch: asyncio.Task[None] | None = None
        self._fetching: Release | None = None
        self._progress = 0.0
        self._trouble = ""
        self._rest_until = 0.0
        self._backoff = Backoff(FIRST_RETRY_S, LONGEST_RETRY_S)
        self._gate = Gate(page, visit, monotonic)
        self._stored: frozenset[str] | None = None

    # ---- what others see --------------------------------------------------------------------------------------------

    @property
    def phase(self) -> Phase:
        return self._kept.phase

    @property
    def applied(self) -> Desired | None:
        """The wish whose settings are in force, from before this start too."""
        return self._kept.applied

    @property
    def progress(self) -> float:
        return self._progress

    def wish(self, desired: Desired) -> None:
        self.want = desired
        self._rest_until = 0.0
        self.wake()

    def wake(self) -> None:
        """Something that a step waited for has happened: a visit ended, a page painted."""
        self._wake.set()

    def reached_revision(self) -> int:
        """The revision that is fully applied, 0 for none."""
        want = self.want
        return want.revision if want and is_reached(want, self._have(verdict=None)) else 0

    def content_state(self) -> ContentState:
        phase = self.phase
        fetching = phase.name == "downloading"
        return ContentState(
            active=self._store.active, previous=self._store.previous, phase=phase.name, target=phase.target,
            progress=self._progress if fetching else float(phase.name in ("waiting", "verifying", "committed")),
            reason=(self._trouble if fetching else phase.reason)[:200], revision=phase.revision,
        )  # fmt: skip

    # ---- the loop ---------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until cancelled."""
        self._do.show(self._store.active)
        if self.applied:
            self._do.apply(self.applied)
        try:
            while True:
                self._wake.clear()
                wait = 0.0 if await self._guarded_turn() else self._pause()
                if wait:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(wait):  # wait_for can swallow a cancellation
                            await self._wake.wait()
        finally:
            await self._stop_fetching()

    async def _guarded_turn(self) -> bool:
        try:
            return await self.turn()
        except (
            OSError,
            CannotKeep,
        ) as error:  # a full disk: what was saved tells where to go on
            log.warning("content step failed", error=str(error)[:200])
            await asyncio.sleep(self._backoff.next())
            return True

    def _pause(self) -> float:
        if self.phase.name == "verifying":
            return _GATE_LOOK_S
        resting = self._rest_until - self._monotonic()
        return resting if resting > 0 else _REST_LOOK_S

    async def turn(self) -> bool:
        """Do the first step of the plan, or say that a wish asks for none; False when there is nothing to do or say."""
        if self._stored is None:
            self._stored = await asyncio.to_thread(self._store.stored)
        steps = plan(self.want, self._have(self._verdict()))
        if not steps and self._reported is self.want:
            return False
        happened = await self._carry_out(steps[0]) if steps else None
        # First the report, which somebody may be waiting for, then the history.
        self._reported = self.want
        self._do.changed()
        if happened:
            await self._do.tell(*happened)
        return True

    def _have(self, verdict: str | None) -> Have:
        fetching = self._fetching.id if self._fetching else None
        resting = self._monotonic() < self._rest_until
        return Have(
            self.phase, self._store.active, self._stored or frozenset(), self.applied, self._visit.in_visit, verdict,
            fetching, resting,
        )  # fmt: skip

    def _verdict(self) -> str | None:
        active = self._store.active
        return self._gate.verdict(active.id, self.phase.was_painting) if active else None

    async def _carry_out(self, step: Step) -> Happened | None:
        """What is to be told of it, once it is saved."""
        match step:
            case ApplySettings(desired):
                self._do.apply(desired)
                self._keep(_Kept(phase=self.phase, applied=desired))
                return "settings.applied", {"revision": desired.revision}
            case Fetch(release, revision):
                self._enter(Phase(name="downloading", target=release, revision=revision))
                self._fetching, self._progress = release, 0.0
                self._fetch = asyncio.create_task(self._bring(release), name=f"fetch {release.label}")
            case StopFetching():
                await self._stop_fetching()
            case Wait(release, revision):
                self._enter(Phase(name="waiting", target=release, revision=revision))
            case Activate(release, revision):
                return await self._activate(release, revision)
            case Confirm(release, revision):
                fresh = self.phase.name == "verifying"
                self._enter(Phase(name="committed", target=release, revision=revision))
                if fresh:
                    with contextlib.suppress(OSError):  # what is left goes with the next release
                        await asyncio.to_thread(self._store.collect, self._wished())
                    self._stored = None
                    return "content.committed", _named(release)
            case RollBack(release, reason):
                return self._roll_back(release, reason)
        return None

    # ---- steps ------------------------------------------------------------------------------------------------------

    async def _bring(self, release: Release) -> None:
        failed: Happened | None = None
        try:
            await self._do.bring(release.id, self._came)
            self._trouble = ""
            self._backoff.reset()
        except NotFetched as error:
            log.warning("release not fetched", release=release.label, kind=error.kind, reason=str(error)[:200])
            self._trouble = str(error)
            if error.final:
                self._enter(self.phase.model_copy(update={"name": "failed", "reason": str(error)[:200]}))
                failed = "content.failed", _named(release) | {"reason": str(error)[:200]}
            self._rest_until = self._monotonic() + self._backoff.next()
        except (OSError, ValueError) as error:  # no process could be started, or it spoke nonsense
            self._trouble = f"{type(error).__name__}: {error}"
            self._rest_until = self._monotonic() + self._backoff.next()
        finally:
            self._fetching = None
            self._stored = None
            self._do.changed()
            self.wake()
        if failed:
            await self._do.tell(*failed)

    def _came(self, progress: float) -> None:
        told, self._progress = self._progress, progress
        if int(progress * 20) != int(told * 20):  # a report each 5 %
            self._do.changed()

    async def _stop_fetching(self) -> None:
        if self._fetch and not self._fetch.done():
            self._fetch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._fetch
        self._fetching = None

    async def _activate(self, release: Release, revision: int) -> Happened | None:
        """Check every byte, then switch, unless a visitor has come meanwhile."""
        try:
            await asyncio.to_thread(check_content, self._store, release.id)
        except Damaged as error:
            self._stored = None  # what was damaged is gone; the next turn fetches it again
            self._trouble = str(error)
            self._rest_until = self._monotonic() + self._backoff.next()
            return None
        except Unfit as error:
            reason = str(error)
            self._enter(Phase(name="failed", target=release, revision=revision, reason=reason[:200]))
            return "content.failed", _named(release) | {"reason": reason}
        if self._visit.in_visit:
            return None
        painting = self._page.is_painting(_PAINTING_WITHIN_S)
        self._enter(Phase(name="verifying", target=release, revision=revision, was_painting=painting))
        self._store.switch(release)
        self._gate.opened()
        self._do.show(release)
        return "content.activated", _named(release)

    def _roll_back(self, release: Release, reason: str) -> Happened:
        self._enter(self.phase.model_copy(update={"name": "rolled_back", "reason": reason[:200], "target": release}))
        back = self._store.switch_back(release)
        self._do.show(back)
        self._do.reload()
        self._stored = None
        detail = _named(release) | {"reason": reason[:200], "back_to": back.label if back else None}
        return "content.rolled_back", detail

    # ---- within -----------------------------------------------------------------------------------------------------

    def _wished(self) -> list[str]:
        return [self.want.release.id] if self.want and self.want.release else []

    def _enter(self, phase: Phase) -> None:
        self._keep(_Kept(phase=phase, applied=self.applied))

    def _keep(self, kept: _Kept) -> None:
        disk.write_synced(self._path, kept.model_dump_json().encode())
        self._kept = kept

    def _read(self) -> _Kept:
        try:
            return _Kept.model_validate(disk.read_json(self._path) or {})
        except ValidationError:
            return _Kept()


def _named(release: Release) -> dict[str, Any]:
    return {"release": release.id, "label": release.label}
