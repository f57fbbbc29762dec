"""`balise account add|list`, as an administrator types them."""

import os
import subprocess
import sys

from fleet_server.db import connect, create_schema


def balise(directory, *words):
    environment = os.environ | {"BALISE_DATA_DIR": str(directory), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-m", "balise", "account", *words], capture_output=True, text=True, env=environment
    )


def test_an_account_is_added_with_a_link_shown_once_and_listed_without_it(tmp_path):
    create_schema(connect(f"sqlite:///{tmp_path / 'fleet.db'}"))
    made = balise(tmp_path, "add", "maelle.riou", "--name", "Maëlle Riou", "--role", "counsellor")
    assert made.returncode == 0, made.stderr
    link = made.stdout.split("/invitation/")[1].split()[0]
    listed = balise(tmp_path, "list").stdout
    assert "maelle.riou" in listed
    assert "invited" in listed
    assert link not in listed
    assert link.encode() not in (tmp_path / "fleet.db").read_bytes()


def test_an_account_that_would_not_do_is_refused_in_one_sentence(tmp_path):
    create_schema(connect(f"sqlite:///{tmp_path / 'fleet.db'}"))
    refused = balise(tmp_path, "add", "maelle", "--name", "Maëlle Riou", "--role", "queen")
    assert refused.returncode == 1
    assert refused.stderr.strip() == "Au moins un rôle parmi Exploitation, Conseil, Administration."
    assert balise(tmp_path, "list").stdout == ""


def test_a_password_is_given_where_no_browser_can_open_a_link(tmp_path):
    create_schema(connect(f"sqlite:///{tmp_path / 'fleet.db'}"))
    made = balise(tmp_path, "add", "yanis", "--name", "Yanis Belkacem", "--role", "operator", "--with-password")
    assert "mot de passe : " in made.stdout
    assert "active" in balise(tmp_path, "list").stdout
