"""Keys that are never where the server is: a folder of them, each encrypted by a passphrase.

    <folder>/root-1.pem         Ed25519, PKCS#8 encrypted (any OpenSSL opens it): the secret part
    <folder>/root-1.pub.json    its public part, which travels to the server

Nothing here needs a server: it works on a machine that has never been on a network.
"""

import json
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from securesystemslib.signer import CryptoSigner, Key, Signer, SSlibKey

from fleet_server.releases.roles import NAME_FIELD, OFFLINE

SHORTEST_PASSPHRASE = 16
"""PKCS#8's own stretching is weak: length is what protects a passphrase that a person chose."""
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


class BadKey(ValueError):
    """A file that is no key of ours, or a passphrase that does not open it. The message is for the person, French."""


def new_passphrase() -> str:
    """About 118 bits, without characters that are mistaken for one another."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(6))


def make_key(folder: Path, role: str, name: str, passphrase: str) -> Key:
    """Returns the public part. Raises `BadKey`, `FileExistsError` (a key is never overwritten), `OSError`."""
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise BadKey(f"Phrase secrète trop courte : {SHORTEST_PASSPHRASE} caractères au moins.")
    if role not in OFFLINE:
        raise BadKey(f"{role} n’a pas de clé hors ligne : choisissez {', '.join(OFFLINE)}.")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    secret = Ed25519PrivateKey.generate()
    public = CryptoSigner(secret).public_key
    public.unrecognized_fields[NAME_FIELD] = name
    pem = secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(passphrase.encode()))
    _write(folder / f"{name}.pem", pem, 0o600)
    told = {"keyid": public.keyid, "role": role, "key": public.to_dict()}
    _write(folder / f"{name}.pub.json", json.dumps(told, indent=1).encode() + b"\n", 0o644)
    return public


def public_key(path: Path) -> SSlibKey:
    """What a `.pub.json` holds. Raises `BadKey`, `OSError`."""
    try:
        told = json.loads(path.read_bytes()[:20_000])
        key = SSlibKey.from_dict(told["keyid"], told["key"])
        if key.keyid != _keyid(key):  # a file can't lend another key's name
            raise ValueError(key.keyid)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadKey(f"{path} n’est pas la partie publique d’une clé (…pub.json).") from error
    return key


def public_keys(folder: Path) -> dict[str, list[Key]]:
    """By role, those of a folder. Raises `BadKey`, `OSError`."""
    found: dict[str, list[Key]] = {}
    for path in sorted(folder.glob("*.pub.json")):
        found.setdefault(str(json.loads(path.read_bytes())["role"]), []).append(public_key(path))
    return found


def open_signers(folder: Path, passphrase: str, keyids: Iterable[str] | None = None) -> list[Signer]:
    """The folder's keys, or those of `keyids` that are in it. Raises `BadKey`, `OSError`."""
    wanted = None if keyids is None else set(keyids)
    signers: list[Signer] = []
    for path in sorted(folder.glob("*.pub.json")):
        public = public_key(path)
        secret = path.with_name(path.name.removesuffix(".pub.json") + ".pem")
        if (wanted is not None and public.keyid not in wanted) or not secret.exists():
            continue
        signers.append(CryptoSigner(_opened(secret, passphrase), public))
    return signers


def first_keys(folder: Path, passphrase: str) -> None:
    """What a new server begins with. Two root keys, of which one suffices: the loss of one does not lose the fleet.

    Raises `BadKey`, `FileExistsError`, `OSError`.
    """
    for role, name in (("root", "root-1"), ("root", "root-2"), ("targets", "targets-1"), ("software", "software-1")):
        make_key(folder, role, name, passphrase)


def _opened(path: Path, passphrase: str) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(path.read_bytes(), passphrase.encode())
    except (ValueError, TypeError) as error:
        raise BadKey(f"La phrase secrète n’ouvre pas {path}.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise BadKey(f"{path} n’est pas une clé Ed25519.")
    return key


def _keyid(key: Key) -> str:
    return SSlibKey.from_crypto(Ed25519PublicKey.from_public_bytes(bytes.fromhex(key.keyval["public"]))).keyid


def _write(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
