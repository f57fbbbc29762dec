"""One simulated terminal: the agent's core, its own key, outboxes and connection; visitors and screen are imagined."""

import asyncio
import contextlib
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agent.clock import Clock
from agent.core import Terminal
from agent.enrol import enrol_with_token
from agent.fleet import Rejected, Unreachable
from agent.identity import Identity, load_identity
from agent.loops import Backoff
from agent.settings import MIB, AgentSettings
from agent.spool import CannotKeep
from balise.simulate.screen import SimulatedScreen
from balise.simulate.story import Fate, Story
from balise.simulate.visits import Visit, imagine
from wire.events import usage_events

_WRONG_BY = timedelta(days=3 * 365)


async def is_set_within(event: asyncio.Event, seconds: float | None) -> bool:
    """Wait for it so long. Not by `wait_for`, which can swallow a cancellation before Python 3.12."""
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False


def _settings(directory: Path) -> AgentSettings:
    # A terminal reserves 64 MB of its disk for contact requests: a thousand of them on one disk would fill it.
    return AgentSettings(state_dir=directory, request_bytes=MIB // 4, outbox_bytes=16 * MIB)


class Simulated:
    """`state`: `attendues`, `refusées`, `connectées`, `sans réseau`, `éteintes`. `failed` counts what the story made
    fail, by stage."""

    def __init__(self, name: str, directory: Path, token: str, story: Story) -> None:
        self.name = name
        self.told = 0
        self.failed: Counter[str] = Counter()
        self.core: Terminal | None = None
        self._screen: SimulatedScreen | None = None
        self._directory = directory
        self._token = token
        self._story = story
        self._visits = story.draw("visits")
        self._life: asyncio.Task[None] | None = None
        self._lives = 0
        self._refused = False
        self._kept = 0

    @property
    def state(self) -> str:
        if self.core is None:
            return "refusées" if self._refused else "éteintes" if self._lives else "attendues"
        return "connectées" if self.core.online else "sans réseau"

    @property
    def connections(self) -> int:
        """How many were made since its last start, for telling a new one from one that never broke."""
        return self.core.link.connections if self.core else 0

    @property
    def content(self) -> str:
        """Phase of the release wished for, in the field's words."""
        return self._screen.content.phase if self._screen else ""

    @property
    def waiting(self) -> int:
        """Events kept that the server has not confirmed."""
        return self.core.outbox.state().waiting if self.core else self._kept

    def lose_connection(self) -> None:
        """As when the network goes: no goodbye; the agent connects again by itself."""
        if self.core:
            self.core.link.lose()

    async def run(self, spread: float, pace: float, stop: asyncio.Event) -> None:
        """Until cancelled; nobody visits it and nothing befalls it once `stop` is set."""
        await asyncio.sleep(self._story.draw("arrival").uniform(0, spread))
        identity = await self._identity()
        if identity is None:
            return
        loop = asyncio.get_running_loop()
        began, fates = loop.time(), self._story.fates()
        fate, visit_at = next(fates), self._visits.expovariate(1 / pace)
        self._begin(identity)
        try:
            while not await is_set_within(stop, began + min(fate.at_s, visit_at) - loop.time()):
                if visit_at <= fate.at_s:
                    await self._receive(imagine(self._visits))
                    visit_at += self._visits.expovariate(1 / pace)
                else:
                    await self._suffer(fate, identity, stop)
                    fate = next(fates)
            await asyncio.Event().wait()
        finally:
            await self._end(goodbye=True)

    # ---- lives -------------------------------------------------------------------------------------------------------

    def _begin(self, identity: Identity) -> None:
        self._lives += 1
        core = Terminal(_settings(self._directory), identity, self._clock())
        self._screen = SimulatedScreen(core, self._story, self._directory, self.failed)
        self.core = core
        self._life = asyncio.create_task(self._live(core, self._screen), name=self.name)

    async def _live(self, core: Terminal, screen: SimulatedScreen) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(core.run())
            tasks.create_task(screen.run())
            tasks.create_task(screen.updates.run())

    async def _end(self, goodbye: bool) -> None:
        """A machine that loses its power says none."""
        if self._life and self.core:
            self._kept = self.waiting
            if not goodbye:
                self.core.link.lose()
            self._life.cancel()
            self.core = None
            await asyncio.gather(self._life, return_exceptions=True)

    async def _suffer(self, fate: Fate, identity: Identity, stop: asyncio.Event) -> None:
        if fate.kind == "none":
            return
        self.failed[fate.kind] += 1
        await self._end(goodbye=False)
        await is_set_within(stop, fate.lasts_s)
        self._begin(identity)

    def _clock(self) -> Clock:
        wrong = self._story.fails("clock", self._lives)
        self.failed["clock"] += wrong
        by = _WRONG_BY if wrong else timedelta()
        return Clock(self._directory / "clock", lambda: datetime.now(UTC) - by)

    async def _identity(self) -> Identity | None:
        directory, backoff = self._directory / "identity", Backoff(2.0)
        clock = Clock(self._directory / "clock")
        while True:
            try:
                return load_identity(directory) or await asyncio.to_thread(
                    enrol_with_token, self._token, directory, lambda: clock.floor, "simulation"
                )
            except Unreachable:
                await asyncio.sleep(backoff.next())
            except Rejected:
                self._refused = True
                return None

    async def _receive(self, visit: Visit) -> None:
        """The whole visit at once, as it would have been told while it lasted."""
        core = self.core
        assert core is not None, "nothing befalls a terminal while it is visited"
        assert self._screen is not None
        events = [
            usage_events.validate_python({name: value for name, value in event.items() if name != "ago_ms"}
                                         | core.stamp(event["ago_ms"]))
            for event in visit.told(visit.lasts_ms)
        ]  # fmt: skip
        with contextlib.suppress(CannotKeep):
            await core.tell(*events)
            self.told += len(events)
        self._screen.last_visit_at = core.clock.now()
