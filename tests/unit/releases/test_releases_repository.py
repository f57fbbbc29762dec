"""The signed list of releases: each role by its own key, never a state in between, whatever stops it."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import UnsignedMetadataError
from tuf.api.metadata import Metadata

from fleet_server.releases import durable
from fleet_server.releases.repository import Repository, Signers, online

NOW = datetime(2026, 11, 24, 11, tzinfo=UTC)


@pytest.fixture
def signers():
    return Signers(*(CryptoSigner(Ed25519PrivateKey.generate()) for _ in range(4)))


def test_each_role_is_signed_by_its_own_key(tmp_path, signers):
    repo = Repository(tmp_path, signers)
    repo.create(NOW)
    repo.add("releases/a.json", b"a", NOW)
    read = lambda name: Metadata.from_file(str(tmp_path / "metadata" / f"{name}.json"))  # noqa: E731
    root = read("1.root").signed
    for role, name in {"targets": "2.targets", "snapshot": "2.snapshot", "timestamp": "timestamp"}.items():
        metadata = read(name)
        root.verify_delegate(role, metadata.signed_bytes, metadata.signatures)
        assert list(metadata.signatures) == [getattr(signers, role).public_key.keyid]
    snapshot = read("2.snapshot")
    with pytest.raises(UnsignedMetadataError):
        root.verify_delegate("targets", snapshot.signed_bytes, snapshot.signatures)


def test_creating_twice_keeps_the_first_root(tmp_path):
    repo = Repository(tmp_path, online(Ed25519PrivateKey.generate()))
    repo.create(NOW)
    root = repo.root()
    Repository(tmp_path, online(Ed25519PrivateKey.generate())).create(NOW + timedelta(days=1))
    assert repo.root() == root


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from("abcde"), max_size=8), st.integers(0, 40))
def test_whatever_stops_it_the_repository_names_all_that_was_added_and_goes_on(names, stop_after):
    """A power cut at the n-th rename: what was complete stays, what was not is added again."""
    import tempfile
    from pathlib import Path

    repo = Repository(Path(tempfile.mkdtemp()), online(Ed25519PrivateKey.generate()))
    repo.create(NOW)
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


def test_a_file_written_durably_leaves_nothing_beside_it(tmp_path):
    durable.write_durably(tmp_path / "sub" / "one", b"1")
    durable.write_durably(tmp_path / "sub" / "one", b"2")
    assert [path.name for path in (tmp_path / "sub").iterdir()] == ["one"]
    assert (tmp_path / "sub" / "one").read_bytes() == b"2"
