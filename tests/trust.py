"""A server's TUF repository with its offline keys, as `balise server init` makes them, but in memory and at once."""

from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner

from fleet_server.releases.repository import Repository, repository

OFFLINE = {role: CryptoSigner(Ed25519PrivateKey.generate()) for role in ("root", "targets", "software")}


def create(repo: Repository, now: datetime) -> Repository:
    repo.create(now, {role: [signer.public_key] for role, signer in OFFLINE.items()}, OFFLINE.values())
    return repo


def with_repository(office: Any, now: datetime | None = None) -> Repository:
    """Of a back-office (`tests.back_office`)."""
    return create(repository(office.context.settings, office.context.keys), now or office.clock())
