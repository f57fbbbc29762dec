"""Whom this terminal believes, as its server tells it: at most two authorities and two signing keys.

An authority is taken only where one that was known before has vouched for it; the one that issued the certificate in
use stays until that certificate is replaced. A signing key is taken from a state that one known before has signed.
"""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_public_key

from agent.identity import Identity, make_identity
from wire.sign import Foreign, Unreadable
from wire.trust import Trust, Trusted, authority_digest, signing_digest, vouched_for


def believe(identity: Identity, told: Trust) -> Identity:
    """The same identity where nothing changes, else another, not kept yet. Raises `Untrusted`."""
    authorities = _authorities(identity, told)
    signing = "".join(_readable(one) for one in told.signing_keys) or identity.enrolment.signing_key
    if (authorities, signing) == (identity.enrolment.ca, identity.enrolment.signing_key):
        return identity
    enrolment = identity.enrolment.model_copy(update={"ca": authorities, "signing_key": signing})
    return make_identity(identity.key, enrolment, identity.directory)


def believed(identity: Identity) -> Trusted:
    return Trusted(
        authorities=tuple(map(authority_digest, identity.authorities)),
        certificate_by=authority_digest(identity.authorities[0]),
        signing_keys=tuple(map(signing_digest, identity.signing_keys)),
    )


def _authorities(identity: Identity, told: Trust) -> str:
    """PEM, that of the certificate in use first, which is where older agents look."""
    mine = identity.authorities[0]
    known = vouched_for(identity.authorities, told.vouchers)
    if strangers := [digest for digest in told.authorities if digest not in known]:
        raise Foreign(f"nobody known here vouches for the authority {strangers[0][:16]}…")
    wanted = [known[digest] for digest in told.authorities]
    return "".join(one.public_bytes(Encoding.PEM).decode() for one in (mine, *(one for one in wanted if one != mine)))


def _readable(pem: str) -> str:
    try:
        key = load_pem_public_key(pem.encode())
    except ValueError as error:
        raise Unreadable("a signing key of the server can't be read") from error
    if not isinstance(key, Ed25519PublicKey):
        raise Unreadable("a signing key of the server is not Ed25519")
    return pem
