"""The TUF repository: signed metadata that says which releases exist. On disk, served as static files.

    <directory>/metadata/1.root.json  N.targets.json  N.snapshot.json  timestamp.json
    <directory>/targets/releases/<sha256>.<release>.json      the manifests

Roles have a signer each (`Signers`). For now one online key signs all four; taking root and targets offline changes
`Signers`, not this module. Every change writes targets, then snapshot, then timestamp: a client that reads in between
sees the state before.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner, Signer
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp

from fleet_server.keys import Keys
from fleet_server.releases.durable import write_durably
from fleet_server.settings import Settings

ROOT_LIFETIME = timedelta(days=5 * 365)
TARGETS_LIFETIME = timedelta(days=180)
SNAPSHOT_LIFETIME = timedelta(days=60)
# A terminal learns within this time that someone withholds news from it (freeze attack).
TIMESTAMP_LIFETIME = timedelta(days=14)


R = TypeVar("R", Root, Targets, Snapshot, Timestamp)


@dataclass(frozen=True, slots=True)
class Signers:
    """Who signs which role."""

    root: Signer
    targets: Signer
    snapshot: Signer
    timestamp: Signer


def online(key: Ed25519PrivateKey) -> Signers:
    """One key for all roles, held by the server."""
    signer = CryptoSigner(key)
    return Signers(signer, signer, signer, signer)


class Repository:
    """`directory` is the server's `releases/`. Changes exclude each other, across processes too."""

    def __init__(self, directory: Path, signers: Signers) -> None:
        self._metadata = directory / "metadata"
        self._targets = directory / "targets"
        self._signers = signers

    def create(self, now: datetime) -> None:
        """An empty repository; nothing happens if there is one."""
        with self._alone():
            if (self._metadata / "1.root.json").exists():
                return
            now = now.replace(microsecond=0)
            root = Root(expires=now + ROOT_LIFETIME)
            for role in ("root", "targets", "snapshot", "timestamp"):
                root.add_key(getattr(self._signers, role).public_key, role)
            self._write("1.root", root, self._signers.root)
            self._write_all(Targets(1, expires=now + TARGETS_LIFETIME), 1, 1, now)

    def root(self) -> bytes:
        """What an enrolment hands out; its SHA-256 is in the token. Raises `FileNotFoundError` before `create`."""
        return (self._metadata / "1.root.json").read_bytes()

    def add(self, path: str, content: bytes, now: datetime) -> None:
        """A target more, for instance `releases/<id>.json`. The same again changes nothing."""
        with self._alone():
            targets = self._current_targets()
            if path in targets.targets:
                return
            target = TargetFile.from_data(path, content, ["sha256"])
            folder, _, name = path.rpartition("/")
            write_durably(self._targets / folder / f"{target.hashes['sha256']}.{name}", content)
            targets.targets[path] = target
            self._next(targets, now)

    def names(self, path: str) -> bool:
        return path in self._current_targets().targets

    def sign_again_when_due(self, now: datetime) -> bool:
        """Renew what has lived half its life. Run by a job; a terminal never meets expired metadata meanwhile."""
        with self._alone():
            timestamp = self._read("timestamp", Timestamp)
            snapshot = self._read(f"{timestamp.snapshot_meta.version}.snapshot", Snapshot)
            targets = self._current_targets()
            if targets.expires - now < TARGETS_LIFETIME / 2:
                self._next(targets, now)
            elif snapshot.expires - now < SNAPSHOT_LIFETIME / 2:
                self._write_all(targets, snapshot.version + 1, timestamp.version + 1, now, targets_too=False)
            elif timestamp.expires - now < TIMESTAMP_LIFETIME / 2:
                timestamp.version += 1
                timestamp.expires = now.replace(microsecond=0) + TIMESTAMP_LIFETIME
                self._write("timestamp", timestamp, self._signers.timestamp)
            else:
                return False
            return True

    def expiries(self) -> dict[str, datetime]:
        """When each role's metadata expires, for monitoring."""
        timestamp = self._read("timestamp", Timestamp)
        snapshot = self._read(f"{timestamp.snapshot_meta.version}.snapshot", Snapshot)
        roles = {"root": self._read("1.root", Root), "targets": self._current_targets()}
        return {name: role.expires for name, role in (roles | {"snapshot": snapshot, "timestamp": timestamp}).items()}

    # ---- within ------------------------------------------------------------------------------------------------------

    def _current_targets(self) -> Targets:
        timestamp = self._read("timestamp", Timestamp)
        snapshot = self._read(f"{timestamp.snapshot_meta.version}.snapshot", Snapshot)
        return self._read(f"{snapshot.meta['targets.json'].version}.targets", Targets)

    def _next(self, targets: Targets, now: datetime) -> None:
        timestamp = self._read("timestamp", Timestamp)
        targets.version += 1
        targets.expires = now.replace(microsecond=0) + TARGETS_LIFETIME
        self._write_all(targets, timestamp.snapshot_meta.version + 1, timestamp.version + 1, now)

    def _write_all(
        self, targets: Targets, snapshot: int, timestamp: int, now: datetime, targets_too: bool = True
    ) -> None:
        now = now.replace(microsecond=0)
        if targets_too:
            self._write(f"{targets.version}.targets", targets, self._signers.targets)
        meta = {"targets.json": MetaFile(targets.version)}
        self._write(f"{snapshot}.snapshot", Snapshot(snapshot, expires=now + SNAPSHOT_LIFETIME, meta=meta),
                    self._signers.snapshot)  # fmt: skip
        latest = Timestamp(timestamp, expires=now + TIMESTAMP_LIFETIME, snapshot_meta=MetaFile(snapshot))
        self._write("timestamp", latest, self._signers.timestamp)

    def _write(self, name: str, role: Root | Targets | Snapshot | Timestamp, signer: Signer) -> None:
        metadata: Metadata[Any] = Metadata(role)
        metadata.sign(signer)
        write_durably(self._metadata / f"{name}.json", metadata.to_bytes())

    def _read(self, name: str, kind: type[R]) -> R:
        signed = Metadata.from_file(str(self._metadata / f"{name}.json")).signed
        assert isinstance(signed, kind)
        return signed

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self._metadata.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._metadata / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def repository(settings: Settings, keys: Keys) -> Repository:
    """The one of this server."""
    return Repository(settings.data_dir / "releases", online(keys.releases))
