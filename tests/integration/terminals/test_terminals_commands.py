"""`balise terminal add|list|token|command`, as an operator types them."""

import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from wire.enrol import decode_token

ADD = (
    "add",
    "Laval",
    "--commune",
    "53130",
    "--commune-name",
    "Laval",
    "--place",
    "Mairie de Laval",
    "--kind",
    "mairie",
)


@pytest.fixture
def balise(tmp_path):
    def run(*words, room="terminal"):
        environment = os.environ | {"BALISE_DATA_DIR": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "balise", room, *words]
        return subprocess.run(command, capture_output=True, text=True, env=environment)

    assert run("init", room="server").returncode == 0
    return run


def test_a_terminal_is_added_listed_and_commanded(balise):
    made = balise(*ADD)
    assert made.returncode == 0, made.stderr
    assert decode_token(re.search(r"balise-enrol-1\.\S+", made.stdout)[0]).server
    assert "Aucune édition ne lui est encore demandée" in made.stdout
    terminal = re.search(r"b-[a-z0-9]{8}", made.stdout)[0]
    assert re.search(rf"{terminal} +Laval +pending +0 +Mairie de Laval", balise("list").stdout)
    again = balise("token", terminal)
    assert re.search(r"balise-enrol-1\.\S+", again.stdout)[0] not in made.stdout
    assert "pas encore enrôlée" in balise("command", terminal, "identify").stderr
    assert "« --percent »" in balise("command", terminal, "volume.set", "--percent", "101").stderr
    assert "n’est pas une commande. Il y a : window.restart" in balise("command", terminal, "self.destruct").stderr
    assert balise("commands", terminal).stdout == ""
    assert balise("purge", terminal).stdout == "Rien n’attendait.\n"
    assert "Aucune commande « x »" in balise("again", "x").stderr


def test_many_are_foreseen_and_given_once_for_each_key(balise, tmp_path):
    made = [re.search(r"b-[a-z0-9]{8}", balise(*ADD).stdout)[0] for _ in range(2)]
    with closing(sqlite3.connect(tmp_path / "fleet.db")) as db, db:  # as if they had enrolled
        db.execute("update terminal set status = 'accepted', generation = 1")
    words = ("command", made[0], "identify", "--seconds", "30", "--also", made[1])
    assert balise(*words, "--dry-run").stdout.startswith(
        "2 bornes : Laval et Laval sont hors ligne : elles l’auront si"
    )
    assert balise("commands").stdout == ""
    first = balise(*words, "--key", "nuit").stdout
    assert (len(re.findall("en file pour b-", first)), len(re.findall(r"^Lot \S+\.$", first, re.M))) == (2, 1)
    again = balise(*words, "--key", "nuit").stdout
    assert set(re.findall("Commande ([0-9a-f-]+)", again)) == set(re.findall("Commande ([0-9a-f-]+)", first))
    assert "rien de plus" in again
    assert len(balise("commands").stdout.splitlines()) == 2
    lot = re.search(r"^Lot (\S+)\.$", first, re.M)[1]
    assert balise("batch", lot).stdout.startswith("Montrer son nom à l’écran : 2 en file.\n")
    assert balise("again", lot).stdout == "Relancées : 0 ; laissées de côté : 0.\n"
    assert balise("cancel", lot).stdout == "2 commandes annulées.\n"
    assert "2 annulée" in balise("batch", lot).stdout
    assert "Aucun lot « x »" in balise("batch", "x").stderr
    assert "déjà servi" in balise("command", made[0], "identify", "--key", "nuit").stderr
    assert balise("command", made[0], "identify", "--percent", "3").stderr == "identify ne prend pas « --percent ».\n"


@pytest.mark.parametrize("words", [("token", "b-nobody12"), ("command", "b-nobody12", "identify")])
def test_a_terminal_that_is_not_known_is_refused_in_one_sentence(balise, words):
    answer = balise(*words)
    assert answer.returncode == 1
    assert answer.stderr.strip() == "Aucune borne « b-nobody12 ». Leur liste : balise terminal list."


def test_a_commune_that_is_none_is_refused_by_name(balise):
    answer = balise("add", "Laval", "--commune", "Laval", "--commune-name", "Laval", "--place", "Mairie")
    assert answer.returncode == 1
    assert "commune" in answer.stderr
    assert len(answer.stderr.strip().splitlines()) == 1
