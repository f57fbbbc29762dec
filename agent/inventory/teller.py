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


class Teller:
    """`put` blocks: it gets a thread. `changed`: what is reported has changed."""

    def __init__(
        self, take: Callable[[], Awaitable[Taken]], put: Callable[[str, bytes], None], changed: Callable[[], None]
    ) -> None:
        self._take = take
        self._put = put
        self._changed = changed
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
        except Rejected as error:  # asked again at the next pull
            log.warning("inventory not taken", status=error.status, code=error.code)

    def _lacks(self) -> bool:
        return self._held is not None and self._taken is not None and self._held != self._taken.digest
