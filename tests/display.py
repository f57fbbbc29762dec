"""A screen of its own for a real window: Xvfb and openbox, and what its pixels show."""

import asyncio
import contextlib
import os
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 60.0
"""Generous: a machine that runs everything at once is slow, and no test asserts how long a thing takes."""


def eventually(what: Callable[[], T], why: str, patience_s: float = PATIENCE_S) -> T:
    """The first true value of `what`, asked again until then."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.1)
    raise AssertionError(f"never happened: {why}")


async def happens(what: Callable[[], T | Awaitable[T]], why: str, patience_s: float = PATIENCE_S) -> T:
    """The first true value of `what`, while the agent goes on."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        found = what()
        if isinstance(found, Awaitable):
            found = await found
        if found:
            return found
        await asyncio.sleep(0.1)
    raise AssertionError(f"never happened: {why}")


@dataclass(frozen=True)
class Display:
    name: str

    @property
    def env(self) -> dict[str, str]:
        """For a window drawn by software, by a user who may lack Chromium's sandbox: test machines have no GPU."""
        return {
            "DISPLAY": self.name,
            "QTWEBENGINE_FORCE_USE_GBM": "0",
            "QTWEBENGINE_CHROMIUM_FLAGS": "--ignore-gpu-blocklist",
        }

    def run(self, *command: str) -> bytes:
        return subprocess.run(command, env={**os.environ, **self.env}, check=True, capture_output=True).stdout

    def picture(self, path: Path) -> Path:
        """What a person in front of the screen sees: X11's own pixels."""
        self.run("import", "-window", "root", str(path))
        return path

    def colours(self) -> int:
        return int(self.run("import", "-window", "root", "-format", "%k", "info:-"))

    def sketch(self) -> bytes:
        """The whole screen in 16 × 10 colours: two of one page are close, whatever moves on it."""
        return self.run("import", "-window", "root", "-resize", "16x10!", "-depth", "8", "rgb:-")

    def pixel(self, x: int, y: int) -> tuple[int, int, int]:
        crop = self.run("import", "-window", "root", "-crop", f"1x1+{x}+{y}", "-depth", "8", "rgb:-")
        return crop[0], crop[1], crop[2]

    def pixel_of(self, picture: Path, x: int, y: int) -> tuple[int, int, int]:
        """Of a picture taken earlier."""
        crop = self.run("convert", str(picture), "-crop", f"1x1+{x}+{y}", "-depth", "8", "rgb:-")
        return crop[0], crop[1], crop[2]

    def tap(self, x: int, y: int) -> None:
        self.run("xdotool", "mousemove", str(x), str(y), "click", "1")


@contextlib.contextmanager
def display(size: str = "1280x800") -> Iterator[Display]:
    """Ends with its window manager and server, whatever was on it."""
    reading, writing = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{size}x24", "-nolisten", "tcp"],
        pass_fds=[writing], stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(writing)
    manager = None
    try:
        with os.fdopen(reading) as number:
            shown = Display(f":{number.readline().strip()}")
        # Without a window manager, full screen does not apply.
        manager = subprocess.Popen(["openbox"], env={**os.environ, **shown.env}, stderr=subprocess.DEVNULL)
        yield shown
    finally:
        for process in (manager, server):
            if process:
                process.terminate()
                process.wait()
