"""Tables of access. Secrets are kept only as digests: neither a password nor a session can be read back."""

from datetime import datetime
from typing import Any

from sqlalchemy import DDL, JSON, Column, Index, UniqueConstraint, event
from sqlmodel import Field, SQLModel

from fleet_server.db import UtcDateTime


class Account(SQLModel, table=True):
    """A person who may sign in. `password` is an Argon2 hash, empty until the invitation is accepted."""

    __tablename__ = "access_account"
    __table_args__ = (UniqueConstraint("login", name="uq_access_account_login"),)

    id: int | None = Field(default=None, primary_key=True)
    login: str = Field(max_length=60)
    name: str = Field(max_length=80)
    roles: str = Field(max_length=120)
    """Comma-separated, in the order of `ROLES`."""
    password: str = Field(default="", max_length=255)
    created_at: datetime = Field(sa_type=UtcDateTime)
    seen_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    invitation: str | None = Field(default=None, max_length=64, index=True)
    """SHA-256 of the invitation link's token; used once."""
    invited_until: datetime | None = Field(default=None, sa_type=UtcDateTime)

    @property
    def role_set(self) -> frozenset[str]:
        return frozenset(role for role in self.roles.split(",") if role)

    def state(self, now: datetime) -> str:
        if self.closed_at:
            return "closed"
        if self.password:
            return "active"
        return "invited" if self.invited_until and now < self.invited_until else "expired"


class WebSession(SQLModel, table=True):
    """A browser that is signed in. The cookie's token changes as it ages; the one before is good for a minute more."""

    __tablename__ = "access_web_session"

    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="access_account.id", index=True)
    token: str = Field(max_length=64, unique=True)
    """SHA-256 of what the cookie holds."""
    previous_token: str | None = Field(default=None, max_length=64, index=True)
    csrf: str = Field(max_length=64)
    created_at: datetime = Field(sa_type=UtcDateTime)
    rotated_at: datetime = Field(sa_type=UtcDateTime)
    seen_at: datetime = Field(sa_type=UtcDateTime)


class SignInFailure(SQLModel, table=True):
    """Recent failures by login and address (digest of both): the throttle's memory, over restarts and workers."""

    __tablename__ = "access_sign_in_failure"

    key: str = Field(primary_key=True, max_length=64)
    count: int = 0
    last_at: datetime = Field(sa_type=UtcDateTime)
    blocked_until: datetime | None = Field(default=None, sa_type=UtcDateTime)


class ApiToken(SQLModel, table=True):
    """What a program shows to act for an account, within some of its scopes. Only the digest of the secret is kept."""

    __tablename__ = "access_api_token"

    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="access_account.id", index=True)
    """Whose rights bound its own: what that account may no longer do, the token may not either."""
    name: str = Field(max_length=40)
    digest: str = Field(max_length=64, unique=True)
    hint: str = Field(max_length=16)
    """How the secret begins, to tell it from others."""
    scopes: str = Field(max_length=255)
    """Comma-separated, in the order of `tokens.SCOPES`."""
    made_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

    @property
    def scope_set(self) -> frozenset[str]:
        return frozenset(scope for scope in self.scopes.split(",") if scope)

    def state(self, now: datetime) -> str:
        if self.revoked_at:
            return "revoked"
        return "active" if now < self.expires_at else "expired"


class AuditEntry(SQLModel, table=True):
    """One act that changed something: who, what, on which subject. Append-only: the database refuses the rest, but for
    the old lines that `retention` takes away."""

    __tablename__ = "access_audit_entry"
    __table_args__ = (Index("ix_access_audit_entry_act_at", "act", "at"),)

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime, index=True)
    account_id: int | None = Field(default=None, index=True)
    """None: the system, or someone not signed in."""
    who: str = Field(max_length=80)
    """The name at that time: it stays when the account changes."""
    act: str = Field(max_length=60)
    subject: str = Field(default="", max_length=120, index=True)
    detail: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))


AUDIT_KEPT_DAYS = 180
"""Younger lines nobody deletes, whatever the settings say."""
_APPEND_ONLY = "SELECT RAISE(ABORT, 'the audit log is append-only')"
AUDIT_TRIGGERS = [
    f"CREATE TRIGGER access_audit_entry_no_update BEFORE UPDATE ON access_audit_entry BEGIN {_APPEND_ONLY}; END",
    "CREATE TRIGGER access_audit_entry_no_delete BEFORE DELETE ON access_audit_entry "
    f"WHEN OLD.at > datetime('now', '-{AUDIT_KEPT_DAYS} days') BEGIN {_APPEND_ONLY}; END",
]
"""SQLite; the migration that makes the table runs them too."""

for _statement in AUDIT_TRIGGERS:
    event.listen(
        SQLModel.metadata.tables["access_audit_entry"],
        "after_create",
        DDL(_statement).execute_if(dialect="sqlite"),  # type: ignore[no-untyped-call]
    )
