"""What a terminal has accepted and not begun can be called off; what it says of it counts. With a real agent too."""

import re
from datetime import timedelta

import pytest

from fleet_server.db import reading, transaction
from fleet_server.terminals import queue
from fleet_server.terminals.commands import WAITS, expire, send_again
from fleet_server.terminals.models import Terminal, TerminalCommand
from tests.back_office import post
from tests.fleet import Fleet, eventually
from tests.integration.terminals.test_terminals_contract import answers, given, state_of
from tests.integration.terminals.test_terminals_fleet_api import client
from tests.integration.terminals.test_terminals_pages import text_of
from wire import topics
from wire.command import CallOff, Command
from wire.sign import Untrusted, claimed_use, unseal

AT = "/api/v1/commands"


def sent(fleet, kiosk):
    """What has been sent: use and id, in order."""
    public, found = fleet.office.context.keys.signing.public_key(), []
    for topic, body in fleet.sent:
        if topic == topics.command(kiosk.id):
            use = claimed_use(body)
            model = CallOff if use == "call_off" else Command
            found.append((use, unseal(use, model, body, kiosk.id, 1, public).id))
    fleet.sent.clear()
    return found


def row(fleet, command):
    with reading(fleet.office.context.engine) as session:
        return session.get_one(TerminalCommand, command)


@pytest.fixture
def laval(fleet):
    kiosk = fleet.enrolled("Laval")
    kiosk.connects()
    return kiosk


def test_what_waits_for_the_end_of_a_visit_is_called_off_once_the_terminal_says_so(fleet, laval):
    command = given(fleet, laval, "page.reload")
    answers(fleet, laval, command, "accepted", reason=WAITS)
    yanis, at = fleet.office.signed_in("yanis"), f"/bornes/{laval.id}"
    cancel = re.search(rf'action="({at}/commandes/[^"]+/annuler)"', yanis.get(at).text)[1]
    sent(fleet, laval)
    assert post(yanis, cancel, form_at=at).status_code == 303
    assert (state_of(fleet, command), sent(fleet, laval)) == ("accepted", [("call_off", command)])
    page = yanis.get(at)
    assert "annulation demandée à la borne" in text_of(page)
    assert (cancel in page.text, post(yanis, cancel, form_at=at).status_code) == (False, 409)
    laval.connects()
    assert sent(fleet, laval) == [("call_off", command)], "in place of the command, until it is answered"
    answers(fleet, laval, command, "cancelled")
    laval.connects()
    assert (state_of(fleet, command), sent(fleet, laval)) == ("cancelled", [])
    assert row(fleet, command).reason == "annulée par Yanis Belkacem"
    assert "Commande annulée avant de commencer" in text_of(yanis.get(at))
    assert post(yanis, cancel.replace("annuler", "nouveau"), form_at=at).status_code == 303
    assert sent(fleet, laval) == [("command", command)], "again is no longer called off"


def test_called_off_too_late_it_ends_as_the_terminal_says(fleet, laval):
    api = client(fleet, "commands:write", "commands:read")
    first, second = given(fleet, laval, "page.reload"), given(fleet, laval, "bench.run")
    answers(fleet, laval, first, "accepted", reason=WAITS)
    assert api.post(f"/commands/{first}/cancel").json()["called_off"] == "annulée par veille, jeton de Yanis Belkacem"
    answers(fleet, laval, first, "accepted")
    answers(fleet, laval, first, "succeeded")
    assert state_of(fleet, first) == "succeeded"
    answers(fleet, laval, second, "accepted", reason=WAITS)
    answers(fleet, laval, second, "accepted")  # it has begun since
    assert (api.post(f"/commands/{second}/cancel").status_code, row(fleet, second).reason) == (409, "")


def test_what_may_have_come_already_is_called_off_once_the_terminal_says_so_however_often_the_link_drops(fleet, laval):
    api = client(fleet, "commands:write", "commands:read")
    cholet = fleet.enrolled("Cholet")  # never connected: nothing can have come
    one, other = given(fleet, laval, "page.reload"), given(fleet, cholet, "page.reload")
    fleet.sent.clear()
    assert [api.post(f"/commands/{each}/cancel").json()["state"] for each in (one, other)] == ["sent", "cancelled"]
    assert (sent(fleet, laval), fleet.sent) == ([("call_off", one)], [])
    yanis = fleet.office.signed_in("yanis")
    assert "annulation demandée à la borne" in text_of(yanis.get(f"/bornes/{laval.id}"))
    assert api.post(f"/commands/{one}/cancel").status_code == 409
    laval.connects()  # what called it off was lost: it goes in the command's place, which never goes again
    assert sent(fleet, laval) == [("call_off", one)]
    assert send_again(fleet.office.context) == 1
    assert sent(fleet, laval) == [("call_off", one)]
    answers(fleet, laval, one, "accepted", reason=WAITS)  # was on its way
    answers(fleet, laval, one, "cancelled")
    assert (state_of(fleet, one), row(fleet, one).reason.startswith("annulée par veille")) == ("cancelled", True)
    laval.connects()
    assert sent(fleet, laval) == []


def test_what_is_called_off_and_never_answered_expires(fleet, laval):
    api, command = client(fleet, "commands:write"), given(fleet, laval, "page.reload")
    api.post(f"/commands/{command}/cancel")
    now = fleet.office.context.now()
    with transaction(fleet.office.context.engine) as session:
        assert expire(session, now + timedelta(hours=2)) == 1
    assert state_of(fleet, command) == "expired"
    assert row(fleet, command).reason == "annulée par veille, jeton de Yanis Belkacem, sans réponse de la borne"


def test_what_somebody_called_off_is_not_given_again_with_what_failed(fleet, laval):
    api = client(fleet, "commands:write")
    batch = api.post("/commands", json={"terminals": [laval.id], "order": {"kind": "page.reload"}}).json()
    command, batch = batch["commands"][0]["id"], batch["bulk"]
    assert api.post(f"/commands/batches/{batch}/cancel").json()["terminals"] == [laval.id]
    with transaction(fleet.office.context.engine) as session:
        expire(session, fleet.office.context.now() + timedelta(hours=2))
    assert "Relancer les échecs" not in fleet.office.signed_in("yanis").get(f"/commandes/lots/{batch}").text
    assert api.post(f"/commands/batches/{batch}/again").json() == {"terminals": [], "skipped": {}}
    assert state_of(fleet, command) == "expired"


def test_a_line_is_emptied_after_it_is_told_what_goes_and_what_stays(fleet, laval):
    yanis, at = fleet.office.signed_in("yanis"), f"/bornes/{laval.id}"
    begun, waits, untaken = (given(fleet, laval, kind) for kind in ("window.restart", "page.reload", "message.clear"))
    answers(fleet, laval, begun, "accepted")
    answers(fleet, laval, waits, "accepted", reason=WAITS)
    link = re.search(r'href="([^"]+)">Vider la file…', yanis.get(at).text)[1]
    said = text_of(yanis.get(link))
    for line in (
        "Vider la file de Laval ?", "Retirer le message : envoyée, sans réponse encore ; la borne l’annule",
        "Recharger la page : acceptée, attend la fin d’une visite", "Relancer la fenêtre : déjà commencée",
        "Annuler 2 commandes",
    ):  # fmt: skip
        assert line in said
    sent(fleet, laval)
    assert post(yanis, link, form_at=link).status_code == 303
    assert "Annulation demandée pour 2 commandes, réponse à venir." in text_of(yanis.get(f"/bornes/{laval.id}"))
    assert {state_of(fleet, one) for one in (begun, waits)} == {"accepted"}
    assert state_of(fleet, untaken) == "sent"
    assert sorted(sent(fleet, laval)) == sorted([("call_off", untaken), ("call_off", waits)])
    answers(fleet, laval, waits, "cancelled")
    assert row(fleet, waits).reason == "file vidée par Yanis Belkacem"
    assert "Annuler" not in text_of(yanis.get(link)).split("Revenir")[1]
    api = client(fleet, "commands:write")
    assert api.post(f"/commands/purge/{laval.id}").json() == {"cancelled": 0, "asked": 0}


def test_a_terminal_of_before_refuses_what_calls_off_like_anything_it_cannot_read(fleet, laval):
    command = given(fleet, laval, "page.reload")
    answers(fleet, laval, command, "accepted", reason=WAITS)
    fleet.sent.clear()
    with transaction(fleet.office.context.engine) as session:
        queue.purge(session, fleet.office.context, session.get_one(Terminal, laval.id), None)
    [(_, body)] = fleet.sent
    with pytest.raises(Untrusted):
        unseal("command", Command, body, laval.id, 1, fleet.office.context.keys.signing.public_key())


# ---- a real agent ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    with Fleet(tmp_path_factory.mktemp("fleet")) as fleet:
        yield fleet


@pytest.fixture(scope="module")
def api(real):
    with real.program("commands:write") as client:
        yield client


def visit(kiosk, on=True):
    with kiosk.client() as page:
        assert page.post("/api/v1/heartbeat", json={"frames": 1, "in_visit": on}).status_code == 204


def waits(real, api, kiosk, order):
    """Given in a visit, and accepted: its id."""
    connected = "select 1 from terminal_live where connected and terminal = ?"
    eventually(lambda: real.rows(connected, kiosk.terminal), what="it is connected")
    visit(kiosk)
    answer = api.post(AT, json={"terminals": [kiosk.terminal], "order": order})
    command = answer.json()["commands"][0]["id"]
    eventually(lambda: api.get(f"{AT}/{command}").json()["reason"] == WAITS, what="it waits")
    return command


def ends(api, command, state):
    eventually(lambda: api.get(f"{AT}/{command}").json()["state"] == state, what=f"it is {state}")


def test_a_real_terminal_never_begins_what_was_called_off_in_a_visit_nor_after_its_agent_was_killed(real, api):
    laval = real.add("Laval").start()
    order = {"kind": "maintenance.set", "on": True}
    command = waits(real, api, laval, order)
    assert api.post(f"{AT}/{command}/cancel").json()["state"] == "accepted"
    ends(api, command, "cancelled")

    other = waits(real, api, laval, order)
    laval.kill()
    assert api.post(f"{AT}/{other}/cancel").status_code == 200
    laval.start()
    ends(api, other, "cancelled")

    visit(laval, on=False)
    last = api.post(AT, json={"terminals": [laval.terminal], "order": {"kind": "identify"}}).json()["commands"][0]["id"]
    ends(api, last, "succeeded")
    assert laval.screen()["maintenance_until"] is None
