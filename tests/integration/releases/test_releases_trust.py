"""Ceremonies by the real commands, and what operators see of the keys and their dates."""

import hashlib
import json
import re
import shutil
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.registry import Collector
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, Targets, Timestamp

from fleet_server.keys import load_keys
from fleet_server.releases.expiry import metadata_metrics, warnings
from fleet_server.releases.offline_keys import first_keys, open_signers, public_keys
from fleet_server.releases.repository import repository
from fleet_server.releases.takeover import is_from_before, take_over
from fleet_server.settings import Settings
from tests.back_office import build, served
from tests.ceremony import PHRASE, Place
from tests.trust import with_repository

NOW = datetime(2026, 11, 24, 11, tzinfo=UTC)


def acts(place):
    """What the audit log says of the keys, each line with what was to change."""
    rows = place.audited("trust.")
    assert all("targets : clé targets-2" in str(row.detail) for row in rows)
    return [row.act for row in rows]


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def test_a_key_is_exchanged_by_a_file_that_travels_and_a_trial_changes_nothing(place):
    fresh = place.make("targets-2", "targets")
    before = place.state()
    tried = place.keys("rotate", "targets", "targets-1", fresh, "--dry-run")
    assert "targets : clé targets-2" in tried
    assert place.state() == before
    place.keys("rotate", "targets", "targets-1", fresh)
    place.keys("export", str(place.file))
    assert "manque 1" in place.keys("import", str(place.file))
    assert "complet" in place.sign()
    place.keys("import", str(place.file), "--dry-run")
    assert "2.root.json" not in place.state()
    assert "Publié" in place.keys("import", str(place.file))
    assert {"2.root.json", "2.targets.json"} <= place.state().keys()
    assert "targets-2" in place.keys("status")
    assert acts(place) == ["trust.rotate", "trust.import", "trust.publish"]


def test_two_of_two_sign_on_two_machines(place, tmp_path):
    place.keys("threshold", "root", "2")
    place.keys("export", str(place.file))
    one, two = tmp_path / "one", tmp_path / "two"
    for number, folder in enumerate((one, two), 1):
        folder.mkdir()
        for path in place.usb.glob(f"root-{number}*"):
            shutil.copy(path, folder)
    place.sign(one)
    assert "manque 1" in place.keys("import", str(place.file))
    assert "2.root.json" not in place.state()
    place.sign(two)
    assert "Publié" in place.keys("import", str(place.file))
    assert "2 sur : root-1" in place.keys("status")


def test_what_cannot_be_is_refused_in_a_sentence(place):
    assert "Il resterait 0" in place.keys("revoke", "targets-1", ok=False)
    assert "0 clés hors ligne" in place.keys("revoke", "inconnue", ok=False)
    assert "seuil va de 1" in place.keys("threshold", "root", "3", ok=False)
    assert "Rien n’attend" in place.keys("export", str(place.file), ok=False)
    place.file.write_text('{"format": "autre"}')
    assert "pas de cette version" in place.keys("import", str(place.file), ok=False)
    place.keys("renew", "root")
    place.keys("export", str(place.file))
    place.phrase.write_text("une autre phrase secrète")
    refused = place.keys("sign", str(place.file), str(place.usb), "--passphrase-file", str(place.phrase), ok=False)
    assert "n’ouvre pas" in refused


def test_who_exchanges_the_one_root_key_is_told_that_the_old_one_signs_too(place):
    place.keys("remove", "root", "root-2")
    fresh = place.make("root-3", "root")
    place.keys("export", str(place.file))
    place.sign()
    place.keys("import", str(place.file))
    assert "root : manque 2 signature(s)" in place.keys("rotate", "root", "root-1", fresh)


def test_a_key_that_a_file_says_is_published_already_is_named_all_the_same(place):
    """Whoever took the server writes what they like under *published*: there is then no difference to be seen."""
    place.keys("renew", "root")
    place.keys("export", str(place.file))
    theirs = CryptoSigner.generate_ed25519()
    told = json.loads(place.file.read_text())
    for part in ("published", "staged"):
        forged = Metadata.from_dict(told[part]["root"])
        forged.signed.add_key(theirs.public_key, "root")
        forged.sign(theirs)
        told[part]["root"] = forged.to_dict()
    place.file.write_text(json.dumps(told))
    shown = place.keys("sign", str(place.file), str(place.usb), "--dry-run")
    assert "ajoutée" not in shown
    assert theirs.public_key.keyid in shown
    told["staged"]["root"] = told["published"]["targets"]
    place.file.write_text(json.dumps(told))
    assert "abîmé" in place.keys("sign", str(place.file), str(place.usb), "--dry-run", ok=False)


def test_an_enrolment_begins_with_the_newest_root_whoever_asks_and_without_a_restart(place):
    from fleet_server.app import create_app
    from fleet_server.offline import offline
    from fleet_server.terminals.enrolment import root_digest

    settings = Settings(data_dir=place.server)
    runs = create_app(settings).state.context
    before = root_digest(runs)
    place.keys("renew", "root")
    place.keys("export", str(place.file))
    place.sign()
    place.keys("import", str(place.file))
    newest = hashlib.sha256((place.server / "releases/metadata/2.root.json").read_bytes()).hexdigest()
    with offline(settings) as at_the_command_line:
        assert before != root_digest(runs) == root_digest(at_the_command_line) == newest


def test_a_file_of_an_older_change_is_not_taken(place):
    place.keys("renew", "root")
    place.keys("export", str(place.file))
    place.sign()
    place.keys("threshold", "root", "2")
    assert "a changé depuis" in place.keys("import", str(place.file), ok=False)


def test_dates_are_a_metric_and_said_on_the_page_two_months_before(tmp_path):
    (tmp_path / "server").mkdir()
    with served(build(tmp_path / "server", whole=True)) as office:
        repo = with_repository(office)
        assert "Clés et signatures" not in office.signed_in("yanis").get("/contenus").text
        office.clock.pass_by(timedelta(days=365 - 59))
        repo.sign_again_when_due(office.clock())
        shown = re.sub(r"[\u00a0\u202f]", " ", office.signed_in("yanis").get("/contenus").text)
        assert "Le rôle targets expire dans 59 jours" in shown

    class Read(Collector):
        def collect(self):
            yield from metadata_metrics(repo)()

    registry = CollectorRegistry()
    registry.register(Read())
    said = re.findall(r'^balise_metadata_expiry_timestamp_seconds{role="(\w+)"} (\S+)$',
                      generate_latest(registry).decode(), re.M)  # fmt: skip
    assert {role: float(at) for role, at in said} == {role: at.timestamp() for role, at in repo.expiries().items()}


def test_the_server_that_runs_tells_the_dates_and_needs_no_offline_key(place):
    from fleet_server.app import create_app

    transport = httpx.ASGITransport(app=create_app(Settings(data_dir=place.server)))

    async def ask():
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            return (await client.get("/metrics")).text

    import asyncio

    assert asyncio.run(ask()).count("balise_metadata_expiry_timestamp_seconds{") == 6


def test_a_server_of_one_online_key_is_taken_over(place, tmp_path):
    """As a server from before wrote it: all four roles by the server's key, releases in the top list."""
    old = Settings(data_dir=tmp_path / "old")
    shutil.copytree(place.server / "keys", old.keys_dir)
    repo = repository(old, load_keys(old.keys_dir))
    signer = repo.online.signer([repo.online.newest().keyid])
    until = NOW + timedelta(days=100)
    root = Root(expires=until)
    for role in ("root", "targets", "snapshot", "timestamp"):
        root.add_key(signer.public_key, role)
    roles = {
        "root": root, "targets": Targets(1, expires=until), "timestamp": Timestamp(1, expires=until),
        "snapshot": Snapshot(1, expires=until, meta={"targets.json": MetaFile(1)}),
    }  # fmt: skip
    for role, signed in roles.items():
        metadata = Metadata(signed)
        metadata.sign(signer)
        repo.files.write(role, metadata)
    assert is_from_before(repo)
    folder = tmp_path / "new"
    first_keys(folder, PHRASE)
    take_over(repo, public_keys(folder), open_signers(folder, PHRASE), NOW)
    assert not is_from_before(repo)
    Metadata.from_file(str(repo.files.metadata / "1.root.json")).verify_delegate("root", repo.files.current().root)
    repo.add("releases/a.json", b"a", NOW)
    assert warnings(repo, NOW, old.data_dir) == []
