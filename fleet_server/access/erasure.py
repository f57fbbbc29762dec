"""Values taken out of the audit log, for a person's right to be forgotten: they go with their salts, links stay."""

from datetime import datetime
from typing import Any

from sqlalchemy import or_, update
from sqlmodel import Session, col, select

from fleet_server.access.audit import record_act
from fleet_server.access.audit_models import AuditEntry
from fleet_server.access.chain import GROUPS
from fleet_server.access.models import Account
from fleet_server.web.viewer import Viewer

_PORTION = 1_000


def erase_person(session: Session, names: set[str], reason: str, viewer: Viewer | None, now: datetime) -> int:
    """Every value that is one of `names` (a name, a login) goes, and whoever acted by an account called so, under an
    earlier name or by a token of theirs; the account's number goes too. How many lines.

    The act itself is told, with its reason and never the name.
    """
    called = or_(col(Account.login).in_(names), col(Account.name).in_(names))
    accounts = set(session.exec(select(Account.id).where(called)))
    count, after = 0, 0
    while True:
        query = select(AuditEntry).where(col(AuditEntry.id) > after).order_by(col(AuditEntry.id)).limit(_PORTION)
        rows = session.exec(query).all()
        if not rows:
            break
        for row in rows:
            gone = {name for name, value in row.line().fields().items() if _names(value, names)}
            if "who" in gone or row.account_id in accounts:
                gone |= {"who", "account"}
            if gone & row.salts.keys():
                _erase(session, row, gone)
                count += 1
        after = rows[-1].id or 0
    if count:
        record_act(session, viewer, "audit.erased", "", {"lines": count, "reason": reason}, now=now)
    return count


def _names(value: Any, names: set[str]) -> bool:
    return value in names if isinstance(value, str) else isinstance(value, list) and any(one in names for one in value)


def _erase(session: Session, row: AuditEntry, fields: set[str]) -> None:
    blank: dict[str, Any] = {"who": "", "subject": "", "account": None, "terminals": []}
    values = {("account_id" if name == "account" else name): blank[name] for name in fields if name in blank}
    for group in GROUPS:
        kept = {name: value for name, value in getattr(row, group).items() if f"{group}.{name}" not in fields}
        if kept != getattr(row, group):
            values[group] = kept
    salts = {name: salt for name, salt in row.salts.items() if name not in fields}
    session.execute(update(AuditEntry).where(col(AuditEntry.id) == row.id).values(salts=salts, **values))
