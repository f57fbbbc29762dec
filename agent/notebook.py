"""What the reconciler must remember over a power cut: where it is, which settings are in force, what it has to tell.

One file, changed by one rename, so that an event is kept in the very write that makes it true. It is told later, under
the same id, as often as it takes: the server knows repeats.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from agent import disk
from agent.plan import Phase
from agent.spool import CannotKeep
from wire.events import StateChanged
from wire.state import Desired, Release

log = structlog.get_logger()

MOST_UNTOLD = 20
"""While nothing can be told (a full disk), the oldest go; the report tells the state anyway."""


class _Page(BaseModel):
    model_config = ConfigDict(frozen=True)

    phase: Phase = Phase()
    applied: Desired | None = None
    untold: tuple[StateChanged, ...] = ()


class Notebook:
    """Every change is durable when the method returns. Raises `OSError`, and then nothing has changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._page = _Page.model_validate(disk.read_json(path) or {})
        except ValidationError:
            self._page = _Page()

    @property
    def phase(self) -> Phase:
        return self._page.phase

    @property
    def applied(self) -> Desired | None:
        """The wish whose settings are in force."""
        return self._page.applied

    @property
    def untold(self) -> tuple[StateChanged, ...]:
        return self._page.untold

    def enter(self, phase: Phase, *events: StateChanged) -> None:
        self._keep(phase=phase, untold=(*self.untold, *events)[-MOST_UNTOLD:])

    def apply(self, desired: Desired, event: StateChanged) -> None:
        self._keep(applied=desired, untold=(*self.untold, event)[-MOST_UNTOLD:])

    def told(self, event: StateChanged) -> None:
        self._keep(untold=tuple(one for one in self.untold if one.id != event.id))

    def note_switch(self, active: Release | None, event: Callable[[str, dict[str, Any]], StateChanged]) -> None:
        """Write down, to be told, the switch that the phase announced, once it has happened: after a power cut too."""
        phase = self.phase
        if phase.noted or phase.target is None:
            return
        switched = active is not None and active.id == phase.target.id
        detail = named(phase.target)
        if phase.name == "verifying" and switched:
            noted = event("content.activated", detail)
        elif phase.name == "rolled_back" and not switched:
            detail |= {"reason": phase.reason, "back_to": active.label if active else None}
            noted = event("content.rolled_back", detail)
        else:
            return
        self.enter(phase.model_copy(update={"noted": True}), noted)

    async def tell_all(self, tell: Callable[[StateChanged], Awaitable[None]]) -> None:
        """Forgotten here once it is kept there; a full disk makes it wait, and nothing else."""
        try:
            for event in self.untold:
                await tell(event)
                self.told(event)
        except (CannotKeep, OSError) as error:
            log.warning("event not told yet", reason=str(error)[:200])

    def _keep(self, **changes: object) -> None:
        page = self._page.model_copy(update=changes)
        disk.write_synced(self._path, page.model_dump_json().encode())
        self._page = page


def named(release: Release) -> dict[str, Any]:
    """A release in an event's details."""
    return {"release": release.id, "label": release.label}
