"""The fleet for programs, by tokens: what is found, what is changed, what is refused."""

import os
import subprocess
import sys

import httpx
import pytest
from sqlmodel import select

from fleet_server.access.models import Account, AuditEntry
from fleet_server.access.tokens import make_token
from fleet_server.db import reading, transaction
from tests.integration.terminals.cast import in_every_state
from tests.integration.terminals.test_terminals_pages import questions


def client(fleet, *scopes, name="veille"):
    office = fleet.office
    with transaction(office.context.engine) as session:
        yanis = session.exec(select(Account).where(Account.login == "yanis")).one()
        secret = make_token(session, yanis, name, list(scopes), 30, office.clock())
    return httpx.Client(base_url=f"{office.url}/api/v1", headers={"Authorization": f"Bearer {secret}"}, timeout=30)


@pytest.mark.parametrize(("asked", "names"), [
    ({"state": "offline"}, ["Laval"]),
    ({"group": "Vendée"}, ["La Roche-sur-Yon"]),
    ({"tag": "Écran neuf"}, ["Segré"]),
    ({"kind": "mairie"}, ["Saint-Nazaire"]),
    ({"department": "72"}, ["Sablé-sur-Sarthe"]),
    ({"text": "sable sur"}, ["Sablé-sur-Sarthe"]),
    ({"release": "2026.46"}, ["Laval", "Cholet"]),
    ({"software": "0.2.0"}, []),
    ({"drift": True}, ["Laval", "Cholet"]),
    ({"size": 2, "page": 2}, ["Cholet", "Sablé-sur-Sarthe"]),
    ({"text": "saint", "state": "online"}, ["Saint-Herblain", "Saint-Nazaire"]),
])  # fmt: skip
def test_terminals_are_found_by_every_filter(fleet, asked, names):
    in_every_state(fleet)
    api = client(fleet, "terminals:write")
    assert api.put(f"/terminals/{fleet['Segré'].id}/tags", json={"tags": ["écran  NEUF "]}).status_code == 200
    answer = api.get("/terminals", params=asked)
    assert [one["name"] for one in answer.json()["terminals"]] == names, answer.text
    assert answer.json()["total"] == (7 if "size" in asked else len(names))


def test_the_list_asks_the_same_number_of_questions_whatever_the_size_of_the_fleet(fleet):
    fleet.enrolled("Laval")
    api = client(fleet, "terminals:read")
    api.get("/terminals")
    few = questions(fleet, api, "/terminals")
    for number in range(9):
        fleet.enrolled(f"Cholet {number}")
    assert questions(fleet, api, "/terminals") == few


def test_tags_notes_and_retirement_are_done_once_and_told_with_the_name_of_the_token(fleet):
    laval = fleet.enrolled("Laval").id
    api = client(fleet, "terminals:write")
    for _ in range(2):
        assert api.put(f"/terminals/{laval}/tags", json={"tags": ["wifi", "4g"]}).json()["tags"] == ["4g", "wifi"]
    assert api.post(f"/terminals/{laval}/notes", json={"text": " La clé est à l’accueil. "}).status_code == 201
    assert [one["text"] for one in api.get(f"/terminals/{laval}/notes").json()] == ["La clé est à l’accueil."]
    assert api.post(f"/terminals/{laval}/retire", json={"confirmed": "Cholet"}).status_code == 422
    assert api.post(f"/terminals/{laval}/retire", json={"confirmed": "laval"}).status_code == 204
    assert [api.get(f"/terminals/{laval}").status_code, api.put(f"/terminals/{laval}/tags", json={"tags": []})
            .status_code] == [404, 409]  # fmt: skip
    with reading(fleet.office.context.engine) as session:
        lines = session.exec(select(AuditEntry).where(AuditEntry.who == "veille, jeton de Yanis Belkacem")).all()
    assert [line.act for line in lines] == ["terminal.tagged", "terminal.noted", "terminal.decommissioned"]
    assert (lines[0].before, lines[0].after, lines[0].terminals) == (
        {"tags": []}, {"tags": ["4g", "wifi"]}, [laval],
    )  # fmt: skip
    assert "accueil" not in str(lines[1].detail)


def test_who_may_only_read_changes_nothing(fleet):
    laval = fleet.enrolled("Laval").id
    api = client(fleet, "terminals:read")
    assert api.get(f"/terminals/{laval}").json()["name"] == "Laval"
    asked = [
        ("PUT", "tags", {"tags": ["x"]}),
        ("POST", "notes", {"text": "x"}),
        ("POST", "retire", {"confirmed": "Laval"}),
    ]
    for method, what, body in asked:
        assert api.request(method, f"/terminals/{laval}/{what}", json=body).status_code == 403
    assert api.get(f"/terminals/{laval}").json()["tags"] == []


@pytest.mark.parametrize(("what", "body"), [
    ("tags", {"tags": ["<b>"]}), ("tags", {"tags": ["x" * 41]}), ("tags", {"tags": [f"t{n}" for n in range(21)]}),
    ("tags", {"tags": "wifi"}), ("notes", {"text": "  "}), ("notes", {"text": "x" * 2001}),
])  # fmt: skip
def test_what_is_not_taken_is_said_and_changes_nothing(fleet, what, body):
    laval = fleet.enrolled("Laval").id
    api = client(fleet, "terminals:write")
    answer = api.request("PUT" if what == "tags" else "POST", f"/terminals/{laval}/{what}", json=body)
    assert (answer.status_code, answer.json()["error"]) == (422, "invalid")
    assert (api.get(f"/terminals/{laval}").json()["tags"], api.get(f"/terminals/{laval}/notes").json()) == ([], [])


def balise(fleet, *words, token="", local=False):
    where = ["--data-dir", str(fleet.office.context.settings.data_dir)] if local else []
    env = os.environ | {"BALISE_URL": fleet.office.url, "BALISE_TOKEN": token}
    asked = [sys.executable, "-m", "balise", "terminal", *words, *where]
    done = subprocess.run(asked, capture_output=True, text=True, check=False, env=env)
    return done.returncode, done.stdout + done.stderr


def test_the_command_line_does_the_same_by_a_token_from_elsewhere(fleet):
    laval = fleet.enrolled("Laval").id
    token = client(fleet, "terminals:write").headers["authorization"].removeprefix("Bearer ")
    assert balise(fleet, "tag", laval, "Wifi", "4g", token=token) == (0, "Étiquettes : 4g, wifi.\n")
    assert balise(fleet, "tag", laval, "--remove", "4G", token=token) == (0, "Étiquettes : wifi.\n")
    code, said = balise(fleet, "find", "laval", "--tag", "wifi", token=token)
    assert (code, laval in said, "1 borne, page 1." in said) == (0, True, True)
    assert balise(fleet, "note", laval, "Porte du fond", token=token) == (0, "Note écrite.\n")
    code, said = balise(fleet, "retire", laval, "--confirm", "Cholet", token=token)
    assert (code, "Confirmez par « Laval »" in said) == (1, True)
    assert balise(fleet, "retire", laval, "--confirm", "Laval", token=token) == (0, "Borne retirée.\n")
    code, said = balise(fleet, "show", laval, token=token)
    assert (code, said) == (1, "Aucune borne n’a cet identifiant.\n")
    code, said = balise(fleet, "find", token="balise_wrong")
    assert (code, "inconnu, révoqué ou expiré" in said) == (1, True)
