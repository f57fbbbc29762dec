"""The audit log: every act that changes something leaves one line, in the same transaction as the change."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, func, or_, select

from fleet_server.access.models import AuditEntry
from fleet_server.web.viewer import Viewer

SYSTEM = "Balise"
PAGE_SIZE = 50


def record_act(
    session: Session,
    viewer: Viewer | None,
    act: str,
    subject: str = "",
    detail: dict[str, Any] | None = None,
    *,
    now: datetime,
    who: str = "",
) -> None:
    """`act` is dotted, past tense: `terminal.settings_changed`. Never put a secret or a visitor's words in `detail`."""
    name = viewer.name if viewer else who or SYSTEM
    session.add(
        AuditEntry(
            at=now, account_id=viewer.id if viewer else None, who=name[:80], act=act, subject=subject[:120],
            detail=detail or {},
        )
    )  # fmt: skip


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
