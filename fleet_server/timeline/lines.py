"""The lines of one terminal, newest first: each source is asked once for a page, and they are merged."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from heapq import nlargest
from typing import Any

from sqlalchemy import ColumnElement, and_, false, not_, or_, true
from sqlmodel import Session, col, select

from fleet_server.certificates.models import Certificate
from fleet_server.certificates.record import REASONS
from fleet_server.evaluation.counting import visits_of
from fleet_server.inventory.models import InventoryChange
from fleet_server.inventory.shown import change_of
from fleet_server.inventory.words import Line as Changed
from fleet_server.terminals.models import TerminalCommand, TerminalEvent, TerminalPlace
from fleet_server.terminals.reasons import reason_words
from fleet_server.terminals.upkeep.held import ends
from fleet_server.terminals.upkeep.models import Maintenance, MaintenanceOf
from fleet_server.terminals.upkeep.words import span_words
from fleet_server.terminals.words import fact_of, order_words
from fleet_server.timeline.keys import Key, older
from fleet_server.timeline.kinds import KINDS, TOLD_ELSEWHERE, kind_of
from fleet_server.web.french import PARIS, day, plural
from fleet_server.web.vocabulary import state_of

PAGE_SIZE = 50
_PLACES = 50
"""Of one terminal: more moves than that are no kiosk's."""
_EVENT, _COMMAND, _CERTIFICATE, _CHANGE, _VISITS, _WORKS = "e", "c", "k", "i", "v", "m"


@dataclass(frozen=True, slots=True)
class Line:
    """`kind`: of `KINDS`. `name`: of the fact itself, for programs. `changed`: what is shown with an arrow."""

    key: Key
    kind: str
    name: str
    shape: str
    tone: str
    words: str
    detail: str = ""
    changed: tuple[Changed, ...] = ()
    link: str = ""

    @property
    def at(self) -> datetime:
        return self.key.at

    @property
    def day(self) -> date:
        return self.at.astimezone(PARIS).date()


@dataclass(frozen=True, slots=True)
class Asked:
    """Days of Paris, both included. `kind`: one of `KINDS`, empty for all."""

    terminal: str
    kind: str = ""
    first: date | None = None
    last: date | None = None
    before: Key | None = None
    simulated: bool = False

    def within(self, at: Any, ident: Any, source: str) -> ColumnElement[bool]:
        conditions = [older(at, ident, source, self.before)]
        if self.first:
            conditions.append(at >= _midnight(self.first))
        if self.last:
            conditions.append(at < _midnight(self.last + timedelta(days=1)))
        return and_(*conditions)

    def wants(self, *kinds: str) -> bool:
        return not self.kind or self.kind in kinds


def lines(session: Session, asked: Asked, now: datetime, most: int = PAGE_SIZE) -> tuple[list[Line], Key | None]:
    """A page, and where the next one begins. At most eight queries, whatever there is."""
    found: list[Line] = []
    for source in _SOURCES:
        found += source(session, asked, most + 1)
    found += _works(session, asked, now, most + 1)
    found = nlargest(most + 1, found, key=lambda line: line.key)
    # Days further back than the page reaches need not be counted.
    reach = found[-1].day if len(found) > most else None
    found = nlargest(most + 1, found + _visits(session, asked, now, reach, most + 1), key=lambda line: line.key)
    return found[:most], found[most - 1].key if len(found) > most else None


# ---- sources ---------------------------------------------------------------------------------------------------------


def _events(session: Session, asked: Asked, most: int) -> list[Line]:
    row = TerminalEvent
    query = select(row).where(
        row.terminal == asked.terminal, asked.within(col(row.at), col(row.id), _EVENT), _named(asked.kind)
    )  # fmt: skip
    return [_event(one) for one in session.exec(_newest(query, row.at, row.id, most))]


def _named(kind: str) -> ColumnElement[bool]:
    """Events of this kind, by what the terminal called them."""
    name, own = col(TerminalEvent.what), col(TerminalEvent.kind)
    untold = or_(name.in_(TOLD_ELSEWHERE), own.in_(TOLD_ELSEWHERE))
    if not kind:
        return not_(untold)
    if kind == "autres":
        return not_(or_(untold, *(_named(one) for one, it in KINDS.items() if it.has_events)))
    asked = KINDS[kind]
    if not asked.has_events:
        return false()
    starts = [one.startswith(prefix) for prefix in asked.prefixes for one in (name, own)]
    return or_(name.in_(asked.names), own.in_(asked.names), *starts)


def _event(row: TerminalEvent) -> Line:
    fact, name = fact_of(row), row.what or row.kind
    return Line(Key(row.at, _EVENT, row.id), kind_of(name), name, fact.shape, fact.tone, fact.words, fact.detail)


def _commands(session: Session, asked: Asked, most: int) -> list[Line]:
    """When they were given, with what became of them."""
    if not asked.wants("commandes", "maintenance"):
        return []
    row = TerminalCommand
    query = select(row).where(
        row.terminal == asked.terminal, asked.within(col(row.queued_at), col(row.id), _COMMAND)
    )  # fmt: skip
    if asked.kind:
        order: Any = col(row.order)["kind"].as_string()
        maintenance = order == "maintenance.set"
        query = query.where(maintenance if asked.kind == "maintenance" else not_(maintenance))
    return [_command(one) for one in session.exec(_newest(query, row.queued_at, row.id, most))]


def _command(row: TerminalCommand) -> Line:
    shape, tone, word = state_of("command", row.state)
    order = str(row.order.get("kind", ""))
    said = [word, f"par {row.by}" if row.by else "", reason_words(row.reason)]
    return Line(
        Key(row.queued_at, _COMMAND, row.id), "maintenance" if order == "maintenance.set" else "commandes",
        f"command.{order}", shape, tone, order_words(row.order), " · ".join(one for one in said if one),
    )  # fmt: skip


def _issued(session: Session, asked: Asked, most: int) -> list[Line]:
    return _certificates(session, asked, most, Certificate.issued_at, _issue)


def _revoked(session: Session, asked: Asked, most: int) -> list[Line]:
    return _certificates(session, asked, most, Certificate.revoked_at, _revocation)


def _certificates(
    session: Session, asked: Asked, most: int, at: Any, line: Callable[[Certificate], Line]
) -> list[Line]:
    if not asked.wants("certificat"):
        return []
    row = Certificate
    query = select(row).where(
        row.kind == "terminal", row.name == asked.terminal, col(at).is_not(None),
        asked.within(col(at), col(row.serial), _CERTIFICATE),
    )  # fmt: skip
    return [line(one) for one in session.exec(_newest(query, at, row.serial, most))]


def _issue(row: Certificate) -> Line:
    said = f"jusqu’au {day(row.ends_at, year=True)} · enrôlement n° {row.generation}"
    key = Key(row.issued_at, _CERTIFICATE, row.serial)
    return Line(key, "certificat", "certificate.issued", "check", "ok", "Certificat délivré", said)


def _revocation(row: Certificate) -> Line:
    why = REASONS.get(row.reason, (row.reason,))[0]
    said = " · ".join(one for one in (why, f"par {row.by}" if row.by else "") if one)
    key = Key(row.revoked_at or row.issued_at, _CERTIFICATE, row.serial)
    return Line(key, "certificat", "certificate.revoked", "slash", "off", "Certificat révoqué", said)


def _changes(session: Session, asked: Asked, most: int) -> list[Line]:
    if not asked.wants("materiel"):
        return []
    row = InventoryChange
    query = select(row).where(row.terminal == asked.terminal, asked.within(col(row.at), col(row.id), _CHANGE))
    return [_change(one) for one in session.exec(_newest(query, row.at, row.id, most))]


def _change(row: InventoryChange) -> Line:
    change = change_of(row)
    # As long as any number, so that texts sort as numbers do.
    key = Key(row.at, _CHANGE, f"{row.id or 0:012d}")
    return Line(key, "materiel", f"inventory.{row.part}", "dot", "run", change.title, changed=tuple(change.lines),
                link=f"/bornes/{row.terminal}/materiel")  # fmt: skip


def _works(session: Session, asked: Asked, now: datetime, most: int) -> list[Line]:
    """Planned maintenance, when it began; what was called off never was."""
    if not asked.wants("maintenance"):
        return []
    stood = session.exec(
        select(TerminalPlace).where(TerminalPlace.terminal == asked.terminal)
        .order_by(col(TerminalPlace.since).desc(), col(TerminalPlace.id).desc()).limit(_PLACES)
    ).all()  # fmt: skip
    row = Maintenance
    named = select(MaintenanceOf.maintenance).where(MaintenanceOf.terminal == asked.terminal)
    about: list[ColumnElement[bool]] = [col(row.id).in_(named)]
    left: datetime | None = None
    for place in stood:
        until = col(row.begins_at) < left if left else true()
        about.append(and_(col(row.site) == place.place["site"], col(row.ends_at) > place.since, until))
        left = place.since
    query = select(row).where(
        row.begins_at <= now, or_(col(row.closed_at).is_(None), col(row.closed_at) > row.begins_at), or_(*about),
        asked.within(col(row.begins_at), col(row.id), _WORKS),
    )  # fmt: skip
    return [_work(one, now) for one in session.exec(_newest(query, row.begins_at, row.id, most))]


def _work(row: Maintenance, now: datetime) -> Line:
    key = Key(row.begins_at, _WORKS, f"{row.id or 0:012d}")
    early = f"terminés plus tôt par {row.closed_by}" if row.closed_at else ""
    said = (span_words(row.begins_at, ends(row), row.timezone, now), f"prévus par {row.by}", early)
    return Line(key, "maintenance", "maintenance.planned", "pause", "off", f"Travaux : {row.reason}",
                " · ".join(one for one in said if one), link=f"/travaux/{row.id}")  # fmt: skip


_SOURCES: Sequence[Callable[[Session, Asked, int], list[Line]]] = (_events, _commands, _issued, _revoked, _changes)


def _visits(session: Session, asked: Asked, now: datetime, reach: date | None, most: int) -> list[Line]:
    """One line a day, once it is over: how many, never when, so that nothing lies beside a contact request's hour, and
    no count that moves tells that somebody is there."""
    if not asked.wants("visites"):
        return []
    yesterday = now.astimezone(PARIS).date() - timedelta(days=1)
    last = min(day for day in (asked.last, asked.before and asked.before.at.astimezone(PARIS).date(), yesterday) if day)
    firsts = [day for day in (asked.first, reach) if day]
    days = visits_of(session, asked.terminal, last, max(firsts) if firsts else None, most + 1, asked.simulated)
    made = (_day(asked.terminal, day, count) for day, count in days)
    return [line for line in made if asked.before is None or line.key < asked.before]


def _day(terminal: str, day: date, count: int) -> Line:
    at = _midnight(day + timedelta(days=1)) - timedelta(microseconds=1)
    return Line(Key(at, _VISITS, day.isoformat()), "visites", "visits.counted", "dot", "ok", plural(count, "visite"),
                link=f"/frequentation?borne={terminal}&du={day}&au={day}")  # fmt: skip


def _newest(query: Any, at: Any, ident: Any, most: int) -> Any:
    return query.order_by(col(at).desc(), col(ident).desc()).limit(most)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), PARIS)
