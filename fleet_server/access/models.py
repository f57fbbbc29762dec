"""Tables of access, but for the audit log. Secrets are kept only as digests: none can be read back."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from fleet_server.access.audit_models import AuditEntry
from fleet_server.db import UtcDateTime

__all__ = ["Account", "ApiToken", "AuditEntry", "SignInFailure", "WebSession"]


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
