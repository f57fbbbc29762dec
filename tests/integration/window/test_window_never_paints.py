"""A real window whose page is served and never draws a frame: it ends out of service, readable, and says so."""

import asyncio
import contextlib
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from agent.page import Page
from agent.serve import listen, serve
from agent.watchdog import Watchdog
from agent.window_process import WindowProcess
from tests.display import Display, happens

TIMES_AS_FAST = 20
"""The clock that the watchdog goes by: its patience is minutes."""
PAPER = (0xF6, 0xF0, 0xE3)
HANGS_AT_ONCE = "<!doctype html><body style='background:#000'><script>for (;;);</script>"


async def _index(request: Request) -> HTMLResponse:
    return HTMLResponse(HANGS_AT_ONCE)


async def test_a_window_that_never_paints_ends_out_of_service(
    screen: Display, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in screen.env.items():
        monkeypatch.setitem(os.environ, name, value)
    monkeypatch.delitem(os.environ, "WAYLAND_DISPLAY", raising=False)
    told: list[str] = []

    async def tell(what: str, detail: dict[str, Any]) -> None:
        told.append(what)

    async def end_visit(reason: Literal["crash", "restart"]) -> None:
        return

    def fast() -> float:
        return time.monotonic() * TIMES_AS_FAST

    listener = listen(0)
    listener.listen()
    serving = asyncio.create_task(serve(Starlette(routes=[Route("/", _index)]), listener))
    window = WindowProcess(f"http://127.0.0.1:{listener.getsockname()[1]}/")
    page = Page(fast, lambda: datetime.now(UTC))
    path = tmp_path / "watchdog.json"
    dog = Watchdog(window, page, path, "boot", end_visit, tell, lambda: "02 43 00 00 53", fast)
    try:
        await dog.open()
        assert dog.state().status == "unknown"
        seen = set()
        while dog.state().status != "out_of_service":
            await dog.turn()
            seen.add(dog.state().status)
            await asyncio.sleep(0.05)
        assert "stalled" in seen
        assert told == ["window.renderer_killed"] * 3 + ["window.restarted"] * 3 + ["window.out_of_service"]
        await happens(lambda: asyncio.to_thread(lambda: screen.pixel(1270, 5) == PAPER), "the paper page")
        await happens(lambda: asyncio.to_thread(lambda: screen.colours() > 10), "with something to read on it")
    finally:
        await dog.close()
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving
