"""Planned maintenance as pages and programs are shown it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, or_, select

from fleet_server.terminals.models import Terminal
from fleet_server.terminals.registry import places
from fleet_server.terminals.upkeep.held import ends, is_called_off, named_in
from fleet_server.terminals.upkeep.models import Maintenance, MaintenanceOf
from fleet_server.terminals.upkeep.words import span_words
from wire.state import Place

PAST_SHOWN = 30


@dataclass(frozen=True, slots=True)
class Shown:
    """`state`: planned, in_force, ended, called_off. `terminals`: id → name, of those it is about (of a place: those
    that stand there now); `place`: its name, when it is about one."""

    row: Maintenance
    state: str
    ends_at: datetime
    span: str
    terminals: dict[str, str]
    place: str

    @property
    def whom(self) -> str:
        return self.place or ", ".join(sorted(self.terminals.values()))


def state_at(row: Maintenance, now: datetime) -> str:
    if is_called_off(row):
        return "called_off"
    if ends(row) <= now:
        return "ended"
    return "in_force" if row.begins_at <= now else "planned"


def coming(session: Session, now: datetime, terminal: str = "") -> list[Shown]:
    """What is in force or still to come, in the order of time; of one terminal or all. Five queries at most."""
    query = select(Maintenance).where(Maintenance.ends_at > now, col(Maintenance.closed_at).is_(None))
    return _shown(session, list(session.exec(query.order_by(col(Maintenance.begins_at), col(Maintenance.id)))), now,
                  terminal)  # fmt: skip


def past(session: Session, now: datetime, terminal: str = "", most: int = PAST_SHOWN) -> list[Shown]:
    """What has ended, or was called off, the newest first."""
    query = select(Maintenance).where(or_(Maintenance.ends_at <= now, col(Maintenance.closed_at).is_not(None)))
    if terminal:
        sites = {place.site for place in places(session, [terminal]).values()}
        named = select(MaintenanceOf.maintenance).where(MaintenanceOf.terminal == terminal)
        query = query.where(or_(col(Maintenance.id).in_(named), col(Maintenance.site).in_(sites)))
    rows = session.exec(query.order_by(col(Maintenance.begins_at).desc(), col(Maintenance.id).desc()).limit(most))
    return _shown(session, list(rows), now, terminal)


def one(session: Session, row: Maintenance, now: datetime) -> Shown:
    return _shown(session, [row], now, "")[0]


def known_places(session: Session) -> dict[str, Place]:
    """Site → the place, of terminals in service."""
    named = _names(session)
    return {place.site: place for terminal, place in places(session).items() if terminal in named}


def _names(session: Session) -> dict[str, str]:
    in_service = select(Terminal.id, Terminal.name).where(col(Terminal.status) != "decommissioned")
    return dict(session.exec(in_service.order_by(Terminal.name)).all())


def _shown(session: Session, rows: Sequence[Maintenance], now: datetime, terminal: str) -> list[Shown]:
    if not rows:
        return []
    names, named, stand = _names(session), named_in(session, rows), places(session)
    made = []
    for row in rows:
        there = [one for one, place in stand.items() if place.site == row.site] if row.site else named[row.id or 0]
        if terminal and terminal not in there:
            continue
        place = next((stand[one].name for one in there), row.site) if row.site else ""
        kept = {one: names[one] for one in there if one in names}
        # What was called off is told as it was planned: it never was at any other time.
        until = row.ends_at if is_called_off(row) else ends(row)
        span = span_words(row.begins_at, until, row.timezone, now)
        made.append(Shown(row, state_at(row, now), ends(row), span, kept, place))
    return made
