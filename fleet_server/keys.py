"""The server's own keys, each in one file, made once by `balise server init` and readable by its user alone.

signing.pem      Ed25519   signs desired state, commands and state answers
releases.pem     Ed25519   signs the TUF repository (one online role set for now)
ca.pem, ca.crt   P-256     the fleet CA: issues terminals' certificates
ca/, signing/              these two, once they have been changed (`succession`): ca.crt then holds all authorities,
                           and signing.pem, ca.pem are erased with the end of the first change
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
from pydantic import TypeAdapter

from fleet_server.durable import write_durably
from fleet_server.succession import Succession
from wire.trust import Voucher, authority_digest

CA_LIFETIME = timedelta(days=10 * 365)
_SKEW = timedelta(days=1)
_VOUCHERS = TypeAdapter(tuple[Voucher, ...])


@dataclass(frozen=True, slots=True)
class Authority:
    """A CA of the fleet."""

    key: EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def digest(self) -> str:
        """SHA-256 of the certificate (DER), by which an enrolment token names this server."""
        return authority_digest(self.certificate)

    @property
    def id(self) -> str:
        """As the certificates that it issued name it (RFC 5280, 4.2.1.1), hexadecimal."""
        return x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()).digest.hex()


@dataclass(frozen=True, slots=True)
class Keys:
    """Everything here is secret: never logged, never in the database.

    Authorities and signing keys are read as they are now: each step of a change holds at once, in every process.
    """

    directory: Path
    cas: Succession[Authority]
    signers: Succession[Ed25519PrivateKey]
    releases: Ed25519PrivateKey
    sealing: dict[str, X25519PrivateKey]
    sealing_current: str
    session: bytes

    @property
    def authorities(self) -> tuple[Authority, ...]:
        """Whom to believe; that which issues comes first."""
        return self.cas.now().keys

    @property
    def authority(self) -> Authority:
        return self.cas.now().keys[0]

    @property
    def signing(self) -> Ed25519PrivateKey:
        return self.signers.now().keys[0]

    @property
    def vouchers(self) -> tuple[Voucher, ...]:
        """Each authority for the one after it: what whoever was away follows. While there are two, both ways."""
        try:
            return _VOUCHERS.validate_json((self.cas.folder / "vouchers.json").read_bytes())
        except FileNotFoundError:
            return ()

    def add_vouchers(self, *fresh: Voucher) -> None:
        self._keep_vouchers((*self.vouchers, *fresh))

    def drop_back_vouchers(self) -> None:
        """What the one authority has vouched for is what it followed: nobody is to believe that any more."""
        kept = tuple(one for one in self.vouchers if one.by != self.authority.digest)
        if kept != self.vouchers:
            self._keep_vouchers(kept)

    def _keep_vouchers(self, vouchers: tuple[Voucher, ...]) -> None:
        write_durably(self.cas.folder / "vouchers.json", _VOUCHERS.dump_json(vouchers))


def bundle(keys: Keys) -> str:
    """All authorities, PEM, as brokers read them; the number tells an older bundle from a newer one."""
    now = keys.cas.now()
    return f"# Authorities of this fleet, number {now.number}\n" + "".join(one.pem for one in now.keys)


def keep_bundle(keys: Keys) -> None:
    """`keys/ca.crt` as it is to be, where it is not."""
    path, wanted = keys.directory / "ca.crt", bundle(keys)
    if keys.cas.now().number and path.read_text() != wanted:
        write_durably(path, wanted.encode(), 0o644)


def make_keys(directory: Path, now: datetime) -> Keys:
    """Make all keys. Raises `FileExistsError` naming the file when one is already there: keys are never overwritten."""
    (directory / "sealing").mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
    first = new_authority(now)
    _write(directory / "signing.pem", _pem(Ed25519PrivateKey.generate()))
    _write(directory / "releases.pem", _pem(Ed25519PrivateKey.generate()))
    _write(directory / "ca.pem", _pem(first.key))
    _write(directory / "ca.crt", first.pem.encode())
    # The name orders the keys: the greatest is the current one.
    _write(directory / "sealing" / f"{now.astimezone(UTC):%Y%m%dT%H%M%S}", _pem(X25519PrivateKey.generate()))
    _write(directory / "session.key", secrets.token_bytes(32))
    return load_keys(directory)


def load_keys(directory: Path) -> Keys:
    """Raises `FileNotFoundError` naming what is missing, `ValueError` naming a file that is no such key."""
    sealing = {path.name: _load(path, X25519PrivateKey) for path in sorted((directory / "sealing").glob("*"))}
    if not sealing:
        raise FileNotFoundError(f"{directory / 'sealing'} holds no key")
    keys = Keys(
        directory=directory,
        cas=Succession(
            directory / "ca",
            _read_authority,
            lambda: _first_authority(directory),
            _authority_content,
            directory / "ca.pem",
        ),
        signers=Succession(
            directory / "signing",
            _read_signing,
            lambda: _read_signing(directory / "signing.pem"),
            _pem,
            directory / "signing.pem",
        ),
        releases=_load(directory / "releases.pem", Ed25519PrivateKey),
        sealing=sealing,
        sealing_current=max(sealing),
        session=(directory / "session.key").read_bytes(),
    )
    keys.cas.now(), keys.signers.now()
    return keys


def new_authority(now: datetime) -> Authority:
    key = generate_private_key(SECP256R1())
    return Authority(key, _ca_certificate(key, now))


def _first_authority(directory: Path) -> Authority:
    """As `make_keys` made it."""
    certificate = x509.load_pem_x509_certificate((directory / "ca.crt").read_bytes())
    return Authority(_load(directory / "ca.pem", EllipticCurvePrivateKey), certificate)


def _read_authority(path: Path) -> Authority:
    return Authority(_load(path, EllipticCurvePrivateKey), x509.load_pem_x509_certificate(path.read_bytes()))


def _authority_content(authority: Authority) -> bytes:
    return _pem(authority.key) + authority.pem.encode()


def _read_signing(path: Path) -> Ed25519PrivateKey:
    key: Ed25519PrivateKey = _load(path, Ed25519PrivateKey)
    return key


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
