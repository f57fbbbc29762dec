"""The same pack, label and moment give the same release; another of any of them gives another."""

import hashlib
import json
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from fleet_server.contents.build import build
from fleet_server.contents.check import checked
from fleet_server.releases.publish import week_label
from tests.packs import change, write_pack
from wire.release import Manifest

NOW = datetime(2026, 11, 24, 11, tzinfo=UTC)
TODAY = NOW.date()


def built(root, label="2026.48", at=NOW):
    return build(checked(root, TODAY), label, at)


def test_two_builds_of_one_pack_are_the_same_release_wherever_the_pack_lies(tmp_path):
    one, two = built(write_pack(tmp_path / "one")), built(write_pack(tmp_path / "two"))
    assert one.raw == two.raw
    assert one.release.id == two.release.id == hashlib.sha256(one.raw).hexdigest()


@given(st.text("0123456789.", min_size=1, max_size=8), st.integers(0, 10**6))
def test_another_label_or_second_is_another_release(label, seconds):
    pack = _small()
    first = build(pack, "2026.48", NOW)
    other = build(pack, label, NOW + timedelta(seconds=seconds))
    assert (other.release.id == first.release.id) == (label == "2026.48" and seconds == 0)
    assert other.release.id == build(pack, label, NOW + timedelta(seconds=seconds)).release.id


def _small(cache=[]):  # noqa: B006 - one pack for all examples
    if not cache:
        import tempfile
        from pathlib import Path

        cache.append(checked(write_pack(Path(tempfile.mkdtemp())), TODAY))
    return cache[0]


def test_one_word_changed_changes_one_file_and_the_release(tmp_path):
    pack = write_pack(tmp_path)
    before = built(pack)
    change(pack, "texts.yml", "fr: Bonjour", "fr: Bonsoir")
    after = built(pack)
    paths = {file.path: file.sha256 for file in before.manifest.files}
    changed = [file.path for file in after.manifest.files if paths[file.path] != file.sha256]
    assert changed == ["texts.json"]
    assert after.release.id != before.release.id


def test_every_file_of_the_manifest_is_there_with_its_digest_and_size(tmp_path):
    release = built(write_pack(tmp_path))
    assert Manifest.model_validate_json(release.raw) == release.manifest
    for file in release.manifest.files:
        body = release.files[file.sha256]
        assert (hashlib.sha256(body).hexdigest(), len(body)) == (file.sha256, file.size)
        json.loads(body)


def test_what_is_out_of_date_is_left_out(tmp_path):
    pack = write_pack(tmp_path)
    change(pack, "acteurs/phare.yml", "certain: true", "certain: true\nexpires_on: 2026-11-24")
    assert [actor["id"] for actor in actors(built(pack))] == ["phare"]
    assert actors(built(pack, at=NOW + timedelta(days=1))) == []


def actors(release):
    file = next(file for file in release.manifest.files if file.path == "acteurs/actors.json")
    return json.loads(release.files[file.sha256])


def test_the_page_finds_the_shapes_it_reads(tmp_path):
    release = built(write_pack(tmp_path))
    said = {file.path: json.loads(release.files[file.sha256]) for file in release.manifest.files}
    assert said["index.json"]["label"] == "2026.48"
    assert said["metiers/occupations.json"] == [["A1101", "Conducteur d’engins", ["1"]], ["B1101", "Créateur", []]]
    assert said["territory/communes.json"] == [
        ["53130", "Laval", "53", ["53000"], "200083392", 49000],
        ["49099", "Cholet", "49", ["49300"], None, 54000],
    ]
    assert said["texts.json"]["home.title"] == {"fr": "Bonjour", "en": "Hello"}
    assert said["contact/form.json"]["consent"]["version"] == "2026-11"


def test_an_edition_is_called_by_its_iso_week():
    assert week_label(date(2026, 11, 24)) == "2026.48"
    assert week_label(date(2027, 1, 1)) == "2026.53"


def test_the_order_in_which_texts_are_written_makes_no_difference(tmp_path):
    pack = write_pack(tmp_path)
    before = built(pack)
    one, _, other = (pack / "texts.yml").read_text().partition("dock.end:")
    (pack / "texts.yml").write_text("dock.end:" + other + one)
    assert built(pack).release.id == before.release.id
