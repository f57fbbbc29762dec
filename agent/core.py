"""A terminal without its screen: identity, clock, outboxes, link, desired and reported state.

The agent (`app`) adds the local API, the content store and the window. The simulated fleet runs hundreds of these in
one process:

    clock = Clock(settings.state_dir / "clock")
    identity = enrol_with_token(token, settings.state_dir / "identity", lambda: clock.floor)     # or load_identity(…)
    terminal = Terminal(settings, identity, clock)
    running = asyncio.create_task(terminal.run())
    await terminal.tell(PageViewed(**terminal.stamp(), page="home", …))
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog

from agent import VERSION, health
from agent.believing import believed
from agent.clock import Clock
from agent.desired import DesiredState
from agent.fleet import Fleet, Rejected, Unreachable
from agent.identity import Identity, protect, write_tls_files
from agent.inventory.teller import EVERY_S, Teller
from agent.link import Hears, Link
from agent.loops import every
from agent.outbox import Outbox
from agent.reported import Reporter, count_boot
from agent.requests import REFUSED_AGAIN_S, Requests
from agent.settings import AgentSettings
from agent.spool import CannotKeep, SetAside
from agent.standing import Standing
from wire.command import CallOff, Command
from wire.events import AnyEvent, CommandAnswered, StateChanged
from wire.sign import MAX_DOWN_BYTES, Outdated, Untrusted, claimed_use, unseal
from wire.state import ContentState, Desired, Reported, Settings, SoftwareState, WindowState

log = structlog.get_logger()
_RETRY_REQUEST_S = 30.0


@dataclass(frozen=True, slots=True)
class Shown:
    """What the screen's side of the agent says of itself in the report."""

    revision: int
    settings: Settings | None
    content: ContentState = field(default_factory=ContentState)
    window: WindowState = field(default_factory=WindowState)
    last_visit_at: datetime | None = None
    page_tick_age_ms: int | None = None
    maintenance_until: datetime | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    software: str = VERSION
    software_state: SoftwareState = field(default_factory=SoftwareState)


class Terminal:
    """One enrolled terminal. Set `shown`, `on_desired` and `on_command` before `run` to give it a screen.

    `on_desired` is called once at start with the state kept, then with each new one, and calls `changed` once that is
    in force; `on_command` with each order that is signed for this terminal, as often as the server sends it, and
    `on_call_off` likewise with what shall not begin.
    """

    def __init__(self, settings: AgentSettings, identity: Identity, clock: Clock) -> None:
        directory = settings.state_dir
        protect(directory)
        write_tls_files(identity)
        self.settings = settings
        self.standing = Standing(identity, self._become)
        self.clock = clock
        self.outbox = Outbox(directory / "outbox.db", self.stamp, settings.outbox_bytes)
        self.requests = Requests(
            directory / "requests.db", settings.request_bytes, clock.elapsed, on_replaced=self._requests_replaced
        )
        self.fleet = Fleet(identity, clock)
        self.desired = DesiredState(directory / "desired.json", identity)
        self.shown: Callable[[], Shown] = self._bare
        self.on_desired: Callable[[Desired], None] = lambda _: self.changed()
        self.on_command: Callable[[Command], Awaitable[None]] = self._reject
        self.on_call_off: Callable[[CallOff], Awaitable[None]] = self._call_off
        self.inventory: Teller | None = None
        """None: this terminal says nothing of what it is made of."""
        self.content: Callable[[], str | None] = lambda: None
        """Id of the active release, for each event's stamp."""
        self.refused_commands = 0
        self._facts = health.facts()
        self._server_start: datetime | None = None
        self._pulled_for: tuple[datetime, int] | None = None
        self._pull = asyncio.Event()
        self._due = asyncio.Event()
        self._next_request: asyncio.TimerHandle | None = None
        self._renewal = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._orders: set[asyncio.Task[None]] = set()
        hears = Hears(self._connected, self._heard, self.requests.send_again, self._pushed, self._ordered)
        self.link = Link(identity, self.outbox, clock.boot, clock.now, hears, settings.answer_within_s)
        self.reporter = Reporter(count_boot(directory / "boots"), self._report, self.link.report)
        self.outbox.changed = lambda: self._call(self.link.wake)
        self.requests.changed = lambda: self._call(self._due.set)
        self.desired.changed = lambda desired: self._call(self._adopted, desired)

    # ---- what the other parts use ------------------------------------------------------------------------------------

    def stamp(self, ago_ms: int = 0) -> dict[str, Any]:
        """An event's common fields."""
        return self.clock.stamp(ago_ms) | {"software": VERSION, "content": self.content()}

    async def tell(self, *told: AnyEvent) -> None:
        """Durable when it returns. Raises `CannotKeep`, `EventTooLarge`."""
        await asyncio.to_thread(self.outbox.enqueue, *told)

    def changed(self) -> None:
        """What is reported has changed; from any thread."""
        self._call(self.reporter.wake.set)

    @property
    def identity(self) -> Identity:
        return self.standing.identity

    @property
    def online(self) -> bool:
        return self.link.online

    async def run(self) -> None:
        """Until cancelled."""
        if self.desired.current:
            self._adopted(self.desired.current)
        every_s = self.settings
        try:
            async with asyncio.TaskGroup() as loops:
                loops.create_task(self.link.run(), name="link")
                loops.create_task(every(every_s.pull_every_s, self.pull, "pull", self._pull))
                loops.create_task(every(every_s.reported_every_s, self.reporter.turn, "report", self.reporter.wake))
                loops.create_task(every(every_s.health_every_s, self._sample, "health"))
                loops.create_task(every(3600, self._send_requests, "requests", self._due))
                loops.create_task(every(3600, self._renew, "renew", self._renewal))
                loops.create_task(every(3600, self._trim, "trim"))
                if self.inventory:
                    loops.create_task(every(EVERY_S, self.inventory.turn, "inventory", self.inventory.due))
        finally:
            for order in self._orders:
                order.cancel()
            self.outbox.close()
            self.requests.close()

    # ---- from the server ---------------------------------------------------------------------------------------------

    async def pull(self) -> None:
        """Ask for the whole truth: desired state, time, cursors. Raises `Unreachable`, `Rejected`, `Untrusted`."""
        acked = self.outbox.acked
        state = await asyncio.to_thread(self.fleet.pull_state)
        # A restored server may be behind what it wanted before: its next wish is above what we report.
        with contextlib.suppress(Outdated):
            await asyncio.to_thread(self.desired.adopt, state.desired)
        if await asyncio.to_thread(self.outbox.agree, state.cursors, acked):
            self.requests.send_again()
        if state.trust:
            await self.standing.believe(state.trust)
        if self.standing.is_renewal_due(self.clock.now()):
            self._renewal.set()
        if self.inventory:
            self.inventory.server_holds(state.inventory)
        self._heard(state.server_start, state.desired.revision)
        self.changed()

    def _become(self, identity: Identity) -> None:
        self.fleet.identity = self.desired.identity = identity

    def _connected(self) -> None:
        self._pull.set()
        self.reporter.wake.set()
        self._due.set()

    def _heard(self, server_start: datetime, revision: int) -> None:
        if self._server_start not in (None, server_start):
            # Another run of the server, perhaps from a backup: it gets everything it may lack.
            self.requests.send_again()
            self.reporter.wake.set()
        self._server_start = server_start
        named = (server_start, revision)
        if revision != self.desired.revision and self._pulled_for != named:
            self._pulled_for = named
            self._pull.set()

    def _adopted(self, desired: Desired) -> None:
        self.requests.delay_s = desired.settings.request_delay_s
        self.on_desired(desired)

    async def _pushed(self, payload: bytes) -> None:
        try:
            await asyncio.to_thread(self.desired.open, payload)
        except (Untrusted, OSError) as error:
            log.warning("desired state not taken", terminal=self.identity.terminal, reason=str(error)[:200])

    async def _ordered(self, payload: bytes) -> None:
        who = self.identity
        try:
            if claimed_use(payload[:MAX_DOWN_BYTES]) == "call_off":
                called = unseal("call_off", CallOff, payload, who.terminal, who.generation, *who.signing_keys)
                doing = self.on_call_off(called)
            else:
                doing = self.on_command(
                    unseal("command", Command, payload, who.terminal, who.generation, *who.signing_keys)
                )
        except Untrusted as error:
            self.refused_commands += 1
            log.warning("command refused", terminal=who.terminal, reason=str(error)[:200])
            return
        task = asyncio.create_task(self._obey(doing))
        self._orders.add(task)
        task.add_done_callback(self._orders.discard)

    async def _obey(self, doing: Awaitable[None]) -> None:
        try:
            await doing
        except (CannotKeep, OSError) as error:  # a full disk: the server sends it again
            log.warning("command not answered", terminal=self.identity.terminal, reason=str(error)[:200])

    def is_over(self, command: Command) -> bool:
        """A clock that is not trusted can't say that an order has expired."""
        return self.clock.trusted and self.clock.now() > command.expires_at

    def answer(
        self, command: Command | CallOff, outcome: Any, reason: str = "", file: str | None = None,
        result: dict[str, Any] | None = None,
    ) -> CommandAnswered:  # fmt: skip
        """The receipt of a command, to be told."""
        return CommandAnswered(
            **self.stamp(), command=command.id, execution=command.execution, outcome=outcome, reason=reason, file=file,
            result=result or {},
        )  # fmt: skip

    async def _reject(self, command: Command) -> None:
        if self.is_over(command):
            await self.tell(self.answer(command, "expired"))
        else:
            await self.tell(self.answer(command, "rejected", "this terminal has no window"))

    async def _call_off(self, called: CallOff) -> None:
        """Nothing ever begins here."""
        await self.tell(self.answer(called, "cancelled"))

    # ---- loops -------------------------------------------------------------------------------------------------------

    def _report(self, number: int) -> Reported:
        shown = self.shown()
        outbox = self.outbox.state().model_copy(update={"requests_overdue": self.requests.overdue()})
        return Reported(
            number=number, generation=self.identity.generation, boot=self.clock.boot, at=self.clock.now(),
            clock_trusted=self.clock.trusted, software=shown.software, revision=shown.revision, settings=shown.settings,
            content=shown.content, software_state=shown.software_state, window=shown.window, outbox=outbox,
            last_visit_at=shown.last_visit_at,
            certificate_until=self.identity.certificate_until, trust=believed(self.identity),
            maintenance_until=shown.maintenance_until,
            inventory=self.inventory.digest if self.inventory else None,
            facts=self._facts | self._model() | shown.facts | self._counts(),
        )  # fmt: skip

    def _model(self) -> dict[str, str]:
        model = self.inventory.model if self.inventory else ""
        return {"model": model} if model else {}

    def _counts(self) -> dict[str, int]:
        refused = {"desired": self.desired.refused.total(), "command": self.refused_commands}
        refused |= {"trust": self.standing.refused} | self.link.refused
        return {f"refused_{what}": count for what, count in refused.items() if count}

    def _bare(self) -> Shown:
        current = self.desired.current
        return Shown(current.revision if current else 0, current.settings if current else None)

    async def _sample(self) -> None:
        waiting = (await asyncio.to_thread(self.outbox.state)).waiting
        tick = self.shown().page_tick_age_ms
        await self.tell(health.sample(self.stamp(), self.settings.state_dir, waiting, tick, self.clock.offset_ms()))

    async def _send_requests(self) -> None:
        """Send what is due, one at a time; then see to it that the next one is not missed."""
        for sealed in self.requests.due():
            try:
                await asyncio.to_thread(self.fleet.send_request, sealed)
                await asyncio.to_thread(self.requests.acknowledged, sealed.id, self.clock.now())
            except Unreachable:
                self.requests.put_off(sealed.id, _RETRY_REQUEST_S)
            except Rejected as error:
                log.warning("request not taken", terminal=self.identity.terminal, status=error.status, code=error.code)
                self.requests.put_off(sealed.id, REFUSED_AGAIN_S if error.status == 422 else _RETRY_REQUEST_S)
        if self._next_request:
            self._next_request.cancel()
        if (wait := self.requests.next_due_in()) is not None:
            self._next_request = self._loop.call_later(max(wait, 0.05), self._due.set)

    async def _renew(self) -> None:
        if await self.standing.renew(self.fleet, self.clock.now()):
            await self.tell(StateChanged(**self.stamp(), what="certificate.renewed"))
            self.changed()

    async def _trim(self) -> None:
        if self.clock.trusted:
            await asyncio.to_thread(self.outbox.trim, self.clock.now())
            await asyncio.to_thread(self.requests.trim, self.clock.now())
            self.clock.raise_floor(self.clock.now())

    def _requests_replaced(self, found: SetAside) -> None:
        log.error("requests outbox was corrupt", aside=found.path.name, reason=found.reason)
        self.outbox.enqueue(StateChanged(**self.stamp(), what="requests.replaced", detail={"reason": found.reason}))

    def _call(self, function: Callable[..., object], *args: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to hear it
            self._loop.call_soon_threadsafe(function, *args)
