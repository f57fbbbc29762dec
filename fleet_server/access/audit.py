"""The audit log: every act that changes something leaves one line, in the same transaction as the change.

Lines are chained when the transaction commits, last of all: whoever writes the next link holds the chain's end for the
shortest time, and waits for nothing else while holding it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, event, insert, update
from sqlalchemy.orm import Session as PlainSession
from sqlmodel import Session, col, func, or_, select

from fleet_server.access.audit_models import AuditEntry, AuditHead, AuditLink
from fleet_server.access.chain import Head, Line, Link, Row, Whole, linked, new_salts, verify
from fleet_server.db import reading
from fleet_server.web.viewer import Viewer

SYSTEM = "Balise"
PAGE_SIZE = 50
_PENDING = "acts to chain"
_PORTION = 1_000


def record_act(
    session: Session,
    viewer: Viewer | None,
    act: str,
    subject: str = "",
    detail: dict[str, Any] | None = None,
    *,
    now: datetime,
    who: str = "",
    terminals: Iterable[str] = (),
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """`act` is dotted, past tense: `terminal.settings_changed`. `before` and `after`: what changed, by field. Never put
    a secret or a visitor's words in any of them. Values are plain JSON.

    `terminals`: those it is about; a subject of `terminal.…` that is one need not be named again.
    """
    name = viewer.name if viewer else who or SYSTEM
    about = sorted(set(terminals)) or ([subject] if act.startswith("terminal.") and subject.startswith("b-") else [])
    line = Line(now, viewer.id if viewer else None, name[:80], act, subject[:120], about, detail or {}, before or {},
                after or {})  # fmt: skip
    session.info.setdefault(_PENDING, []).append(line)


@event.listens_for(PlainSession, "before_commit")
def _chain(session: PlainSession) -> None:
    """SQLite has one writer at a time; elsewhere the end of the chain is locked until the commit."""
    lines: list[Line] = session.info.pop(_PENDING, [])
    if not lines:
        return
    found = session.execute(select(AuditHead.number, AuditHead.seal).with_for_update()).first()
    end = Head(*found) if found else Head()
    links: list[Link] = []
    entries = []
    for line in lines:
        salts = new_salts(line)
        links.append(linked(end, line, salts))
        entries.append(asdict(line) | {"id": links[-1].number, "salts": salts})
        end = Head(links[-1].number, links[-1].seal)
    session.execute(insert(AuditLink), [asdict(link) for link in links])
    session.execute(insert(AuditEntry), entries)
    moved = update(AuditHead).values(**asdict(end)) if found else insert(AuditHead).values(id=1, **asdict(end))
    session.execute(moved)


@event.listens_for(PlainSession, "after_rollback")
def _forget(session: PlainSession) -> None:
    session.info.pop(_PENDING, None)


def head(session: Session) -> Head:
    found = session.exec(select(AuditHead.number, AuditHead.seal)).first()
    return Head(*found) if found else Head()


def verified(engine: Engine, now: datetime, kept: timedelta, noted: Head | None = None) -> Whole:
    """The whole log, read as of one moment while others go on writing. Raises `chain.Broken`."""
    snapshot = {} if engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
    with reading(engine.execution_options(**snapshot)) as session:
        return verify(rows_of(session), head(session), now, kept, noted)


def rows_of(session: Session) -> Iterator[Row]:
    """Every link and every line, by number: what `chain.verify` reads. Portion by portion, whatever their count."""
    after = 0
    while True:
        links = _portion(session, select(AuditLink), col(AuditLink.number), after)
        entries = _portion(session, select(AuditEntry), col(AuditEntry.id), after)
        if not links and not entries:
            return
        # What one portion does not reach, the next one brings: numbers past the shorter of two full ones wait.
        ends = [list(part)[-1] for part in (links, entries) if len(part) == _PORTION]
        until = min(ends, default=max([*links, *entries]))
        for number in sorted({number for number in (*links, *entries) if number <= until}):
            link, entry = links.get(number), entries.get(number)
            yield Row(
                number,
                Link(number, link.at, link.act, link.digests, link.previous, link.seal) if link else None,
                entry.line() if entry else None,
                entry.salts if entry else {},
            )
        after = until
        session.expunge_all()


def _portion(session: Session, query: Any, key: Any, after: int) -> dict[int, Any]:
    rows = session.exec(query.where(key > after).order_by(key).limit(_PORTION)).all()
    return {getattr(row, key.key): row for row in rows}


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """What `/journal` shows; empty means all. `page` from 1."""

    who: str = ""
    act: str = ""
    subject: str = ""
    since: datetime | None = None
    until: datetime | None = None
    page: int = 1


def entries(session: Session, wanted: AuditFilter) -> tuple[int, list[AuditEntry]]:
    """How many match, and the page asked for, newest first."""
    total = session.exec(_matching(select(func.count()).select_from(AuditEntry), wanted)).one()
    rows = _matching(select(AuditEntry), wanted).order_by(col(AuditEntry.id).desc())
    return total, list(session.exec(rows.offset((wanted.page - 1) * PAGE_SIZE).limit(PAGE_SIZE)).all())


def _matching(query: Any, wanted: AuditFilter) -> Any:
    if wanted.who:
        query = query.where(AuditEntry.who == wanted.who)
    if wanted.act:
        query = query.where(or_(AuditEntry.act == wanted.act, col(AuditEntry.act).startswith(wanted.act + ".")))
    if wanted.subject:
        query = query.where(col(AuditEntry.subject).icontains(wanted.subject, autoescape=True))
    if wanted.since:
        query = query.where(AuditEntry.at >= wanted.since)
    if wanted.until:
        query = query.where(AuditEntry.at < wanted.until)
    return query


def people(session: Session) -> list[str]:
    return list(session.exec(select(AuditEntry.who).distinct().order_by(AuditEntry.who)).all())
