"""Keeps a living page on the screen. It looks at frames painted, never at processes being alone alive.

The ladder: load the page anew (killing its renderer when it hangs), then the window's process, then a static page out
of service with the host's phone. Each rung is bounded, counted, saved before it is taken, and told. A page that has not
painted once since the window was opened climbs it too, after a patience that a slow machine's first start fits into.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from agent import disk
from agent.out_of_service import out_of_service_page
from agent.page import Page
from wire.state import WindowState

log = structlog.get_logger()
STALLED_AFTER_S = 10.0
BUDGET = 3
BUDGET_SPAN_S = 600.0
REST_S = 600.0
"""After so long out of service, the window is tried again."""
SHOWN_AGAIN_S = 30.0
"""A window that can't even show that it is out of service is opened again at this interval, until it rests no more."""
_GRACE_S = {"reload": 10.0, "kill": 10.0, "restart": 20.0, "open": 60.0}
_NEVER_PAINTED_GRACE_S = 30.0
"""At least so long for a page that this machine has never painted: what kills it too early keeps it dark for good."""

Rung = Literal["reload", "kill", "restart", "out_of_service"]
_TOLD = {
    "reload": "window.reloaded",
    "kill": "window.renderer_killed",
    "restart": "window.restarted",
    "out_of_service": "window.out_of_service",
}


class Ladder(BaseModel):
    """What was done, when: seconds on the monotonic clock of the machine's boot `boot`, void after another boot."""

    model_config = ConfigDict(frozen=True)

    boot: str = ""
    reloads: tuple[float, ...] = ()
    restarts: tuple[float, ...] = ()
    out_since: float | None = None
    out_shown: float | None = None
    """When the page out of service was last put on the screen: its window may die too."""
    reload_count: int = 0
    restart_count: int = 0

    def taken(self, rung: Rung, now: float) -> "Ladder":
        recent = {
            "reloads": tuple(at for at in self.reloads if now - at < BUDGET_SPAN_S),
            "restarts": tuple(at for at in self.restarts if now - at < BUDGET_SPAN_S),
        }
        match rung:
            case "reload" | "kill":
                recent["reloads"] = (*recent["reloads"], now)
                return self.model_copy(update=recent | {"reload_count": self.reload_count + 1})
            case "restart":
                recent["restarts"] = (*recent["restarts"], now)
                return self.model_copy(update=recent | {
                    "restart_count": self.restart_count + 1, "out_since": None, "out_shown": None,
                })  # fmt: skip
            case "out_of_service":
                since = now if self.out_since is None else self.out_since
                return self.model_copy(update=recent | {"out_since": since, "out_shown": now})


@dataclass(frozen=True, slots=True)
class Seen:
    """`painted_age`: since the page last painted, or the window was opened. `graced`: it was loaded a moment ago."""

    alive: bool
    renderer_died: bool
    painted_age: float
    graced: bool


def climb(ladder: Ladder, seen: Seen, now: float) -> Rung | None:
    """The rung to take now, None when all is well, or cannot be known yet."""
    stalled = not seen.graced and seen.painted_age > STALLED_AFTER_S
    if seen.alive and not seen.renderer_died and not stalled:
        return None
    may_reload = sum(now - at < BUDGET_SPAN_S for at in ladder.reloads) < BUDGET
    may_restart = sum(now - at < BUDGET_SPAN_S for at in ladder.restarts) < BUDGET
    if ladder.out_since is not None:
        if now - ladder.out_since >= REST_S:
            return "restart"
        gone = not seen.alive or seen.renderer_died
        rested = ladder.out_shown is None or now - ladder.out_shown >= SHOWN_AGAIN_S
        return "out_of_service" if gone and rested else None
    if seen.alive and may_reload:
        return "reload" if seen.renderer_died else "kill"
    return "restart" if may_restart else "out_of_service"


class Window(Protocol):
    heard: Callable[[dict[str, Any]], None]

    @property
    def alive(self) -> bool: ...
    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    def load(self) -> None: ...
    def kill_renderer(self) -> None: ...
    def out_of_service(self, html: str) -> None: ...


class Watchdog:
    """`end_visit(reason)`: a visit whose page is taken away has ended. `tell(what, detail)`: for the operators."""

    def __init__(
        self,
        window: Window,
        page: Page,
        path: Path,
        boot: str,
        end_visit: Callable[[Literal["crash", "restart"]], Awaitable[None]],
        tell: Callable[[str, dict[str, Any]], Awaitable[None]],
        host_phone: Callable[[], str],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._window = window
        self._page = page
        self._path = path
        self._end_visit = end_visit
        self._tell = tell
        self._host_phone = host_phone
        self._monotonic = monotonic
        self._ladder = self._read(boot)
        self._renderer_died = False
        self._absent_since: datetime | None = None
        self._opened_at = self._acted_at = self._grace_until = monotonic()
        window.heard = self._heard

    async def open(self) -> None:
        """Open the window for the first time. Raises `OSError`."""
        self._graces("open")
        self._opened_at = self._acted_at
        await self._window.start()
        if self._ladder.out_since is not None:
            self._window.out_of_service(out_of_service_page(self._host_phone()))

    async def turn(self) -> Rung | None:
        """Look, and take at most one rung. Called every second."""
        now = self._monotonic()
        seen = Seen(self._window.alive, self._renderer_died, self._unpainted_for(now), self._is_graced(now))
        rung = climb(self._ladder, seen, now)
        if rung is None:
            return None
        log.warning("the page is not painting", rung=rung, alive=seen.alive, renderer_died=seen.renderer_died)
        known = rung == "out_of_service" and self._ladder.out_since is not None
        self._keep(self._ladder.taken(rung, now))
        await self._take(rung)
        await self._end_visit("crash")
        if not known:
            await self._tell(_TOLD[rung], {"renderer_died": seen.renderer_died, "window_ended": not seen.alive})
        return rung

    async def restart(self) -> None:
        """As ordered by an operator: a fresh window, out of service or not. Not counted against the budget."""
        self._keep(self._ladder.model_copy(update={"out_since": None}))
        self._renderer_died = False
        self._graces("restart")
        await self._window.start()
        await self._end_visit("restart")
        await self._tell("window.restarted", {"ordered": True})

    async def reload(self) -> None:
        """As ordered by an operator: the page anew, its window staying. Not counted against the budget."""
        if self._ladder.out_since is not None or not self._window.alive:
            await self.restart()
            return
        self._graces("reload")
        self._window.load()
        await self._end_visit("restart")
        await self._tell("window.reloaded", {"ordered": True})

    async def close(self) -> None:
        await self._window.stop()

    def state(self) -> WindowState:
        """For the report."""
        ladder, unpainted = self._ladder, self._unpainted_for(self._monotonic())
        self._absent_since = None if self._window.alive else self._absent_since or self._page.now()
        status: Literal["painting", "stalled", "out_of_service", "absent", "unknown"]
        if ladder.out_since is not None:
            status = "out_of_service"
        elif not self._window.alive:
            status = "absent"
        elif self._page.painted is None and unpainted < _GRACE_S["open"]:
            status = "unknown"
        else:
            status = "painting" if unpainted <= STALLED_AFTER_S else "stalled"
        since = self._absent_since if status == "absent" else None
        return _window_state(self._page, status, ladder.reload_count, ladder.restart_count, since)

    # ---- within -----------------------------------------------------------------------------------------------------

    def _heard(self, event: dict[str, Any]) -> None:
        match event.get("event"):
            case "renderer_terminated":
                # Of a renderer that was killed here, the window loads the page anew by itself.
                self._renderer_died = self._renderer_died or not event.get("expected")
            case "refused":
                log.warning("the page wanted to leave", url=str(event.get("url", ""))[:100])

    async def _take(self, rung: Rung) -> None:
        self._renderer_died = False
        match rung:
            case "reload":
                self._graces("reload")
                self._window.load()
            case "kill":
                self._graces("kill")
                self._window.kill_renderer()
            case "restart":
                self._graces("restart")
                await self._window.start()
            case "out_of_service":
                if not self._window.alive:
                    await self._window.start()
                self._window.out_of_service(out_of_service_page(self._host_phone()))

    def _graces(self, what: str) -> None:
        self._acted_at = self._monotonic()
        least = _NEVER_PAINTED_GRACE_S if self._page.painted is None else 0.0
        self._grace_until = self._acted_at + max(_GRACE_S[what], least)

    def _unpainted_for(self, now: float) -> float:
        age = self._page.painted_age()
        return now - self._opened_at if age is None else age

    def _is_graced(self, now: float) -> bool:
        """While it loads; a page that has painted since then gets no more patience than any other."""
        return now < self._grace_until and not (self._page.painted is not None and self._page.painted > self._acted_at)

    def _keep(self, ladder: Ladder) -> None:
        self._ladder = ladder
        try:
            disk.write_synced(self._path, ladder.model_dump_json().encode())
        except OSError as error:  # a full disk must not keep the page dark; the budget in memory still holds
            log.warning("the watchdog's count is not kept", error=str(error))

    def _read(self, boot: str) -> Ladder:
        try:
            kept = Ladder.model_validate(disk.read_json(self._path) or {})
        except ValidationError:
            kept = Ladder()
        if kept.boot == boot:
            return kept
        return Ladder(boot=boot, reload_count=kept.reload_count, restart_count=kept.restart_count)


def browser_state(page: Page) -> WindowState:
    """Of a terminal without a window of its own: a page in any browser, that nobody needs to keep open."""
    return _window_state(page, "painting" if page.is_painting(STALLED_AFTER_S) else "unknown")


def _window_state(
    page: Page,
    status: Literal["painting", "stalled", "out_of_service", "absent", "unknown"],
    reloads: int = 0,
    restarts: int = 0,
    absent_since: datetime | None = None,
) -> WindowState:
    beat = page.last
    return WindowState(
        status=status, painted_at=page.painted_at, screen=beat.screen if beat else "",
        in_visit=beat.in_visit if beat else False, reloads=reloads, restarts=restarts,
        absent_since=absent_since,
    )  # fmt: skip
