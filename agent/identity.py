"""Who this terminal is: a P-256 key made here, that never leaves, and what the enrolment gave for it.

    identity/identity.json   the key and the enrolment together, so that both change in one step
    identity/pending.pem     a key whose enrolment has not been answered yet
    identity/client.pem      the key and its certificate, as TLS wants them; ca.pem: whom to believe there

A working credential is never destroyed: the new one is acquired and checked, then it replaces the old.
"""

import json
import os
import re
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from pydantic import ValidationError

from agent.disk import make_dir, remove, write_synced
from wire.enrol import Enrolment
from wire.sign import Foreign

_SECRET = 0o600
_PUBLIC_KEY = re.compile("-----BEGIN PUBLIC KEY-----[^-]*-----END PUBLIC KEY-----")


class DamagedIdentity(Exception):
    """The identity on disk can't be read: it is left as it is, for someone to look at; enrol again with a new token."""


@dataclass(frozen=True)
class Identity:
    """An enrolled terminal. Renewal makes another of these; the key, the terminal and the generation stay."""

    key: EllipticCurvePrivateKey
    enrolment: Enrolment
    directory: Path

    @property
    def terminal(self) -> str:
        return self.enrolment.terminal

    @property
    def generation(self) -> int:
        return self.enrolment.generation

    @cached_property
    def signing_keys(self) -> tuple[Ed25519PublicKey, ...]:
        """By which the server signs, or will, or did until lately."""
        found = []
        for pem in _PUBLIC_KEY.findall(self.enrolment.signing_key):
            key = load_pem_public_key(pem.encode())
            if not isinstance(key, Ed25519PublicKey):
                raise Foreign("the server's signing key is not Ed25519")
            found.append(key)
        if not found:
            raise Foreign("the server's signing key can't be read")
        return tuple(found)

    @cached_property
    def authorities(self) -> tuple[x509.Certificate, ...]:
        """Whom to believe at the broker; first the one that issued the certificate."""
        return tuple(x509.load_pem_x509_certificates(self.enrolment.ca.encode()))

    @cached_property
    def certificate(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.enrolment.certificate.encode())

    @property
    def certificate_until(self) -> datetime:
        return self.certificate.not_valid_after_utc

    @property
    def client_pem(self) -> Path:
        return self.directory / "client.pem"

    @property
    def ca_pem(self) -> Path:
        return self.directory / "ca.pem"


def make_identity(key: EllipticCurvePrivateKey, enrolment: Enrolment, directory: Path) -> Identity:
    """Checks that the certificate is for this key and this terminal, and issued by one of `enrolment.ca`, which is put
    first. Raises `Foreign`.
    """
    identity = Identity(key, enrolment, directory)
    try:
        identity = Identity(key, enrolment.model_copy(update={"ca": _issuer_first(identity)}), directory)
        names = identity.certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    except (ValueError, TypeError, InvalidSignature) as error:
        raise Foreign(f"the certificate was not issued by the fleet's CA ({type(error).__name__})") from error
    if identity.certificate.public_key() != key.public_key():
        raise Foreign("the certificate is for another key")
    if [name.value for name in names] != [enrolment.terminal]:
        raise Foreign(f"the certificate does not name {enrolment.terminal}")
    _ = identity.signing_keys
    return identity


def _issuer_first(identity: Identity) -> str:
    """Raises as `verify_directly_issued_by` of the last, where it was none of them."""
    *others, last = identity.authorities
    issuer = next((one for one in others if _has_issued(one, identity.certificate)), last)
    identity.certificate.verify_directly_issued_by(issuer)
    ordered = [issuer, *(one for one in identity.authorities if one != issuer)]
    return "".join(one.public_bytes(Encoding.PEM).decode() for one in ordered)


def _has_issued(authority: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def load_identity(directory: Path) -> Identity | None:
    """None when the terminal has not been enrolled. Raises `DamagedIdentity`."""
    try:
        kept = json.loads((directory / "identity.json").read_bytes())
        key = load_pem_private_key(kept["key"].encode(), None)
        if not isinstance(key, EllipticCurvePrivateKey):
            raise DamagedIdentity(f"{directory / 'identity.json'}: the key is not an elliptic curve key")
        return make_identity(key, Enrolment.model_validate(kept["enrolment"]), directory)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, ValidationError, Foreign) as error:
        raise DamagedIdentity(f"{directory / 'identity.json'}: {error}") from error


def keep_identity(identity: Identity) -> None:
    """The old identity is in force until the new one is whole on the disk."""
    directory = identity.directory
    make_dir(directory)
    kept = {"key": key_pem(identity.key), "enrolment": identity.enrolment.model_dump(mode="json")}
    write_synced(directory / "identity.json", json.dumps(kept).encode(), _SECRET)
    remove(directory / "pending.pem")
    write_tls_files(identity)


def write_tls_files(identity: Identity) -> None:
    """Derived from the identity, hence made again at each start: a crash between the two writes heals itself."""
    both = key_pem(identity.key) + identity.enrolment.certificate
    write_synced(identity.client_pem, both.encode(), _SECRET)
    write_synced(identity.ca_pem, identity.enrolment.ca.encode())


def pending_key(directory: Path) -> EllipticCurvePrivateKey:
    """A fresh key for an enrolment; the same until it succeeds, so that an answer lost on the way can be repeated."""
    make_dir(directory)
    path = directory / "pending.pem"
    try:
        kept = load_pem_private_key(path.read_bytes(), None)
        if isinstance(kept, EllipticCurvePrivateKey):
            return kept
    except (FileNotFoundError, ValueError):
        pass
    key = generate_private_key(SECP256R1())
    write_synced(path, key_pem(key).encode(), _SECRET)
    return key


def request_certificate(key: EllipticCurvePrivateKey) -> str:
    """A certificate request, PEM. Its subject is ignored by the server, which names the terminal."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "terminal")])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return request.public_bytes(Encoding.PEM).decode()


def key_pem(key: EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_der(key: EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def protect(directory: Path) -> None:
    """Only the agent's own user looks into its state."""
    make_dir(directory)
    os.chmod(directory, 0o700)  # noqa: PTH101
