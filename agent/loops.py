"""A loop is a shell around one turn: it jitters, counts the failures nobody took a decision about, and backs off."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger()
_SLOWEST_S = 60.0


def jittered(seconds: float) -> float:
    """± 20 %, so that a fleet that lost its server does not come back as one."""
    return seconds * random.uniform(0.8, 1.2)  # noqa: S311  # spread, not secrecy


class Backoff:
    """Doubles from `first` to `most`, jittered; `reset` after a success."""

    def __init__(self, first: float, most: float = _SLOWEST_S) -> None:
        self._first = first
        self._most = most
        self._next = first

    def reset(self) -> None:
        self._next = self._first

    def next(self) -> float:
        wait = jittered(min(self._next, self._most))
        self._next = min(self._next * 2, self._most)
        return wait


async def every(
    seconds: float, turn: Callable[[], Awaitable[object]], name: str, wake: asyncio.Event | None = None
) -> None:
    """Run `turn` at once, then at each interval, and whenever `wake` is set. One supervisor per loop: here."""
    backoff = Backoff(1.0, max(seconds, 1.0))
    while True:
        if wake:
            wake.clear()
        try:
            await turn()
            backoff.reset()
            wait = jittered(seconds)
        except Exception as error:  # the one place that has no decision left to take but to go on
            wait = backoff.next()
            log.warning("turn failed", loop=name, error=type(error).__name__, detail=str(error)[:200], again_in_s=wait)
        if wake:
            try:
                async with asyncio.timeout(wait):  # wait_for can swallow a cancellation, before Python 3.12
                    await wake.wait()
            except TimeoutError:
                continue
        else:
            await asyncio.sleep(wait)
