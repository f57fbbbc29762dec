"""Carries out `plan`, one step a turn, the state read again each time. What is begun is saved before it is done."""

import asyncio
import contextlib

import structlog

from agent.activation import NOW, Verdict, may_activate, may_download
from agent.bringing import Bringing
from agent.content_gate import Gate, Unfit, Visiting, check_content
from agent.effects import Effects, Times
from agent.loops import Backoff
from agent.notebook import Notebook, named
from agent.page import Page
from agent.plan import (
    Activate,
    ApplySettings,
    Confirm,
    Fetch,
    Have,
    Hold,
    Phase,
    RollBack,
    Step,
    StopFetching,
    Wait,
    is_reached,
    plan,
)
from agent.store import Damaged, Store
from wire.state import ContentState, Desired, Release

log = structlog.get_logger()
_PAINTING_WITHIN_S = 10.0
_GATE_LOOK_S = 0.5
_REST_LOOK_S = 60.0
_FIRST_RETRY_S, _LONGEST_RETRY_S = 2.0, 300.0


class Reconciler:
    """`want` is set by whoever hears the wishes (`wish`); `run` brings the terminal there and keeps it there."""

    def __init__(
        self, store: Store, notes: Notebook, page: Page, visit: Visiting, effects: Effects, times: Times
    ) -> None:
        self._store = store
        self._notes = notes
        self._page = page
        self._visit = visit
        self._do = effects
        self._times = times
        self.want: Desired | None = None
        self._reported: tuple[Desired | None, str] = (None, "")
        self._wake = asyncio.Event()
        self._bringing = Bringing(effects.bring, times.monotonic, self._fetch_ended, effects.changed)
        self._backoff = Backoff(_FIRST_RETRY_S, _LONGEST_RETRY_S)
        self._gate = Gate(page, visit, times.monotonic)
        self._stored: frozenset[str] | None = None
        self._swept: frozenset[str] | None = None

    # ---- what others see --------------------------------------------------------------------------------------------

    @property
    def phase(self) -> Phase:
        return self._notes.phase

    @property
    def applied(self) -> Desired | None:
        """The wish whose settings are in force, from before this start too."""
        return self._notes.applied

    @property
    def progress(self) -> float:
        return self._bringing.progress

    def wish(self, desired: Desired) -> None:
        self.want = desired
        self._bringing.rested()
        self.wake()

    def wake(self) -> None:
        """Something that a step waited for has happened: a visit ended, a page painted."""
        self._wake.set()

    def reached_revision(self) -> int:
        """The revision that is fully applied, 0 for none."""
        want = self.want
        return want.revision if want and is_reached(want, self._have(verdict=None)) else 0

    def content_state(self) -> ContentState:
        phase, bringing = self.phase, self._bringing
        fetching = phase.name == "downloading"
        waits = self._waits()
        return ContentState(
            active=self._store.active, previous=self._store.previous, phase=phase.name, target=phase.target,
            progress=bringing.progress if fetching else float(phase.name in ("waiting", "verifying", "committed")),
            reason=(bringing.trouble if fetching else phase.reason)[:200], revision=phase.revision,
            waits_for=waits.waits_for, waits_until=waits.again_at, lacks_bytes=bringing.lacks if fetching else 0,
            rejected=phase.rejected,
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
            await self._bringing.stop()

    async def _guarded_turn(self) -> bool:
        try:
            return await self.turn()
        except OSError as error:  # a full disk: what was saved tells where to go on
            log.warning("content step failed", error=str(error)[:200])
            await asyncio.sleep(self._backoff.next())
            return True

    def _pause(self) -> float:
        if self.phase.name == "verifying":
            return _GATE_LOOK_S
        again = self._waits().again_at
        wait = (again - self._times.now()).total_seconds() if again else _REST_LOOK_S
        resting = self._bringing.rest_s
        return max(0.05, min(wait, _REST_LOOK_S, resting if resting > 0 else _REST_LOOK_S))

    async def turn(self) -> bool:
        """Do the first step of the plan, or say that a wish asks for none; False when there is nothing to do or say."""
        if self._stored is None:
            self._stored = await asyncio.to_thread(self._store.stored)
        self._notes.note_switch(self._store.active, self._do.event)
        steps = plan(self.want, self._have(self._verdict()))
        if steps:
            await self._carry_out(steps[0])
            self._notes.note_switch(self._store.active, self._do.event)
        else:
            await self._sweep()
        said = (self.want, self._waits().waits_for)
        if busy := bool(steps) or said != self._reported:
            # First the report, which somebody may be waiting for, then the history.
            self._reported = said
            self._do.changed()
        await self._notes.tell_all(self._do.tell)
        return busy

    def _have(self, verdict: str | None) -> Have:
        download, activation = self._may()
        fetching = self._bringing.release
        return Have(
            self.phase, self._store.active, self._stored or frozenset(), self.applied, verdict,
            fetching.id if fetching else None, self._bringing.kbit_s, self._bringing.rest_s > 0, download, activation,
        )  # fmt: skip

    def _may(self) -> tuple[Verdict, Verdict]:
        """Whether the wish may be brought here, and take effect, now."""
        if self.want is None:
            return NOW, NOW
        wish, settings = self.want.activation, self.want.settings
        now, trusted = self._times.now(), self._times.trusted()
        return (
            may_download(wish, settings.download_hours, settings.timezone, now, trusted),
            may_activate(wish, settings.timezone, now, self._visit.in_visit, trusted, settings.opening),
        )

    def _waits(self) -> Verdict:
        """What the phase we are in waits for."""
        if self.phase.name == "downloading" and self._bringing.release is None:
            return self._may()[0]
        return self._may()[1] if self.phase.name == "waiting" else NOW

    def _verdict(self) -> str | None:
        active = self._store.active
        return self._gate.verdict(active.id, self.phase.was_painting) if active else None

    async def _carry_out(self, step: Step) -> None:
        match step:
            case ApplySettings(desired):
                self._do.apply(desired)
                self._notes.apply(desired, self._do.event("settings.applied", {"revision": desired.revision}))
            case Fetch(release, revision):
                self._notes.enter(Phase(name="downloading", target=release, revision=revision))
                assert self.want
                self._bringing.begin(release, self.want.settings.download_kbit_s)
            case StopFetching():
                await self._bringing.stop()
            case Hold(release, revision):
                self._notes.enter(Phase(name="downloading", target=release, revision=revision))
            case Wait(release, revision):
                self._notes.enter(Phase(name="waiting", target=release, revision=revision))
            case Activate(release, revision):
                await self._activate(release, revision)
            case Confirm(release, revision):
                fresh = self.phase.name == "verifying"
                events = [self._do.event("content.committed", named(release))] if fresh else []
                self._notes.enter(Phase(name="committed", target=release, revision=revision), *events)
            case RollBack(release, reason):
                self._roll_back(release, reason)

    # ---- steps ------------------------------------------------------------------------------------------------------

    def _fetch_ended(self, release: Release, never: str) -> None:
        self._stored = None
        if never:
            with contextlib.suppress(OSError):  # not kept: it will be asked for, and refused, again
                self._fail(self.phase.model_copy(update={"name": "failed", "target": release, "reason": never}))
        self._do.changed()
        self.wake()

    async def _activate(self, release: Release, revision: int) -> None:
        """Check every byte, then switch, unless a visitor has come meanwhile or the hour has passed."""
        try:
            await asyncio.to_thread(check_content, self._store, release.id)
        except Damaged as error:
            self._stored = None  # what was damaged is gone; the next turn fetches it again
            self._bringing.failed(str(error))
            return
        except Unfit as error:
            self._fail(Phase(name="failed", target=release, revision=revision, reason=str(error)[:200], rejected=True))
            return
        if not self._may()[1].may:
            return
        painting = self._page.is_painting(_PAINTING_WITHIN_S)
        self._notes.enter(
            Phase(name="verifying", target=release, revision=revision, was_painting=painting, noted=False)
        )
        self._store.switch(release)
        self._gate.opened()
        self._do.show(release)

    def _roll_back(self, release: Release, reason: str) -> None:
        gone = {"name": "rolled_back", "reason": reason[:200], "target": release, "noted": False}
        self._notes.enter(self.phase.model_copy(update=gone))
        back = self._store.switch_back(release)
        self._do.show(back)
        self._do.reload()
        self._stored = None

    def _fail(self, phase: Phase) -> None:
        assert phase.target
        detail = named(phase.target) | {"reason": phase.reason}
        self._notes.enter(phase, self._do.event("content.failed", detail))

    async def _sweep(self) -> None:
        """Remove what no release in use needs: after each change of what is used, and at each start."""
        page = self._page.last.release if self._page.last else None  # in a visit it may show one from before
        wished = self.want.release.id if self.want and self.want.release else None
        used = frozenset(one for one in (wished, page) if one)
        pointer = self._store.pointer
        now = used | {one.id for one in (pointer.active, pointer.previous) if one}
        # Before the first wish of this start is known, its files would be taken for rubbish.
        if self.want is None or self._bringing.release or now == self._swept or self.phase.name == "verifying":
            return
        self._swept = now
        with contextlib.suppress(OSError):  # what is left goes at the next change
            if await asyncio.to_thread(self._store.collect, used):
                self._stored = None
