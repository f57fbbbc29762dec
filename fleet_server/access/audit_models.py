"""Tables of the audit log: the values that people read, which may be erased, and the chain over them, which may not."""

from datetime import datetime
from typing import Any

from sqlalchemy import DDL, JSON, Column, Index, event
from sqlmodel import Field, SQLModel

from fleet_server.access.chain import GENESIS, Line
from fleet_server.db import UtcDateTime


class AuditEntry(SQLModel, table=True):
    """One act that changed something: who, what, on which subject and terminals, before and after.

    Only `audit.record_act` adds one. The database refuses to change it, but for values that go with their salt, and to
    delete it while it is young.
    """

    __tablename__ = "access_audit_entry"
    __table_args__ = (Index("ix_access_audit_entry_act_at", "act", "at"),)

    id: int | None = Field(default=None, primary_key=True)
    """The number of its link."""
    at: datetime = Field(sa_type=UtcDateTime, index=True)
    account_id: int | None = Field(default=None, index=True)
    """None: the system, or someone not signed in."""
    who: str = Field(max_length=80)
    """The name at that time: it stays when the account changes."""
    act: str = Field(max_length=60)
    subject: str = Field(default="", max_length=120, index=True)
    detail: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    terminals: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    before: dict[str, Any] = Field(default_factory=dict, sa_column=Column("value_before", JSON, nullable=False))
    after: dict[str, Any] = Field(default_factory=dict, sa_column=Column("value_after", JSON, nullable=False))
    salts: dict[str, str] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    """Field → salt of its digest in the chain. A field without one was erased."""

    def line(self) -> Line:
        return Line(self.at, self.account_id, self.who, self.act, self.subject, self.terminals, self.detail,
                    self.before, self.after)  # fmt: skip


class AuditLink(SQLModel, table=True):
    """A link of the chain (`chain.Link`), kept for ever: it names nobody."""

    __tablename__ = "access_audit_link"

    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    at: datetime = Field(sa_type=UtcDateTime)
    act: str = Field(max_length=60)
    digests: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))
    previous: str = Field(max_length=64)
    seal: str = Field(max_length=64)


class AuditHead(SQLModel, table=True):
    """The end of the chain, one row: who writes the next link holds it, so that two processes make one chain."""

    __tablename__ = "access_audit_head"

    id: int = Field(default=1, primary_key=True, sa_column_kwargs={"autoincrement": False})
    number: int = 0
    seal: str = Field(default=GENESIS, max_length=64)


AUDIT_KEPT_DAYS = 180
"""Younger lines nobody deletes, whatever the settings say."""
_ABORT = "SELECT RAISE(ABORT, 'the audit log is append-only')"
AUDIT_TRIGGERS = {
    "access_audit_entry": [
        "CREATE TRIGGER access_audit_entry_no_update BEFORE UPDATE ON access_audit_entry "
        "WHEN NEW.id IS NOT OLD.id OR NEW.at IS NOT OLD.at OR NEW.act IS NOT OLD.act "
        f"OR length(NEW.salts) >= length(OLD.salts) BEGIN {_ABORT}; END",
        "CREATE TRIGGER access_audit_entry_no_delete BEFORE DELETE ON access_audit_entry "
        f"WHEN OLD.at > datetime('now', '-{AUDIT_KEPT_DAYS} days') BEGIN {_ABORT}; END",
    ],
    "access_audit_link": [
        f"CREATE TRIGGER access_audit_link_no_{act} BEFORE {act.upper()} ON access_audit_link BEGIN {_ABORT}; END"
        for act in ("update", "delete")
    ],
}
"""SQLite, by table."""
_REFUSE = "EXECUTE FUNCTION access_audit_append_only()"
_FUNCTION = (
    "CREATE OR REPLACE FUNCTION access_audit_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'integrity_constraint_violation'; END $$"
)
_POSTGRESQL = {
    "access_audit_entry": [
        _FUNCTION,
        "CREATE TRIGGER access_audit_entry_no_update BEFORE UPDATE ON access_audit_entry FOR EACH ROW "
        "WHEN (NEW.id IS DISTINCT FROM OLD.id OR NEW.at IS DISTINCT FROM OLD.at OR NEW.act IS DISTINCT FROM OLD.act "
        f"OR length(NEW.salts::text) >= length(OLD.salts::text)) {_REFUSE}",
        "CREATE TRIGGER access_audit_entry_no_delete BEFORE DELETE ON access_audit_entry FOR EACH ROW "
        f"WHEN (OLD.at > now() - interval '{AUDIT_KEPT_DAYS} days') {_REFUSE}",
        "CREATE TRIGGER access_audit_entry_no_truncate BEFORE TRUNCATE ON access_audit_entry FOR EACH STATEMENT "
        f"{_REFUSE}",
    ],
    "access_audit_link": [_FUNCTION]
    + [
        f"CREATE TRIGGER access_audit_link_no_{act} BEFORE {act.upper()} ON access_audit_link FOR EACH {each} {_REFUSE}"
        for act, each in (("update", "ROW"), ("delete", "ROW"), ("truncate", "STATEMENT"))
    ],
}
"""The same; there a table can also be emptied without a row being deleted."""

for _dialect, _triggers in (("sqlite", AUDIT_TRIGGERS), ("postgresql", _POSTGRESQL)):
    for _table, _statements in _triggers.items():
        for _statement in _statements:
            event.listen(
                SQLModel.metadata.tables[_table],
                "after_create",
                DDL(_statement.replace("%", "%%")).execute_if(dialect=_dialect),  # type: ignore[no-untyped-call]
            )
