"""What the page seals, the server opens, and nothing else."""

import base64
import dataclasses

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from hypothesis import given
from hypothesis import strategies as st

from fleet_server.requests.models import ContactRequest
from fleet_server.requests.open import Unreadable, open_request
from wire.request import ContactForm, binding

KEY = X25519PrivateKey.generate()
OTHER_ID = "6f0c9a4e-8a1b-4c3d-9e2f-0123456789ab"
SYLVIE = ContactForm(
    name="Sylvie Grimault", channel="phone", phone="06 00 00 00 12", when=("evening",), topic="reconversion",
    message="J’ai 46 ans, je travaille en usine de nuit.", origin="metiers/j1501",
)  # fmt: skip


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def sealed(form: ContactForm | bytes = SYLVIE, kid: str = "2026-11", **fields: object) -> ContactRequest:
    """Sealed as `@hpke/core` does it in the page: X25519, HKDF-SHA256, AES-128-GCM, `enc` and ciphertext apart."""
    row = {"id": "5f0c9a4e-8a1b-4c3d-9e2f-0123456789ab", "terminal": "laval-01", "generation": 1, "kid": kid,
           "consent": "2026-11", "day": "2026-11-19", "hour": 17} | fields  # fmt: skip
    clear = form if isinstance(form, bytes) else form.model_dump_json().encode()
    info = binding(row["terminal"], row["generation"], row["consent"], row["id"])  # type: ignore[arg-type]
    whole = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_128_GCM).encrypt(clear, KEY.public_key(), info=info)
    return ContactRequest(**row, enc=b64(whole[:32]), ciphertext=b64(whole[32:]))


def test_a_form_sealed_for_the_server_opens_as_it_was_written():
    assert open_request(sealed(), {"2026-11": KEY}) == SYLVIE


def test_a_form_sealed_with_the_previous_key_still_opens_while_that_key_is_kept():
    keys = {"2026-12": X25519PrivateKey.generate(), "2026-11": KEY}
    assert open_request(sealed(), keys) == SYLVIE


def test_a_form_for_a_key_the_server_does_not_have_says_which():
    opened = open_request(sealed(kid="2024-01"), {"2026-11": KEY})
    assert isinstance(opened, Unreadable)
    assert "2024-01" in opened.reason


@pytest.mark.parametrize(
    "moved",
    [
        {"terminal": "segre-01"},
        {"generation": 2},
        {"consent": "2027-01"},
        {"id": "6f0c9a4e-8a1b-4c3d-9e2f-0123456789ab"},
    ],
    ids=["terminal", "enrolment", "consent text", "request"],
)
def test_a_form_moved_to_another_context_does_not_open(moved):
    row = sealed()
    for name, value in moved.items():
        setattr(row, name, value)
    assert isinstance(open_request(row, {"2026-11": KEY}), Unreadable)


@given(st.text(max_size=200))
def test_whatever_the_ciphertext_holds_the_inbox_shows_a_reason(junk):
    row = sealed()
    row.ciphertext = junk
    assert isinstance(open_request(row, {"2026-11": KEY}), Unreadable)


def test_a_clear_text_that_is_no_form_is_unreadable_and_its_reason_quotes_nothing_of_it():
    opened = open_request(sealed(b'{"name": "Sylvie Grimault", "channel": "pigeon"}'), {"2026-11": KEY})
    assert isinstance(opened, Unreadable)
    assert "Sylvie" not in opened.reason
    assert "pigeon" not in str(dataclasses.asdict(opened))


def test_a_field_this_server_does_not_know_yet_does_not_close_the_form():
    later = SYLVIE.model_dump_json()[:-1] + ', "pronouns": "elle"}'
    assert open_request(sealed(later.encode()), {"2026-11": KEY}) == SYLVIE
