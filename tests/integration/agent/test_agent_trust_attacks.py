"""Attacks on the signed lists, through the real `python -m agent.fetch`, with real signatures over a real HTTP server.

The repository is the server's own; the attacker has what each test says: the network, the server's key, a revoked key.
"""

import gzip
import resource
import shutil
import time
from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner, Signer
from tuf.api.metadata import Metadata, TargetFile

from agent.store import Store
from fleet_server.releases.metadata_files import MetadataFiles
from fleet_server.releases.online_keys import OnlineKeys
from fleet_server.releases.repository import Repository
from fleet_server.releases.signatures import sign
from fleet_server.releases.trust_changes import Draft
from tests.integration.agent.test_agent_fetch import fetch, holds
from tests.release_server import Asked, ReleaseServer
from tests.releases import AUTUMN, WINTER, Made
from tests.trust import OFFLINE, create

DONE = {"done": True}


class OnDisk:
    """What `ReleaseServer` serves: a server's folder as it is at the moment."""

    def __init__(self, directory: Path) -> None:
        (directory / "keys").mkdir(parents=True)
        self.directory = directory
        self.now = datetime.now(UTC)
        online = OnlineKeys(Ed25519PrivateKey.generate(), directory / "keys")
        self.repo = create(Repository(MetadataFiles(directory / "releases"), online), self.now)
        self.root = self.repo.root()
        self.blobs: dict[str, bytes] = {}

    def publish(self, made: Made) -> None:
        self.repo.add(f"releases/{made.id}.json", made.raw, self.now)
        self.blobs |= {f"/blobs/{digest}": body for digest, body in made.blobs.items()}

    @property
    def files(self) -> dict[str, bytes]:
        found = [path for path in (self.directory / "releases").rglob("*.json") if "staged" not in path.parts]
        return self.blobs | {f"/{path.relative_to(self.directory)}": path.read_bytes() for path in found}

    def metadata(self, name: str) -> Path:
        return self.directory / "releases" / "metadata" / f"{name}.json"

    def online(self) -> Signer:
        signer = self.repo.online.signer([self.repo.online.newest().keyid])
        assert signer
        return signer

    def forge(self, role: str, by: Signer, version: int | None = None, **changed: Any) -> None:
        """The role as it is, altered and signed by the attacker, in its place (or as another version)."""
        metadata = deepcopy(self.repo.files.current().all()[role])
        for name, value in changed.items():
            setattr(metadata.signed, name, value)
        if version:
            metadata.signed.version = version
        metadata.sign(by)
        self.repo.files.write(role, metadata)

    def change(self, alter: Any, signers: list[Signer]) -> bool:
        draft = Draft(self.repo.files.current(), self.repo.files.read_staged())
        alter(draft)
        staged, current = draft.finished(self.now), self.repo.files.current()
        sign(staged, signers, current.root, current.targets)
        self.repo.files.write_staged(staged)
        return self.repo.publish_staged(self.now)


@pytest.fixture
def content(tmp_path: Path) -> Path:
    return tmp_path / "content"


@pytest.fixture
def theirs(tmp_path: Path) -> OnDisk:
    made = OnDisk(tmp_path / "server")
    made.publish(AUTUMN)
    return made


@pytest.fixture
def server(theirs: OnDisk) -> Iterator[ReleaseServer]:
    with ReleaseServer(theirs).serving() as up:  # type: ignore[arg-type]
        yield up


def take(server: ReleaseServer, content: Path, made: Made, **more: Any) -> Any:
    return fetch(server, content, made, **more)


def refused(server: ReleaseServer, content: Path, made: Made, **more: Any) -> str:
    answer = take(server, content, made, **more)
    assert not Store(content).holds(made.id)
    return str(answer["failed"])


def saved(theirs: OnDisk, to: Path) -> Path:
    return Path(shutil.copytree(theirs.directory / "releases" / "metadata", to))


def brought_back(theirs: OnDisk, old: Path, *names: str) -> None:
    for name in names:
        shutil.copy(old / f"{name}.json", theirs.metadata(name))


def test_honest_lists_are_followed(server: ReleaseServer, theirs: OnDisk, content: Path) -> None:
    assert take(server, content, AUTUMN) == DONE
    theirs.publish(WINTER)
    assert take(server, content, WINTER) == DONE
    assert holds(content, WINTER)


def test_rollback_an_older_timestamp_is_refused(
    server: ReleaseServer, theirs: OnDisk, content: Path, tmp_path: Path
) -> None:
    old = saved(theirs, tmp_path / "old")
    theirs.publish(WINTER)
    assert take(server, content, AUTUMN) == DONE
    brought_back(theirs, old, "timestamp")
    assert refused(server, content, WINTER) == "untrusted"


def test_rollback_an_older_list_under_newer_snapshots_by_who_has_the_servers_key(
    server: ReleaseServer, theirs: OnDisk, content: Path
) -> None:
    theirs.publish(WINTER)
    assert take(server, content, AUTUMN) == DONE
    current = theirs.repo.files.current()
    meta = deepcopy(current.snapshot.signed.meta)
    meta["content.json"].version -= 1
    version = current.snapshot.signed.version + 1
    theirs.forge("snapshot", theirs.online(), version, meta=meta)
    pointer = deepcopy(current.timestamp.signed.snapshot_meta)
    pointer.version = version
    theirs.forge("timestamp", theirs.online(), current.timestamp.signed.version + 1, snapshot_meta=pointer)
    assert refused(server, content, WINTER) == "untrusted"


def test_freeze_withheld_news_are_noticed_at_the_agents_clock(
    server: ReleaseServer, theirs: OnDisk, content: Path
) -> None:
    assert take(server, content, AUTUMN) == DONE
    later = theirs.now + timedelta(days=15)
    assert refused(server, content, WINTER, now=later.isoformat()) == "expired"
    theirs.now = later
    theirs.publish(WINTER)
    assert take(server, content, WINTER, now=later.isoformat()) == DONE


def test_mix_and_match_a_list_of_another_moment_is_refused(
    server: ReleaseServer, theirs: OnDisk, content: Path
) -> None:
    theirs.publish(WINTER)
    version = theirs.repo.files.current().content
    assert version
    newest = version.signed.version
    shutil.copy(theirs.metadata(f"{newest - 1}.content"), theirs.metadata(f"{newest}.content"))
    assert refused(server, content, WINTER) == "untrusted"


def test_fast_forward_is_recovered_from_by_another_key_of_the_server(
    server: ReleaseServer, theirs: OnDisk, content: Path, tmp_path: Path
) -> None:
    honest = saved(theirs, tmp_path / "honest")
    stolen = theirs.online()
    current = theirs.repo.files.current()
    pointer = deepcopy(current.timestamp.signed.snapshot_meta)
    pointer.version = 2**30
    meta = deepcopy(current.snapshot.signed.meta)
    meta["content.json"].version = 2**30
    theirs.forge("content", stolen, 2**30)
    theirs.forge("snapshot", stolen, 2**30, meta=meta)
    theirs.forge("timestamp", stolen, 2**30, snapshot_meta=pointer)
    assert take(server, content, AUTUMN) == DONE
    brought_back(theirs, honest, "timestamp")
    theirs.publish(WINTER)
    assert refused(server, content, WINTER) == "untrusted"
    fresh = theirs.repo.online.make("1")
    assert theirs.change(lambda draft: draft.exchange_online(fresh), [OFFLINE["root"], OFFLINE["targets"]])
    assert take(server, content, WINTER) == DONE
    theirs.forge("timestamp", stolen, 2**30 + 1, snapshot_meta=pointer)
    Store(content).collect()
    assert refused(server, content, WINTER) == "untrusted"


def test_a_manifest_of_the_wrong_length_or_bytes_is_refused(
    server: ReleaseServer, theirs: OnDisk, content: Path
) -> None:
    [path] = (theirs.directory / "releases" / "targets" / "releases").glob("*.json")
    for wrong in (AUTUMN.raw[:-1], AUTUMN.raw + b" ", AUTUMN.raw.replace(b"2026.45", b"2026.99")):
        path.write_bytes(wrong)
        assert refused(server, content, AUTUMN) in ("garbled", "unreachable")
    path.write_bytes(AUTUMN.raw)
    assert take(server, content, AUTUMN) == DONE


@pytest.mark.parametrize("what", ["root", "timestamp", "snapshot", "targets", "content", "releases/"])
def test_endless_data_end(what: str, server: ReleaseServer, theirs: OnDisk, content: Path) -> None:
    sent = [0]

    def endless(asked: Asked) -> None:
        if what not in asked.path.removeprefix("/releases/"):
            asked.honest()
            return
        asked.head(200, 10**12)
        for _ in range(4000):
            asked.send(b" " * 10_000)
            sent[0] += 10_000

    if what == "root":
        theirs.forge("root", OFFLINE["root"], 2)
    server.metadata = endless
    assert refused(server, content, AUTUMN) in ("unreachable", "garbled")
    assert sent[0] < 20_000_000


def test_a_list_that_unpacks_without_end_is_not_unpacked(server: ReleaseServer, content: Path) -> None:
    packed = gzip.compress(bytes(2**30), 9)

    def bomb(asked: Asked) -> None:
        if "/targets/" not in asked.path:
            asked.honest()
            return
        asked.head(200, len(packed), Content_Encoding="gzip")
        asked.send(packed)

    server.metadata = bomb
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert refused(server, content, AUTUMN) in ("unreachable", "garbled")
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss <= max(before, 200_000)


@pytest.mark.parametrize("part", ["headers", "body"])
def test_slow_retrieval_ends_in_its_time(part: str, server: ReleaseServer, content: Path) -> None:
    def dribble(asked: Asked) -> None:
        text = b"HTTP/1.1 200 OK\r\n" + (b"" if part == "headers" else b"Content-Length: 1000\r\n\r\n")
        asked.send(text)
        for letter in b"X-Patience: " + b"a" * 600:
            asked.send(bytes([letter]))
            time.sleep(0.1)

    server.metadata = dribble
    assert refused(server, content, AUTUMN, metadata_within_s=1.5) == "unreachable"


def test_a_revoked_key_signs_nothing_any_more(server: ReleaseServer, theirs: OnDisk, content: Path) -> None:
    assert take(server, content, AUTUMN) == DONE
    fresh = CryptoSigner(Ed25519PrivateKey.generate())
    stolen = OFFLINE["targets"]
    assert theirs.change(
        lambda draft: draft.exchange("targets", stolen.public_key.keyid, fresh.public_key), [OFFLINE["root"], fresh]
    )
    theirs.publish(WINTER)
    theirs.forge("targets", stolen)
    assert refused(server, content, WINTER) == "untrusted"
    theirs.forge("targets", fresh)
    assert take(server, content, WINTER) == DONE


def test_a_terminal_that_slept_through_several_roots_follows_each(
    server: ReleaseServer, theirs: OnDisk, content: Path
) -> None:
    assert take(server, content, AUTUMN) == DONE
    signer: Signer = OFFLINE["root"]
    for _ in range(4):
        fresh = CryptoSigner(Ed25519PrivateKey.generate())
        before = signer.public_key.keyid
        assert theirs.change(lambda d, k=before, f=fresh: d.exchange("root", k, f.public_key), [signer, fresh])
        signer = fresh
    theirs.publish(WINTER)
    assert take(server, content, WINTER) == DONE
    assert len(list((content / "tuf" / "root_history").iterdir())) == 5


def test_a_root_that_leaps_over_a_version_is_refused(server: ReleaseServer, theirs: OnDisk, content: Path) -> None:
    theirs.forge("root", OFFLINE["root"], 3)
    theirs.metadata("3.root").rename(theirs.metadata("2.root"))
    assert refused(server, content, AUTUMN) == "untrusted"
    theirs.metadata("2.root").unlink()
    assert take(server, content, AUTUMN) == DONE


def test_a_root_that_too_few_have_signed_is_refused(server: ReleaseServer, theirs: OnDisk, content: Path) -> None:
    second = CryptoSigner(Ed25519PrivateKey.generate())

    def two(draft: Draft) -> None:
        draft.add("root", second.public_key)
        draft.need("root", 2)

    assert not theirs.change(two, [OFFLINE["root"]])
    [staged] = theirs.repo.files.staged.glob("root.json")
    shutil.copy(staged, theirs.metadata("2.root"))
    assert refused(server, content, AUTUMN) == "untrusted"
    theirs.metadata("2.root").unlink()
    assert theirs.change(lambda draft: None, [OFFLINE["root"], second])
    assert take(server, content, AUTUMN) == DONE


def test_unsigned_metadata_are_refused(server: ReleaseServer, theirs: OnDisk, content: Path) -> None:
    bare = Metadata.from_file(str(theirs.metadata("timestamp")))
    bare.signatures.clear()
    theirs.metadata("timestamp").write_bytes(bare.to_bytes())
    assert refused(server, content, AUTUMN) == "untrusted"


def test_a_role_that_signs_outside_of_its_paths_is_not_heard(
    server: ReleaseServer, theirs: OnDisk, content: Path
) -> None:
    """The software key can't publish contents; the server's key can't publish software (`test_agent_trust`)."""
    path = f"releases/{WINTER.id}.json"
    target = TargetFile.from_data(path, WINTER.raw, ["sha256"])
    theirs.repo.files.write_target(target, WINTER.raw)
    assert theirs.repo.add_software(path, WINTER.raw, [OFFLINE["software"]], theirs.now)
    assert refused(server, content, WINTER) == "missing"
