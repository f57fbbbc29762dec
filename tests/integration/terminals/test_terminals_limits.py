"""What anybody may send, and how much of it is taken."""

import html
import secrets
import subprocess
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlmodel import select

from agent.enrol import enrol_with_token
from agent.fleet import Unreachable
from fleet_server.access.budget import Budget
from fleet_server.access.models import AuditEntry
from fleet_server.app import chores_of
from fleet_server.db import reading, transaction
from fleet_server.terminals.known import terminals_known
from fleet_server.terminals.models import Pairing, TerminalLive
from fleet_server.terminals.registry import get_terminal
from tests.back_office import post
from tests.fleet import BALISE
from tests.fleet import Fleet as Shipped
from tests.integration.terminals.cast import Kiosk, new_csr
from wire.enrol import decode_token, encode_token

KIB = 1024


def text_of(answer):
    return html.unescape(answer.text).replace("\u00a0", " ").replace("\u202f", " ")


def in_pieces(size):
    for _ in range(size // KIB):
        yield b"x" * KIB


@pytest.mark.parametrize("path", ["/api/v1/enrol", "/api/v1/pairing"])
@pytest.mark.parametrize("body", [lambda size: b"x" * size, in_pieces], ids=["declared", "in pieces"])
def test_a_body_past_64_kib_is_refused_in_one_sentence_declared_or_not(fleet, path, body):
    most = httpx.post(fleet.office.url + path, content=body(64 * KIB))
    assert most.status_code == 422
    answer = httpx.post(fleet.office.url + path, content=body(65 * KIB))
    assert (answer.status_code, answer.json()["error"]) == (413, "too_large")
    assert answer.json()["message"] == "Cette adresse reçoit au plus 64 Kio à la fois."


def test_a_proven_request_is_no_longer_than_another(fleet):
    kiosk, body = fleet.enrolled("Laval"), b"x" * 65 * KIB
    assert kiosk.http("POST", "/api/v1/terminal/requests", body=body).status_code == 413
    assert kiosk.http("PUT", f"/api/v1/terminal/files/{'0' * 64}", body=body).status_code == 422


def test_a_form_that_is_too_long_is_told_on_a_page(fleet):
    with fleet.office.client() as client:
        answer = client.post("/connexion", data={"login": "x" * 65 * KIB})
    assert answer.status_code == 413
    assert "au plus 64" in answer.text


# ---- retired ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def retired(fleet):
    kiosk = fleet.enrolled("Laval")
    client = fleet.office.signed_in("yanis")
    answer = post(client, f"/bornes/{kiosk.id}/retirer", form_at=f"/bornes/{kiosk.id}/fiche", confirmed="Laval")
    assert answer.status_code == 303
    return kiosk


@pytest.mark.parametrize(
    ("act", "typed"), [("commandes", {"order": "window.restart"}), ("reglages", {}), ("fiche", {})]
)
def test_nothing_is_asked_of_a_retired_terminal(fleet, retired, act, typed):
    client = fleet.office.signed_in("yanis")
    place = {"name": "Laval", "place": "Mairie", "kind": "mairie", "commune": "Laval", "code": "53130", "position": ""}
    answer = post(client, f"/bornes/{retired.id}/{act}", form_at="/enrolement", **(typed or place))
    assert answer.status_code == 409
    assert "Laval est retirée : elle ne reçoit plus rien" in text_of(answer)


def test_the_command_line_asks_nothing_of_a_retired_terminal_either(tmp_path):
    with Shipped(tmp_path) as shipped:
        laval = shipped.add("Laval").terminal
        with shipped.offline() as ctx, transaction(ctx.engine) as session:
            get_terminal(session, laval).status = "decommissioned"
        asked = [*BALISE, "terminal", "command", laval, "identify", "--data-dir", str(shipped.data_dir)]
        said = subprocess.run(asked, capture_output=True, text=True)
    assert (said.returncode, said.stdout) == (1, "")
    assert "Laval : rien n’est demandé, retirée : elle ne reçoit plus rien" in said.stderr


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/api/v1/terminal/state?nonce=" + "n" * 22), ("POST", "/api/v1/terminal/renew"),
                     ("POST", "/api/v1/terminal/requests"), ("PUT", f"/api/v1/terminal/files/{'0' * 64}")]
)  # fmt: skip
def test_a_retired_terminal_proves_itself_in_vain(retired, method, path):
    answer = retired.http(method, path)
    assert (answer.status_code, answer.json()["error"]) == (401, "proof_foreign")


def test_what_a_retired_terminal_says_over_mqtt_is_not_listened_to(fleet, retired):
    def live():
        with reading(fleet.office.context.engine) as session:
            return session.get_one(TerminalLive, retired.id).model_dump()

    before = live()
    fleet.sent.clear()
    retired.connects()
    retired.reports()
    assert live() == before
    assert fleet.sent == []
    with fleet.office.context.engine.connect() as connection:
        assert terminals_known(connection, {retired.id}) == {}


# ---- strangers -------------------------------------------------------------------------------------------------------


def invented(fleet):
    asked = {"secret": secrets.token_urlsafe(32), "csr": new_csr(Kiosk(fleet.office).key), "hardware": ""}
    return httpx.post(f"{fleet.office.url}/api/v1/enrol", json=asked)


def test_who_invents_tokens_waits_after_thirty_and_fills_no_log(fleet):
    with reading(fleet.office.context.engine) as session:
        lines = len(session.exec(select(AuditEntry)).all())
    assert {invented(fleet).status_code for _ in range(30)} == {401}
    answer = invented(fleet)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "300")
    assert answer.json()["message"] == "Trop d’essais depuis cette adresse. Elle pourra recommencer dans 5 min."
    with reading(fleet.office.context.engine) as session:
        assert len(session.exec(select(AuditEntry)).all()) == lines
    fleet.office.clock.pass_by(timedelta(minutes=5))
    assert invented(fleet).status_code == 401


def test_a_throttled_agent_tries_again_later(fleet, tmp_path):
    _, token = fleet.add("Laval")
    token = encode_token(decode_token(token).model_copy(update={"server": fleet.office.url}))
    for _ in range(30):
        invented(fleet)
    with pytest.raises(Unreachable):
        enrol_with_token(token, tmp_path / "kiosk", fleet.office.clock)


def test_any_number_of_good_tokens_enrol_from_one_address(fleet):
    for number in range(35):
        fleet.enrolled(f"Laval {number}")


def test_addresses_are_forgotten_past_their_number():
    budget, now = Budget(1, timedelta(minutes=5), addresses=2), datetime(2026, 11, 24, tzinfo=UTC)
    for address in ("a", "b", "c"):
        assert budget.spend(address, now)
    assert budget.wait("a", now) is None
    assert budget.wait("c", now + timedelta(minutes=2)) == timedelta(minutes=3)


def test_pairings_that_ended_a_day_ago_are_forgotten(fleet):
    asked = {"csr": new_csr(Kiosk(fleet.office).key), "commitment": "0" * 64}
    assert httpx.post(f"{fleet.office.url}/api/v1/pairing", json=asked).status_code == 201
    forget = chores_of(fleet.office.context)["forget old pairings"][1]
    for hours, left in ((24, 1), (1, 0)):
        fleet.office.clock.pass_by(timedelta(hours=hours))
        forget()
        with reading(fleet.office.context.engine) as session:
            assert len(session.exec(select(Pairing)).all()) == left
