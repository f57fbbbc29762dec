"""The screen's side of a terminal as a whole: real fetch, store, local API; the page is a small simulated one."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from agent.clock import Clock
from agent.kiosk import Kiosk
from agent.outbox import Outbox
from agent.requests import Requests
from agent.serve import listen
from tests.display import happens
from tests.release_server import ReleaseServer, Repository
from tests.releases import AUTUMN, WINTER, Made
from tests.unit.agent.test_agent_plan import wish
from wire.command import Command, TakeScreenshot
from wire.events import CommandAnswered
from wire.ids import uuid7


class SimulatedTerminal:
    """What `Kiosk` uses of `agent.core.Terminal`: an outbox, a box of requests, an enrolment."""

    def __init__(self, root: Path, clock: Clock, server: ReleaseServer) -> None:
        enrolment = SimpleNamespace(server=server.url, root=server.repository.root.decode(), ca="")
        self.identity = SimpleNamespace(terminal="laval-01", generation=1, enrolment=enrolment)
        self.clock = clock
        self.outbox = Outbox(root / "outbox.db", self.stamp, 2**20)
        self.requests = Requests(root / "requests.db", 2**20, clock.elapsed)
        self.online = True
        self.reports = 0
        self.told: list[Any] = []

    def stamp(self, ago_ms: int = 0) -> dict[str, Any]:
        return self.clock.stamp(ago_ms) | {"software": "0.1.0"}

    async def tell(self, *told: Any) -> None:
        await asyncio.to_thread(self.outbox.enqueue, *told)
        self.told += told

    def changed(self) -> None:
        self.reports += 1

    def is_over(self, command: Command) -> bool:
        return self.clock.now() > command.expires_at

    def answer(
        self, command: Command, outcome: Any, reason: str = "", file: str | None = None, result: Any = None
    ) -> CommandAnswered:
        return CommandAnswered(
            **self.stamp(), command=command.id, execution=command.execution, outcome=outcome, reason=reason, file=file,
            result=result or {},
        )  # fmt: skip

    def whats(self) -> list[str]:
        return [event.what for event in self.told if event.kind == "state.changed"]


class SimulatedPage:
    """Beats, and adopts the release it is told of, unless a visitor is there or it can't read it."""

    def __init__(self, kiosk: Kiosk) -> None:
        base, token = kiosk.url.split("/#k=")
        self.client = httpx.AsyncClient(base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=40)
        self.release: str | None = None
        self.unreadable: set[str] = set()
        self.in_visit = False
        self.screen: dict[str, Any] = {}

    async def run(self) -> None:
        while True:
            self.screen = (await self.client.get("/api/v1/screen")).json()
            told = self.screen["release"]["id"] if self.screen["release"] else None
            failed = f"release {told[:12]}: unreadable" if told in self.unreadable else ""
            if told and not failed and not self.in_visit:
                assert (await self.client.get(f"/content/{told}/index.json")).status_code == 200
                self.release = told
            beat = {"frames": 9, "release": self.release, "in_visit": self.in_visit, "failed": failed, "screen": "home"}
            await self.client.post("/api/v1/heartbeat", json=beat)
            await asyncio.sleep(0.1)


@pytest.fixture
def server() -> Iterator[ReleaseServer]:
    repository = Repository()
    repository.publish(AUTUMN, WINTER)
    with ReleaseServer(repository).serving() as up:
        yield up


@pytest.fixture
async def laval(tmp_path: Path, server: ReleaseServer) -> AsyncIterator[tuple[Kiosk, SimulatedTerminal, SimulatedPage]]:
    clock = Clock(tmp_path / "clock")
    kiosk = Kiosk(tmp_path / "state", clock, tmp_path / "ui", listen(0))
    terminal, page = SimulatedTerminal(tmp_path, clock, server), SimulatedPage(kiosk)
    tasks = [asyncio.create_task(kiosk.run())]
    await asyncio.sleep(0.2)
    tasks.append(asyncio.create_task(page.run()))
    try:
        await happens(lambda: page.screen.get("mode") == "pairing", "the page is told that nothing is enrolled")
        kiosk.attach(terminal)  # type: ignore[arg-type]
        kiosk.reconciler.wish(wish(AUTUMN.release, 1))
        await shows(page, AUTUMN)
        await happens(lambda: kiosk.shown().revision == 1, "the first wish is reached")
        yield kiosk, terminal, page
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await page.client.aclose()


async def shows(page: SimulatedPage, made: Made) -> None:
    await happens(lambda: page.release == made.id, f"the page shows {made.label}")


async def test_the_screen_goes_from_pairing_to_its_first_content(laval: Any) -> None:
    kiosk, terminal, page = laval
    assert page.screen["mode"] == "normal"
    assert (page.screen["name"], page.screen["terminal"]) == ("Laval", "laval-01")
    await happens(lambda: page.screen["online"], "the page knows that it is online")
    await happens(lambda: "content.committed" in terminal.whats(), "the content is found to do")
    assert kiosk.shown().content.active == AUTUMN.release
    assert kiosk.shown().window.status == "painting"
    assert terminal.content() == AUTUMN.id


async def test_a_new_release_arrives_but_not_during_a_visit(laval: Any) -> None:
    kiosk, _, page = laval
    page.in_visit = True
    await happens(lambda: kiosk.visit.in_visit, "the agent knows of the visitor")
    kiosk.reconciler.wish(wish(WINTER.release, 2))
    await happens(lambda: kiosk.shown().content.phase == "waiting", "it waits for the visitor to leave")
    assert page.screen["release"]["id"] == AUTUMN.id
    page.in_visit = False
    await shows(page, WINTER)
    await happens(lambda: kiosk.shown().revision == 2, "the wish is reached")


async def test_a_release_the_page_can_not_read_is_rolled_back_and_reported(laval: Any) -> None:
    kiosk, terminal, page = laval
    page.unreadable.add(WINTER.id)
    before = page.screen["reload"]
    kiosk.reconciler.wish(wish(WINTER.release, 2))
    await happens(lambda: kiosk.shown().content.phase == "rolled_back", "it is rolled back")
    content = kiosk.shown().content
    assert (content.active, content.target) == (AUTUMN.release, WINTER.release)
    assert "unreadable" in content.reason
    assert kiosk.shown().revision == 0
    await happens(lambda: terminal.whats()[-1] == "content.rolled_back", "it is told")
    await happens(lambda: page.screen["release"]["id"] == AUTUMN.id, "the page is told to go back")
    assert page.screen["reload"] > before


async def test_a_setting_changes_the_page(laval: Any) -> None:
    kiosk, _, page = laval
    kiosk.reconciler.wish(wish(AUTUMN.release, 2, idle_end_s=120))
    await happens(lambda: page.screen["settings"]["idle_end_s"] == 120, "the page is told")
    await happens(lambda: kiosk.shown().revision == 2, "and it is reported")
    assert kiosk.shown().settings.idle_end_s == 120


async def test_settings_and_content_are_there_at_once_after_a_restart_without_network(
    laval: Any, tmp_path: Path
) -> None:
    assert laval
    again = Kiosk(tmp_path / "state", Clock(tmp_path / "clock"), tmp_path / "ui", listen(0))
    running = asyncio.create_task(again.run())
    again.attach(SimulatedTerminal(tmp_path / "other", Clock(tmp_path / "clock"), ReleaseServer(Repository())))  # type: ignore[arg-type]
    screen = await happens(lambda: again.screen.snapshot()["release"] and again.screen.snapshot(), "content is shown")
    assert (screen["mode"], screen["release"]["id"], screen["name"]) == ("normal", AUTUMN.id, "Laval")
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_an_order_that_needs_a_window_is_rejected_without_one(laval: Any) -> None:
    _, terminal, _ = laval
    now = terminal.clock.now()
    order = Command(id=uuid7(1, 5), issued_at=now, expires_at=now + timedelta(hours=1), order=TakeScreenshot())
    await terminal.on_command(order)
    assert [event.outcome for event in terminal.told if event.kind == "command.answered"] == ["accepted", "rejected"]
