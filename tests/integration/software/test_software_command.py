"""`balise software …` as people type it: made from these sources, signed by keys from elsewhere, read by a terminal."""

import shutil
from pathlib import Path

import pytest
from fastapi import FastAPI

from agent.trust import TrustJob, trusted_target
from fleet_server.offline import offline
from fleet_server.releases.api import router
from fleet_server.releases.blobs import blob_path
from fleet_server.releases.software import software_releases
from fleet_server.settings import Settings
from fleet_server.software.build import own_wheel
from fleet_server.software.folder import read
from tests.back_office import BackOffice, Clock, served
from tests.ceremony import Place
from tests.wheels import software_folder, wheel

SOURCES = Path(__file__).parents[3]


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def publish(place, folder, *words, ok=True):
    keys = ("--keys", str(place.usb), "--passphrase-file", str(place.phrase))
    return place.run("software", "publish", str(folder), *keys, *words, ok=ok)


def published(place):
    return software_releases(Settings(data_dir=place.server))


def test_a_version_is_made_from_the_sources_with_what_the_lock_names_and_is_made_again_alike(place, tmp_path):
    said = place.run("software", "build", str(tmp_path / "made"), "--sources", str(SOURCES), "--version", "1.2.0")
    made = read(tmp_path / "made")
    assert made.release.id in said
    names = [one.name for one in made.manifest.files]
    assert all(any(name.startswith(start) for name in names) for start in ("tuf-", "cryptography-", "paho_mqtt-"))
    assert made.manifest.python == ">=3.11,<3.12"  # pydantic-core's wheel is of one Python
    ours = next(path for path in made.wheels.values() if path.name.startswith("balise-"))
    shutil.unpack_archive(ours, tmp_path / "inside", "zip")
    assert (tmp_path / "inside" / "agent" / "ui" / "index.html").exists()
    own_wheel(SOURCES, tmp_path / "again")
    assert (tmp_path / "again" / ours.name).read_bytes() == ours.read_bytes()
    assert "est déjà là" in place.run("software", "build", str(tmp_path / "made"), "--sources", str(SOURCES), ok=False)


def test_a_published_version_is_what_a_terminal_verifies_and_fetches(place, tmp_path):
    made = software_folder(tmp_path / "v", "1.2.0")
    before = place.state()
    assert "Essai : rien n’a été changé." in publish(place, tmp_path / "v", "--dry-run")
    assert place.state() == before
    assert not (place.server / "blobs").exists()
    assert "Version 1.2.0 publiée." in publish(place, tmp_path / "v", "--notes", "Corrige le son.")
    with offline(Settings(data_dir=place.server)) as ctx, served(BackOffice(FastAPI(), ctx, Clock(), {})) as server:
        server.app.state.context = ctx
        server.app.include_router(router)
        root = next((place.server / "releases" / "metadata").glob("1.root.json")).read_text()
        job = TrustJob(trust=tmp_path / "trust", server=server.url, root=root)
        assert trusted_target(job, "software/1.2.0.json", 2**20) == made.raw
    assert all(blob_path(place.server / "blobs", sha256).read_bytes() == path.read_bytes()
               for sha256, path in made.wheels.items())  # fmt: skip
    [one] = published(place)
    assert (one.release, one.notes, one.files, one.size) == (made.release, "Corrige le son.", 1, made.size)
    listed = place.run("software", "list")
    assert "1.2.0" in listed
    assert "Corrige le son." in listed
    after = place.state()
    publish(place, tmp_path / "v")
    assert place.state() == after
    [act] = place.audited("software.")
    assert (act.act, act.subject, act.detail["id"]) == ("software.published", "1.2.0", made.release.id)


def test_without_keys_at_hand_a_version_waits_for_the_ceremony(place, tmp_path):
    made = software_folder(tmp_path / "v", "1.2.0")
    assert "Rien n’est publié avant les signatures" in place.run("software", "publish", str(tmp_path / "v"))
    assert published(place) == []
    place.keys("export", str(place.file))
    assert f"software : software/1.2.0.json ajouté, empreinte {made.release.id}" in place.sign()
    assert "Publié" in place.keys("import", str(place.file))
    assert [one.release for one in published(place)] == [made.release]


def test_two_of_two_keys_leave_it_staged_until_the_second_has_signed(place, tmp_path):
    second = place.make("software-2", "software")
    for change in (("add", "software", second), ("threshold", "software", "2")):
        place.keys(*change)
    place.keys("export", str(place.file))
    place.sign()
    place.keys("import", str(place.file))
    away = tmp_path / "away"
    away.mkdir()
    for suffix in (".pem", ".pub.json"):
        (place.usb / f"software-2{suffix}").rename(away / f"software-2{suffix}")
    software_folder(tmp_path / "v", "1.2.0")
    assert "Préparée" in publish(place, tmp_path / "v")
    assert published(place) == []
    place.keys("export", str(place.file))
    place.sign(away)
    place.keys("import", str(place.file))
    assert [one.release.version for one in published(place)] == ["1.2.0"]


def test_what_is_wrong_is_one_sentence_and_changes_nothing(place, tmp_path):
    software_folder(tmp_path / "v", "1.2.0")
    publish(place, tmp_path / "v")
    before = place.state()
    software_folder(tmp_path / "other", "1.2.0", {"agent/__init__.py": "1 / 0"})
    assert "est publiée avec un autre contenu" in publish(place, tmp_path / "other", ok=False)
    made = software_folder(tmp_path / "lacks", "1.3.0")
    next(iter(made.wheels.values())).unlink()
    assert "Il manque" in publish(place, tmp_path / "lacks", ok=False)
    made = software_folder(tmp_path / "changed", "1.3.0")
    wheel(tmp_path / "changed" / "wheels", "balise", "1.0", {"agent/__init__.py": "1 / 0"})
    assert "n’est plus celui" in publish(place, tmp_path / "changed", ok=False)
    software_folder(tmp_path / "w", "1.4.0")
    (tmp_path / "wrong").write_text("another passphrase, long enough")
    refused = place.run("software", "publish", str(tmp_path / "w"), "--keys", str(place.usb),
                        "--passphrase-file", str(tmp_path / "wrong"), ok=False)  # fmt: skip
    assert "La phrase secrète n’ouvre pas" in refused
    (tmp_path / "empty").mkdir()
    refused = place.run("software", "publish", str(tmp_path / "w"), "--keys", str(tmp_path / "empty"),
                        "--passphrase-file", str(place.phrase), ok=False)  # fmt: skip
    assert "aucune clé" in refused
    assert "280 au plus" in publish(place, tmp_path / "w", "--notes", "x" * 281, ok=False)
    assert place.state() == before
