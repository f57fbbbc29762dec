"""The server's own keys for what it signs by itself: `releases.pem`, and those that a rotation made since."""

import secrets
from collections.abc import Iterable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from securesystemslib.signer import CryptoSigner, Key

from fleet_server.durable import write_durably
from fleet_server.releases.roles import NAME_FIELD


class OnlineKeys:
    """Looked for at each signature: a rotation by the command line is followed by the server that runs."""

    def __init__(self, first: Ed25519PrivateKey, directory: Path | None = None) -> None:
        self._first = first
        self._directory = directory

    def signer(self, keyids: Iterable[str]) -> CryptoSigner | None:
        """The newest of ours that is among `keyids`."""
        wanted = set(keyids)
        return next((signer for signer in reversed(self._all()) if signer.public_key.keyid in wanted), None)

    def newest(self) -> Key:
        return self._all()[-1].public_key

    def holds(self, keyid: str) -> bool:
        return self.signer([keyid]) is not None

    def make(self, stamp: str) -> Key:
        """One more, for a rotation: it signs nothing before the offline roles name it. Raises `OSError`."""
        assert self._directory
        pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        write_durably(self._directory / f"releases-{stamp}-{secrets.token_hex(2)}.pem", pem, 0o600)
        return self.newest()

    def _all(self) -> list[CryptoSigner]:
        later = sorted(self._directory.glob("releases-*.pem")) if self._directory else []
        return [_named(self._first, "serveur"), *(_named(_load(path), f"serveur {path.stem[9:]}") for path in later)]


def new_online_key() -> Key:
    """Of a key that is kept nowhere: to show what a rotation would change."""
    return _named(Ed25519PrivateKey.generate(), "serveur, nouvelle").public_key


def _named(key: Ed25519PrivateKey, name: str) -> CryptoSigner:
    signer = CryptoSigner(key)
    signer.public_key.unrecognized_fields[NAME_FIELD] = name
    return signer


def _load(path: Path) -> Ed25519PrivateKey:
    key = load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{path} is not an Ed25519 key")
    return key
