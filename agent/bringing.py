"""The one fetch under way: begun, watched, ended, and how long to rest after it failed."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

from agent.fetching import NotFetched
from agent.loops import Backoff
from wire.state import Release

log = structlog.get_logger()
FIRST_RETRY_S = 2.0
LONGEST_RETRY_S = 300.0

Bring = Callable[[str, int, Callable[[float], None]], Awaitable[None]]
"""Brings a release into the store at so many kbit/s at most (0: no limit), telling how far it is.

Raises `NotFetched`."""


class Bringing:
    """`ended` hears that nothing arrives any more: "" when all is well, else why it is never to be asked for again.

    `came` is called at each 5 %.
    """

    def __init__(
        self,
        bring: Bring,
        monotonic: Callable[[], float],
        ended: Callable[[Release, str], None],
        came: Callable[[], None],
    ) -> None:
        self._bring = bring
        self._monotonic = monotonic
        self._ended = ended
        self._came = came
        self._backoff = Backoff(FIRST_RETRY_S, LONGEST_RETRY_S)
        self._task: asyncio.Task[None] | None = None
        self._rest_until = 0.0
        self.release: Release | None = None
        self.kbit_s = 0
        self.progress = 0.0
        self.trouble = ""
        """Why the last attempt failed."""
        self.lacks = 0
        """Bytes of disk that it found missing."""

    @property
    def rest_s(self) -> float:
        """How long nothing is to be asked for; 0 or less for not at all."""
        return self._rest_until - self._monotonic()

    def begin(self, release: Release, kbit_s: int) -> None:
        self.release, self.kbit_s, self.progress = release, kbit_s, 0.0
        self._task = asyncio.create_task(self._run(release, kbit_s), name=f"fetch {release.label}")

    async def stop(self) -> None:
        """What has arrived is kept, down to the byte."""
        if self._task and not self._task.done():
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self.release = None

    def failed(self, trouble: str) -> None:
        """Rest before the next attempt."""
        self.trouble = trouble
        self._rest_until = self._monotonic() + self._backoff.next()

    def rested(self) -> None:
        """Another wish: no reason to wait any longer."""
        self._rest_until = 0.0

    async def _run(self, release: Release, kbit_s: int) -> None:
        never = ""
        try:
            await self._bring(release.id, kbit_s, self._hear)
            self.trouble, self.lacks = "", 0
            self._backoff.reset()
        except NotFetched as error:
            log.warning("release not fetched", release=release.label, kind=error.kind, reason=str(error)[:200])
            self.failed(str(error))
            self.lacks = error.lacks
            never = str(error)[:200] if error.final else ""
        except (OSError, ValueError) as error:  # no process could be started, or it spoke nonsense
            self.failed(f"{type(error).__name__}: {error}")
        finally:
            self.release = None
            self._ended(release, never)

    def _hear(self, progress: float) -> None:
        told, self.progress = self.progress, progress
        if int(progress * 20) != int(told * 20):
            self._came()
