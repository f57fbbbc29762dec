"""Becoming a terminal of a fleet, and knowing one's own server, over real HTTP."""

import json
import stat
from datetime import UTC, datetime, timedelta

import pytest
from agent_server import Authority, Server, free_port, pem, running, until

from agent.clock import Clock
from agent.enrol import Pairing, enrol_with_token
from agent.fleet import Fleet, Rejected, Unreachable
from agent.identity import DamagedIdentity, load_identity, pending_key
from agent.renewal import renew_when_needed
from wire.enrol import decode_token, encode_token
from wire.sign import Foreign


def now():
    return datetime.now(UTC)


@pytest.fixture
def alone(authority):
    """A server without a broker: enrolment needs none."""
    server = Server(free_port(), authority)
    server.open_http()
    yield server
    server.close_http()


def test_a_token_makes_a_terminal_that_knows_its_server(alone, tmp_path):
    identity = enrol_with_token(alone.token(), tmp_path, now)
    kept = load_identity(tmp_path)
    assert (kept.terminal, kept.generation, kept.enrolment) == ("laval-01", 1, identity.enrolment)
    assert Fleet(kept, Clock(tmp_path / "clock")).pull_state().desired.name == "Laval"


def test_the_key_is_readable_by_its_owner_alone_and_never_leaves(alone, tmp_path):
    enrol_with_token(alone.token(), tmp_path, now)
    for name in ("identity.json", "client.pem"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert not (tmp_path / "pending.pem").exists()


def test_a_token_serves_once(alone, tmp_path):
    token = alone.token()
    enrol_with_token(token, tmp_path / "one", now)
    with pytest.raises(Rejected, match="déjà servi") as refusal:
        enrol_with_token(token, tmp_path / "two", now)
    assert refusal.value.code == "token_used"
    assert load_identity(tmp_path / "two") is None


@pytest.mark.parametrize("field", ["ca", "root"])
def test_another_server_than_the_one_meant_is_refused_and_nothing_kept(alone, tmp_path, field):
    token = decode_token(alone.token())
    with pytest.raises(Foreign, match="another server"):
        enrol_with_token(encode_token(token.model_copy(update={field: "0" * 64})), tmp_path, now)
    assert load_identity(tmp_path) is None


def test_a_certificate_by_another_authority_is_refused(alone, tmp_path, monkeypatch):
    known = alone.authority
    alone.authority = Authority()
    token = alone.token()
    alone.authority.certificate, issuer = known.certificate, alone.authority
    right = decode_token(token).model_copy(update={"ca": alone.ca_digest})
    alone.vouching = known
    assert issuer.key != known.key
    with pytest.raises(Foreign, match="not issued by"):
        enrol_with_token(encode_token(right), tmp_path, now)


def test_a_failed_enrolment_leaves_the_working_identity_in_force(alone, tmp_path):
    enrol_with_token(alone.token(), tmp_path, now)
    with pytest.raises(Rejected):
        enrol_with_token(
            encode_token(decode_token(alone.token()).model_copy(update={"secret": "x" * 43})), tmp_path, now
        )
    assert load_identity(tmp_path).generation == 1


def test_enrolling_again_makes_a_new_key_and_a_new_generation(alone, tmp_path):
    first = enrol_with_token(alone.token(), tmp_path, now)
    second = enrol_with_token(alone.token(), tmp_path, now)
    assert second.generation == 2
    assert first.key.private_numbers() != second.key.private_numbers()
    with pytest.raises(Rejected):
        Fleet(first, Clock(tmp_path / "clock")).pull_state()


def test_a_server_that_is_away_can_be_tried_again_with_the_same_key(alone, tmp_path):
    token = alone.token()
    alone.close_http()
    with pytest.raises(Unreachable):
        enrol_with_token(token, tmp_path, now)
    key = pending_key(tmp_path).private_numbers()
    alone.open_http()
    assert enrol_with_token(token, tmp_path, now).key.private_numbers() == key


def test_pairing_shows_the_same_code_on_both_screens(alone, tmp_path):
    pairing = Pairing(alone.url, tmp_path, now)
    assert pairing.code == alone.pairings["p1"]["code"]
    assert pairing.ask() is None
    alone.pairings["p1"]["status"] = "accepted"
    assert pairing.ask().terminal == "laval-01"
    assert load_identity(tmp_path).terminal == "laval-01"


@pytest.mark.parametrize("end", ["refused", "expired"])
def test_a_pairing_that_is_over_says_how(alone, tmp_path, end):
    pairing = Pairing(alone.url, tmp_path, now)
    alone.pairings["p1"]["status"] = end
    with pytest.raises(Rejected) as refusal:
        pairing.wait(lambda _: None)
    assert refusal.value.code == f"pairing_{end}"


def test_whoever_answers_the_pairing_in_the_servers_place_shows_another_code(alone, tmp_path):
    """In the middle: its own CA to the terminal, the terminal's key to the server."""
    pairing = Pairing(alone.url, tmp_path, now)
    opened = alone.pairings["p1"]["opened"]
    alone.authority = Authority()
    assert Pairing(alone.url, tmp_path, now).code != pairing.code
    assert alone.pairings["p1"]["opened"].ca != opened.ca


def test_a_certificate_is_renewed_in_its_last_third_and_replaced_only_then(alone, tmp_path):
    identity = enrol_with_token(alone.token(), tmp_path, now)
    fleet = Fleet(identity, Clock(tmp_path / "clock"))
    assert renew_when_needed(identity, fleet, now() + timedelta(days=50)) is identity
    fresh = renew_when_needed(identity, fleet, now() + timedelta(days=70))
    assert alone.renewals == 1
    assert load_identity(tmp_path).enrolment.certificate == fresh.enrolment.certificate
    assert fresh.enrolment.certificate in (tmp_path / "client.pem").read_text()


def test_an_expired_certificate_renews_by_proof_of_the_key(alone, tmp_path):
    alone.certificate_span = (timedelta(days=200), timedelta(days=-100))
    identity = enrol_with_token(alone.token(), tmp_path, now)
    assert identity.certificate_until < now()
    fresh = renew_when_needed(identity, Fleet(identity, Clock(tmp_path / "clock")), now())
    assert fresh.certificate_until > now()


def test_a_renewal_for_another_key_is_refused_and_the_old_certificate_stays(alone, tmp_path):
    identity = enrol_with_token(alone.token(), tmp_path, now)

    class Stranger:
        def renew(self, csr):
            other = pending_key(tmp_path / "other")
            return pem(alone.authority.issue("laval-01", other.public_key()))

    with pytest.raises(Foreign, match="another key"):
        renew_when_needed(identity, Stranger(), now() + timedelta(days=80))
    assert load_identity(tmp_path).enrolment.certificate == identity.enrolment.certificate


def test_a_damaged_identity_says_so_and_is_left_as_it_is(alone, tmp_path):
    enrol_with_token(alone.token(), tmp_path, now)
    path = tmp_path / "identity.json"
    for damage in (b"", b"{}", json.dumps(json.loads(path.read_bytes()) | {"key": "x"}).encode()):
        path.write_bytes(damage)
        with pytest.raises(DamagedIdentity, match=r"identity\.json"):
            load_identity(tmp_path)
        assert path.read_bytes() == damage


def test_a_state_for_another_question_is_refused_and_its_time_not_learnt(alone, tmp_path):
    identity = enrol_with_token(alone.token(), tmp_path, now)
    Fleet(identity, Clock(tmp_path / "other_clock")).pull_state()
    alone.replayed = alone.last_state
    clock = Clock(tmp_path / "clock")
    with pytest.raises(Foreign, match="replayed"):
        Fleet(identity, clock).pull_state()
    assert not clock.trusted


async def test_a_file_is_sent_with_its_digest(server, make_terminal):
    terminal = make_terminal()
    terminal.fleet.put_file("0" * 64, b"RIFF", "image/webp")
    assert server.files == {"0" * 64: b"RIFF"}


async def test_three_months_off_with_the_clock_at_2000_it_comes_back_alone(server, make_terminal, tmp_path):
    """The floor lets TLS and proofs pass; the pull tells the time; the expired certificate is renewed by its key."""
    server.certificate_span = (timedelta(days=100), timedelta(days=-9))
    make_terminal()  # enrolled, then switched off
    power_on = datetime(2000, 1, 1, tzinfo=UTC)
    clock = Clock(tmp_path / "clock", system=lambda: power_on)
    terminal = make_terminal(clock=clock)
    assert terminal.clock.now().year >= 2026
    assert not terminal.clock.trusted
    async with running(terminal):
        await until(lambda: terminal.clock.trusted)
        await until(lambda: terminal.online and server.told("health.sampled"))
        await until(lambda: terminal.identity.certificate_until > now())
    assert abs((terminal.clock.now() - now()).total_seconds()) < 5
