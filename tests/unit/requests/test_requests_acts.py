"""Maëlle and Yann share an inbox: what each act does, what it refuses, how it is undone."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import Session, SQLModel

from fleet_server.db import connect, transaction
from fleet_server.requests.acts import RULES, Deed, NotNow, Overtaken, decide, perform, undo
from fleet_server.requests.models import CLOSED, OPEN, ContactAct, ContactRequest

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
EVERY_STATE = (*OPEN, *CLOSED)


def request(state="new", **fields):
    row = {"id": "5f0c9a4e-8a1b-4c3d-9e2f-0123456789ab", "terminal": "laval-01", "generation": 1, "kid": "k",
           "consent": "2026-11", "day": "2026-11-19", "hour": 17, "enc": "e", "ciphertext": "c"}  # fmt: skip
    return ContactRequest(**row | {"state": state} | fields)


def maelle(act, **more):
    return Deed(act, "maelle", "Maëlle Riou", NOW, **more)


def yann(act, **more):
    return Deed(act, "yann", "Yann Le Gall", NOW, **more)


@pytest.fixture
def session(tmp_path):
    engine = connect(f"sqlite:///{tmp_path / 'fleet.db'}")
    SQLModel.metadata.create_all(engine, tables=[ContactRequest.__table__, ContactAct.__table__])
    with transaction(engine) as session:
        session.add(request())
    with transaction(engine) as session:
        yield session
    engine.dispose()


def stored(session: Session) -> ContactRequest:
    return session.get_one(ContactRequest, "5f0c9a4e-8a1b-4c3d-9e2f-0123456789ab")


@pytest.mark.parametrize("state", EVERY_STATE)
@pytest.mark.parametrize("act", RULES)
def test_an_act_is_possible_from_its_states_only(act, state):
    row = request(state, attempts=1, taken_by_name="Maëlle Riou" if state != "new" else "")
    if state in RULES[act].allowed:
        assert decide(row, maelle(act))["state"] == (RULES[act].to or state)
    else:
        with pytest.raises(NotNow):
            decide(row, maelle(act))


def test_taking_says_who_and_when_and_is_not_yet_a_response(session):
    perform(session, stored(session), maelle("take"), seen=0)
    row = stored(session)
    assert (row.state, row.taken_by, row.taken_at, row.first_response_at) == ("taken", "maelle", NOW, None)


def test_the_first_attempt_is_the_response_and_the_second_does_not_move_it():
    first = decide(request("taken"), maelle("no_answer"))
    assert first["first_response_at"] == NOW
    again = request("taken", attempts=1, first_response_at=NOW - timedelta(days=1))
    second = decide(again, maelle("answered"))
    assert second["attempts"] == 2
    assert "first_response_at" not in second


def test_taking_over_a_colleague_s_request_keeps_what_was_reached():
    changes = decide(request("contacted", taken_by="yann", taken_by_name="Yann Le Gall"), maelle("take_over"))
    assert (changes["state"], changes["taken_by"]) == ("contacted", "maelle")


def test_nobody_is_unreachable_before_an_attempt():
    with pytest.raises(NotNow, match="essai"):
        decide(request("taken"), maelle("unreachable"))


def test_two_counsellors_on_one_page_only_the_first_takes_it(session):
    perform(session, stored(session), maelle("take"), seen=0)
    with pytest.raises(Overtaken):
        perform(session, stored(session), yann("take"), seen=0)
    assert stored(session).taken_by == "maelle"


def test_an_update_between_reading_and_writing_is_noticed_by_the_database(session):
    stale = request()
    perform(session, stored(session), maelle("take"), seen=0)
    with pytest.raises(Overtaken):
        perform(session, stale, yann("take"), seen=0)


@pytest.mark.parametrize("act", ["take", "redirected", "withdrawn", "spam"])
def test_undoing_gives_the_request_back_as_it_was(session, act):
    before = stored(session).model_dump(exclude={"revision"})
    perform(session, stored(session), maelle(act, detail="Apec" if act == "redirected" else ""), seen=0)
    undo(session, stored(session), "maelle", "Maëlle Riou", NOW)
    assert stored(session).model_dump(exclude={"revision"}) == before
    assert stored(session).revision == 2


def test_undoing_a_second_step_gives_back_the_times_of_the_first(session):
    perform(session, stored(session), maelle("take"), seen=0)
    perform(session, stored(session), maelle("no_answer", call_back_at=NOW + timedelta(hours=3)), seen=1)
    perform(session, stored(session), maelle("answered"), seen=2)
    undo(session, stored(session), "maelle", "Maëlle Riou", NOW)
    row = stored(session)
    assert (row.state, row.attempts, row.call_back_at) == ("taken", 1, NOW + timedelta(hours=3))


def test_one_undoes_only_one_s_own_last_act_once(session):
    perform(session, stored(session), maelle("take"), seen=0)
    with pytest.raises(NotNow, match="Maëlle Riou"):
        undo(session, stored(session), "yann", "Yann Le Gall", NOW)
    undo(session, stored(session), "maelle", "Maëlle Riou", NOW)
    with pytest.raises(NotNow):
        undo(session, stored(session), "maelle", "Maëlle Riou", NOW)
