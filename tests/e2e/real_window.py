"""A kiosk's real window on a screen of its own: touched with the pointer, looked at pixel by pixel.

Chromium's debugging port only says where things are and what they read; every touch goes through X11.
"""

import contextlib
import time
from pathlib import Path

import psutil
from playwright.sync_api import Browser, Locator, Page, Playwright
from playwright.sync_api import Error as NotThere

from tests.display import Display
from tests.fleet import Kiosk, eventually, free_port

MANY_COLOURS = 1000
MIDDLE = """selector => { const found = document.querySelector(selector); if (!found) return null;
  const at = found.getBoundingClientRect();
  return [Math.round(at.x + at.width / 2), Math.round(at.y + at.height / 2)]; }"""
AGAIN_S = 0.5
"""A second press of the same key sooner than this is the same press."""


class RealWindow:
    def __init__(self, kiosk: Kiosk, screen: Display, playwright: Playwright) -> None:
        """The window of an agent that was started with `env_for(screen)`."""
        self.kiosk = kiosk
        self.screen = screen
        self._playwright = playwright
        self._browser: Browser | None = None
        self._last: list[int] = []

    def page(self) -> Page:
        """The kiosk's page as it is now: a renderer that died has taken the last connection along."""
        if self._browser is None or not self._browser.is_connected():
            self._browser = self._connected()
        return self._ours(self._browser)[0]

    def _connected(self) -> Browser:
        port = self.kiosk.debug_port

        def connect() -> Browser | None:
            try:
                browser = self._playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{port}", no_defaults=True)
            except NotThere:
                return None
            if self._ours(browser):
                return browser
            browser.close()
            return None

        return eventually(connect, 90, 0.5, "the window is open")

    def _ours(self, browser: Browser) -> list[Page]:
        """Without the blank page that the window was opened with."""
        pages = [page for context in browser.contexts for page in context.pages]
        return [page for page in pages if page.url.startswith(f"http://127.0.0.1:{self.kiosk.port}/")]

    def find(self, selector: str) -> Locator:
        return self.page().locator(selector).first

    def see(self, selector: str) -> Locator:
        """Waits until it is there."""
        asked = 0

        def visible() -> Locator | None:
            nonlocal asked
            asked += 1
            if asked % 50 == 0:
                self._let_go()  # it may have attached to a page that was just leaving
            try:
                found = self.find(selector)
                return found if found.is_visible() else None
            except (NotThere, IndexError):
                self._let_go()
                return None

        return eventually(visible, 90, 0.2, f"{selector} is on the page")

    def _let_go(self) -> None:
        if self._browser:
            with contextlib.suppress(NotThere):
                self._browser.close()
        self._browser = None

    def tap(self, selector: str) -> None:
        """A finger on the middle of it, once it has come to rest."""
        self.see(selector)
        before: list[int] | None = None

        def at_rest() -> list[int] | None:
            nonlocal before
            last, before = before, self._middle(selector)
            return before if before == last else None

        self._touch(eventually(at_rest, 30, 0.1, f"{selector} comes to rest"))

    def type(self, text: str) -> None:
        """Key by key, on the keyboard in the page, which may still be coming."""
        self.see(".kbd")
        for letter in text:
            key = f'.kbd [data-skbtn="{letter}"]'
            if not self._middle(key):
                self.tap('.kbd [data-skbtn="{accents}"]')
            self._touch(eventually(lambda key=key: self._middle(key), 30, 0.05, f"{key} is there"))

    def _middle(self, selector: str) -> list[int] | None:
        return self.page().evaluate(MIDDLE, selector)

    def _touch(self, at: list[int]) -> None:
        if at == self._last:
            time.sleep(AGAIN_S)
        self._last = at
        self.screen.tap(*at)

    def looks_alive(self) -> bool:
        """Drawn on the screen itself: a window may be blank while its own screenshots look perfect."""
        return self.screen.colours() > MANY_COLOURS

    def homes(self) -> list[Path]:
        """Where the window's processes may write."""
        family = [psutil.Process(self.kiosk.pid), *psutil.Process(self.kiosk.pid).children(recursive=True)]
        found = {home for one in family if (home := _home(one))}
        return [Path(home) for home in found if "balise-window-" in home]


def _home(process: psutil.Process) -> str:
    try:
        return process.environ().get("HOME", "")
    except psutil.Error:
        return ""


def env_for(screen: Display, debug_port: int) -> dict[str, str]:
    return screen.env | {"QTWEBENGINE_REMOTE_DEBUGGING": f"127.0.0.1:{debug_port}"}


def open_window(kiosk: Kiosk, screen: Display, playwright: Playwright) -> RealWindow:
    """Start the agent with its window, and wait until a person sees something."""
    kiosk.debug_port = free_port()
    kiosk.start(window=True, env=env_for(screen, kiosk.debug_port))
    window = RealWindow(kiosk, screen, playwright)
    window.see(".start")
    eventually(window.looks_alive, what="the page is on the screen")
    return window
