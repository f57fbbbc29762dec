"""Whether a visitor is there, as told by the page: its events, and its heartbeats. Nothing of it is written here."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from agent.page import Heartbeat
from wire.events import SessionEnded, SessionStarted, UsageEvent

GONE_AFTER_S = 30.0
"""A visit whose page has not spoken for so long is over: the page has crashed."""
_NOT_A_TOUCH = ("session.started", "page.left", "ui.failed")

Stamp = Callable[[int], dict[str, Any]]


@dataclass
class _Session:
    id: str
    last: UsageEvent
    started: float
    touched: float
    interactions: int = 0


class Visit:
    """`last_n(session)`: the highest `n` of it that the outbox holds, for a page that outlived the agent."""

    def __init__(
        self, monotonic: Callable[[], float], now: Callable[[], datetime], last_n: Callable[[str], int]
    ) -> None:
        self._monotonic = monotonic
        self._now = now
        self._last_n = last_n
        self._session: _Session | None = None
        self._known: tuple[str, int] | None = None
        self._seen_in_visit: float | None = None
        self._count = 0
        self.last_visit_at: datetime | None = None
        self.ended: Callable[[], None] = lambda: None

    @property
    def in_visit(self) -> bool:
        return self._session is not None or self._is_seen()

    @property
    def unmeasured(self) -> str:
        """What stands for the session where the visitor chose not to be measured; another one in the next visit."""
        return f"unmeasured-{self._count}"

    def is_known(self, event: UsageEvent) -> bool:
        """Whether this event of its session has been kept already: the page repeats what got no answer."""
        if event.session is None:
            return False
        if self._known is None or self._known[0] != event.session:
            self._known = (event.session, self._last_n(event.session))
        return event.n <= self._known[1]

    def follow(self, event: UsageEvent) -> None:
        """An event that has been kept."""
        if event.session is None:
            return
        self._known = (event.session, event.n)
        if isinstance(event, SessionEnded):
            self._close()
            return
        now = self._monotonic()
        if self._session is None or self._session.id != event.session:
            self._session = _Session(event.session, event, now, now)
        self._seen_in_visit = now
        session = self._session
        session.last = event
        if event.model_dump(include={"kind"})["kind"] not in _NOT_A_TOUCH:
            session.interactions += 1
            session.touched = now

    def hear(self, beat: Heartbeat) -> None:
        if beat.in_visit:
            self._seen_in_visit = self._monotonic()
        elif self._session is None and self._seen_in_visit is not None:
            self._close()

    def left_open(self, next_event: UsageEvent | None = None) -> bool:
        """Whether a session is open that nobody is in any more: its page is silent, or begins another."""
        if self._session is None:
            return False
        if isinstance(next_event, SessionStarted):
            return next_event.session != self._session.id
        return not self._is_seen()

    def end(self, stamp: Stamp, reason: Literal["crash", "restart"]) -> SessionEnded | None:
        """The end that the page could not tell, to be kept; None when no session is open."""
        if self._session is None:
            self._seen_in_visit = None
            return None
        session, now = self._session, self._monotonic()
        ended = SessionEnded(
            **stamp(0), session=session.id, n=session.last.n + 1, language=session.last.language,
            accessibility=session.last.accessibility, audience=session.last.audience, reason=reason,
            interactions=session.interactions, active_ms=int((session.touched - session.started) * 1000),
            dwell_ms=int((now - session.started) * 1000),
        )  # fmt: skip
        self._known = (session.id, ended.n)
        self._close()
        return ended

    def _is_seen(self) -> bool:
        return self._seen_in_visit is not None and self._monotonic() - self._seen_in_visit < GONE_AFTER_S

    def _close(self) -> None:
        self._session = None
        self._seen_in_visit = None
        self._count += 1
        self.last_visit_at = self._now()
        self.ended()
