"""Who this terminal is and whom it believes, while it runs: one change at a time, each kept before it is in force."""

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog

from agent.believing import believe
from agent.identity import Identity, keep_identity
from agent.renewal import Renewer, is_due, renew_when_needed
from wire.sign import Untrusted
from wire.trust import Trust

log = structlog.get_logger()


class Standing:
    """`changed` is called with each new identity."""

    def __init__(self, identity: Identity, changed: Callable[[Identity], None]) -> None:
        self.identity = identity
        self._changed = changed
        self._issuing = ""
        self._lock = asyncio.Lock()
        self.refused = 0

    async def believe(self, told: Trust) -> None:
        """Whom the server is known by from now on. What can't be believed, or kept, costs nothing else."""
        async with self._lock:
            try:
                fresh = believe(self.identity, told)
                if fresh is not self.identity:
                    await asyncio.to_thread(keep_identity, fresh)
                    self._become(fresh)
                self._issuing = told.authorities[0]
            except (Untrusted, OSError) as error:
                self.refused += 1
                log.warning("trust not taken", terminal=self.identity.terminal, reason=str(error)[:200])

    def is_renewal_due(self, now: datetime) -> bool:
        return is_due(self.identity, now, self._issuing)

    async def renew(self, fleet: Renewer, now: datetime) -> bool:
        """Whether there is a new certificate. Raises as `renew_when_needed`."""
        async with self._lock:
            before = self.identity
            fresh = await asyncio.to_thread(renew_when_needed, before, fleet, now, self._issuing)
            if fresh is not before:
                self._become(fresh)
            return fresh is not before

    def _become(self, identity: Identity) -> None:
        self.identity = identity
        self._changed(identity)
