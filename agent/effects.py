"""Whom the reconciler acts upon, and whose time it goes by."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agent.bringing import Bring
from wire.events import StateChanged
from wire.state import Desired, Release


@dataclass(frozen=True, slots=True)
class Effects:
    """Whom the reconciler acts upon. `event` makes one of now; `tell` must be durable when it returns, or raise
    `CannotKeep`, and hears of an event again after a power cut."""

    bring: Bring
    apply: Callable[[Desired], None]
    show: Callable[[Release | None], None]
    reload: Callable[[], None]
    event: Callable[[str, dict[str, Any]], StateChanged]
    tell: Callable[[StateChanged], Awaitable[None]]
    changed: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Times:
    monotonic: Callable[[], float]
    now: Callable[[], datetime]
    trusted: Callable[[], bool]
