"""The content store: what it answers, and that a power cut at any I/O leaves an active release that is whole."""

import os
import tempfile
from pathlib import Path

import pytest
from failing_disk import FailingDisk, PowerCut
from hypothesis import given, settings
from hypothesis import strategies as st

from agent import disk
from agent.store import Damaged, Store
from tests.releases import AUTUMN, WINTER, Made, make, put


def is_whole(store: Store) -> bool:
    if store.active is None:
        return True
    store.verify(store.active.id)
    return store.holds(store.active.id)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "content")


def test_a_release_is_held_once_all_its_files_are(store: Store) -> None:
    manifest = store.keep_manifest(AUTUMN.id, AUTUMN.raw)
    assert {file.path for file in store.missing(manifest)} == set(AUTUMN.files)
    assert not store.holds(AUTUMN.id)
    put(store, AUTUMN)
    assert store.stored() == {AUTUMN.id}
    assert store.missing(manifest) == []


def test_a_shared_file_lies_once_on_the_disk(store: Store, tmp_path: Path) -> None:
    put(store, AUTUMN)
    put(store, WINTER)
    assert len(list((tmp_path / "content" / "blobs").glob("*/*"))) == len(AUTUMN.blobs | WINTER.blobs)


def test_a_manifest_of_another_digest_is_refused(store: Store) -> None:
    with pytest.raises(Damaged):
        store.keep_manifest(AUTUMN.id, WINTER.raw)


def test_an_altered_manifest_on_the_disk_is_no_release(store: Store, tmp_path: Path) -> None:
    put(store, AUTUMN)
    (tmp_path / "content" / "releases" / f"{AUTUMN.id}.json").write_bytes(WINTER.raw)
    assert store.stored() == frozenset()


def test_switching_keeps_the_previous_one_for_the_way_back(store: Store) -> None:
    for made in (AUTUMN, WINTER):
        put(store, made)
        store.switch(made.release)
    assert (store.active, store.previous) == (WINTER.release, AUTUMN.release)
    assert store.switch_back(WINTER.release) == AUTUMN.release
    assert store.switch_back(WINTER.release) == AUTUMN.release  # again: nothing more happens
    assert (store.active, store.previous) == (AUTUMN.release, None)


def test_the_pointer_is_found_again(store: Store, tmp_path: Path) -> None:
    put(store, AUTUMN)
    store.switch(AUTUMN.release)
    assert Store(tmp_path / "content").active == AUTUMN.release


def test_a_damaged_file_is_found_and_removed(store: Store) -> None:
    put(store, AUTUMN)
    found = store.locate(AUTUMN.id, "media/tower.png")
    assert found
    found[0].write_bytes(b"TOWER" * 400)
    with pytest.raises(Damaged, match="media/tower"):
        store.verify(AUTUMN.id)
    assert not store.holds(AUTUMN.id)
    put(store, AUTUMN)
    store.verify(AUTUMN.id)


def test_a_path_outside_of_the_manifest_is_not_located(store: Store) -> None:
    put(store, AUTUMN)
    assert store.locate(AUTUMN.id, "../pointer.json") is None
    assert store.locate(WINTER.id, "index.json") is None


def test_collecting_keeps_what_active_previous_and_wished_need(store: Store, tmp_path: Path) -> None:
    spring = make("2027.12", {"acteurs/actors.json": b'["spring"]'})
    old = make("2026.01", {"acteurs/actors.json": b'["old"]'})
    for made in (old, AUTUMN, WINTER, spring):
        put(store, made)
    for made in (old, AUTUMN, WINTER):
        store.switch(made.release)
    (store.partial / ("0" * 64)).write_bytes(b"given up")
    store.collect([spring.id])
    assert store.stored() == {AUTUMN.id, WINTER.id, spring.id}
    assert len(list((tmp_path / "content" / "blobs").glob("*/*"))) == len(AUTUMN.blobs | WINTER.blobs | spring.blobs)
    assert list(store.partial.iterdir()) == []


_PIECES = [b"a", b"b", b"c", b"d"]
_CAST = [make(f"2026.{n:02}", {f"media/{p}.bin": _PIECES[p] for p in range(4) if n >> p & 1}) for n in range(16)]
some = st.sampled_from(_CAST)


@settings(max_examples=60, deadline=None)
@given(st.lists(some, max_size=6), st.lists(some, max_size=4), st.lists(some, max_size=2), st.lists(some, max_size=2))
def test_collecting_keeps_all_that_is_needed_and_nothing_else(
    stored: list[Made], shown: list[Made], wished: list[Made], arriving: list[Made]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        for made in (*stored, *shown, *wished):
            put(store, made)
        for made in shown:
            store.switch(made.release)
        for digest in {digest for made in arriving for digest in made.blobs}:
            (store.partial / digest).write_bytes(b"")
        store.collect([made.id for made in wished])
        kept = [made for made in _CAST if made.release in (store.active, store.previous) or made in wished]
        needed = {digest for made in kept for digest in made.blobs}
        assert store.stored() == {made.id for made in kept}
        assert {path.name for path in (Path(folder) / "blobs").glob("*/*")} == needed
        assert {path.name for path in store.partial.iterdir()} <= needed
        for made in kept:
            store.verify(made.id)
        assert store.collect([made.id for made in wished]) == 0


def renew(root: Path, made: Made) -> None:
    """All that a new release does to the disk."""
    store = Store(root)
    put(store, made)
    store.verify(made.id)
    store.switch(made.release)
    store.collect()


def _every_io(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]) -> int:
    """`renew` interrupted at the 1st, 2nd, … I/O; each time the next clean run must succeed."""
    fatal = 0
    while True:
        fatal += 1
        root = tmp_path / f"cut-{fatal}"
        for made in (make("2026.01"), AUTUMN):
            renew(root, made)
        failing = FailingDisk(fatal, error)
        monkeypatch.setattr(disk, "os", failing)
        ended = False
        try:
            renew(root, WINTER)
            ended = True
        except (error, Damaged):
            pass
        monkeypatch.setattr(disk, "os", os)
        store = Store(root)
        assert store.active in (AUTUMN.release, WINTER.release)
        assert is_whole(store)
        renew(root, WINTER)
        assert Store(root).active == WINTER.release
        assert Store(root).stored() == {AUTUMN.id, WINTER.id}
        if ended:
            return fatal


def test_a_power_cut_at_any_io_leaves_the_active_release_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _every_io(tmp_path, monkeypatch, PowerCut) > 20


def test_a_failing_disk_at_any_io_leaves_the_active_release_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _every_io(tmp_path, monkeypatch, OSError) > 20


def test_the_cut_is_felt_by_a_rename_without_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The harness itself: it catches a store that forgets to sync."""

    def forgetful(path: Path, data: bytes, mode: int = 0o644) -> None:
        fresh = path.with_name(".new")
        descriptor = disk.os.open(fresh, os.O_WRONLY | os.O_CREAT, mode)
        disk.os.write(descriptor, data)
        os.close(descriptor)
        disk.os.replace(fresh, path)

    failing = FailingDisk(4, PowerCut)
    monkeypatch.setattr(disk, "os", failing)
    forgetful(tmp_path / "pointer.json", b"0123456789")
    with pytest.raises(PowerCut):
        disk.sync_dir(tmp_path)
    assert (tmp_path / "pointer.json").read_bytes() == b"01234"
