"""Enrolment over real HTTP: one-time tokens, pairing by a code on both screens, generations, renewal."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from sqlmodel import select

from fleet_server.access.models import AuditEntry
from fleet_server.db import reading
from fleet_server.terminals.models import TerminalCommand, TerminalLive
from tests.back_office import post
from tests.integration.terminals.cast import Kiosk, digest_of, new_csr
from wire.enrol import decode_token, pairing_code


def acts(fleet):
    with reading(fleet.office.context.engine) as session:
        return [(entry.act, entry.detail) for entry in session.exec(select(AuditEntry).order_by(AuditEntry.id))]


def pair(fleet, kiosk, name="Laval", reveal=True):
    """The terminal's half of a pairing: the code on its screen, and how it asks."""
    nonce = secrets.token_urlsafe(24)
    asked = {"csr": new_csr(kiosk.key), "commitment": digest_of(nonce.encode()), "hardware": "NUC 13"}
    opened = httpx.post(f"{fleet.office.url}/api/v1/pairing", json=asked).json()
    code = pairing_code(kiosk.public_der, opened["ca"], opened["root"], nonce, opened["nonce"])
    if reveal:
        assert ask(fleet, opened, "POST", "/reveal", json={"nonce": nonce}).status_code == 204
    return opened, code


def ask(fleet, opened, method="GET", tail="", **options):
    url = f"{fleet.office.url}/api/v1/pairing/{opened['pairing']}{tail}"
    return httpx.request(method, url, headers={"Authorization": f"Bearer {opened['poll']}"}, **options)


# ---- by token --------------------------------------------------------------------------------------------------------


def test_a_token_gives_a_certificate_that_names_the_terminal(fleet):
    terminal, token = fleet.add("Laval")
    kiosk = Kiosk(fleet.office)
    assert kiosk.enrol(token).status_code == 201
    certificate = x509.load_pem_x509_certificate(kiosk.enrolment["certificate"].encode())
    assert certificate.subject.rfc4514_string() == f"CN={terminal}"
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(kiosk.enrolment["ca"].encode()))
    assert certificate.public_key() == kiosk.key.public_key()
    assert (kiosk.id, kiosk.enrolment["generation"]) == (terminal, 1)
    assert decode_token(token).ca == fleet.office.context.keys.authority.digest


def test_a_token_used_twice_is_refused_and_noted(fleet):
    _, token = fleet.add("Laval")
    assert Kiosk(fleet.office).enrol(token).status_code == 201
    second = Kiosk(fleet.office).enrol(token)
    assert (second.status_code, second.json()["error"]) == (401, "token_used")
    assert "déjà servi" in second.json()["message"]
    assert ("terminal.enrolment_refused", {"why": "token_used"}) in acts(fleet)


def test_of_eight_who_use_one_token_at_once_one_wins(fleet):
    _, token = fleet.add("Laval")
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda kiosk: kiosk.enrol(token), [Kiosk(fleet.office) for _ in range(8)]))
    assert sorted(answer.status_code for answer in answers) == [201] + [401] * 7
    assert fleet.office.context.keys.authority.pem in {answer.json().get("ca") for answer in answers}


def test_the_same_terminal_may_ask_again_for_an_answer_that_was_lost(fleet):
    _, token = fleet.add("Laval")
    kiosk = Kiosk(fleet.office)
    assert kiosk.enrol(token).status_code == 201
    assert kiosk.enrol(token).json()["generation"] == 1
    fleet.office.clock.pass_by(timedelta(minutes=11))
    assert kiosk.enrol(token).json()["error"] == "token_used"


def test_a_token_expires_and_says_so(fleet):
    _, token = fleet.add("Laval")
    fleet.office.clock.pass_by(timedelta(hours=49))
    answer = Kiosk(fleet.office).enrol(token)
    assert (answer.status_code, answer.json()["error"]) == (401, "token_expired")


def test_a_newer_token_replaces_the_older(fleet):
    terminal, old = fleet.add("Laval")
    client = fleet.office.signed_in("yanis")
    assert post(client, "/enrolement/jetons", form_at="/enrolement", terminal=terminal).status_code == 201
    assert Kiosk(fleet.office).enrol(old).json()["error"] == "token_unknown"


def test_the_secret_of_a_token_is_nowhere_on_the_server(fleet):
    _, token = fleet.add("Laval")
    secret = decode_token(token).secret
    Kiosk(fleet.office).enrol(token)
    held = b"".join(path.read_bytes() for path in fleet.office.context.settings.data_dir.rglob("*") if path.is_file())
    assert secret.encode() not in held


@pytest.mark.parametrize("csr", ["nonsense", new_csr(generate_private_key(SECP384R1()))])
def test_only_a_p256_key_that_signed_its_own_request_is_taken(fleet, csr):
    _, token = fleet.add("Laval")
    asked = {"secret": decode_token(token).secret, "csr": csr}
    answer = httpx.post(f"{fleet.office.url}/api/v1/enrol", json=asked)
    assert (answer.status_code, answer.json()["error"]) == (422, "bad_csr")
    assert Kiosk(fleet.office).enrol(token).status_code == 201, "a bad request does not use the token up"


# ---- generations -----------------------------------------------------------------------------------------------------


def test_enrolling_again_voids_the_former_enrolment_at_once(fleet):
    old = fleet.enrolled("Laval")
    old.reports(revision=7)
    client = fleet.office.signed_in("yanis")
    post(client, f"/bornes/{old.id}/commandes", form_at=f"/bornes/{old.id}", order="window.restart")
    page = post(client, "/enrolement/jetons", form_at="/enrolement", terminal=old.id)
    new = Kiosk(fleet.office)
    token = page.text.split('data-copy="')[1].split('"')[0]
    assert new.enrol(token).status_code == 201
    assert new.enrolment["generation"] == 2
    assert old.http("GET", "/api/v1/terminal/state?nonce=" + "n" * 22).status_code == 401
    assert new.state().desired.revision == 1, "revisions start again"
    old.reports(revision=9)
    with reading(fleet.office.context.engine) as session:
        assert session.exec(select(TerminalCommand.state)).all() == ["cancelled"]
        assert session.exec(select(TerminalLive.report)).one() is None, "a report of the old enrolment does not count"


# ---- renewal ---------------------------------------------------------------------------------------------------------


def renewal(kiosk, csr):
    body = f'{{"csr": {csr!r}}}'.replace("'", '"').encode()
    return kiosk.http("POST", "/api/v1/terminal/renew", body=body)


def test_an_expired_certificate_renews_for_a_year_by_proof_of_its_key(fleet):
    kiosk = fleet.enrolled("Laval")
    fleet.office.clock.pass_by(timedelta(days=90 + 300))
    answer = renewal(kiosk, new_csr(kiosk.key))
    assert answer.status_code == 200, answer.text
    certificate = x509.load_pem_x509_certificate(answer.json()["certificate"].encode())
    assert certificate.not_valid_after_utc > fleet.office.clock()
    fleet.office.clock.pass_by(timedelta(days=90 + 366))
    assert renewal(kiosk, new_csr(kiosk.key)).json()["error"] == "too_old"


def test_a_renewal_keeps_the_key(fleet):
    kiosk = fleet.enrolled("Laval")
    assert renewal(kiosk, new_csr(Kiosk(fleet.office).key)).json()["error"] == "bad_csr"


# ---- by pairing ------------------------------------------------------------------------------------------------------


def test_a_pairing_is_accepted_by_the_code_on_the_terminals_screen(fleet):
    terminal, _ = fleet.add("Laval")
    kiosk = Kiosk(fleet.office)
    opened, code = pair(fleet, kiosk)
    assert ask(fleet, opened).json() == {"status": "waiting", "enrolment": None}
    client = fleet.office.signed_in("yanis")
    assert "NUC 13" in client.get("/enrolement").text
    at = f"/enrolement/demandes/{opened['pairing']}"
    assert post(client, at, form_at="/enrolement", code=code, terminal=terminal).status_code == 303
    answer = ask(fleet, opened).json()
    assert answer["status"] == "accepted"
    kiosk.enrolment = answer["enrolment"]
    assert kiosk.state().desired.name == "Laval"
    assert ask(fleet, opened).json()["enrolment"]["generation"] == 1, "asking again makes no second enrolment"


def test_the_code_is_not_shown_in_the_back_office_it_is_typed(fleet):
    """Whoever accepts must have stood before the screen."""
    fleet.add("Laval")
    _, code = pair(fleet, Kiosk(fleet.office))
    text = fleet.office.signed_in("yanis").get("/enrolement").text
    assert code not in text
    assert code.replace("-", "") not in text


def test_five_wrong_codes_end_a_pairing(fleet):
    terminal, _ = fleet.add("Laval")
    opened, code = pair(fleet, Kiosk(fleet.office))
    wrong = "0000-0000" if code != "0000-0000" else "0000-0001"
    client = fleet.office.signed_in("yanis")
    at = f"/enrolement/demandes/{opened['pairing']}"
    said = [post(client, at, form_at="/enrolement", code=wrong, terminal=terminal) for _ in range(5)]
    assert {answer.status_code for answer in said} == {422}
    assert "Encore 4 essais" in said[0].text.replace("\xa0", " ")
    assert "dernier essai" in said[4].text.replace("\xa0", " ")
    assert post(client, at, form_at="/enrolement", code=code, terminal=terminal).status_code == 409
    assert ask(fleet, opened).json()["status"] == "refused"


def test_a_pairing_lasts_ten_minutes(fleet):
    opened, _ = pair(fleet, Kiosk(fleet.office))
    fleet.office.clock.pass_by(timedelta(minutes=10, seconds=1))
    assert ask(fleet, opened).json()["status"] == "expired"
    assert "demande à entrer" not in fleet.office.signed_in("yanis").get("/enrolement").text


def test_a_terminal_cannot_change_what_it_committed_to(fleet):
    opened, _ = pair(fleet, Kiosk(fleet.office), reveal=False)
    answer = ask(fleet, opened, "POST", "/reveal", json={"nonce": secrets.token_urlsafe(24)})
    assert (answer.status_code, answer.json()["error"]) == (410, "pairing_over")


def test_a_pairing_is_told_only_to_whom_it_belongs(fleet):
    opened, _ = pair(fleet, Kiosk(fleet.office))
    stranger = opened | {"poll": secrets.token_urlsafe(32)}
    assert ask(fleet, stranger).json()["error"] == "pairing_unknown"


def test_strangers_cannot_fill_the_list_of_those_who_ask(fleet):
    strangers, asked = (
        fleet.office.app.state.strangers,
        {"csr": new_csr(Kiosk(fleet.office).key), "commitment": "0" * 64},
    )
    for _ in range(2):  # from two addresses
        for _ in range(10):
            pair(fleet, Kiosk(fleet.office), reveal=False)
        refused = httpx.post(f"{fleet.office.url}/api/v1/pairing", json=asked)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "600")
        strangers.pairings = type(strangers)().pairings
    refused = httpx.post(f"{fleet.office.url}/api/v1/pairing", json=asked)
    assert (refused.status_code, refused.json()["error"]) == (429, "too_many")
    assert "attendent déjà" in refused.json()["message"]
    fleet.office.clock.pass_by(timedelta(minutes=11))
    assert httpx.post(f"{fleet.office.url}/api/v1/pairing", json=asked).status_code == 201
