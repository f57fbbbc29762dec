"""A real Chromium for page tests, and axe-core run in it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Error, Page, sync_playwright

AXE = Path(__file__).parents[1] / "fleet_server/web/assets/node_modules/axe-core/axe.min.js"
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser
        browser.close()


def opened_by(browser: Browser, client: Any, url: str, size: Any = DESKTOP) -> Page:
    """A page for whoever is signed in as `client`, an HTTP client. `url`: of the back-office."""
    page = browser.new_page(viewport=size)
    page.context.add_cookies([{"name": name, "value": value, "url": url} for name, value in client.cookies.items()])
    return page


def close(context: BrowserContext) -> None:
    """Close it once its pages are at rest: Chromium says that it closes a page which is just loading, and does not
    (crbug.com/536385539), and whoever waits for that waits for ever."""
    for page in context.pages:
        for _ in range(5):  # a page that loads itself again, as the kiosk's does after a visit, may win once
            with suppress(Error):
                page.goto("about:blank")
                break
    context.close()


def violations(page: Page) -> list[str]:
    """What axe-core objects to on the page as it is now: rule, and the elements, one line each."""
    # By the debugger, so that the page's own policy against inline scripts stays in force.
    page.evaluate(AXE.read_text())
    found: list[dict[str, Any]] = page.evaluate("axe.run().then((result) => result.violations)")
    return [f"{rule['id']}: {node['html'][:160]}" for rule in found for node in rule["nodes"]]


def sideways_scroll(page: Page) -> int:
    """How many pixels the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))
