"""The signed lists of releases: each role by its own keys, never a state in between, whatever stops it."""

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from tuf.api.exceptions import UnsignedMetadataError
from tuf.api.metadata import Metadata

from fleet_server import durable
from fleet_server.releases.metadata_files import MetadataFiles
from fleet_server.releases.online_keys import OnlineKeys
from fleet_server.releases.repository import NotReady, Repository, Taken
from fleet_server.releases.roles import LIFETIME
from tests.trust import OFFLINE, create

NOW = datetime(2026, 11, 24, 11, tzinfo=UTC)


def empty(directory):
    return Repository(MetadataFiles(directory), OnlineKeys(Ed25519PrivateKey.generate()))


def test_each_role_is_signed_by_its_own_key(tmp_path):
    repo = create(empty(tmp_path), NOW)
    repo.add("releases/a.json", b"a", NOW)
    current = repo.files.current()
    root, targets = current.root.signed, current.targets.signed
    online = repo.online.newest().keyid
    who = {name: list(metadata.signatures) for name, metadata in current.all().items()}
    assert who == {
        **{role: [signer.public_key.keyid] for role, signer in OFFLINE.items()},
        "content": [online], "snapshot": [online], "timestamp": [online],
    }  # fmt: skip
    for role in ("targets", "snapshot", "timestamp"):
        metadata = current.all()[role]
        root.verify_delegate(role, metadata.signed_bytes, metadata.signatures)
    for role, metadata in (("software", current.software), ("content", current.content)):
        targets.verify_delegate(role, metadata.signed_bytes, metadata.signatures)
    with pytest.raises(UnsignedMetadataError):
        targets.verify_delegate("software", current.content.signed_bytes, current.content.signatures)


def test_creating_twice_keeps_the_first_root(tmp_path):
    repo = create(empty(tmp_path), NOW)
    root = repo.root()
    create(empty(tmp_path), NOW + timedelta(days=1))
    assert repo.root() == root


def test_a_repository_is_not_made_by_fewer_keys_than_its_thresholds(tmp_path):
    keys = {role: [signer.public_key] for role, signer in OFFLINE.items()}
    with pytest.raises(NotReady):
        empty(tmp_path).create(NOW, keys, [OFFLINE["root"], OFFLINE["targets"]])
    assert not list((tmp_path / "metadata").glob("*.json"))


def test_software_is_published_by_the_offline_key_and_by_no_other(tmp_path):
    repo = create(empty(tmp_path), NOW)
    assert not repo.add_software("software/1.0.0.json", b"{}", [OFFLINE["targets"]], NOW)
    assert not repo.names("software/1.0.0.json")
    assert repo.add_software("software/1.0.0.json", b"{}", [OFFLINE["software"]], NOW)
    assert repo.names("software/1.0.0.json")
    assert not repo.files.read_staged()
    assert repo.add_software("software/1.0.0.json", b"{}", [], NOW)
    with pytest.raises(Taken):
        repo.add_software("software/1.0.0.json", b"another", [OFFLINE["software"]], NOW)


def test_the_server_signs_again_what_is_online_and_leaves_the_rest(tmp_path):
    repo = create(empty(tmp_path), NOW)
    before = repo.expiries()
    for day in range(0, 340, 3):
        now = NOW + timedelta(days=day)
        repo.sign_again_when_due(now)
        assert not repo.sign_again_when_due(now)
        after = repo.expiries()
        for role in ("content", "snapshot", "timestamp"):
            assert after[role] - now >= LIFETIME[role] / 2
        for role in ("root", "targets", "software"):
            assert after[role] == before[role]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from("abcde"), max_size=8), st.integers(0, 40))
def test_whatever_stops_it_the_repository_names_all_that_was_added_and_goes_on(names, stop_after):
    """A power cut at the n-th rename: what was complete stays, what was not is added again."""
    repo = create(empty(Path(tempfile.mkdtemp())), NOW)
    done: set[str] = set()
    renames = iter(range(10**6))
    real = Path.replace

    def cut(path, target):
        if next(renames) == stop_after:
            raise OSError("power cut")
        return real(path, target)

    durable.Path.replace = cut
    try:
        for name in names:
            repo.add(f"releases/{name}.json", name.encode(), NOW)
            done.add(name)
    except OSError:
        pass
    finally:
        durable.Path.replace = real
    assert all(repo.names(f"releases/{name}.json") for name in done)
    for name in names:
        repo.add(f"releases/{name}.json", name.encode(), NOW)
    assert all(repo.names(f"releases/{name}.json") for name in names)


def test_metadata_on_disk_are_what_was_signed(tmp_path):
    repo = create(empty(tmp_path), NOW)
    assert Metadata.from_bytes(repo.root()).to_bytes() == repo.root()


def test_a_file_written_durably_leaves_nothing_beside_it(tmp_path):
    durable.write_durably(tmp_path / "sub" / "one", b"1")
    durable.write_durably(tmp_path / "sub" / "one", b"2")
    assert [path.name for path in (tmp_path / "sub").iterdir()] == ["one"]
    assert (tmp_path / "sub" / "one").read_bytes() == b"2"
