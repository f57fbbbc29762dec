"""What end-to-end tests stand on: a screen of its own for the window, and one Playwright for window and back-office."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from tests.browser import DESKTOP, close
from tests.display import Display, display
from tests.fleet import Fleet

SignIn = Callable[[Fleet, str], Page]


@pytest.fixture(scope="module")
def screen() -> Iterator[Display]:
    with display() as shown:
        yield shown


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    running = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
    yield running
    running.close()


@pytest.fixture
def sign_in(browser: Browser) -> Iterator[SignIn]:
    """Somebody of the cast at the back-office, in a browser of their own."""
    contexts = []

    def sign_in(fleet: Fleet, login: str) -> Page:
        context = browser.new_context(base_url=fleet.url, viewport=DESKTOP, locale="fr-FR")
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.goto("/connexion")
        page.fill("[name=login]", login)
        page.fill("[name=password]", fleet.passwords[login])
        page.click("button[type=submit], form button.btn-primary")
        page.wait_for_url(lambda url: "/connexion" not in url)
        return page

    yield sign_in
    for context in contexts:
        close(context)
