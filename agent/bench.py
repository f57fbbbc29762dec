"""The commissioning bench: what this machine can do, measured once by the page and once by the agent.

Numbers only; the server judges them, so that a threshold can change without a new version of the terminal.
"""

import asyncio
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from agent.clock import Clock
from agent.edid import read_edid
from agent.fleet import Fleet, Rejected, Unreachable
from agent.page import Page
from agent.screen import Screen
from wire.ids import uuid7
from wire.sign import Untrusted

_PAGE_WITHIN_S = 150.0
_BLOCK = 4 * 2**20
_BLOCKS = 8
_ASKED = 5
_DRM = Path("/sys/class/drm")
_CARDS = Path("/proc/asound/cards")


class VideoRung(BaseModel):
    """Played at 30 images a second. `dropped`: share of the images that came too late. None: could not be played."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    rung: Annotated[str, Field(max_length=12)]
    width: Annotated[int, Field(ge=1, le=16_384)]
    height: Annotated[int, Field(ge=1, le=16_384)]
    codec: Annotated[str, Field(max_length=20)] = ""
    fps: Annotated[float, Field(ge=0, le=10_000)] | None = None
    dropped: Annotated[float, Field(ge=0, le=1)] | None = None


class PageBench(BaseModel):
    """What the page measured. Sizes in CSS pixels."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: Annotated[str, Field(max_length=40)]
    video: Annotated[tuple[VideoRung, ...], Field(max_length=8)] = ()
    webgl: Annotated[int, Field(ge=0, le=10)] = 0
    texture: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    renderer: Annotated[str, Field(max_length=120)] = ""
    width: Annotated[int, Field(ge=0, le=100_000)] = 0
    height: Annotated[int, Field(ge=0, le=100_000)] = 0
    ratio: Annotated[float, Field(ge=0, le=16)] = 1
    touch_points: Annotated[int, Field(ge=0, le=256)] = 0
    cells: Annotated[int, Field(ge=0, le=400)] = 0
    touched: Annotated[int, Field(ge=0, le=400)] = 0
    audio: Annotated[str, Field(max_length=20)] = ""
    audio_level: Annotated[float, Field(ge=0, le=10)] = 0
    frames: Annotated[float, Field(ge=0, le=1000)] = 0


class Bench:
    """One at a time: `commands` sees to that. `heard` takes what the page sends."""

    def __init__(self, page: Page, screen: Screen, clock: Clock, state_dir: Path, fleet: Callable[[], Fleet]) -> None:
        self._page = page
        self._screen = screen
        self._clock = clock
        self._state_dir = state_dir
        self._fleet = fleet
        self._waits: tuple[str, asyncio.Future[PageBench]] | None = None

    def heard(self, told: PageBench) -> bool:
        """False for a bench that nobody waits for any more."""
        if self._waits is None or self._waits[0] != told.id or self._waits[1].done():
            return False
        self._waits[1].set_result(told)
        return True

    async def run(self, touch_s: int) -> dict[str, Any]:
        """`page` is None where no page has answered. Raises `OSError` when the disk can't be measured."""
        page = await self._ask_page(touch_s)
        host = await asyncio.to_thread(self._measure_host)
        return {"page": page.model_dump(mode="json", exclude={"id"}) if page else None, "host": host}

    async def _ask_page(self, touch_s: int) -> PageBench | None:
        if not self._page.spoke_lately():
            return None
        asked = uuid7(int(time.time() * 1000))
        self._waits = (asked, asyncio.get_running_loop().create_future())
        self._screen.bench(asked, touch_s)
        try:
            async with asyncio.timeout(touch_s + _PAGE_WITHIN_S):
                return await self._waits[1]
        except TimeoutError:
            return None
        finally:
            self._waits = None
            self._screen.bench("", 0)

    def _measure_host(self) -> dict[str, Any]:
        return {
            **measure_disk(self._state_dir),
            **self._measure_network(),
            "clock_trusted": self._clock.trusted, "clock_offset_ms": self._clock.offset_ms(),
            "screens": screens(), "sound_cards": sound_cards(),
        }  # fmt: skip

    def _measure_network(self) -> dict[str, Any]:
        took = []
        for _ in range(_ASKED):
            began = time.monotonic()
            try:
                self._fleet().pull_state()
            except (Unreachable, Rejected, Untrusted) as error:
                return {"network_ms": None, "network_why": str(error)[:120]}
            took.append((time.monotonic() - began) * 1000)
        return {"network_ms": round(statistics.median(took), 1), "network_worst_ms": round(max(took), 1)}


def measure_disk(directory: Path) -> dict[str, Any]:
    """MB/s written through to the disk, and how long a small write that must last takes, in ms."""
    path = directory / ".bench"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        block = os.urandom(_BLOCK)  # a disk that compresses would flatter itself
        began = time.monotonic()
        for _ in range(_BLOCKS):
            os.write(descriptor, block)
        os.fsync(descriptor)
        rate = _BLOCK * _BLOCKS / (time.monotonic() - began) / 1e6
        small = []
        for _ in range(20):
            began = time.monotonic()
            os.pwrite(descriptor, b"x" * 4096, 0)
            os.fsync(descriptor)
            small.append((time.monotonic() - began) * 1000)
    finally:
        os.close(descriptor)
        path.unlink(missing_ok=True)
    return {"disk_mb_s": round(rate, 1), "disk_sync_ms": round(statistics.median(small), 2)}


def screens(directory: Path = _DRM) -> list[dict[str, Any]]:
    """Of the connected outputs: millimetres and pixels, as the screen itself says (EDID); none where none says."""
    found = []
    for path in sorted(directory.glob("card*-*/edid")):
        try:
            said = read_edid(path.read_bytes())
        except OSError:
            continue
        if said and all(said[3:]):
            found.append({
                "output": path.parent.name[:40], "px": [said.width_px, said.height_px],
                "mm": [said.width_mm, said.height_mm], "mm_per_px": round(said.width_mm / said.width_px, 4),
            })  # fmt: skip
    return found[:4]


def sound_cards(path: Path = _CARDS) -> int | None:
    """None where the kernel does not say."""
    try:
        return sum(" [" in line for line in path.read_text().splitlines())
    except OSError:
        return None
