"""Orders from afar, each carried out at most once per (id, execution), in turn, and answered: accepted, then its end.

One is carried out at a time, in the order received. Those that take the screen from a visitor wait for the end of the
visit in a lane of their own: what does not disturb a visit passes them, they do not pass each other. One of them that
is forced ends the visit by itself: those before it then wait no longer, and go first.

What is called off before it has begun never begins, whatever comes later: that is kept like a beginning, and of the two
only the first is.

What is begun is kept before it is done. A terminal that was cut off in the middle does not begin again: it says so,
unless the order was to cut it off (a reboot): then another boot of the machine is the proof that it was carried out.

Refused            understood, and not done; trying again as it is would not help
Failed             begun, and not as it should have ended
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
from pydantic import BaseModel, ConfigDict

from agent.fleet import Rejected, Unreachable
from agent.ledger import Ledger
from agent.window_process import NoPicture
from wire.command import CallOff, Command, CommandOutcome, Order, RebootHost

log = structlog.get_logger()
_KEPT = 200
_AT_ONCE_S = 0.05
"""An order done by then is answered in one message: accepted, and how it ended."""
_LOOK_EVERY_S = 0.25
WAITS = "waits for the end of the visit"


class Refused(Exception):
    pass


class Failed(Exception):
    pass


@dataclass(frozen=True, slots=True)
class Brought:
    """What an order that succeeded has to show for it. `file`: SHA-256 of what was sent to the server."""

    file: str | None = None
    result: dict[str, Any] = field(default_factory=dict)


class Said(BaseModel):
    """One answer. `boot`, `command`: kept of an order that ends the machine's own boot, to be answered after it."""

    model_config = ConfigDict(frozen=True)

    outcome: CommandOutcome
    reason: str = ""
    file: str | None = None
    result: dict[str, Any] = {}
    boot: str = ""
    command: Command | None = None


Named = Command | CallOff
"""What names one execution of one order."""
Answer = Callable[[Named, Sequence[Said]], Awaitable[None]]
"""Puts the answers in the outbox, durably and together."""


@dataclass(frozen=True, slots=True)
class Around:
    """`boot` names the machine's boot. `is_over`: the order's time has passed, by a clock that can be trusted."""

    boot: str
    in_visit: Callable[[], bool]
    is_over: Callable[[Command], bool]


class Commands:
    """`obey`: does it, or raises. `path`: where it is kept what was begun and how it ended."""

    def __init__(self, path: Path, obey: Callable[[Order], Awaitable[Brought]], answer: Answer, around: Around) -> None:
        self._obey = obey
        self._answer = answer
        self._around = around
        self._known = Ledger(path, Said, _KEPT)
        self._in_hand: set[str] = set()
        self._turn = asyncio.Lock()
        self._visit_lane = asyncio.Lock()
        self._beginning = asyncio.Lock()
        self._forced: list[Command] = []

    async def receive(self, command: Command) -> None:
        """As often as the server sends it: only the first time it is carried out, later its answer is repeated.

        Raises `OSError` when nothing could be kept, and then nothing was done either; `CannotKeep` for the answer.
        """
        key = _key(command)
        if key in self._in_hand:
            return
        self._in_hand.add(key)
        try:
            if self._known.get(key) or not hasattr(command.order, "force"):
                async with self._turn:  # first come, first served
                    await self._take(key, command)
            else:
                await self._in_visit_lane(key, command)
        finally:
            self._in_hand.discard(key)

    async def call_off(self, called: CallOff) -> None:
        """As often as the server sends it. Raises `OSError` when it could not be kept: nothing is called off then;
        `CannotKeep` for the answer."""
        key = _key(called)
        async with self._beginning:
            known = self._known.get(key)
            if known is None:
                known = Said(outcome="cancelled")
                await asyncio.to_thread(self._known.keep, key, known)
        if known.outcome != "accepted":
            await self._answer(called, [known])
        elif key not in self._in_hand:  # begun by an agent that is no more
            async with self._turn:
                await self._finish(key, called, [self._after(known)])

    async def settle(self) -> None:
        """At start: what another boot of the machine has answered is said without being asked."""
        for key, known in self._known.items():
            if known.outcome == "accepted" and known.command and known.boot != self._around.boot:
                await self._finish(key, known.command, [self._after(known)])

    async def _in_visit_lane(self, key: str, command: Command) -> None:
        forced = [command] if getattr(command.order, "force", False) else []
        self._forced += forced
        try:
            async with self._visit_lane:
                await self._take_after_visit(key, command)
        finally:
            for one in forced:
                self._forced.remove(one)

    async def _take_after_visit(self, key: str, command: Command) -> None:
        told = False
        while True:
            async with self._turn:
                if self._is_called_off(command):  # and that is answered
                    return None
                if not self._must_wait(command):
                    return await self._take(key, command)
            if not told:
                await self._answer(command, [Said(outcome="accepted", reason=WAITS)])
                told = True
            # Polled: a visit ends by an event, by a page gone silent, or by nothing but time; so does the order.
            await asyncio.sleep(_LOOK_EVERY_S)

    def _must_wait(self, command: Command) -> bool:
        """Not past its time, and not where a forced one behind it ends the visit anyway."""
        ends_anyway = any(not self._around.is_over(one) and not self._is_called_off(one) for one in self._forced)
        return self._around.in_visit() and not ends_anyway and not self._around.is_over(command)

    def _is_called_off(self, command: Command) -> bool:
        known = self._known.get(_key(command))
        return known is not None and known.outcome == "cancelled"

    async def _take(self, key: str, command: Command) -> None:
        known = self._known.get(key)
        if known is None:
            if self._around.is_over(command):
                await self._finish(key, command, [Said(outcome="expired")])
            else:
                await self._carry_out(key, command)
        elif known.outcome == "accepted":
            await self._finish(key, command, [self._after(known)])
        else:
            await self._answer(command, [known])

    async def _carry_out(self, key: str, command: Command) -> None:
        begun = Said(outcome="accepted")
        if isinstance(command.order, RebootHost):
            begun = Said(outcome="accepted", boot=self._around.boot, command=command)
        async with self._beginning:
            called_off = self._known.get(key)
            if called_off is None:
                await asyncio.to_thread(self._known.keep, key, begun)
        if called_off:
            return
        doing = asyncio.create_task(self._outcome(command.order))
        try:
            await asyncio.wait({doing}, timeout=_AT_ONCE_S)
            told = doing.done()
            if not told:
                await self._answer(command, [begun])
            end = await doing
        finally:
            doing.cancel()
        await self._finish(key, command, [begun, end] if told else [end])

    async def _outcome(self, order: Order) -> Said:
        try:
            brought = await self._obey(order)
        except Refused as error:
            return Said(outcome="rejected", reason=str(error)[:200])
        except (Failed, NoPicture, Unreachable, Rejected, OSError) as error:
            return Said(outcome="failed", reason=str(error)[:200])
        return Said(outcome="succeeded", file=brought.file, result=brought.result)

    def _after(self, known: Said) -> Said:
        """How an order ended that was begun by an agent which is no more."""
        if known.boot and known.boot != self._around.boot:
            return Said(outcome="succeeded", result={"boot_id": self._around.boot, "boot_before": known.boot})
        return Said(outcome="failed", reason="the agent was restarted meanwhile")

    async def _finish(self, key: str, command: Named, said: Sequence[Said]) -> None:
        """Kept and answered at the same time: whichever a power cut leaves, the order sent again is answered so.

        The server takes the first end of an order, and a later one for the repeat that it is.
        """
        kept = asyncio.create_task(asyncio.to_thread(self._keep_end, key, command, said[-1]))
        try:
            await self._answer(command, said)
        finally:
            await kept

    def _keep_end(self, key: str, command: Named, end: Said) -> None:
        try:
            self._known.keep(key, end)
        except OSError as error:  # done it is: said all the same, and not begun again while this agent lives
            log.warning("a command's end is not kept", command=command.id, reason=str(error)[:200])
            self._known.note(key, end)


def _key(one: Named) -> str:
    return f"{one.id}/{one.execution}"
