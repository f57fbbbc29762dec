"""Live pages: one SSE stream a tab, fed by subject. A push is only a hint: on (re)connection the page's state is sent whole."""

import asyncio
from collections import defaultdict


class Live:
    """Subjects that have changed, handed to whoever listens. `touch` may be called from any thread."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = defaultdict(set)

    def touch(self, subject: str) -> None:
        """Something of `subject` changed (`flotte`, `borne:ab12`, `demandes`)."""
        raise NotImplementedError
