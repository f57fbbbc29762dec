"""The server's own keys, each in one file, made once by `balise server init` and readable by its user alone.

    signing.pem    Ed25519   signs desired state, commands and state answers
    ca.pem/.crt    P-256     the fleet CA: issues terminals' certificates
    sealing/KID    X25519    opens contact requests; old ones stay until every terminal has reported the new one
    session.key    random    signs session cookies and CSRF tokens
"""

from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey


@dataclass(frozen=True, slots=True)
class Keys:
    """Everything here is secret: never logged, never in the database."""

    signing: Ed25519PrivateKey
    ca: EllipticCurvePrivateKey
    ca_certificate: x509.Certificate
    sealing: dict[str, X25519PrivateKey]
    sealing_current: str
    session: bytes


def make_keys(directory: Path) -> Keys:
    """Make all keys. Raises `FileExistsError` naming the file when one is already there: keys are never overwritten."""
    raise NotImplementedError


def load_keys(directory: Path) -> Keys:
    """Raises `FileNotFoundError` naming what is missing and the command that makes it."""
    raise NotImplementedError
