"""The screen of a simulated terminal, imagined: it brings, checks and shows the releases wished for, or fails to.

The phases and when a wish may take effect are the agent's; no byte of a release is fetched.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from agent import disk
from agent.activation import may_activate
from agent.commands import Around, Brought, Commands, Failed, Named, Refused, Said
from agent.core import Shown, Terminal
from balise.simulate.story import Story
from balise.simulate.updates import SimulatedUpdates
from wire.command import ClearMessage, Identify, Order, ReloadPage, SetMaintenance, ShowMessage
from wire.events import StateChanged
from wire.state import ContentState, Desired, WindowState

_DOWNLOAD_S, _VERIFY_S = (0.5, 4.0), (0.2, 1.5)
_LOOK_EVERY_S = 1.0


class SimulatedScreen:
    """Around one life of the core. `failed` counts, by stage, what the story made fail."""

    def __init__(self, core: Terminal, story: Story, directory: Path, failed: Counter[str]) -> None:
        self._core = core
        self._story = story
        self._path = directory / "screen.json"
        self._failed = failed
        self._want: Desired | None = None
        self._woken = asyncio.Event()
        self._ordered = 0
        self.updates = SimulatedUpdates(core, story, directory, failed)
        kept = disk.read_json(self._path)
        self.content = ContentState.model_validate(kept) if kept else ContentState()
        self.last_visit_at: datetime | None = None
        around = Around(core.clock.boot, lambda: False, core.is_over)
        self._commands = Commands(directory / "commands.json", self._obey, self._answer, around)
        core.shown = self.shown
        core.content = lambda: self.content.active.id if self.content.active else None
        core.on_desired = self._wish
        core.on_command, core.on_call_off = self._commands.receive, self._commands.call_off

    def shown(self) -> Shown:
        want = self._want
        return Shown(
            revision=want.revision if want and self._is_reached(want) else 0, settings=want.settings if want else None,
            content=self.content, last_visit_at=self.last_visit_at, page_tick_age_ms=0,
            window=WindowState(status="painting", painted_at=self._core.clock.now(), screen="home"),
            software=self.updates.running, software_state=self.updates.state,
        )  # fmt: skip

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._woken.clear()
            want = self._want
            if want and not self._is_settled(want):
                await self._bring(want)
            else:
                await self._woken.wait()

    # ---- releases ----------------------------------------------------------------------------------------------------

    def _wish(self, desired: Desired) -> None:
        self._want = desired
        self.updates.wish(desired)
        self._woken.set()
        self._core.changed()

    def _is_reached(self, want: Desired) -> bool:
        at = self.content
        return want.release is None or (at.phase == "committed" and at.active == want.release)

    def _is_settled(self, want: Desired) -> bool:
        """Reached, or it had its chance: another wish gives it another."""
        at = self.content
        gave_up = at.phase in ("failed", "rolled_back") and at.target == want.release and at.revision == want.revision
        return self._is_reached(want) or gave_up

    async def _bring(self, want: Desired) -> None:
        release, draw = want.release, self._story.draw("pace", want.revision)
        here = ContentState(active=self.content.active, previous=self.content.previous, target=release,
                            revision=want.revision)  # fmt: skip
        self._enter(here, phase="downloading")
        await asyncio.sleep(draw.uniform(*_DOWNLOAD_S))
        for stage in ("download", "install"):
            if self._story.fails(stage, want.revision):
                return await self._fall(want, here, stage, "failed")
        while not self._may_activate(want):
            if self.content.phase != "waiting":
                self._enter(here, phase="waiting", progress=1.0)
            await asyncio.sleep(_LOOK_EVERY_S)
            if self._want is not want:
                return None
        self._enter(here, phase="verifying", active=release, previous=here.active, progress=1.0)
        await self._tell("content.activated", want)
        await asyncio.sleep(draw.uniform(*_VERIFY_S))
        if self._story.fails("verify", want.revision):
            return await self._fall(want, here, "verify", "rolled_back")
        self._enter(self.content, phase="committed")
        return await self._tell("content.committed", want)

    def _may_activate(self, want: Desired) -> bool:
        clock = self._core.clock
        line = want.settings
        return may_activate(want.activation, line.timezone, clock.now(), False, clock.trusted, line.opening).may

    async def _fall(self, want: Desired, here: ContentState, stage: str, phase: str) -> None:
        self._failed[stage] += 1
        self._enter(here, phase=phase, reason=f"panne simulée : {stage}")
        await self._tell(f"content.{phase}", want)

    def _enter(self, state: ContentState, **to: object) -> None:
        self.content = state.model_copy(update=to)
        disk.write_json(self._path, self.content.model_dump(mode="json"))
        self._core.changed()

    async def _tell(self, what: str, want: Desired) -> None:
        named = {"release": want.release.id, "label": want.release.label} if want.release else {}
        detail = named | ({"reason": self.content.reason} if self.content.reason else {})
        await self._core.tell(StateChanged(**self._core.stamp(), what=what, detail=detail))

    # ---- orders ------------------------------------------------------------------------------------------------------

    async def _obey(self, order: Order) -> Brought:
        self._ordered += 1
        if self._story.fails("command", self._ordered):
            self._failed["command"] += 1
            raise Failed("panne simulée : command")
        if not isinstance(order, Identify | SetMaintenance | ReloadPage | ShowMessage | ClearMessage):
            raise Refused("a simulated terminal has neither window nor machine")
        return Brought()

    async def _answer(self, command: Named, said: Sequence[Said]) -> None:
        core = self._core
        await core.tell(*(core.answer(command, one.outcome, one.reason, one.file) for one in said))
