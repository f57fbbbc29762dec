"""The certificate is renewed well before its end, and for a year after it, by proof of the key.

Also before its beginning: a server whose clock was in the future has issued it, and no broker takes it any more. And
when the server issues by another authority than the one it is by, which will be dropped.
"""

from datetime import datetime
from typing import Protocol

from agent.identity import Identity, keep_identity, make_identity, request_certificate
from wire.trust import authority_digest

REMAINING_SHARE = 1 / 3
"""Renew when less than a third of the certificate's life is left."""


class Renewer(Protocol):
    def renew(self, csr: str) -> str: ...


def is_due(identity: Identity, now: datetime, issuing: str = "") -> bool:
    """`issuing`: digest of the authority by which the server issues now; empty: not told."""
    if issuing and issuing != authority_digest(identity.authorities[0]):
        return True
    begins, ends = identity.certificate.not_valid_before_utc, identity.certificate.not_valid_after_utc
    return now < begins or ends - now < (ends - begins) * REMAINING_SHARE


def renew_when_needed(identity: Identity, fleet: Renewer, now: datetime, issuing: str = "") -> Identity:
    """The same identity, or one with a new certificate, checked and kept.

    Raises `Unreachable`, `Rejected` (revoked, or expired for too long), `Untrusted`; the old one then stays in force.
    """
    if not is_due(identity, now, issuing):
        return identity
    certificate = fleet.renew(request_certificate(identity.key))
    enrolment = identity.enrolment.model_copy(update={"certificate": certificate})
    fresh = make_identity(identity.key, enrolment, identity.directory)
    keep_identity(fresh)
    return fresh
