"""The page beside the agent's own local API, outbox and box of requests, with the pack that kiosks really show."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from playwright.async_api import Page as Tab
from playwright.async_api import async_playwright, expect

from agent.local_api import Behind, LocalApi
from agent.outbox import Outbox
from agent.page import Page
from agent.requests import Requests
from agent.screen import Screen
from agent.serve import listen, serve
from agent.store import Store
from agent.visit import Visit
from fleet_server.contents.build import build
from fleet_server.contents.pack import read_pack
from tests.integration.kiosk.simulated_agent import LAVAL, TOKEN, sealing
from tests.integration.kiosk.small_release import ROOT
from tests.releases import Made, put
from tests.unit.agent.screen_neighbours import Hand
from wire.state import Desired, Place, SealingKey, Settings


@dataclass
class Laval:
    """A terminal that holds the real pack."""

    hand: Hand
    outbox: Outbox
    requests: Requests
    behind: Behind
    tab: Tab

    def stamp(self, ago_ms: int = 0) -> dict[str, Any]:
        return self.hand.stamp(ago_ms)

    async def tell(self, *told: Any) -> None:
        await asyncio.to_thread(self.outbox.enqueue, *told)

    def kept(self) -> list[dict[str, Any]]:
        batch = self.outbox.next_batch()
        return [json.loads(body) for body in batch.bodies] if batch else []

    async def keeps(self, kind: str) -> dict[str, Any]:
        for _ in range(200):
            found = [event for event in self.kept() if event["kind"] == kind]
            if found:
                return found[-1]
            await asyncio.sleep(0.05)
        raise AssertionError(f"{kind} is not in the outbox: {[event['kind'] for event in self.kept()]}")


@pytest.fixture
async def laval(tmp_path: Path, ui: Path) -> AsyncIterator[Laval]:
    hand = Hand()
    built = build(read_pack(ROOT / "content" / "pays-de-la-loire"), "2026.48", datetime(2026, 11, 24, tzinfo=UTC))
    release = Made("2026.48", built.raw, {file.path: built.files[file.sha256] for file in built.manifest.files})
    store = Store(tmp_path / "content")
    put(store, release)
    store.switch(release.release)
    screen = Screen("0.1.0", lambda: (hand.now(), True))
    screen.enrolled("laval-01", 1)
    key = SealingKey(**sealing(X25519PrivateKey.generate()))
    place = Place.model_validate(LAVAL)
    screen.apply(Desired(revision=1, name="Laval", place=place, settings=Settings(), sealing_key=key))
    screen.release(release.release)
    outbox = Outbox(tmp_path / "outbox.db", hand.stamp, 2**20)
    requests = Requests(tmp_path / "requests.db", 2**20, hand.monotonic)
    behind = Behind(
        screen, Page(hand.monotonic, hand.now), Visit(hand.monotonic, hand.now, outbox.last_n), store, hand.now,
        requests=requests, who=("laval-01", 1),
    )  # fmt: skip
    listener = listen(0)
    port = listener.getsockname()[1]
    serving = asyncio.create_task(serve(LocalApi(behind, ui).app(TOKEN, port), listener))
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        tab = await browser.new_page(viewport={"width": 1920, "height": 1080}, has_touch=True)
        here = Laval(hand, outbox, requests, behind, tab)
        behind.journal = here
        await tab.goto(f"http://127.0.0.1:{port}/#k={TOKEN}")
        await tab.locator(".start").wait_for()
        yield here
        await browser.close()
    screen.close()
    serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving
    outbox.close()
    requests.close()


async def test_a_visit_of_the_real_pack_is_durable_in_the_real_outbox(laval: Laval) -> None:
    tab = laval.tab
    await tab.locator(".start").tap()
    await tab.locator(".tile[data-section=metiers]").tap()
    await tab.locator("#query").fill("plonbier")
    await expect(tab.locator(".hit .b").first).to_contain_text("Plombier")
    await expect(tab.locator(".aside")).to_contain_text("1\u00a0584")
    await tab.locator(".dock .btn").first.tap()
    await tab.locator(".tile[data-section=acteurs]").tap()
    await tab.locator(".hit .x").first.tap()
    await expect(tab.locator(".src")).to_contain_text("Vérifié le")
    await tab.locator(".dock .end").tap()
    await tab.get_by_role("button", name="Oui, tout effacer").tap()
    ended = await laval.keeps("session.ended")
    visit = [event for event in laval.kept() if event.get("session") == ended["session"]]
    assert [event["n"] for event in visit] == list(range(1, len(visit) + 1))
    assert ended["reason"] == "user_exit"
    assert "ui.failed" not in [event["kind"] for event in laval.kept()]
    await until(lambda: not laval.behind.visit.in_visit)


async def until(true: Callable[[], bool]) -> None:
    for _ in range(200):
        if true():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it did not come")


def everything_in(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


async def test_a_request_is_kept_sealed_by_the_real_agent(laval: Laval, tmp_path: Path) -> None:
    tab = laval.tab
    await tab.locator(".start").tap()
    await tab.locator(".tile[data-section=rappel]").tap()
    await tab.locator("#name").fill("Zinzolin")
    await tab.locator("#phone").fill("0639980123")
    await tab.locator(".go").tap()
    await tab.locator(".choices[data-name=topic] .btn").first.tap()
    await tab.locator(".foot .lamp").tap()
    await tab.locator(".cons").tap()
    await tab.locator(".foot .lamp").tap()
    # This terminal has no link: the receipt says so.
    await expect(tab.get_by_role("heading", level=1)).to_have_text("C’est noté, mais la borne n’a pas de réseau.")
    assert laval.requests.waiting() == 1
    disk = await asyncio.to_thread(everything_in, tmp_path)
    assert b"Zinzolin" not in disk
    assert b"0639980123" not in disk


async def test_what_the_agent_could_not_keep_at_once_it_keeps_later(laval: Laval) -> None:
    await laval.tab.locator(".start").tap()
    laval.behind.journal = None
    await laval.tab.locator(".tile[data-section=metiers]").tap()
    await asyncio.sleep(1)
    laval.behind.journal = laval
    await until(lambda: any(event.get("page") == "metiers" for event in laval.kept()))
