"""A version asked of a few terminals without a rollout: by a program, by the command line."""

import pytest
from sqlmodel import Session, select

from fleet_server.access.models import AuditEntry
from fleet_server.releases.software import publish_software
from fleet_server.terminals.models import TerminalDesired
from tests.back_office import served
from tests.ceremony import Place
from tests.integration.rollouts.cast import HALL, Cast
from tests.integration.rollouts.test_rollouts_api import by_token
from tests.trust import OFFLINE, with_repository
from tests.wheels import software_folder

AT = "/api/v1/software"


@pytest.fixture
def fleet(tmp_path):
    made = Cast(tmp_path)
    with_repository(made.office)
    made.add("Laval", "Segré")
    publish_software(made.ctx, software_folder(tmp_path / "v", "1.5.0"), [OFFLINE["software"]], "Corrige le son.", None)
    with served(made.office):
        yield made


def test_a_program_lists_versions_and_asks_some_terminals_for_one(fleet):
    writer = by_token(fleet, "yanis", "rollouts:write", "terminals:read")
    [one] = writer.get(AT).json()
    assert (one["version"], one["notes"], one["files"]) == ("1.5.0", "Corrige le son.", 1)
    forced = {"terminals": [fleet.ids["Laval"]], "activation": {"force": True}}
    assert writer.post(f"{AT}/1.5.0/wish", json=forced).json()["error"] == "refused", "nobody said why"
    answer = writer.post(f"{AT}/1.5.0/wish", json=forced | {"reason": "faille corrigée"})
    assert answer.json() == {"count": 1}
    wished = fleet.wanted("Laval")
    assert (wished.software_id, wished.software_activation) == (one["id"], {"force": True})
    assert fleet.wanted("Segré").software_id is None
    with Session(fleet.ctx.engine) as session:
        [act] = session.exec(select(AuditEntry).where(AuditEntry.act == "software.wished"))
    assert (act.who, act.subject) == ("essai yanis 2, jeton de Yanis Belkacem", "1.5.0")
    assert (act.detail["force"], act.detail["reason"]) == (True, "faille corrigée")


def test_where_a_second_person_approves_all_it_is_asked_by_a_rollout_alone(fleet, monkeypatch):
    writer = by_token(fleet, "yanis", "rollouts:write")
    monkeypatch.setitem(fleet.ctx.settings.__dict__, "rollout_approval", "all")  # frozen, as it should be
    answer = writer.post(f"{AT}/1.5.0/wish", json={"terminals": [fleet.ids["Laval"]]})
    assert (answer.status_code, answer.json()["error"]) == (409, "refused")
    assert fleet.wanted("Laval").software_id is None


@pytest.mark.parametrize(("version", "terminals", "status"), [
    ("9.9", ["Laval"], 404), ("1.5.0", ["nobody-at-all"], 404), ("1.5.0", [], 422),
])  # fmt: skip
def test_what_is_not_there_is_refused_and_nothing_is_wished(fleet, version, terminals, status):
    writer = by_token(fleet, "yanis", "rollouts:write")
    ids = [fleet.ids.get(name, name) for name in terminals] + ([fleet.ids["Segré"]] if terminals else [])
    answer = writer.post(f"{AT}/{version}/wish", json={"terminals": ids})
    assert (answer.status_code, bool(answer.json()["message"])) == (status, True)
    assert fleet.wanted("Segré").software_id is None
    reader = by_token(fleet, "anne", "terminals:write")
    assert reader.post(f"{AT}/1.5.0/wish", json={"terminals": ids}).status_code == 403


def test_the_command_line_asks_one_terminal_and_prepares_a_rollout(tmp_path):
    place = Place(tmp_path)
    software_folder(tmp_path / "v", "1.5.0")
    place.run("software", "publish", str(tmp_path / "v"), "--keys", str(place.usb),
              "--passphrase-file", str(place.phrase))  # fmt: skip
    engine, terminal = place.with_terminal("Laval", HALL)
    assert "Version 1.5.0 demandée à 1 borne." in place.run("software", "ask", "1.5.0", "--terminal", terminal)
    with Session(engine) as session:
        assert session.get_one(TerminalDesired, terminal).software_version == "1.5.0"
    assert "Dites pourquoi" in place.run("software", "ask", "1.5.0", "--terminal", terminal, "--force", ok=False)
    assert "Aucune version publiée" in place.run("software", "ask", "9", "--terminal", terminal, ok=False)
    assert "Aucune borne en service" in place.run("software", "ask", "1.5.0", "--terminal", "nobody", ok=False)
    assert "préparé. 1 borne : 1 maintenant" in place.run("rollout", "software", "1.5.0")
    assert "Aucune version publiée" in place.run("rollout", "software", "9", ok=False)
