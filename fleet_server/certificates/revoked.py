"""The list of revoked certificates (CRL), signed by the fleet CA: a file for brokers, and what `/api/v1/crl` gives.

It lives as long as a broker's certificate: one that could not fetch it for a while must not refuse the whole fleet for
that. Its number only grows, so that a broker keeps the newest of two.
"""

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
from fleet_server.keys import Keys
from fleet_server.settings import Settings

SIGNED_AGAIN = timedelta(days=7)
LIFETIME = timedelta(days=2 * 365)
"""As long as the broker's own certificate, without which nobody comes in anyway."""
_SKEW = timedelta(hours=1)
_READABLE = 0o644
"""It holds no secret, and the broker is another user."""


def list_file(settings: Settings) -> Path:
    return settings.data_dir / "revoked.crl"


def signed_list(
    keys: Keys, revoked: Sequence[Certificate], number: int, now: datetime
) -> x509.CertificateRevocationList:
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(keys.ca_certificate.subject)
        .last_update(now - _SKEW)
        .next_update(now + LIFETIME)
        .add_extension(x509.CRLNumber(number), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(keys.ca.public_key()), critical=False)
    )
    for one in revoked:
        builder = builder.add_revoked_certificate(_entry(one))
    return builder.sign(keys.ca, hashes.SHA256())


def _entry(one: Certificate) -> x509.RevokedCertificate:
    assert one.revoked_at
    entry = x509.RevokedCertificateBuilder().serial_number(one.number).revocation_date(one.revoked_at)
    reason = REASONS[one.reason][1]
    if reason is not x509.ReasonFlags.unspecified:
        entry = entry.add_extension(x509.CRLReason(reason), critical=False)
    return entry.build()


def read_list(path: Path) -> x509.CertificateRevocationList | None:
    """None where there is none, or none that can be read: it is made again."""
    try:
        return x509.load_pem_x509_crl(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None


def is_due(kept: x509.CertificateRevocationList | None, wanted: set[int], now: datetime) -> bool:
    if kept is None or {one.serial_number for one in kept} != wanted:
        return True
    return now - kept.last_update_utc > SIGNED_AGAIN + _SKEW


def keep_list(settings: Settings, keys: Keys, engine: Engine, now: datetime) -> bool:
    """Write it durably if it differs from what is revoked, or was signed long ago. Whether it was written."""
    with reading(engine) as session:
        revoked = listed(session, now)
    path = list_file(settings)
    kept = read_list(path)
    if not is_due(kept, {one.number for one in revoked}, now):
        return False
    # Above the last one; above it too where a restored backup brought an older one.
    number = max(number_of(kept) + 1, int(now.timestamp()))
    made = signed_list(keys, revoked, number, now)
    write_durably(path, made.public_bytes(Encoding.PEM), _READABLE)
    return True


def number_of(made: x509.CertificateRevocationList | None) -> int:
    return made.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number if made else 0
