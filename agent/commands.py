"""Orders from afar, each carried out at most once per (id, execution), and answered: accepted, then how it ended.

What is begun is kept before it is done. A terminal that was cut off in the middle does not begin again: it says so.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Protocol

import structlog
from pydantic import BaseModel, ConfigDict

from agent.fleet import Rejected, Unreachable
from agent.ledger import Ledger
from agent.page import Page
from agent.window_process import NoPicture
from wire.command import Command, CommandOutcome, Identify, RestartWindow, TakeScreenshot

log = structlog.get_logger()
_KEPT = 200
_AT_ONCE_S = 0.05
"""An order done by then is answered in one message: accepted, and how it ended."""
PRIVATE_SCREENS = ("rappel", "contact", "form")
"""Screens on which a visitor may be typing; a screenshot never shows them."""


class Window(Protocol):
    @property
    def alive(self) -> bool: ...
    async def screenshot(self) -> bytes: ...


class Refused(Exception):
    """Understood, and not done; trying again as it is would not help."""


class Said(BaseModel):
    """One answer."""

    model_config = ConfigDict(frozen=True)

    outcome: CommandOutcome
    reason: str = ""
    file: str | None = None


Answer = Callable[[Command, Sequence[Said]], Awaitable[None]]
"""Puts the answers in the outbox, durably and together."""


class Commands:
    """`restart`: the watchdog's. `put_file(digest, body, type)`: to the server, blocking in a thread of its own."""

    def __init__(
        self,
        path: Path,
        page: Page,
        window: Window | None,
        restart: Callable[[], Awaitable[None]],
        identify: Callable[[int], None],
        put_file: Callable[[str, bytes, str], Awaitable[None]],
        answer: Answer,
    ) -> None:
        self._page = page
        self._window = window
        self._restart = restart
        self._identify = identify
        self._put_file = put_file
        self._answer = answer
        self._running: set[str] = set()
        self._known = Ledger(path, Said, _KEPT)

    async def receive(self, command: Command) -> None:
        """As often as the server sends it: only the first time it is carried out, later its answer is repeated.

        Raises `OSError` when nothing could be kept, and then nothing was done either; `CannotKeep` for the answer.
        """
        key = f"{command.id}/{command.execution}"
        if key in self._running:
            return
        known = self._known.get(key)
        if known is None:
            await self._carry_out(key, command)
        elif known.outcome != "accepted":
            await self._answer(command, [known])
        else:
            self._running.add(key)
            try:
                await self._finish(key, command, [Said(outcome="failed", reason="the agent was restarted meanwhile")])
            finally:
                self._running.discard(key)

    async def _carry_out(self, key: str, command: Command) -> None:
        begun = Said(outcome="accepted")
        self._running.add(key)
        try:
            await asyncio.to_thread(self._known.keep, key, begun)
            doing = asyncio.create_task(self._outcome(command))
            try:
                await asyncio.wait({doing}, timeout=_AT_ONCE_S)
                told = doing.done()
                if not told:
                    await self._answer(command, [begun])
                end = await doing
            finally:
                doing.cancel()
            await self._finish(key, command, [begun, end] if told else [end])
        finally:
            self._running.discard(key)

    async def _outcome(self, command: Command) -> Said:
        try:
            file = await self._obey(command)
        except Refused as error:
            return Said(outcome="rejected", reason=str(error)[:200])
        except (NoPicture, Unreachable, Rejected, OSError) as error:
            return Said(outcome="failed", reason=str(error)[:200])
        return Said(outcome="succeeded", file=file)

    async def _obey(self, command: Command) -> str | None:
        match command.order:
            case Identify(seconds=seconds):
                self._identify(seconds)
            case RestartWindow():
                if self._window is None:
                    raise Refused("this terminal has no window of its own")
                await self._restart()
            case TakeScreenshot():
                return await self._send_screenshot()
        return None

    async def _send_screenshot(self) -> str:
        if self._window is None:
            raise Refused("this terminal has no window of its own")
        self._refuse_if_private()
        picture = await self._window.screenshot()
        self._refuse_if_private()  # a form may have opened while the picture was taken
        digest = hashlib.sha256(picture).hexdigest()
        await self._put_file(digest, picture, "image/webp")
        return digest

    def _refuse_if_private(self) -> None:
        beat = self._page.last
        if beat and beat.screen.split("/")[0] in PRIVATE_SCREENS:
            raise Refused("a visitor is filling in a form")

    async def _finish(self, key: str, command: Command, said: Sequence[Said]) -> None:
        """Kept and answered at the same time: whichever a power cut leaves, the order sent again is answered so.

        The server takes the first end of an order, and a later one for the repeat that it is.
        """
        kept = asyncio.create_task(asyncio.to_thread(self._keep_end, key, command, said[-1]))
        try:
            await self._answer(command, said)
        finally:
            await kept

    def _keep_end(self, key: str, command: Command, end: Said) -> None:
        try:
            self._known.keep(key, end)
        except OSError as error:  # done it is: said all the same, and not begun again while this agent lives
            log.warning("a command's end is not kept", command=command.id, reason=str(error)[:200])
            self._known.note(key, end)
