"""Orders from afar, each carried out at most once per (id, execution), and answered: accepted, then how it ended.

What is begun is kept before it is done. A terminal that was cut off in the middle does not begin again: it says so.
"""

import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from agent import disk
from agent.fleet import Rejected, Unreachable
from agent.page import Page
from agent.window_process import NoPicture
from wire.command import Command, CommandOutcome, Identify, RestartWindow, TakeScreenshot

log = structlog.get_logger()
_KEPT = 200
PRIVATE_SCREENS = ("rappel", "contact", "form")
"""Screens on which a visitor may be typing; a screenshot never shows them."""


class Window(Protocol):
    @property
    def alive(self) -> bool: ...
    async def screenshot(self) -> bytes: ...


class Refused(Exception):
    """Understood, and not done; trying again as it is would not help."""


class _Done(BaseModel):
    model_config = ConfigDict(frozen=True)

    outcome: CommandOutcome
    reason: str = ""
    file: str | None = None


Answer = Callable[[Command, CommandOutcome, str, str | None], Awaitable[None]]
"""Puts the answer in the outbox, durably."""


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
        self._path = path
        self._page = page
        self._window = window
        self._restart = restart
        self._identify = identify
        self._put_file = put_file
        self._answer = answer
        self._known = self._read()

    async def receive(self, command: Command) -> None:
        """As often as the server sends it: only the first time it is carried out, later its answer is repeated.

        Raises `OSError` when nothing could be kept, and then nothing was done either; `CannotKeep` for the answer.
        """
        key = f"{command.id}/{command.execution}"
        known = self._known.get(key)
        if known is None:
            await self._carry_out(key, command)
        elif known.outcome != "accepted":
            await self._answer(command, known.outcome, known.reason, known.file)
        elif key not in self._running:
            await self._finish(key, command, _Done(outcome="failed", reason="the agent was restarted meanwhile"))

    async def _carry_out(self, key: str, command: Command) -> None:
        self._running.add(key)
        try:
            self._keep(key, _Done(outcome="accepted"))
            await self._answer(command, "accepted", "", None)
            await self._finish(key, command, await self._outcome(command))
        finally:
            self._running.discard(key)

    async def _outcome(self, command: Command) -> _Done:
        try:
            file = await self._obey(command)
        except Refused as error:
            return _Done(outcome="rejected", reason=str(error)[:200])
        except (NoPicture, Unreachable, Rejected, OSError) as error:
            return _Done(outcome="failed", reason=str(error)[:200])
        return _Done(outcome="succeeded", file=file)

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

    async def _finish(self, key: str, command: Command, done: _Done) -> None:
        try:
            self._keep(key, done)
        except OSError as error:  # done it is: said all the same, and not begun again while this agent lives
            log.warning("a command's end is not kept", command=command.id, reason=str(error)[:200])
            self._known[key] = done
        await self._answer(command, done.outcome, done.reason, done.file)

    # ---- kept -------------------------------------------------------------------------------------------------------

    def _keep(self, key: str, done: _Done) -> None:
        known = {name: value for name, value in self._known.items() if name != key} | {key: done}
        for oldest in list(known)[:-_KEPT]:
            del known[oldest]
        disk.write_json(self._path, {name: value.model_dump(mode="json") for name, value in known.items()})
        self._known = known

    def _read(self) -> dict[str, _Done]:
        self._running: set[str] = set()
        kept: Any = disk.read_json(self._path)
        try:
            return {key: _Done.model_validate(value) for key, value in kept.items()} if isinstance(kept, dict) else {}
        except ValidationError:
            return {}
