"""What terminals and brokers are told of the server's authorities and signing keys, and which they can verify."""

from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7Options, PKCS7SignatureBuilder

from fleet_server.keys import Authority, Keys, bundle
from wire.trust import Trust, signing_digest


def told(keys: Keys) -> Trust:
    return Trust(
        authorities=tuple(one.digest for one in keys.authorities),
        vouchers=keys.vouchers,
        signing_keys=tuple(signing_pem(one) for one in keys.signers.now().keys),
    )


def signing_pem(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def signer_known_to(keys: Keys, known: Sequence[str]) -> Ed25519PrivateKey:
    """That in force, unless only the other one is known: a terminal that was away for its change is not lost by it."""
    mine = keys.signers.now().keys
    return next((one for one in mine if signing_digest(one.public_key()) in known), mine[0])


def signed_bundle(keys: Keys, by: Authority) -> bytes:
    """All authorities, in a form that the openssl of a broker's machine verifies by the one that it has (CMS, PEM)."""
    builder = PKCS7SignatureBuilder().set_data(bundle(keys).encode()).add_signer(by.certificate, by.key, SHA256())
    return builder.sign(Encoding.PEM, [PKCS7Options.Binary])
