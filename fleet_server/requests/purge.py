"""Requests whose time is over are erased: what was sealed, the place and the hour, and what counsellors did with them.

*Last contact* is the last act of a counsellor, or the deposit where there was none. See docs/decisions/0002.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, func, or_
from sqlmodel import Session, col, select

from fleet_server.access.audit import record_act
from fleet_server.access.audit_models import AuditEntry
from fleet_server.context import Context
from fleet_server.db import after_commit, transaction
from fleet_server.requests.models import ContactAct, ContactRequest
from fleet_server.requests.working_time import PARIS

KEPT_CONVERTED = timedelta(days=730)
"""Once a request has become a pathway: as long as the file of a person who is followed."""
BELIEVABLE = timedelta(days=400)
"""A deposit that is older than this past its time comes from a clock that was lost: a person decides, not a date."""
SOON = timedelta(days=30)
PURGED = "request.purged"
PORTION = 500


@dataclass(frozen=True, slots=True)
class Purge:
    """The last one that erased something."""

    at: datetime
    erased: int


def erased_on(row: ContactRequest, last_act: datetime | None, kept: timedelta, now: datetime) -> date | None:
    """From which day on this request is erased, if nothing happens until then; as `past` finds it. None: never by
    itself, for its clock was lost and nobody has acted."""
    if last_act:
        return (last_act + (KEPT_CONVERTED if row.state == "converted" else kept)).astimezone(PARIS).date()
    try:
        ends = date.fromisoformat(row.day) + kept + timedelta(days=1)
    except ValueError:
        return None
    return ends if ends > now.astimezone(PARIS).date() - BELIEVABLE else None


def past(now: datetime, kept: timedelta) -> ColumnElement[bool]:
    """Of `contact_request`: those whose time is over at `now`."""
    row = ContactRequest
    last = select(func.max(col(ContactAct.at))).where(ContactAct.request == row.id).scalar_subquery()
    converted = col(row.state) == "converted"
    day, over = col(row.day), (now - kept).astimezone(PARIS).date()
    untouched = and_(last.is_(None), day < over.isoformat(), day > (over - BELIEVABLE).isoformat())
    return or_(and_(converted, last < now - KEPT_CONVERTED), and_(~converted, or_(last < now - kept, untouched)))


def due(session: Session, now: datetime, kept: timedelta) -> int:
    """How many are past their time at `now`."""
    return session.exec(select(func.count()).select_from(ContactRequest).where(past(now, kept))).one()


def erase(session: Session, requests: Sequence[str]) -> int:
    """The one way in which a request goes, past its time or asked for. The caller says so in the audit log."""
    session.execute(delete(ContactAct).where(col(ContactAct.request).in_(requests)))
    gone: int = session.connection().execute(
        delete(ContactRequest).where(col(ContactRequest.id).in_(requests))
    ).rowcount  # fmt: skip
    return gone


def purge(ctx: Context, most: int = PORTION) -> int:
    """One portion, in one transaction with its line in the audit log: how many went."""
    now, kept = ctx.now(), timedelta(days=ctx.settings.kept_requests_days)
    with transaction(ctx.engine) as session:
        over = session.exec(select(ContactRequest.id).where(past(now, kept)).limit(most)).all()
        gone = erase(session, over) if over else 0
        if gone:
            record_act(session, None, PURGED, "", {"erased": gone, "kept_days": kept.days}, now=now)
            after_commit(session, lambda: ctx.live.touch("demandes"))
    return gone


def last_purge(session: Session) -> Purge | None:
    """As the audit log proves it, as long as it keeps its lines."""
    newest = select(AuditEntry).where(AuditEntry.act == PURGED).order_by(col(AuditEntry.at).desc()).limit(1)
    line = session.exec(newest).first()
    return Purge(line.at, int(line.detail.get("erased", 0))) if line else None
