"""The built page, in a real browser, beside a simulated agent. Everything is on 127.0.0.1."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

from tests.browser import close
from tests.integration.kiosk.simulated_agent import SimulatedAgent, sealing
from tests.integration.kiosk.small_release import RELEASE, ROOT, small_release

UI = ROOT / "agent" / "ui"


@pytest.fixture(scope="session")
def ui() -> Path:
    assert (UI / "index.html").is_file(), "the kiosk's page is not built: run `make build`"
    return UI


# Not for the session: while Playwright's loop lives, no other test of this process could run its own.
@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def server_key() -> X25519PrivateKey:
    return X25519PrivateKey.generate()


@pytest.fixture
def agent(ui: Path, server_key: X25519PrivateKey) -> Iterator[SimulatedAgent]:
    agent = SimulatedAgent(ui, {RELEASE: small_release()}, {"sealing": sealing(server_key)})
    yield agent
    agent.close()


@pytest.fixture
def open_page(browser: Browser, agent: SimulatedAgent) -> Iterator[Callable[..., Page]]:
    """Opens the kiosk's page at a size."""
    contexts: list[BrowserContext] = []

    def opened(width: int = 1920, height: int = 1080, **options: Any) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, has_touch=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.goto(agent.url)
        return page

    yield opened
    for context in contexts:
        close(context)


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    page = open_page()
    page.locator(".start").wait_for()
    return page
