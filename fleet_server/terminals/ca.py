"""The fleet's certification authority: client certificates for terminals, whose common name is the terminal's id."""

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fleet_server.keys import Keys

LIFETIME = timedelta(days=90)
_SKEW = timedelta(hours=1)


class BadRequest(ValueError):
    """Not a certificate request that we sign: the message says why."""


def requested_key(csr: str) -> EllipticCurvePublicKey:
    """The key of a request that its own key signed. Raises `BadRequest`."""
    try:
        request = x509.load_pem_x509_csr(csr.encode())
        key = request.public_key()
    except ValueError as error:
        raise BadRequest("la demande de certificat est illisible") from error
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise BadRequest("la clé d’une borne est de type P-256")
    if not request.is_signature_valid:
        raise BadRequest("la demande de certificat n’est pas signée par sa propre clé")
    return key


def issue(keys: Keys, terminal: str, key: EllipticCurvePublicKey, now: datetime) -> x509.Certificate:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, terminal)]))
        .issuer_name(keys.ca_certificate.subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(keys.ca.public_key()), critical=False
        )
        .sign(keys.ca, hashes.SHA256())
    )  # fmt: skip


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def public_pem(key: EllipticCurvePublicKey) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def public_der(key: EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def load_public(text: str) -> EllipticCurvePublicKey:
    key = load_pem_public_key(text.encode())
    if not isinstance(key, EllipticCurvePublicKey):
        raise ValueError("not an elliptic curve key")
    return key
