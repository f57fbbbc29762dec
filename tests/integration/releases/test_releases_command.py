"""`balise content …` as people type it: on a pack in a folder, on a server's own data folder."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlmodel import select

from fleet_server.db import connect, reading
from fleet_server.releases.models import ContentRelease
from fleet_server.terminals.models import TerminalDesired
from tests.packs import change, write_pack
from tests.processes import BALISE

PACK = Path(__file__).parents[3] / "content" / "pays-de-la-loire"


def content(*words, at=PACK.parents[1], **options):
    """In the repository by default, where what the kiosk shows is checked too."""
    return subprocess.run(
        [sys.executable, "-m", "balise", "content", *map(str, words)], cwd=at, check=False,
        capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(PACK.parents[1])}, **options,
    )  # fmt: skip


@pytest.fixture
def pack(tmp_path):
    return write_pack(tmp_path / "pack")


@pytest.fixture
def server(tmp_path):
    directory = tmp_path / "server"
    subprocess.run(
        [sys.executable, "-m", "balise", "server", "init", "--data-dir", str(directory)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return directory


def releases_of(server):
    engine = connect(f"sqlite:///{server / 'fleet.db'}")
    with reading(engine) as session:
        return list(session.exec(select(ContentRelease)))


def test_check_names_file_line_problem_and_remedy_and_fails(pack):
    change(pack, "acteurs/phare.yml", 'commune: "53130"', 'commune: "75056"')
    said = content("check", pack, at=pack)
    assert said.returncode == 1
    line = "acteurs/phare.yml:11: la commune 75056 n’est pas des Pays de la Loire. Voyez territoire/communes.json."
    assert line in said.stderr
    assert "1 erreur, 0 avertissement." in said.stdout


def test_check_of_a_whole_pack_succeeds(pack):
    said = content("check", pack, at=pack)
    assert (said.returncode, said.stderr) == (0, "")
    assert "0 erreur, 0 avertissement." in said.stdout


def test_build_writes_the_files_of_the_edition_to_look_at(pack, tmp_path):
    out = tmp_path / "out"
    assert content("build", pack, "--out", out, "--label", "2026.48", at=pack).returncode == 0
    assert json.loads((out / "index.json").read_text())["label"] == "2026.48"
    assert json.loads((out / "manifest.json").read_text())["pack"] == "essai"


def test_publish_makes_an_edition_known_and_a_second_one_of_the_week_gets_another_name(pack, server):
    first = content("publish", pack, "--data-dir", server, at=pack)
    assert first.returncode == 0, first.stderr
    second = content("publish", pack, "--data-dir", server, at=pack)
    assert second.returncode == 0, second.stderr
    labels = sorted(row.label for row in releases_of(server))
    assert len(labels) == 2
    assert labels[1] == f"{labels[0]}-2"
    assert f"Édition {labels[0]} publiée, demandée à 0 borne." in first.stdout


def test_a_name_already_taken_is_refused_in_one_sentence(pack, server):
    assert content("publish", pack, "--data-dir", server, "--label", "noel", at=pack).returncode == 0
    change(pack, "texts.yml", "Bonjour", "Bonsoir")
    said = content("publish", pack, "--data-dir", server, "--label", "noel", at=pack)
    assert said.returncode == 1
    assert "L’édition noel existe déjà : choisissez un autre nom (--label)." in said.stderr
    assert len(releases_of(server)) == 1


def test_a_pack_with_a_fault_is_not_published(pack, server):
    (pack / "texts.yml").write_text("")
    said = content("publish", pack, "--data-dir", server, at=pack)
    assert said.returncode == 1
    assert "l’édition n’est pas construite" in said.stderr
    assert releases_of(server) == []


def test_without_a_server_it_says_what_to_do(pack, tmp_path):
    said = content("publish", pack, "--data-dir", tmp_path / "nothing", at=pack)
    assert said.returncode == 1
    assert "balise server init" in said.stderr
    assert "Traceback" not in said.stderr


def test_an_unknown_terminal_is_refused_and_nothing_is_published(pack, server):
    said = content("publish", pack, "--data-dir", server, "--terminal", "b-inconnue", at=pack)
    assert said.returncode == 1
    assert "b-inconnue" in said.stderr
    assert releases_of(server) == []


def test_the_kiosks_own_pack_is_checked_against_the_texts_the_kiosk_shows():
    said = content("check")
    assert (said.returncode, said.stderr) == (0, "")


def test_a_text_that_the_kiosk_shows_and_the_pack_lacks_is_named_where_the_sources_are(pack):
    said = content("check", pack)
    assert said.returncode == 1
    assert "manque, la borne l’affiche" in said.stderr


def test_an_edition_may_be_published_and_asked_of_no_terminal(pack, server):
    added = [*BALISE, "terminal", "add", "Laval", "--commune", "53130", "--commune-name", "Laval", "--place", "Mairie",
             "--data-dir", str(server)]  # fmt: skip
    subprocess.run(added, check=True, capture_output=True)
    said = content("publish", pack, "--label", "2026.49", "--no-ask", "--data-dir", server, at=pack)
    assert said.returncode == 0, said.stderr
    assert "Édition 2026.49 publiée, demandée à aucune borne" in said.stdout
    with reading(connect(f"sqlite:///{server / 'fleet.db'}")) as session:
        assert [row.release_id for row in session.exec(select(TerminalDesired))] == [None]
    both = content("publish", pack, "--no-ask", "--terminal", "b-quelque", "--data-dir", server, at=pack)
    assert both.returncode == 1
    assert "--no-ask" in both.stderr
