"""The list of revoked certificates (CRL), signed by the fleet CA: a file for brokers, and what `/api/v1/crl` gives.

One list of each authority, while there are two.

It lives as long as a broker's certificate: one that could not fetch it for a while must not refuse the whole fleet for
that. Its number only grows, so that a broker keeps the newest of two.
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import Engine

from fleet_server.certificates.models import Certificate
from fleet_server.certificates.record import REASONS, listed
from fleet_server.db import reading
from fleet_server.durable import write_durably
from fleet_server.keys import Authority, Keys
from fleet_server.settings import Settings

SIGNED_AGAIN = timedelta(days=7)
LIFETIME = timedelta(days=2 * 365)
"""As long as the broker's own certificate, without which nobody comes in anyway."""
_SKEW = timedelta(hours=1)
_LIST = re.compile(rb"-----BEGIN X509 CRL-----.*?-----END X509 CRL-----\n?", re.DOTALL)
_READABLE = 0o644
"""It holds no secret, and the broker is another user."""


def list_file(settings: Settings) -> Path:
    return settings.data_dir / "revoked.crl"


def signed_list(
    by: Authority, revoked: Sequence[Certificate], number: int, now: datetime
) -> x509.CertificateRevocationList:
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(by.certificate.subject)
        .last_update(now - _SKEW)
        .next_update(now + LIFETIME)
        .add_extension(x509.CRLNumber(number), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.key.public_key()), critical=False)
    )
    for one in revoked:
        builder = builder.add_revoked_certificate(_entry(one))
    return builder.sign(by.key, hashes.SHA256())


def signed_lists(keys: Keys, revoked: Sequence[Certificate], number: int, now: datetime) -> bytes:
    """One list of each authority, PEM, all of one number: a broker refuses everybody of an authority without a list."""
    made = [signed_list(one, _issued_by(one, revoked), number, now) for one in keys.authorities]
    return b"".join(one.public_bytes(Encoding.PEM) for one in made)


def _issued_by(authority: Authority, certificates: Sequence[Certificate]) -> list[Certificate]:
    return [one for one in certificates if one.issuer in ("", authority.id)]


def _entry(one: Certificate) -> x509.RevokedCertificate:
    assert one.revoked_at
    entry = x509.RevokedCertificateBuilder().serial_number(one.number).revocation_date(one.revoked_at)
    reason = REASONS[one.reason][1]
    if reason is not x509.ReasonFlags.unspecified:
        entry = entry.add_extension(x509.CRLReason(reason), critical=False)
    return entry.build()


def read_lists(path: Path) -> list[x509.CertificateRevocationList]:
    """None where there is none, or one that can't be read: they are made again."""
    try:
        return [x509.load_pem_x509_crl(one) for one in _LIST.findall(path.read_bytes())]
    except (FileNotFoundError, ValueError):
        return []


def is_due(kept: list[x509.CertificateRevocationList], wanted: dict[str, set[int]], now: datetime) -> bool:
    """`wanted`: the serial numbers, by authority."""
    if {_by(one): {entry.serial_number for entry in one} for one in kept} != wanted:
        return True
    return now - min(one.last_update_utc for one in kept) > SIGNED_AGAIN + _SKEW


def keep_list(settings: Settings, keys: Keys, engine: Engine, now: datetime) -> bool:
    """Write it durably if it differs from what is revoked, or was signed long ago. Whether it was written."""
    with reading(engine) as session:
        revoked = listed(session, now)
    path = list_file(settings)
    kept = read_lists(path)
    wanted = {one.id: {row.number for row in _issued_by(one, revoked)} for one in keys.authorities}
    if not is_due(kept, wanted, now):
        return False
    # Above the last one; above it too where a restored backup brought an older one.
    number = max([number_of(one) + 1 for one in kept] + [int(now.timestamp())])
    write_durably(path, signed_lists(keys, revoked, number, now), _READABLE)
    return True


def number_of(made: x509.CertificateRevocationList) -> int:
    return made.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def _by(made: x509.CertificateRevocationList) -> str:
    found = made.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    return (found.value.key_identifier or b"").hex()
