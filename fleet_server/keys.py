"""The server's own keys, each in one file, made once by `balise server init` and readable by its user alone.

signing.pem      Ed25519   signs desired state, commands and state answers
releases.pem     Ed25519   signs the TUF repository (one online role set for now)
ca.pem, ca.crt   P-256     the fleet CA: issues terminals' certificates
sealing/KID      X25519    opens contact requests; old ones stay until every terminal has reported the new one
session.key      random    signs session cookies and CSRF tokens

Beside them, from `balise server broker`: mqtt.key, mqtt.crt, by which a broker on a network knows the server.
"""

import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import NameOID

CA_LIFETIME = timedelta(days=10 * 365)
_SKEW = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Keys:
    """Everything here is secret: never logged, never in the database."""

    signing: Ed25519PrivateKey
    releases: Ed25519PrivateKey
    ca: EllipticCurvePrivateKey
    ca_certificate: x509.Certificate
    sealing: dict[str, X25519PrivateKey]
    sealing_current: str
    session: bytes

    @property
    def ca_pem(self) -> str:
        return self.ca_certificate.public_bytes(Encoding.PEM).decode()

    @property
    def ca_digest(self) -> str:
        """SHA-256 of the CA certificate (DER), by which an enrolment token names this server."""
        return self.ca_certificate.fingerprint(hashes.SHA256()).hex()


def make_keys(directory: Path, now: datetime) -> Keys:
    """Make all keys. Raises `FileExistsError` naming the file when one is already there: keys are never overwritten."""
    (directory / "sealing").mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
    ca = generate_private_key(SECP256R1())
    _write(directory / "signing.pem", _pem(Ed25519PrivateKey.generate()))
    _write(directory / "releases.pem", _pem(Ed25519PrivateKey.generate()))
    _write(directory / "ca.pem", _pem(ca))
    _write(directory / "ca.crt", _ca_certificate(ca, now).public_bytes(Encoding.PEM))
    # The name orders the keys: the greatest is the current one.
    _write(directory / "sealing" / f"{now.astimezone(UTC):%Y%m%dT%H%M%S}", _pem(X25519PrivateKey.generate()))
    _write(directory / "session.key", secrets.token_bytes(32))
    return load_keys(directory)


def load_keys(directory: Path) -> Keys:
    """Raises `FileNotFoundError` naming what is missing, `ValueError` naming a file that is no such key."""
    sealing = {path.name: _load(path, X25519PrivateKey) for path in sorted((directory / "sealing").glob("*"))}
    if not sealing:
        raise FileNotFoundError(f"{directory / 'sealing'} holds no key")
    return Keys(
        signing=_load(directory / "signing.pem", Ed25519PrivateKey),
        releases=_load(directory / "releases.pem", Ed25519PrivateKey),
        ca=_load(directory / "ca.pem", EllipticCurvePrivateKey),
        ca_certificate=x509.load_pem_x509_certificate((directory / "ca.crt").read_bytes()),
        sealing=sealing,
        sealing_current=max(sealing),
        session=(directory / "session.key").read_bytes(),
    )


def _ca_certificate(key: EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Balise fleet {secrets.token_hex(4)}")])
    usage = x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + CA_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _pem(key: PrivateKeyTypes) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def _load(path: Path, kind: type[Any]) -> Any:
    key = load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, kind):
        raise ValueError(f"{path} is not a key of kind {kind.__name__}")
    return key
