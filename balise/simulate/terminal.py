"""One simulated terminal: the agent's core, its own key, outboxes and connection; only its visitors are imagined."""

import asyncio
import contextlib
import random
from pathlib import Path

from agent.clock import Clock
from agent.core import Terminal
from agent.enrol import enrol_with_token
from agent.fleet import Rejected, Unreachable
from agent.identity import Identity, load_identity
from agent.settings import AgentSettings
from agent.spool import CannotKeep
from balise.simulate.visits import Visit, imagine
from wire.events import usage_events

_TRY_AGAIN_S = 2.0


async def is_set_within(event: asyncio.Event, seconds: float | None) -> bool:
    """Wait for it so long. Not by `wait_for`, which can swallow a cancellation before Python 3.12."""
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False


class Simulated:
    """`state`: `attendue`, `refusée`, `connectée`, `sans réseau`."""

    def __init__(self, name: str, directory: Path, token: str, seed: int) -> None:
        self.name = name
        self.told = 0
        self._directory = directory
        self._token = token
        self._draw = random.Random(seed)  # noqa: S311 - it imagines, it guards nothing
        self._core: Terminal | None = None
        self._refused = False

    @property
    def state(self) -> str:
        if self._core is None:
            return "refusées" if self._refused else "attendues"
        return "connectées" if self._core.online else "sans réseau"

    @property
    def waiting(self) -> int:
        """Events kept that the server has not confirmed."""
        return self._core.outbox.state().waiting if self._core else 0

    async def run(self, spread: float, pace: float, stop: asyncio.Event) -> None:
        """Until cancelled; it stops having visitors once `stop` is set."""
        await asyncio.sleep(self._draw.uniform(0, spread))
        clock = Clock(self._directory / "clock")
        identity = await self._identity(clock)
        if identity is None:
            return
        core = Terminal(AgentSettings(state_dir=self._directory), identity, clock)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(core.run(), name=self.name)
            self._core = core
            while not await is_set_within(stop, self._draw.expovariate(1 / pace)):
                await self._receive(core, imagine(self._draw))

    async def _identity(self, clock: Clock) -> Identity | None:
        directory = self._directory / "identity"
        while True:
            try:
                return load_identity(directory) or await asyncio.to_thread(
                    enrol_with_token, self._token, directory, clock.now, "simulation"
                )
            except Unreachable:
                await asyncio.sleep(_TRY_AGAIN_S)
            except Rejected:
                self._refused = True
                return None

    async def _receive(self, core: Terminal, visit: Visit) -> None:
        """The whole visit at once, as it would have been told while it lasted."""
        events = [
            usage_events.validate_python({name: value for name, value in event.items() if name != "ago_ms"}
                                         | core.stamp(event["ago_ms"]))
            for event in visit.told(visit.lasts_ms)
        ]  # fmt: skip
        with contextlib.suppress(CannotKeep):
            await core.tell(*events)
            self.told += len(events)
