import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from wire.command import CallOff, Command, RestartWindow
from wire.enrol import Enrolment
from wire.sign import (
    MAX_DOWN_BYTES,
    Foreign,
    Outdated,
    Unreadable,
    check_proof,
    check_vouched,
    claimed_by,
    claimed_use,
    prove,
    seal,
    unseal,
    vouch,
)

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
SERVER = Ed25519PrivateKey.generate()
TERMINAL = generate_private_key(SECP256R1())
COMMAND = Command(
    id="01936b1c-0000-7000-8000-000000000001",
    issued_at=NOW,
    expires_at=NOW + timedelta(hours=1),
    order=RestartWindow(),
)


def opened(raw, use="command", terminal="laval-01", generation=1, key=SERVER):
    return unseal(use, Command, raw, terminal, generation, key.public_key())


def test_an_order_reaches_its_terminal_whole():
    assert opened(seal("command", COMMAND, "laval-01", 1, SERVER)) == COMMAND


def test_what_a_message_says_it_is_for_only_chooses_how_it_is_opened():
    called = CallOff(id=COMMAND.id, execution=1)
    raw = seal("call_off", called, "laval-01", 1, SERVER)
    assert (claimed_use(raw), claimed_use(b"junk"), claimed_use(b"\xff" * 40)) == ("call_off", "", "")
    assert unseal("call_off", CallOff, raw, "laval-01", 1, SERVER.public_key()) == called
    with pytest.raises(Foreign):
        opened(raw)  # as a terminal that does not know it opens it
    forged = seal("call_off", called, "laval-01", 1, Ed25519PrivateKey.generate())
    with pytest.raises(Foreign):
        unseal("call_off", CallOff, forged, "laval-01", 1, SERVER.public_key())


@pytest.mark.parametrize(
    "change",
    [{"terminal": "cholet-01"}, {"generation": 2}, {"use": "desired"}, {"key": Ed25519PrivateKey.generate()}],
    ids=["another terminal", "another enrolment", "another use", "another server"],
)
def test_an_order_for_someone_else_is_foreign(change):
    raw = seal("command", COMMAND, "laval-01", 1, SERVER)
    with pytest.raises(Foreign):
        opened(raw, **change)


def test_an_unsigned_order_is_refused():
    claims = {"aud": "laval-01", "gen": 1, "use": "command", "body": COMMAND.model_dump(mode="json")}
    with pytest.raises(Foreign):
        opened(jwt.encode(claims, key=None, algorithm="none").encode())


def test_an_order_signed_with_the_public_key_as_a_shared_secret_is_refused():
    """The classic confusion of algorithms: the public key is no secret. PyJWT refuses to make it, so it is by hand."""

    def part(value):
        return base64.urlsafe_b64encode(value).rstrip(b"=")

    secret = SERVER.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    claims = {"aud": "laval-01", "gen": 1, "use": "command", "body": COMMAND.model_dump(mode="json")}
    signed = part(b'{"alg":"HS256","typ":"JWT"}') + b"." + part(json.dumps(claims).encode())
    with pytest.raises(Foreign):
        opened(signed + b"." + part(hmac.digest(secret, signed, hashlib.sha256)))


@pytest.mark.parametrize("raw", [b"", b"garbage", b"a.b.c", b"\xff\xfe", b"{}", b"x" * (MAX_DOWN_BYTES + 1)])
def test_what_is_no_message_is_unreadable(raw):
    with pytest.raises(Unreadable):
        opened(raw)


def test_a_signed_body_of_another_shape_is_unreadable():
    claims = {"aud": "laval-01", "gen": 1, "use": "command", "body": {"order": {"kind": "format.disk"}}}
    with pytest.raises(Unreadable):
        opened(jwt.encode(claims, SERVER, algorithm="EdDSA").encode())


def proof(method="GET", path="/api/v1/terminal/state?nonce=n", body=b"", at=NOW):
    return prove(method, path, body, "laval-01", 3, TERMINAL, at)


def check(token, method="GET", path="/api/v1/terminal/state?nonce=n", body=b"", now=NOW, **more):
    check_proof(token, method, path, body, TERMINAL.public_key(), now, **more)


def test_a_proof_says_who_asks_and_holds_for_its_own_request():
    assert claimed_by(proof()) == ("laval-01", 3)
    check(proof())
    check(proof("POST", "/x", b"body"), "POST", "/x", b"body")


@pytest.mark.parametrize("other", [{"method": "POST"}, {"path": "/api/v1/terminal/state?nonce=m"}, {"body": b"x"}])
def test_a_stolen_proof_repeats_nothing_else(other):
    with pytest.raises(Foreign):
        check(proof(), **other)


def test_a_proof_of_another_key_is_foreign():
    with pytest.raises(Foreign):
        check_proof(
            proof(), "GET", "/api/v1/terminal/state?nonce=n", b"", generate_private_key(SECP256R1()).public_key(), NOW
        )


@pytest.mark.parametrize("drift", [timedelta(minutes=-3), timedelta(minutes=3)])
def test_a_proof_of_another_time_is_outdated_unless_the_clock_is_free(drift):
    with pytest.raises(Outdated):
        check(proof(at=NOW + drift))
    check(proof(at=NOW + drift), clock_free=True)


def test_a_proof_that_lives_too_long_is_refused_even_clock_free():
    claims = {
        "sub": "laval-01",
        "gen": 3,
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 86400,
        "htm": "GET",
    }
    claims |= {"htu": "/", "bod": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}
    with pytest.raises(Unreadable):
        check(jwt.encode(claims, TERMINAL, algorithm="ES256"), path="/", clock_free=True)


@pytest.mark.parametrize("token", ["", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
def test_what_is_no_proof_tells_no_one(token):
    with pytest.raises(Unreadable):
        claimed_by(token)


ENROLMENT = Enrolment(
    terminal="laval-01", generation=1, server="http://127.0.0.1:8080", certificate="c", ca="a", signing_key="k",
    root="r", mqtt_host="127.0.0.1", mqtt_port=1883, mqtt_tls=False,
)  # fmt: skip
CA = generate_private_key(SECP256R1())


def test_an_enrolment_that_the_ca_signed_is_believed():
    check_vouched(vouch(ENROLMENT, CA), CA.public_key())


@pytest.mark.parametrize(
    "change",
    [
        {"signing_key": "another"}, {"server": "http://evil.example"}, {"mqtt_host": "evil.example"}, {"mqtt_port": 1},
        {"mqtt_tls": True}, {"terminal": "cholet-01"}, {"generation": 2}, {"signature": ""}, {"signature": "%%%"},
    ],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_an_enrolment_changed_on_its_way_is_foreign(change):
    with pytest.raises(Foreign):
        check_vouched(vouch(ENROLMENT, CA).model_copy(update=change), CA.public_key())
