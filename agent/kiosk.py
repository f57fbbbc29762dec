"""The screen's side of a terminal: page, visit, content and window, behind the local API.

It runs before the enrolment too (the page then shows the pairing code); `attach` gives it its terminal.

    kiosk = Kiosk(settings.state_dir, clock, ui, listener, window=True)
    kiosk.attach(terminal)            # once enrolled, before terminal.run()
    await kiosk.run()
"""

import asyncio
import socket
import time
from collections.abc import Awaitable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import structlog

from agent import VERSION, disk
from agent.bench import Bench
from agent.clock import Clock
from agent.commands import Around, Commands, Named, Said
from agent.core import Shown, Terminal
from agent.effects import Effects, Times
from agent.fetching import Fetching
from agent.host_tools import HostTools
from agent.local_api import Behind, LocalApi, page_token
from agent.logbook import packed
from agent.loops import every
from agent.maintenance import Maintenance
from agent.notebook import Notebook
from agent.orders import Orders
from agent.page import Heartbeat, Page
from agent.reconcile import Reconciler
from agent.screen import Screen
from agent.serve import serve
from agent.software.host import Seen
from agent.software.updating import NoUpdates, Updates
from agent.spool import CannotKeep
from agent.store import Store
from agent.visit import Visit
from agent.watchdog import STALLED_AFTER_S, Watchdog, browser_state
from agent.window_process import WindowProcess
from wire.events import StateChanged
from wire.state import Desired, WindowState

log = structlog.get_logger()
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Kiosk:
    """`listener`: where the local API listens (`agent.serve.listen`). `opening`: how the window opens, for tests."""

    def __init__(
        self,
        state_dir: Path,
        clock: Clock,
        ui: Path,
        listener: socket.socket,
        window: bool = False,
        opening: dict[str, Any] | None = None,
        tools: HostTools = HostTools(),
    ) -> None:
        disk.make_dir(state_dir)
        boot = _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else clock.boot
        self._state_dir = state_dir
        self._boot = boot
        self._tools = tools
        self._clock = clock
        self._listener = listener
        self._terminal: Terminal | None = None
        self._commands: Commands | None = None
        self._updates: Updates = NoUpdates()
        self._attached = asyncio.Event()
        self.port: int = listener.getsockname()[1]
        self._token = page_token(state_dir / "page.json", boot)
        self.url = f"http://127.0.0.1:{self.port}/#k={self._token}"
        self.store = Store(state_dir / "content")
        self.page = Page(time.monotonic, clock.now)
        self.visit = Visit(time.monotonic, clock.now, self._last_n)
        self.screen = Screen(VERSION, lambda: (clock.now(), clock.trusted))
        self.maintenance = Maintenance(state_dir / "maintenance.json", clock)
        self.maintenance.changed = self._maintained
        self.screen.maintenance(self.maintenance.until)
        self.bench = Bench(self.page, self.screen, clock, state_dir, lambda: self._enrolled().fleet)
        self.reconciler = self._reconciler()
        self.visit.ended = self._visit_ended
        self.behind = Behind(
            self.screen, self.page, self.visit, self.store, clock.now, heard=self._heard, measured=self.bench.heard
        )
        self._api = LocalApi(self.behind, ui).app(self._token, self.port)
        self.window = WindowProcess(self.url, opening) if window else None
        self.watchdog = (
            Watchdog(
                self.window, self.page, state_dir / "watchdog.json", boot, self._end_visit, self._tell,
                lambda: self.screen.host_phone,
            )
            if self.window
            else None
        )  # fmt: skip

    def _reconciler(self) -> Reconciler:
        fetching = Fetching(self.store.root, lambda: self._enrolled().identity.enrolment, self._clock.now)
        effects = Effects(
            bring=fetching, apply=self._apply, show=self.screen.release, reload=self.screen.reload,
            event=self._event, tell=lambda event: self._enrolled().tell(event),
            changed=self._changed,
        )  # fmt: skip
        notebook = Notebook(self._state_dir / "content" / "phase.json")
        times = Times(time.monotonic, self._clock.now, lambda: self._clock.trusted)
        return Reconciler(self.store, notebook, self.page, self.visit, effects, times)

    # ---- what the composition root uses -----------------------------------------------------------------------------

    def attach(self, terminal: Terminal, updates: Updates | None = None) -> None:
        """The terminal is enrolled: its outboxes stand behind the page, its wishes and orders reach the screen."""
        self._terminal = terminal
        self._updates = updates or NoUpdates()
        who = terminal.identity
        self.screen.enrolled(who.terminal, who.generation)
        self.behind.journal, self.behind.requests = terminal, terminal.requests
        self.behind.who = (who.terminal, who.generation)
        terminal.content = lambda: self.store.active.id if self.store.active else None
        terminal.shown = self.shown
        terminal.on_desired = self._wished
        around = Around(self._boot, lambda: self.visit.in_visit, terminal.is_over)
        self._commands = Commands(self._state_dir / "commands.json", self._orders().obey, self._answer, around)
        terminal.on_command, terminal.on_call_off = self._commands.receive, self._commands.call_off
        self._attached.set()

    def _orders(self) -> Orders:
        orders = Orders(
            self.page, self.screen, self.maintenance, self._tools, self._put_file,
            logs=lambda most: packed(self._state_dir, most), bench=self.bench.run,
        )  # fmt: skip
        if self.window and self.watchdog:
            orders.window, orders.restart, orders.reload = self.window, self.watchdog.restart, self.watchdog.reload
        return orders

    async def run(self) -> None:
        """Until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(serve(self._api, self._listener), name="local API")
                tasks.create_task(self._follow(), name="screen")
        finally:
            self.screen.close()
            if self.watchdog:
                await self.watchdog.close()

    def shown(self) -> Shown:
        """What the screen's side says of itself in the report; from any thread."""
        applied, age = self.reconciler.applied, self.page.painted_age()
        return Shown(
            revision=self.reconciler.reached_revision(), settings=applied.settings if applied else None,
            content=self.reconciler.content_state(), window=self.window_state(),
            last_visit_at=self.visit.last_visit_at, page_tick_age_ms=None if age is None else int(age * 1000),
            maintenance_until=self.maintenance.until, software_state=self._updates.state(),
        )  # fmt: skip

    def seen(self) -> Seen:
        """What an update of the software looks at; from any thread."""
        window, active = self.window is not None, self.store.active
        return Seen(
            window=window, painting=self.page.is_painting(STALLED_AFTER_S), linked=self._enrolled().online,
            was_linked=self._enrolled().link.connections > 0,
            content_valid=active is None or self.store.holds(active.id),
        )  # fmt: skip

    def window_state(self) -> WindowState:
        return self.watchdog.state() if self.watchdog else browser_state(self.page)

    # ---- loops ------------------------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        if self.watchdog:
            await self.watchdog.open()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(every(1.0, self._look, "watch"))
            await self._attached.wait()
            tasks.create_task(self.reconciler.run(), name="reconcile")
            if self._commands:
                await self._kept(self._commands.settle())

    async def _look(self) -> None:
        if self._terminal:
            self.screen.online(self._terminal.online)
        self.maintenance.turn()
        if self.watchdog and await self.watchdog.turn():
            self._changed()
        if self.visit.left_open():
            await self._end_visit("crash")

    # ---- effects ----------------------------------------------------------------------------------------------------

    def _enrolled(self) -> Terminal:
        assert self._terminal, "nothing is wished before the enrolment"
        return self._terminal

    def _last_n(self, session: str) -> int:
        return self._terminal.outbox.last_n(session) if self._terminal else -1

    def _apply(self, desired: Desired) -> None:
        self.screen.apply(desired)

    def _wished(self, desired: Desired) -> None:
        self.reconciler.wish(desired)
        self._updates.wish(desired)

    def _visit_ended(self) -> None:
        self.reconciler.wake()
        self._updates.wake()
        self._changed()

    def _heard(self, beat: Heartbeat) -> None:
        if self.reconciler.phase.name == "verifying":
            self.reconciler.wake()

    def _changed(self) -> None:
        self.screen.progress(self.reconciler.progress)
        if self._terminal:
            self._terminal.changed()

    def _maintained(self, until: datetime | None) -> None:
        self.screen.maintenance(until)
        self._changed()

    async def _end_visit(self, reason: Literal["crash", "restart"]) -> None:
        if self._terminal and (ended := self.visit.end(self._terminal.stamp, reason)):
            await self._kept(self._terminal.tell(ended))

    def _event(self, what: str, detail: dict[str, Any]) -> StateChanged:
        return StateChanged(**self._enrolled().stamp(), what=what, detail=detail)

    async def _tell(self, what: str, detail: dict[str, Any]) -> None:
        if self._terminal:
            await self._kept(self._terminal.tell(self._event(what, detail)))

    async def _kept(self, telling: Awaitable[None]) -> None:
        """A full disk must keep neither the page dark nor the content old: the report tells the state anyway."""
        try:
            await telling
        except CannotKeep as error:
            log.warning("event not kept", reason=str(error)[:200])

    async def _put_file(self, digest: str, body: bytes, content_type: str) -> None:
        await asyncio.to_thread(self._enrolled().fleet.put_file, digest, body, content_type)

    async def _answer(self, command: Named, said: Sequence[Said]) -> None:
        terminal = self._enrolled()
        told = (terminal.answer(command, one.outcome, one.reason, one.file, one.result) for one in said)
        await terminal.tell(*told)
