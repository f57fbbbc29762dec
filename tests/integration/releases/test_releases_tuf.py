"""A terminal's own TUF client against the real server over HTTP: what it takes, and what it refuses."""

import hashlib
import json
import shutil
import tracemalloc
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlmodel import select
from tuf.api.exceptions import DownloadError, RepositoryError
from tuf.ngclient import Updater, UpdaterConfig

from fleet_server.access.models import AuditEntry
from fleet_server.contents.build import build as build_release
from fleet_server.contents.check import checked
from fleet_server.db import reading, transaction
from fleet_server.ingest.models import IngestCursor
from fleet_server.releases.blobs import blob_path, keep_blob
from fleet_server.releases.models import ContentRelease
from fleet_server.releases.publish import LabelTaken, blobs_are_here, free_label, manifest_of, publish, target_of
from fleet_server.releases.repository import repository
from tests.back_office import build, served
from tests.packs import change, write_pack
from tests.trust import with_repository as with_keys
from wire.release import Manifest


def with_repository(directory):
    directory.mkdir()
    office = build(directory, whole=True)
    office.clock.at = datetime.now(UTC)  # a TUF client judges expiry by the machine's clock
    with_keys(office)
    return office


@pytest.fixture
def office(tmp_path):
    with served(with_repository(tmp_path / "server")) as office:
        yield office


@pytest.fixture
def pack(tmp_path):
    return write_pack(tmp_path / "pack")


def published(office, pack, label="2026.48"):
    release = build_release(checked(pack, office.clock().date()), label, office.clock())
    publish(office.context, release, None)
    return release


class Terminal:
    """What a terminal holds on to: the root of its enrolment, and the metadata it has already seen."""

    def __init__(self, office, directory):
        self._url, self._dir = office.url, directory
        self._root = repository(office.context.settings, office.context.keys).root()
        directory.mkdir(parents=True)

    def take(self, release_id):
        """The verified manifest's bytes."""
        updater = Updater(
            str(self._dir), f"{self._url}/releases/metadata/", str(self._dir), f"{self._url}/releases/targets/",
            bootstrap=self._root, config=UpdaterConfig(),
        )  # fmt: skip
        updater.refresh()
        target = updater.get_targetinfo(target_of(release_id))
        assert target, "the repository does not name it"
        updater.download_target(target, str(self._dir / "manifest"))
        return (self._dir / "manifest").read_bytes()


@pytest.fixture
def terminal(office, tmp_path):
    return Terminal(office, tmp_path / "terminal")


def metadata(office):
    return office.context.settings.data_dir / "releases" / "metadata"


def test_a_release_arrives_whole_and_verified(office, pack, terminal):
    release = published(office, pack)
    raw = terminal.take(release.release.id)
    assert hashlib.sha256(raw).hexdigest() == release.release.id
    for file in Manifest.model_validate_json(raw).files:
        body = httpx.get(f"{office.url}/blobs/{file.sha256}").content
        assert (hashlib.sha256(body).hexdigest(), len(body)) == (file.sha256, file.size)


def test_a_manifest_travels_compressed_to_who_takes_that_and_plain_to_others(office, pack):
    release = published(office, pack)
    url = f"{office.url}/releases/targets/releases/{release.release.id}.{release.release.id}.json"
    plain = httpx.get(url, headers={"Accept-Encoding": "identity"})
    packed = httpx.get(url, headers={"Accept-Encoding": "gzip"})
    assert plain.content == packed.content == release.raw
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < 0.6 * int(plain.headers["content-length"])
    assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"


def test_a_second_release_is_seen_and_the_first_stays(office, pack, terminal):
    first = published(office, pack)
    terminal.take(first.release.id)
    change(pack, "texts.yml", "Bonjour", "Bonsoir")
    second = published(office, pack, "2026.49")
    assert terminal.take(second.release.id) == second.raw
    assert terminal.take(first.release.id) == first.raw


def test_a_manifest_with_one_byte_changed_is_refused(office, pack, terminal):
    release = published(office, pack)
    targets = office.context.settings.data_dir / "releases" / "targets" / "releases"
    path = targets / f"{release.release.id}.{release.release.id}.json"
    path.write_bytes(release.raw.replace(b"2026.48", b"2026.47"))
    with pytest.raises((RepositoryError, DownloadError)):
        terminal.take(release.release.id)


def test_older_metadata_brought_back_is_refused(office, pack, terminal, tmp_path):
    first = published(office, pack)
    shutil.copytree(metadata(office), tmp_path / "old")
    second = published(office, pack, "2026.49")
    terminal.take(second.release.id)
    shutil.copytree(tmp_path / "old", metadata(office), dirs_exist_ok=True)
    with pytest.raises(RepositoryError):
        terminal.take(first.release.id)


def test_metadata_that_nobody_renews_is_refused_once_expired(office, pack, terminal):
    release = published(office, pack)
    office.clock.pass_by(-timedelta(days=400))  # as if it had been signed long ago
    repo = repository(office.context.settings, office.context.keys)
    timestamp = json.loads((metadata(office) / "timestamp.json").read_text())
    repo.add("releases/other.json", b"{}", office.clock())
    assert json.loads((metadata(office) / "timestamp.json").read_text()) != timestamp
    with pytest.raises(RepositoryError):
        terminal.take(release.release.id)


def test_targets_of_one_state_under_the_snapshot_of_another_are_refused(office, pack, terminal, tmp_path):
    published(office, pack)
    older = json.loads((metadata(office) / "timestamp.json").read_text())["signed"]["meta"]["snapshot.json"]["version"]
    first_contents = sorted(metadata(office).glob("*.content.json"))[-1].read_bytes()
    second = published(office, pack, "2026.49")
    newest = max(metadata(office).glob("*.content.json"), key=lambda path: int(path.name.split(".")[0]))
    newest.write_bytes(first_contents)
    assert older
    with pytest.raises(RepositoryError):
        terminal.take(second.release.id)


def test_a_signature_by_another_key_is_refused(office, pack, terminal, tmp_path):
    stranger = with_repository(tmp_path / "stranger")
    release = published(stranger, pack)
    for path in metadata(stranger).glob("*.json"):
        if "root" not in path.name:
            shutil.copy(path, metadata(office) / path.name)
    with pytest.raises(RepositoryError):
        terminal.take(release.release.id)


def test_a_terminal_that_reads_during_a_publication_sees_the_state_before(office, pack, terminal):
    first = published(office, pack)
    timestamp = (metadata(office) / "timestamp.json").read_bytes()
    second = published(office, pack, "2026.49")
    (metadata(office) / "timestamp.json").write_bytes(timestamp)  # targets and snapshot are there, timestamp not yet
    assert terminal.take(first.release.id) == first.raw
    repository(office.context.settings, office.context.keys).add(
        target_of(second.release.id), second.raw, office.clock()
    )
    assert terminal.take(second.release.id) == second.raw


def test_what_is_not_there_is_not_found_and_nothing_else_can_be_asked_for(office, pack):
    published(office, pack)
    for path in (
        "/blobs/" + "0" * 64,
        "/releases/metadata/99.root.json",
        "/releases/metadata/.lock",
        "/releases/metadata/..%2f..%2fkeys%2freleases.pem",
        f"/releases/targets/releases/{'0' * 64}.{'0' * 64}.json",
    ):
        assert httpx.get(office.url + path).status_code == 404, path
    assert httpx.get(f"{office.url}/blobs/..%2fkeys").status_code in (404, 422)


# ---- blobs -------------------------------------------------------------------------------------------------------


def test_a_blob_is_resumed_at_any_byte(office):
    body = bytes(range(256)) * 40
    digest = keep_blob(office.context.settings.data_dir / "blobs", body)
    for start in (0, 1, 5000, len(body) - 1):
        answer = httpx.get(f"{office.url}/blobs/{digest}", headers={"Range": f"bytes={start}-"})
        assert (answer.status_code, answer.content) == (206, body[start:])
        assert answer.headers["content-range"] == f"bytes {start}-{len(body) - 1}/{len(body)}"
    past = httpx.get(f"{office.url}/blobs/{digest}", headers={"Range": f"bytes={len(body)}-"})
    assert past.status_code == 416
    whole = httpx.get(f"{office.url}/blobs/{digest}")
    assert "immutable" in whole.headers["cache-control"]
    assert whole.headers["etag"] == f'"{digest}"'


def test_many_blobs_come_one_after_the_other_on_one_connection_whoever_hangs_up_meanwhile(office):
    folder = office.context.settings.data_dir / "blobs"
    bodies = [bytes([number]) * size for number, size in enumerate((1, 70_000, 9 * 2**20, 3))]
    with httpx.Client(base_url=office.url) as client:
        for body in bodies:
            url = f"/blobs/{keep_blob(folder, body)}"
            with httpx.stream("GET", office.url + url) as left:
                next(left.iter_raw())
            assert client.get(url).content == body
            head = client.head(url)
            assert (head.status_code, head.content) == (405, head.content)
            part = client.get(url, headers={"Range": "bytes=0-0"})
            assert (part.status_code, part.content) == (206, body[:1])
            assert client.get(url, headers={"Range": "bytes=-1"}).content == body
            changed = client.get(url, headers={"Range": "bytes=0-0", "If-Range": '"another"'})
            assert (changed.status_code, changed.content) == (200, body)
    assert httpx.get(f"{office.url}/blobs/{keep_blob(folder, b'')}").content == b""


def test_a_large_blob_is_served_without_being_held_in_memory(office):
    size = 192 * 1024 * 1024
    path = blob_path(office.context.settings.data_dir / "blobs", "a" * 64)
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        file.truncate(size)
    tracemalloc.start()
    taken = 0
    with httpx.stream("GET", f"{office.url}/blobs/{'a' * 64}", timeout=60) as answer:
        for piece in answer.iter_raw():
            taken += len(piece)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken == size
    assert peak < 24 * 1024 * 1024


# ---- publishing --------------------------------------------------------------------------------------------------


def test_the_same_release_published_twice_is_one(office, pack):
    release = published(office, pack)
    versions = sorted(path.name for path in metadata(office).iterdir())
    assert published(office, pack).release == release.release
    assert sorted(path.name for path in metadata(office).iterdir()) == versions


def test_a_label_names_one_release_for_ever(office, pack):
    published(office, pack)
    change(pack, "texts.yml", "Bonjour", "Bonsoir")
    with pytest.raises(LabelTaken, match=r"2026\.48"):
        published(office, pack)
    with transaction(office.context.engine) as session:
        assert free_label(session, "2026.48") == "2026.48-2"


def test_what_terminals_tell_is_taken_while_files_are_written(office, pack):
    release = build_release(checked(pack, office.clock().date()), "2026.48", office.clock())
    kept = []

    def tell():
        """As ingest does, meanwhile: one that has to wait for the other would wait for ever."""
        with transaction(office.context.engine) as session:
            session.add(IngestCursor(terminal="laval-01", outbox=f"o{len(kept)}", through=1, moved_at=0))
        kept.append(1)

    row = publish(office.context, release, None, tell)
    assert (len(kept), row.id) == (len(release.files), release.release.id)
    with reading(office.context.engine) as session:
        assert len(session.exec(select(IngestCursor)).all()) == len(release.files)
        assert [entry.act for entry in session.exec(select(AuditEntry))][-1] == "release.published"


def test_two_that_publish_under_one_label_at_once_are_told_apart(office, pack):
    mine = build_release(checked(pack, office.clock().date()), "2026.48", office.clock())
    change(pack, "texts.yml", "Bonjour", "Bonsoir")
    theirs = build_release(checked(pack, office.clock().date()), "2026.48", office.clock())
    publishing = iter([lambda: publish(office.context, theirs, None)])
    with pytest.raises(LabelTaken):
        publish(office.context, mine, None, lambda: next(publishing, lambda: None)())
    with reading(office.context.engine) as session:
        assert [row.id for row in session.exec(select(ContentRelease))] == [theirs.release.id]


def test_a_release_whose_file_is_gone_is_known_to_be_incomplete(office, pack):
    release = published(office, pack)
    manifest = manifest_of(office.context, release.release.id)
    assert manifest
    assert blobs_are_here(office.context, manifest)
    blob_path(office.context.settings.data_dir / "blobs", manifest.files[0].sha256).unlink()
    assert not blobs_are_here(office.context, manifest)


def test_metadata_is_signed_again_at_half_its_life_and_a_terminal_goes_on(office, pack, terminal):
    release = published(office, pack)
    repo = repository(office.context.settings, office.context.keys)
    now = office.clock()
    assert not repo.sign_again_when_due(now)
    for days in (8, 31, 91):
        assert repo.sign_again_when_due(now + timedelta(days=days)), days
        assert not repo.sign_again_when_due(now + timedelta(days=days))
        assert terminal.take(release.release.id) == release.raw
    assert all(expiry > now + timedelta(days=91) for expiry in repo.expiries().values())
