"""The fleet's certification authority: certificates of clients, by a terminal's id, and the broker's."""

import re
from datetime import datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fleet_server.keys import Authority

LIFETIME = timedelta(days=90)
SERVICE_LIFETIME = timedelta(days=2 * 365)
"""Of the broker and of the server, whose certificates a person renews."""
_HOST = re.compile(r"^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$", re.I)
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


def issue(
    by: Authority, name: str, key: EllipticCurvePublicKey, now: datetime, lifetime: timedelta = LIFETIME
) -> x509.Certificate:
    """For a client: a terminal by its id, or the server itself."""
    return _unsigned(by, name, key, now, lifetime, ExtendedKeyUsageOID.CLIENT_AUTH).sign(by.key, hashes.SHA256())


def issue_for_broker(by: Authority, hosts: list[str], key: EllipticCurvePublicKey, now: datetime) -> x509.Certificate:
    """`hosts`: the names and addresses by which it is reached. Raises `BadRequest`."""
    names = x509.SubjectAlternativeName([_host(host) for host in hosts])
    builder = _unsigned(by, "broker", key, now, SERVICE_LIFETIME, ExtendedKeyUsageOID.SERVER_AUTH)
    return builder.add_extension(names, critical=False).sign(by.key, hashes.SHA256())


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        if not _HOST.match(host):
            raise BadRequest(f"« {host} » n’est ni un nom de machine ni une adresse IP") from None
        return x509.DNSName(host)


def _unsigned(
    by: Authority,
    name: str,
    key: EllipticCurvePublicKey,
    now: datetime,
    lifetime: timedelta,
    use: x509.ObjectIdentifier,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(by.certificate.subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(min(now + lifetime, by.certificate.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(by.key.public_key()), critical=False
        )
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


def issuer_id(certificate: x509.Certificate) -> str:
    """`Authority.id` of the one that issued it; empty where it does not say."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    except x509.ExtensionNotFound:
        return ""
    return (found.value.key_identifier or b"").hex()
