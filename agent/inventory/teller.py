"""When the inventory is taken, and whether it is sent: only when the server says that it holds another one.

So nothing travels while nothing changes, and a server that came back from a backup gets what it lacks.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from agent.fleet import Rejected
from agent.inventory.taken import Taken

log = structlog.get_logger()
EVERY_S = 6 * 3600.0
REST_S = 24 * 3600.0
"""Before a document that was refused is sent again as it is: a server that learns to read it comes once in a while, and
its pulls every few minutes."""


class Teller:
    """`put` blocks: it gets a thread. `changed`: what is reported has changed. `elapsed`: seconds."""

    def __init__(
        self, take: Callable[[], Awaitable[Taken]], put: Callable[[str, bytes], None], changed: Callable[[], None],
        elapsed: Callable[[], float],
    ) -> None:  # fmt: skip
        self._take = take
        self._put = put
        self._changed = changed
        self._elapsed = elapsed
        self._refused: tuple[str, float] | None = None
        self._held: str | None = None
        self._taken: Taken | None = None
        self.due = asyncio.Event()

    @property
    def digest(self) -> str | None:
        return self._taken.digest if self._taken else None

    @property
    def model(self) -> str:
        return self._taken.model if self._taken else ""

    def server_holds(self, digest: str | None) -> None:
        """As it says in each pull: None where it takes none, empty where it has none yet."""
        self._held = digest
        if self._lacks():
            self.due.set()

    async def turn(self) -> None:
        """Look again, and send what the server lacks. Raises `Unreachable`, `NotTaken`: to be tried again."""
        taken = await self._take()
        if taken.digest != self.digest:
            self._taken = taken
            self._changed()
        if not self._lacks():
            return
        try:
            await asyncio.to_thread(self._put, taken.digest, taken.packed)
            self._held = taken.digest
        except Rejected as error:
            self._refused = taken.digest, self._elapsed()
            log.warning("inventory not taken", status=error.status, code=error.code)

    def _lacks(self) -> bool:
        if self._held is None or self._taken is None or self._held == self._taken.digest:
            return False
        return not self._refused_lately(self._taken.digest)

    def _refused_lately(self, digest: str) -> bool:
        return self._refused is not None and digest == self._refused[0] and self._elapsed() - self._refused[1] < REST_S
