"""The agent's side of the window: start its process, order it, hear it, end it."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Callable
from typing import Any

import structlog

from agent.window_home import Home, make_home

log = structlog.get_logger()
_QUIT_WITHIN_S = 3.0
_SHOT_WITHIN_S = 10.0
_LOUDEST_SHOT = 8 * 2**20


class NoPicture(Exception):
    """The window is not there, or did not answer."""


class WindowProcess:
    """One window at a time, showing `url`. `heard` is called with each of its events."""

    def __init__(self, url: str, opening: dict[str, Any] | None = None) -> None:
        self._opening = {"url": url} | (opening or {})
        self._process: asyncio.subprocess.Process | None = None
        self._home: Home | None = None
        self._reading: asyncio.Task[None] | None = None
        self._shot: asyncio.Future[bool] | None = None
        self.renderer: int | None = None
        """Process that draws the page."""
        self.heard: Callable[[dict[str, Any]], None] = lambda event: None

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self.alive else None

    async def start(self) -> None:
        """Raises `OSError` where no process can be started."""
        await self.stop()
        home = self._home = await asyncio.to_thread(make_home)
        become: dict[str, Any] = {}
        if home.user:
            become = {"user": home.user.pw_uid, "group": home.user.pw_gid, "extra_groups": []}
        process = self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "agent.window", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            cwd=home.path, env=home.env, start_new_session=True, **become,
        )  # fmt: skip
        self._reading = asyncio.create_task(self._read(process), name="window")
        self._say(self._opening)

    async def stop(self) -> None:
        """Ask it to go, then see to it; nothing of its home is left."""
        process, home, reading = self._process, self._home, self._reading
        self._process = self._home = self._reading = None
        if process and process.returncode is None:
            with contextlib.suppress(OSError):
                assert process.stdin
                process.stdin.close()
            try:
                await asyncio.wait_for(process.wait(), _QUIT_WITHIN_S)
            except TimeoutError:
                self._end(process)
                await process.wait()
        if process:
            self._end(process)  # Chromium's own children outlive a window that was killed
        if reading:
            reading.cancel()
        if home:
            await asyncio.to_thread(home.wipe)

    def load(self) -> None:
        self._say({"do": "load"})

    def kill_renderer(self) -> None:
        """For a page that hangs: its renderer is killed and the page loaded anew."""
        self._say({"do": "kill_renderer"})

    def out_of_service(self, html: str) -> None:
        self._say({"do": "out_of_service", "html": html})

    async def screenshot(self) -> bytes:
        """The window's own pixels, WebP. Raises `NoPicture`."""
        if not self.alive or not self._home:
            raise NoPicture("no window is open")
        path = self._home.path / "screenshot.webp"
        self._shot = asyncio.get_running_loop().create_future()
        self._say({"do": "screenshot", "path": str(path)})
        try:
            if not await asyncio.wait_for(self._shot, _SHOT_WITHIN_S):
                raise NoPicture("the window could not draw itself")
            picture = await asyncio.to_thread(path.read_bytes)
        except (TimeoutError, OSError) as error:
            raise NoPicture("the window did not answer") from error
        finally:
            self._shot = None
            path.unlink(missing_ok=True)
        if len(picture) > _LOUDEST_SHOT:
            raise NoPicture(f"a picture of {len(picture)} bytes, at most {_LOUDEST_SHOT} are sent")
        return picture

    def _say(self, line: dict[str, Any]) -> None:
        if self._process and self._process.stdin and self.alive:
            with contextlib.suppress(OSError):
                self._process.stdin.write(json.dumps(line).encode() + b"\n")

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout
        async for line in process.stdout:
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if event.get("event") == "loaded":
                self.renderer = event.get("renderer")
            if event.get("event") == "screenshot" and self._shot and not self._shot.done():
                self._shot.set_result(bool(event.get("ok")))
            self.heard(event)
        code = await process.wait()
        if process is self._process:
            log.warning("the window's process has ended", code=code)
            self.heard({"event": "ended", "code": code})

    def _end(self, process: asyncio.subprocess.Process) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, 9)
