"""The real window: what a person in front of it sees, what its page can not do, and how it comes back from the dead."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import psutil
import pytest

from agent.kiosk import Kiosk
from agent.out_of_service import out_of_service_page
from agent.window_process import WindowProcess
from tests.display import Display, happens

MANY_COLOURS = 1000


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, list[str]]]:
    """Another server on this machine, and what reached it."""
    reached: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            reached.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/stolen.png", reached
    server.shutdown()
    server.server_close()
    thread.join()


async def paints_anew(kiosk: Kiosk, since: float) -> None:
    """Heartbeats of frames painted after `since` (monotonic)."""
    await happens(lambda: kiosk.page.painted is not None and kiosk.page.painted > since, "the page paints again")


def looks_alive(screen: Display) -> bool:
    left, right = screen.pixel(5, 700), screen.pixel(1270, 700)
    return left[0] > 200 and right[1] > right[0] and screen.colours() > MANY_COLOURS


async def test_a_person_sees_the_page_full_screen(kiosk: Kiosk, screen: Display) -> None:
    await happens(lambda: asyncio.to_thread(looks_alive, screen), "the page on the whole screen")
    assert kiosk.window_state().status == "painting"


async def test_the_window_is_a_process_of_its_own_without_our_secrets(kiosk: Kiosk) -> None:
    assert kiosk.window
    window = psutil.Process(kiosk.window.pid)
    token = kiosk.url.split("#k=")[1]
    for process in (window, *window.children(recursive=True)):
        with contextlib.suppress(psutil.Error):  # Chromium's short-lived ones
            assert not any(token in word for word in process.cmdline())
            assert token not in str(process.environ())
    assert not any(name.startswith("BALISE_") for name in window.environ())
    assert window.environ()["HOME"] != os.environ.get("HOME")


async def test_a_killed_renderer_is_back(kiosk: Kiosk, screen: Display) -> None:
    victim = await happens(lambda: kiosk.window and kiosk.window.renderer, "the page is loaded")
    at = time.monotonic()
    os.kill(victim, signal.SIGKILL)
    await happens(lambda: kiosk.window_state().reloads == 1, "the watchdog loads the page anew")
    await paints_anew(kiosk, at + 1)
    await happens(lambda: asyncio.to_thread(looks_alive, screen), "the page on the screen again")
    assert kiosk.window_state().restarts == 0


async def test_a_hung_renderer_is_killed_and_back(kiosk: Kiosk, screen: Display) -> None:
    hung = await happens(lambda: kiosk.window and kiosk.window.renderer, "the page is loaded")
    kiosk.screen.pairing("hang", "")
    await happens(lambda: not kiosk.page.is_painting(3), "the page hangs")
    kiosk.screen.pairing("awake", "")
    hung_at = time.monotonic()
    await paints_anew(kiosk, hung_at)
    await happens(lambda: asyncio.to_thread(looks_alive, screen), "the page on the screen again")
    assert not psutil.pid_exists(hung) or psutil.Process(hung).status() == psutil.STATUS_ZOMBIE
    assert kiosk.window_state().reloads == 1


async def test_a_window_that_ended_is_opened_again(kiosk: Kiosk, screen: Display) -> None:
    assert kiosk.window
    pid = kiosk.window.pid
    assert pid
    at = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    await happens(lambda: kiosk.window is not None and kiosk.window.pid not in (None, pid), "another window")
    await paints_anew(kiosk, at + 1)
    await happens(lambda: asyncio.to_thread(looks_alive, screen), "the page on the screen again")
    assert kiosk.window_state().restarts == 1


async def test_out_of_service_is_readable_and_has_the_hosts_phone(kiosk: Kiosk, screen: Display) -> None:
    assert kiosk.window
    kiosk.window.out_of_service(out_of_service_page("02 43 00 00 53"))
    await happens(lambda: asyncio.to_thread(lambda: screen.pixel(1270, 5) == (0xF6, 0xF0, 0xE3)), "the paper page")
    assert not await asyncio.to_thread(looks_alive, screen)
    kiosk.window.load()
    await happens(lambda: asyncio.to_thread(looks_alive, screen), "the page on the screen again")


async def test_a_page_can_not_leave_its_agent(kiosk: Kiosk, screen: Display) -> None:
    heard: list[dict[str, object]] = []
    assert kiosk.window
    watchdog = kiosk.window.heard
    kiosk.window.heard = lambda event: (heard.append(event), watchdog(event))[-1]
    kiosk.screen.pairing("leave", "")
    await happens(lambda: any(event["event"] == "refused" for event in heard), "the window refuses")
    at = time.monotonic()
    await paints_anew(kiosk, at)
    assert await asyncio.to_thread(looks_alive, screen)


@pytest.mark.parametrize("act", ["fetch", "picture", "camera", "popup", "alert", "bridge", "storage"])
async def test_what_a_page_may_not_is_refused(
    kiosk: Kiosk, screen: Display, elsewhere: tuple[str, list[str]], act: str
) -> None:
    url, reached = elsewhere
    kiosk.screen.pairing(act, url)
    said = await happens(
        lambda: kiosk.page.last and kiosk.page.last.screen.startswith(f"{act}-") and kiosk.page.last.screen,
        "the page says how it went",
    )
    assert said == f"{act}-refused"
    assert reached == []
    assert await asyncio.to_thread(looks_alive, screen)


async def test_a_screenshot_shows_what_a_person_sees(kiosk: Kiosk, screen: Display, tmp_path: Path) -> None:
    await happens(lambda: asyncio.to_thread(looks_alive, screen), "the page on the whole screen")
    assert kiosk.window
    picture = await kiosk.window.screenshot()
    (tmp_path / "shot.webp").write_bytes(picture)
    seen = await asyncio.to_thread(screen.picture, tmp_path / "seen.png")
    measure = await asyncio.to_thread(
        screen.run, "convert", str(tmp_path / "shot.webp"), str(seen), "-metric", "RMSE", "-compare", "-format",
        "%[distortion]", "info:-",
    )  # fmt: skip
    assert float(measure) < 0.05


async def test_nothing_of_the_window_is_left_behind(screen: Display, ui: Path, tmp_path: Path, kiosk: Kiosk) -> None:
    assert kiosk.window
    window = psutil.Process(kiosk.window.pid)
    home = Path(window.environ()["HOME"])
    family = [window, *window.children(recursive=True)]
    assert await asyncio.to_thread(home.exists)
    await kiosk.window.stop()
    await happens(lambda: not any(process.is_running() for process in family), "every process of it ends")
    assert not await asyncio.to_thread(home.exists)


async def test_a_window_whose_agent_was_killed_goes_too_and_wipes_its_home(
    screen: Display, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in screen.env.items():
        monkeypatch.setitem(os.environ, name, value)
    heard: list[str] = []
    window = WindowProcess("http://127.0.0.1:9/")
    window.heard = lambda event: heard.append(event["event"])
    await window.start()
    await happens(lambda: "ready" in heard, "the window is there")
    process = window._process
    assert process
    assert process.stdin
    home = Path(psutil.Process(process.pid).environ()["HOME"])
    process.stdin.close()  # as the kernel does for an agent that is gone
    await happens(lambda: process.returncode is not None, "the window ends")
    await happens(lambda: asyncio.to_thread(lambda: not home.exists()), "its home is wiped")
    await window.stop()
