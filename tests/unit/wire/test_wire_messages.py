import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from wire.batch import Ack, Batch, answers, span
from wire.enrol import BadToken, EnrolToken, decode_token, encode_token, pairing_code
from wire.events import MEASUREMENT, USAGE, USAGE_KINDS, AnyEvent, PageViewed, events
from wire.ids import uuid7
from wire.request import binding
from wire.state import Reported, Settings, TerminalState

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
ONE = "01936b1c-0000-7000-8000-000000000001"
DESIRED = {
    "revision": 1, "name": "Laval", "sealing_key": {"kid": "k", "public": "p" * 43},
    "place": {"site": "laval", "name": "Mairie", "kind": "mairie", "commune": "53130", "commune_name": "Laval",
              "department": "53", "latitude": 48.0, "longitude": -0.7},
}  # fmt: skip
TOKEN = EnrolToken(server="http://127.0.0.1:8080", secret="s" * 43, ca="a" * 64, root="b" * 64)


def test_identifiers_grow_with_time_and_never_repeat():
    made = [uuid7(1_700_000_000_000 + step) for step in range(200)]
    assert made == sorted(made)
    assert len({uuid7(0) for _ in range(200)}) == 200
    assert made[0][14] == "7"
    assert made[0][19] in "89ab"


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**74 - 1))
def test_an_identifier_keeps_all_its_random_bits(unix_ms, bits):
    value = int(uuid7(unix_ms, bits).replace("-", ""), 16)
    kept = (value >> 64 & 0xFFF) << 62 | value & ((1 << 62) - 1)
    assert (value >> 80, kept) == (unix_ms, bits)


def page_viewed(**more):
    fixed = {"id": ONE, "at": NOW, "mono_ms": 5, "boot": ONE, "trusted": True, "software": "0.1.0", "page": "home"}
    return PageViewed(**(fixed | more))


def test_a_newer_terminal_may_say_more_than_we_know():
    raw = page_viewed().model_dump(mode="json") | {"mood": "fine"}
    assert events.validate_python(raw) == page_viewed()


def test_an_older_server_takes_no_inventory_and_an_older_terminal_names_none():
    state = {"nonce": "n" * 22, "server_time": NOW, "server_start": NOW, "desired": DESIRED, "cursors": []}
    assert TerminalState.model_validate(state).inventory is None
    said = {"number": 1, "generation": 1, "boot": ONE, "at": NOW, "clock_trusted": True, "software": "0.1.0",
            "revision": 0}  # fmt: skip
    assert Reported.model_validate(said).inventory is None


def test_messages_are_frozen():
    with pytest.raises(ValidationError):
        page_viewed().page = "metiers"


def test_an_unknown_kind_is_not_an_event():
    with pytest.raises(ValidationError):
        events.validate_json(json.dumps(page_viewed().model_dump(mode="json") | {"kind": "page.eaten"}))


def test_a_naive_time_is_refused():
    with pytest.raises(ValidationError):
        page_viewed(at=datetime(2026, 11, 24))


@pytest.mark.parametrize("page", ["", "Home", "../etc", "a" * 200, "métiers", "home\n"])
def test_a_page_is_named_plainly(page):
    with pytest.raises(ValidationError):
        page_viewed(page=page)


def test_usage_kinds_are_measurements_and_receipts_are_not():
    assert {"page.viewed", "contact.submitted", "session.ended"} <= USAGE_KINDS
    assert len(USAGE_KINDS) == len(USAGE)
    assert "command.answered" not in MEASUREMENT
    assert "health.sampled" in MEASUREMENT


def test_usage_holds_no_field_for_personal_data():
    """What a visitor types has nowhere to go in a usage event: the fields are these and no others."""
    fields = {name for model in USAGE for name in model.model_fields}
    assert fields == {
        "id", "at", "mono_ms", "boot", "trusted", "software", "content", "session", "n", "language", "accessibility",
        "audience", "kind", "dwell_ms", "idle_warning_s", "idle_end_s", "reason", "interactions", "active_ms", "page",
        "origin", "step", "to", "option", "value", "where", "message",
    }  # fmt: skip


def batch(*raw):
    return Batch(
        terminal="laval-01", generation=1, boot=ONE, outbox=ONE, oldest=1, first=11, attempt=1, events=list(raw)
    )


def test_a_batch_counts_what_its_dropped_runs_stand_for():
    dropped = {"kind": "dropped", "from_": 11, "to": 40, "counts": {}}
    assert batch(dropped, {"kind": "page.viewed"}).last == 41
    assert batch({"kind": "page.viewed"}).last == 11


@pytest.mark.parametrize("broken", [{"from_": 5, "to": 1}, {"from_": "1", "to": 9}, {}, {"from_": 0, "to": 3}])
def test_a_broken_dropped_counts_for_one(broken):
    assert span({"kind": "dropped"} | broken) == 1


def test_an_answer_is_told_by_its_kind():
    ack = Ack(outbox=ONE, through=4, last=ONE, attempt=1, desired_revision=2, server_start=NOW)
    assert answers.validate_json(ack.model_dump_json()) == ack
    with pytest.raises(ValidationError):
        answers.validate_json(b'{"kind": "nack"}')


def test_a_token_survives_copying_and_a_damaged_one_says_so():
    text = encode_token(TOKEN)
    assert decode_token(f"  {text}\n") == TOKEN
    for damaged in (text[:-9], text[5:], "", "balise-enrol-1.%%%", "balise-enrol-1." + "A" * 40):
        with pytest.raises(BadToken):
            decode_token(damaged)


def test_the_pairing_code_depends_on_every_part():
    parts = [b"key", "ca", "root", "terminal", "server"]
    code = pairing_code(*parts)
    assert len(code) == 9
    assert code[4] == "-"
    for position in range(5):
        other = list(parts)
        other[position] = b"other" if position == 0 else "other"
        assert pairing_code(*other) != code


def test_a_sealed_request_is_bound_to_all_its_context():
    base = ("laval-01", 1, "2026-11", ONE)
    others = [("cholet-01", 1, "2026-11", ONE), ("laval-01", 2, "2026-11", ONE), ("laval-01", 1, "2027-01", ONE)]
    assert len({binding(*base), *(binding(*other) for other in others)}) == 4


@pytest.mark.parametrize("wrong", [{"idle_warning_s": 5}, {"idle_end_s": 5000}, {"welcome": {"fr": "x" * 281}}])
def test_settings_have_bounds(wrong):
    with pytest.raises(ValidationError):
        Settings(**wrong)


def test_every_event_model_is_in_the_union():
    assert {model.model_fields["kind"].default for model in AnyEvent.__args__[0].__args__} >= USAGE_KINDS
