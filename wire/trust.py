"""Whom a terminal believes, and how that changes without anybody going there.

The server tells, in the state that it signs, by which authorities (fleet CAs) and signing keys it is known now. A
signing key is believed for being told so; an authority only where one that the terminal knew before has vouched for it:
who steals the signing key alone names no authority, and who steals an old authority alone can't tell of another.
Vouchers are public. Those for the authority that came next are kept for ever: a terminal that was away during several
changes follows them one by one.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable
from typing import Annotated

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import Field

from wire.message import Digest, Message

MAX_TOLD = 2
"""Of one kind at once: that which is, and that which comes or goes."""


class Voucher(Message):
    """One authority for another. `certificate`: PEM, of that which is vouched for; `by`: the digest of the other."""

    certificate: Annotated[str, Field(max_length=4096)]
    by: Digest
    signature: Annotated[str, Field(max_length=200)]


class Trust(Message):
    """By whom the server is known now; that which issues, or signs, comes first."""

    authorities: Annotated[tuple[Digest, ...], Field(min_length=1, max_length=MAX_TOLD)]
    vouchers: Annotated[tuple[Voucher, ...], Field(max_length=64)] = ()
    signing_keys: Annotated[tuple[Annotated[str, Field(max_length=400)], ...], Field(max_length=MAX_TOLD)] = ()
    """PEM, Ed25519. None told: a server that does not change its key."""


class Trusted(Message):
    """Whom a terminal believes, as it reports: a receipt."""

    authorities: Annotated[tuple[Digest, ...], Field(max_length=8)]
    certificate_by: Digest
    """The authority that issued the certificate in use."""
    signing_keys: Annotated[tuple[Digest, ...], Field(max_length=8)]


def authority_digest(certificate: x509.Certificate) -> str:
    """SHA-256 of the certificate (DER), as an enrolment token names it."""
    return certificate.fingerprint(SHA256()).hex()


def signing_digest(key: Ed25519PublicKey) -> str:
    """SHA-256 of the public key (DER)."""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def vouch_for(certificate: x509.Certificate, by: x509.Certificate, key: EllipticCurvePrivateKey) -> Voucher:
    """`key`: of `by`."""
    signature = base64.urlsafe_b64encode(key.sign(_said(certificate), ECDSA(SHA256()))).decode()
    pem = certificate.public_bytes(Encoding.PEM).decode()
    return Voucher(certificate=pem, by=authority_digest(by), signature=signature)


def vouched_for(known: Iterable[x509.Certificate], vouchers: Iterable[Voucher]) -> dict[str, x509.Certificate]:
    """Digest → certificate of those known, and of all for whom one of them vouches, or one of those in turn.

    What can't be read, or is signed by another than it says, vouches for nobody.
    """
    found = {authority_digest(one): one for one in known}
    left = list(vouchers)
    while fresh := [one for one in left if one.by in found]:
        left = [one for one in left if one.by not in found]
        for voucher in fresh:
            if certificate := _checked(voucher, found[voucher.by]):
                found.setdefault(authority_digest(certificate), certificate)
    return found


def _checked(voucher: Voucher, by: x509.Certificate) -> x509.Certificate | None:
    key = by.public_key()
    try:
        certificate = x509.load_pem_x509_certificate(voucher.certificate.encode())
        if not isinstance(key, EllipticCurvePublicKey):
            return None
        key.verify(base64.urlsafe_b64decode(voucher.signature), _said(certificate), ECDSA(SHA256()))
        issues = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (InvalidSignature, binascii.Error, ValueError, x509.ExtensionNotFound):
        return None
    return certificate if issues else None


def _said(certificate: x509.Certificate) -> bytes:
    return f"balise-authority/1|{authority_digest(certificate)}".encode()
