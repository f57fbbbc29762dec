"""Sign-in attempts, by login and address: after five failures, wait, and be told how long.

The key holds the address, so that no one can lock another person out from elsewhere; a second key, of the address
alone, slows whoever tries many logins.
"""

import hashlib
from datetime import datetime, timedelta

from sqlmodel import Session, col, delete

from fleet_server.access.models import SignInFailure

WINDOW = timedelta(minutes=15)
WAIT = timedelta(minutes=15)
LIMIT, ADDRESS_LIMIT = 5, 40


def keys_of(login: str, address: str) -> list[tuple[str, int]]:
    """Digest and limit of each: a login typed wrong may be a password typed in the wrong field."""
    return [(_digest(f"{login.strip().casefold()}\0{address}"), LIMIT), (_digest(f"\0{address}"), ADDRESS_LIMIT)]


def wait_left(session: Session, login: str, address: str, now: datetime) -> timedelta | None:
    rows = [session.get(SignInFailure, key) for key, _ in keys_of(login, address)]
    waits = [row.blocked_until - now for row in rows if row and row.blocked_until and row.blocked_until > now]
    return max(waits, default=None)


def record_failure(session: Session, login: str, address: str, now: datetime) -> int:
    """Returns how many tries are left for this login before the wait."""
    left = LIMIT
    for key, limit in keys_of(login, address):
        row = session.get(SignInFailure, key) or SignInFailure(key=key, last_at=now)
        if row.blocked_until or now - row.last_at > WINDOW:
            row.count, row.blocked_until = 0, None
        row.count, row.last_at = row.count + 1, now
        if row.count >= limit:
            row.blocked_until = now + WAIT
        left = min(left, limit - row.count)
        session.add(row)
    session.exec(delete(SignInFailure).where(col(SignInFailure.last_at) < now - timedelta(days=1)))
    return max(0, left)


def forget_failures(session: Session, login: str, address: str) -> None:
    session.exec(delete(SignInFailure).where(col(SignInFailure.key) == keys_of(login, address)[0][0]))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
