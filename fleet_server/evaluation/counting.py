"""Questions asked of `usage_event`. Each is one query, whatever the number of terminals or days.

*Engaged* = at least 2 interactions or 10 s of active dwell (fixed before analysis). Staff visits never count; simulated
ones only where they are asked for.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlmodel import Session

from fleet_server.evaluation.models import TABLE, VISITS
from fleet_server.web.french import PARIS

ENGAGED_INTERACTIONS, ENGAGED_ACTIVE_MS = 2, 10_000
SENSITIVITY_S = (60, 90, 120)
_DWELL_STEP_MS = 5_000
_COUNTED = ("session.started", "session.ended", "page.viewed", "contact.started", "contact.submitted")

_e = TABLE.c
_engaged = or_(_e.interactions >= ENGAGED_INTERACTIONS, _e.active_ms >= ENGAGED_ACTIVE_MS)


@dataclass(frozen=True, slots=True)
class Period:
    """Calendar days of the place, both included, for one terminal or all."""

    first: date
    last: date
    terminal: str = ""
    simulated: bool = False

    @property
    def days(self) -> list[date]:
        return [self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)]


@dataclass(slots=True)
class Tally:
    """`ended` is the base of `engaged`: a visit still going on is not yet one or the other."""

    visits: int = 0
    ended: int = 0
    engaged: int = 0
    pages: int = 0
    contacts_started: int = 0
    contacts: int = 0
    active_over: list[int] = field(default_factory=lambda: [0] * len(SENSITIVITY_S))

    def add(self, kind: str, count: int, engaged: int, active_over: list[int]) -> None:
        match kind:
            case "session.started":
                self.visits += count
            case "session.ended":
                self.ended += count
                self.engaged += engaged
                self.active_over = [a + b for a, b in zip(self.active_over, active_over, strict=True)]
            case "page.viewed":
                self.pages += count
            case "contact.started":
                self.contacts_started += count
            case "contact.submitted":
                self.contacts += count


@dataclass(frozen=True, slots=True)
class PageTally:
    page: str
    views: int
    active_ms: float | None
    """Mean active time a view, where the page was left."""


def tallies(session: Session, period: Period) -> dict[tuple[date, str], Tally]:
    """By day and terminal; a day without any event is absent."""
    over = [func.sum(_one_if(_e.active_ms >= seconds * 1000)) for seconds in SENSITIVITY_S]
    query = (
        select(_e.day, _e.terminal, _e.kind, func.count(), func.sum(_one_if(_engaged)), *over)
        .where(*_in(period, *_COUNTED))
        .group_by(_e.day, _e.terminal, _e.kind)
    )
    made: dict[tuple[date, str], Tally] = {}
    for day, terminal, kind, count, engaged, *active_over in _rows(session, query):
        made.setdefault((_date(day), terminal), Tally()).add(kind, count, engaged, [n or 0 for n in active_over])
    return made


def total(tallied: dict[tuple[date, str], Tally]) -> Tally:
    whole = Tally()
    for tally in tallied.values():
        _merge(whole, tally)
    return whole


def by_day(tallied: dict[tuple[date, str], Tally], period: Period) -> dict[date, Tally]:
    """Every day of the period: a day without visits is a fact too."""
    made = {day: Tally() for day in period.days}
    for (day, _), tally in tallied.items():
        if day in made:
            _merge(made[day], tally)
    return made


def by_terminal(tallied: dict[tuple[date, str], Tally]) -> dict[str, Tally]:
    made: dict[str, Tally] = {}
    for (_, terminal), tally in tallied.items():
        _merge(made.setdefault(terminal, Tally()), tally)
    return made


def median_dwell_ms(session: Session, period: Period) -> int | None:
    """Of ended visits, to 5 s: from counts by step, so that the database sends a few hundred rows at most."""
    step = _e.dwell_ms // _DWELL_STEP_MS
    query = select(step, func.count()).where(*_in(period, "session.ended")).group_by(step).order_by(step)
    steps = _rows(session, query)
    half, seen = sum(count for _, count in steps) / 2, 0
    for value, count in steps:
        seen += count
        if seen >= half:
            return int(value) * _DWELL_STEP_MS + _DWELL_STEP_MS // 2
    return None


def pages_consulted(session: Session, period: Period, limit: int = 15) -> list[PageTally]:
    """Most viewed first."""
    viewed = func.sum(_one_if(_e.kind == "page.viewed"))
    query = (
        select(_e.page, viewed, func.avg(_e.active_ms))
        .where(*_in(period, "page.viewed", "page.left"))
        .group_by(_e.page)
        .order_by(viewed.desc(), _e.page)
        .limit(limit)
    )
    return [PageTally(page, views, active) for page, views, active in _rows(session, query)]


def visits_by_day(session: Session, today: date, days: int = 14, simulated: bool = False) -> dict[str, list[int]]:
    """Terminal → visits of each of the last `days` days, today last. For sparklines; a silent terminal is absent."""
    period = Period(today - timedelta(days=days - 1), today, simulated=simulated)
    query = (
        select(_e.terminal, _e.day, func.count()).where(*_in(period, "session.started")).group_by(_e.terminal, _e.day)
    )
    at = {day: index for index, day in enumerate(period.days)}
    made: dict[str, list[int]] = {}
    for terminal, day, count in _rows(session, query):
        made.setdefault(terminal, [0] * days)[at[_date(day)]] = count
    return made


def last_visits(session: Session, today: date, days: int = 31, simulated: bool = False) -> dict[str, datetime]:
    """Terminal → start of its newest visit of the last `days` days, by the terminal's clock."""
    period = Period(today - timedelta(days=days - 1), today, simulated=simulated)
    query = select(_e.terminal, func.max(_e.at_ms)).where(*_in(period, "session.started")).group_by(_e.terminal)
    return {terminal: datetime.fromtimestamp(at / 1000, UTC) for terminal, at in _rows(session, query)}


def visits_of(
    session: Session, terminal: str, last: date, first: date | None, most: int, simulated: bool = False
) -> list[tuple[date, int]]:
    """Days on which this terminal was visited, newest first, and how often. No hour: contact requests have one."""
    period = Period(first or date(2000, 1, 1), last, terminal, simulated)
    query = select(_e.day, func.count()).where(VISITS, *_within(period)).group_by(_e.day)
    return [(_date(day), count) for day, count in _rows(session, query.order_by(_e.day.desc()).limit(most))]


def day_number(day: date) -> int:
    return day.year * 10_000 + day.month * 100 + day.day


def today_in_paris(now: datetime) -> date:
    return now.astimezone(PARIS).date()


def _in(period: Period, *kinds: str) -> list[ColumnElement[bool]]:
    return [_e.kind.in_(kinds), *_within(period)]


def _within(period: Period) -> list[ColumnElement[bool]]:
    audiences = ("public", "demo") if period.simulated else ("public",)
    conditions = [
        and_(_e.day >= day_number(period.first), _e.day <= day_number(period.last)),
        _e.audience.in_(audiences),
    ]
    return [*conditions, _e.terminal == period.terminal] if period.terminal else conditions


def _rows(session: Session, query: Select[Any]) -> list[Any]:
    return list(session.execute(query).all())


def _one_if(condition: Any) -> ColumnElement[int]:
    return case((condition, 1), else_=0)


def _date(number: int) -> date:
    return date(number // 10_000, number // 100 % 100, number % 100)


def _merge(into: Tally, other: Tally) -> None:
    for name in ("visits", "ended", "engaged", "pages", "contacts_started", "contacts"):
        setattr(into, name, getattr(into, name) + getattr(other, name))
    into.active_over = [a + b for a, b in zip(into.active_over, other.active_over, strict=True)]
