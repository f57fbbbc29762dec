"""The page hangs, or what draws it dies, while a visitor stands there: the real agent brings it back.

Looked at from outside, pixel by pixel: nothing asks a page that hangs.
"""

import os
import signal
import time

import psutil
import pytest
from playwright.sync_api import Playwright

from tests.display import Display
from tests.e2e.real_window import RealWindow, open_window
from tests.fleet import Fleet, Kiosk, eventually

BACK_WITHIN_S = 15
"""What was promised to host places: here the time is the requirement."""

DIFFERENT = 10
"""Of 255, over the whole screen: between the attract screen and the home page it is more than 60."""


def unlike(screen: Display, sketch: bytes) -> bool:
    now = screen.sketch()
    return sum(abs(a - b) for a, b in zip(now, sketch, strict=True)) / len(now) > DIFFERENT


def at_rest(screen: Display) -> bytes:
    """Once it has come to rest."""
    before = b""

    def same() -> bytes | None:
        nonlocal before
        last, before = before, screen.sketch()
        return before if before == last else None

    return bytes(eventually(same, every_s=0.5, what="the page comes to rest"))


def hang(window: RealWindow) -> None:
    window.page().evaluate("setTimeout(() => { for (;;); }, 50)")


def kill_renderer(window: RealWindow) -> None:
    """As a machine short of memory does. Chromium forks what draws pages from a zygote, whose name it keeps."""
    family = psutil.Process(window.kiosk.pid).children(recursive=True)
    zygotes = {one.pid for one in family if _is_zygote(one)}
    renderers = [one.pid for one in family if one.ppid() in zygotes]
    assert renderers
    for pid in renderers:
        os.kill(pid, signal.SIGKILL)


def _is_zygote(process: psutil.Process) -> bool:
    try:
        return "--type=zygote" in process.cmdline()
    except psutil.Error:  # it has just ended
        return False


def ends_of_visits(fleet: Fleet, kiosk: Kiosk) -> list[str]:
    query = "SELECT reason FROM usage_event WHERE terminal = ? AND kind = 'session.ended'"
    return [reason for (reason,) in fleet.rows(query, kiosk.terminal)]


@pytest.mark.parametrize("harm", [hang, kill_renderer])
def test_a_visitor_sees_the_page_again_after_it_hung_or_died(harm, tmp_path, screen: Display, playwright: Playwright):
    with Fleet(tmp_path) as fleet:
        laval = fleet.add("Laval")
        fleet.publish()
        window = open_window(laval, screen, playwright)
        laval.shows("2026.48")
        window.see(".start")
        attract = screen.sketch()
        window.tap(".start")
        window.see(".home")
        eventually(lambda: unlike(screen, attract), what="the home page is on the screen")
        home = at_rest(screen)

        harm(window)
        since = time.monotonic()
        eventually(
            lambda: unlike(screen, home) and window.looks_alive(), BACK_WITHIN_S, 0.2, "the attract screen is back"
        )
        print(f"{harm.__name__}: back after {time.monotonic() - since:.1f} s")

        # It can be used, and the visit before it ended by a crash.
        window.tap(".start")
        window.see(".home")
        eventually(lambda: ends_of_visits(fleet, laval) == ["crash"], what="the visit's end has been told")
