"""Browsers that are signed in: a token of their own from sign-in on, renewed as it ages, ended in time."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine
from sqlmodel import Session, col, delete, or_, select, update

from fleet_server.access.models import Account, WebSession
from fleet_server.db import reading, transaction
from fleet_server.web.viewer import Viewer

COOKIE = "balise_session"
LIFETIME = timedelta(hours=12)
IDLE = timedelta(hours=4)
ROTATION = timedelta(minutes=30)
# Requests already on their way when the token changed.
GRACE = timedelta(minutes=1)
SEEN_EVERY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class SignedIn:
    viewer: Viewer
    session_id: int
    fresh_token: str | None
    """To be sent in a new cookie."""


def open_session(session: Session, account: Account, now: datetime) -> str:
    """The token for the cookie. Always a new one: a token a browser brought along is never adopted (fixation)."""
    assert account.id is not None
    token = secrets.token_urlsafe(32)
    session.add(
        WebSession(
            account_id=account.id, token=digest(token), csrf=secrets.token_hex(32), created_at=now, rotated_at=now,
            seen_at=now,
        )
    )  # fmt: skip
    account.seen_at = now
    session.add(account)
    session.exec(delete(WebSession).where(col(WebSession.created_at) < now - LIFETIME))
    return token


def find_session(engine: Engine, token: str, now: datetime) -> SignedIn | None:
    """Whose browser this is. Writes only when the session is to be renewed or seen again after a while."""
    hashed = digest(token)
    with reading(engine) as session:
        found = session.exec(
            select(WebSession, Account)
            .join(Account, col(Account.id) == col(WebSession.account_id))
            .where(or_(WebSession.token == hashed, WebSession.previous_token == hashed))
        ).first()
    if found is None:
        return None
    row, account = found
    if account.closed_at or now - row.created_at > LIFETIME or now - row.seen_at > IDLE:
        return None
    if row.token != hashed and now - row.rotated_at > GRACE:
        return None
    assert row.id is not None
    assert account.id is not None
    viewer = Viewer(account.id, account.login, account.name, account.role_set, row.csrf)
    fresh = _renewed(engine, row, hashed, now) if row.token == hashed else None
    return SignedIn(viewer, row.id, fresh)


def _renewed(engine: Engine, row: WebSession, hashed: str, now: datetime) -> str | None:
    rotate = now - row.rotated_at > ROTATION
    if not rotate and now - row.seen_at <= SEEN_EVERY:
        return None
    token = secrets.token_urlsafe(32)
    values = {"token": digest(token), "previous_token": hashed, "rotated_at": now} if rotate else {}
    with transaction(engine) as session:
        # Guarded: of two requests at once only one renews, and the other is carried by the grace.
        moved = session.exec(
            update(WebSession)
            .where(col(WebSession.id) == row.id, col(WebSession.token) == hashed)
            .values(seen_at=now, **values)
        ).rowcount
    return token if rotate and moved == 1 else None


def end_session(session: Session, token: str) -> None:
    hashed = digest(token)
    session.exec(
        delete(WebSession).where(or_(col(WebSession.token) == hashed, col(WebSession.previous_token) == hashed))
    )


def end_all_sessions(session: Session, account_id: int) -> None:
    session.exec(delete(WebSession).where(col(WebSession.account_id) == account_id))


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
