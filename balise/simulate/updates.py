"""The software of a simulated terminal, imagined: phases, hours and failures are the agent's, no wheel is fetched.

The process is not started anew, so its boot stays: only what it says that it runs changes.
"""

import asyncio
from collections import Counter
from pathlib import Path

from agent import VERSION, disk
from agent.activation import may_activate
from agent.core import Terminal
from balise.simulate.story import Story
from wire.state import Desired, SoftwareState

_DOWNLOAD_S, _STEP_S = (0.5, 4.0), (0.2, 1.5)
_LOOK_EVERY_S = 1.0
_OVER = ("committed", "failed", "rolled_back")


class SimulatedUpdates:
    """Around one life of the core. `failed` counts, by stage, what the story made fail."""

    def __init__(self, core: Terminal, story: Story, directory: Path, failed: Counter[str]) -> None:
        self._core, self._story, self._failed = core, story, failed
        self._path = directory / "software.json"
        self._want: Desired | None = None
        self._woken = asyncio.Event()
        kept = disk.read_json(self._path)
        self.state = SoftwareState.model_validate(kept) if kept else SoftwareState()

    @property
    def running(self) -> str:
        on_trial = self.state.phase == "verifying" and self.state.target
        known = self.state.target if on_trial else self.state.release
        return known.version if known else VERSION

    def wish(self, want: Desired) -> None:
        self._want = want
        self._woken.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._woken.clear()
            want = self._want
            if want and want.software and not self._is_settled(want):
                await self._update(want)
            else:
                await self._woken.wait()

    def _is_settled(self, want: Desired) -> bool:
        return self.state.phase in _OVER and self.state.target == want.software and self.state.revision == want.revision

    async def _update(self, want: Desired) -> None:
        draw, kept = self._story.draw("software", want.revision), self.state.release
        before = SoftwareState(release=kept, committed_boot=self.state.committed_boot, target=want.software,
                               previous=self.state.previous, revision=want.revision)  # fmt: skip
        if kept == want.software:
            return self._enter(before, phase="committed")
        self._enter(before, phase="downloading")
        await asyncio.sleep(draw.uniform(*_DOWNLOAD_S))
        if self._fails("download", want):
            return self._enter(before, phase="failed", reason="panne simulée : download")
        self._enter(before, phase="installing", progress=1.0)
        await asyncio.sleep(draw.uniform(*_STEP_S))
        if self._fails("install", want):
            return self._enter(before, phase="failed", reason="panne simulée : install")
        while not self._may_restart(want):
            await asyncio.sleep(_LOOK_EVERY_S)
            if self._want is not want:
                return None
        was = self.running
        self._enter(before, phase="restarting", progress=1.0)
        self._enter(before, phase="verifying", release=None, committed_boot=None, previous=was, progress=1.0)
        await asyncio.sleep(draw.uniform(*_STEP_S))
        if self._fails("verify", want):
            return self._enter(before, phase="rolled_back", reason="panne simulée : verify")
        return self._enter(before, phase="committed", release=want.software, committed_boot=self._core.clock.boot,
                           previous=was, progress=1.0)  # fmt: skip

    def _fails(self, stage: str, want: Desired) -> bool:
        fails = self._story.fails(stage, "software", want.revision)
        self._failed[stage] += fails
        return fails

    def _may_restart(self, want: Desired) -> bool:
        clock = self._core.clock
        line, when = want.settings, want.software_activation
        return may_activate(when, line.timezone, clock.now(), False, clock.trusted, line.opening).may

    def _enter(self, state: SoftwareState, **to: object) -> None:
        self.state = state.model_copy(update=to)
        disk.write_json(self._path, self.state.model_dump(mode="json"))
        self._core.changed()
