"""`balise terminal add|list|token|command`, as an operator types them."""

import os
import re
import subprocess
import sys

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
    assert "« percent »" in balise("command", terminal, "volume.set", "--percent", "101").stderr
    assert "ordre" in balise("command", terminal, "self.destruct").stderr
    assert balise("commands", terminal).stdout == ""
    assert balise("purge", terminal).stdout == "Commandes annulées : 0.\n"
    assert "Aucune commande « x »" in balise("again", "x").stderr


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
