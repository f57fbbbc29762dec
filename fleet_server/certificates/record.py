"""What was issued, and what no longer holds. Every certificate is written down in the transaction that makes it."""

from datetime import datetime, timedelta

from cryptography import x509
from sqlalchemy import delete, update
from sqlmodel import Session, col, select

from fleet_server.certificates.ca import issuer_id
from fleet_server.certificates.models import Certificate

REASONS = {
    "decommissioned": ("borne retirée", x509.ReasonFlags.cessation_of_operation),
    "stolen": ("borne déclarée volée", x509.ReasonFlags.key_compromise),
    "superseded": ("nouvel enrôlement", x509.ReasonFlags.superseded),
    "probe": ("essai du courtier", x509.ReasonFlags.unspecified),
}
"""Why one was revoked → for people, and for the list (RFC 5280, 5.3.1)."""
OUT = ("decommissioned", "stolen")
"""What a person may say when a terminal must leave."""
KEPT_ON_LIST = timedelta(days=7)
"""After its end, for a broker whose clock is late."""
_PASSING = ("probe", "eviction")


def issued(
    session: Session, made: x509.Certificate, kind: str, name: str, now: datetime, generation: int = 0
) -> Certificate:
    row = Certificate(
        serial=f"{made.serial_number:x}", kind=kind, name=name, generation=generation, issuer=issuer_id(made),
        issued_at=now, ends_at=made.not_valid_after_utc,
    )  # fmt: skip
    session.add(row)
    return row


def revoke_all(session: Session, name: str, reason: str, by: str, now: datetime) -> int:
    """Every certificate of this terminal that may still open something. How many there were."""
    done = session.execute(
        update(Certificate)
        .where(col(Certificate.kind) == "terminal", col(Certificate.name) == name,
               col(Certificate.revoked_at).is_(None), col(Certificate.ends_at) > now)
        .values(revoked_at=now, reason=reason, by=by[:80])
    )  # fmt: skip
    return int(done.rowcount)  # type: ignore[attr-defined]


def last_issuer(session: Session, name: str) -> str:
    """`Authority.id` of the newest certificate of this terminal; empty where that is not known."""
    query = select(Certificate.issuer).where(Certificate.kind == "terminal", Certificate.name == name)
    return session.exec(query.order_by(col(Certificate.issued_at).desc()).limit(1)).first() or ""


def listed(session: Session, now: datetime) -> list[Certificate]:
    """What the list of revoked certificates names."""
    query = select(Certificate).where(col(Certificate.revoked_at).is_not(None))
    return list(session.exec(query.where(Certificate.ends_at > now - KEPT_ON_LIST).order_by(Certificate.serial)))


def still_inside(session: Session, now: datetime) -> list[Certificate]:
    """Revoked, not ended, and the broker has not been seen to refuse it yet."""
    query = select(Certificate).where(
        Certificate.kind == "terminal", col(Certificate.revoked_at).is_not(None), col(Certificate.out_at).is_(None),
        Certificate.ends_at > now,
    )  # fmt: skip
    return list(session.exec(query.order_by(col(Certificate.revoked_at))))


def forget_passing(session: Session, now: datetime) -> None:
    """Those that the server made for itself, for minutes."""
    session.execute(
        delete(Certificate).where(col(Certificate.kind).in_(_PASSING), col(Certificate.ends_at) < now - KEPT_ON_LIST)
    )
