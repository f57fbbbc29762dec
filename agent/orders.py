"""What each order does on this terminal. Once only, and not in a visit it would disturb: `commands` sees to that."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from agent.commands import Brought, Failed, Refused
from agent.host_tools import HostTools
from agent.maintenance import Maintenance
from agent.page import Page
from agent.screen import Screen
from wire.command import (
    ClearMessage,
    FetchLogs,
    Identify,
    Order,
    RebootHost,
    ReloadPage,
    RestartWindow,
    RunBench,
    SetBrightness,
    SetMaintenance,
    SetVolume,
    ShowMessage,
    TakeScreenshot,
)

PRIVATE_SCREENS = ("rappel", "contact", "form")
"""Screens on which a visitor may be typing; a screenshot never shows them."""
BUSY = "the screen was busy"
"""Whether a visitor was typing, or the page did not say in time what it shows: the receipt has an hour, and must not
tell what somebody did before the screen."""
_PAGE_BACK_WITHIN_S = 45.0
_PAGE_SPEAKS_WITHIN_S = 10.0
_NO_WINDOW = "this terminal has no window of its own"


class Window(Protocol):
    async def screenshot(self) -> bytes: ...


async def _nothing() -> None:
    return


@dataclass
class Orders:
    """`restart`, `reload`: the watchdog's, where there is a window. `put_file(digest, body, type)`: to the server.
    `logs(bytes)`: the newest of the agent's log, packed. `bench(touch_s)`: what it measured."""

    page: Page
    screen: Screen
    maintenance: Maintenance
    tools: HostTools
    put_file: Callable[[str, bytes, str], Awaitable[None]]
    logs: Callable[[int], bytes]
    bench: Callable[[int], Awaitable[dict[str, Any]]]
    window: Window | None = None
    restart: Callable[[], Awaitable[None]] = field(default=_nothing)
    reload: Callable[[], Awaitable[None]] = field(default=_nothing)

    async def obey(self, order: Order) -> Brought:
        """Raises `Refused`, `Failed`, and what its parts raise when they can't."""
        match order:
            case Identify(seconds=seconds):
                self.screen.identify(seconds)
            case ShowMessage(text=text, seconds=seconds):
                self.screen.message(text, seconds)
            case ClearMessage():
                self.screen.message("", 0)
            case SetMaintenance(on=on, minutes=minutes):
                self.maintenance.set(minutes if on else 0)
            case RestartWindow():
                await self._restart()
            case ReloadPage():
                await self._reload()
            case RebootHost():
                await self.tools.reboot()
            case SetVolume(percent=percent):
                await self.tools.volume(percent)
            case SetBrightness(percent=percent):
                await self.tools.brightness(percent)
            case TakeScreenshot():
                return Brought(file=await self._send_screenshot())
            case FetchLogs(kib=kib):
                return Brought(
                    file=await self._send(await asyncio.to_thread(self.logs, kib * 1024), "application/gzip")
                )
            case RunBench(touch_s=touch_s):
                return Brought(result=await self.bench(touch_s))
        return Brought()

    async def _restart(self) -> None:
        if self.window is None:
            raise Refused(_NO_WINDOW)
        await self.restart()

    async def _reload(self) -> None:
        """Done once another page than the present one has spoken."""
        before = self.page.last.page if self.page.last else ""
        if self.window:
            await self.reload()
        elif not self.page.spoke_lately():
            raise Refused("no page is open")
        else:
            self.screen.reload()
        try:
            async with asyncio.timeout(_PAGE_BACK_WITHIN_S):
                while self.page.last is None or self.page.last.page == before:  # noqa: ASYNC110  # for seconds, rarely
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise Failed("the page did not come back") from None

    async def _send_screenshot(self) -> str:
        if self.window is None:
            raise Refused(_NO_WINDOW)
        self._refuse_if_private()
        picture = await self.window.screenshot()
        # A form may have opened meanwhile, or since the page last spoke, and be on the picture.
        self._refuse_if_private()
        await self._page_speaks_again()
        self._refuse_if_private()
        return await self._send(picture, "image/webp")

    async def _page_speaks_again(self) -> None:
        """A page that has not been heard for long is frozen or gone: a picture of that is what is asked for."""
        before = self.page.last
        if not self.page.spoke_lately():
            return
        try:
            async with asyncio.timeout(_PAGE_SPEAKS_WITHIN_S):
                while self.page.last is before:  # noqa: ASYNC110  # as above
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise Refused(BUSY) from None

    def _refuse_if_private(self) -> None:
        beat = self.page.last
        if beat and beat.screen.split("/")[0] in PRIVATE_SCREENS:
            raise Refused(BUSY)

    async def _send(self, body: bytes, content_type: str) -> str:
        digest = hashlib.sha256(body).hexdigest()
        await self.put_file(digest, body, content_type)
        return digest
