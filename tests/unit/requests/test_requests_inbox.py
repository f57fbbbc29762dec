"""What the inbox shows, in which order, and what its counters say."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event
from sqlmodel import SQLModel

from fleet_server.db import connect, reading, transaction
from fleet_server.requests.inbox import Card, Filters, inbox, waiting
from fleet_server.requests.models import ContactAct, ContactRequest

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)  # a Monday, 10:30 in Paris
CAST = {
    "sylvie": {"day": "2026-11-17", "hour": 17, "site": "laval", "commune_name": "Laval"},
    "thierry": {"day": "2026-11-20", "hour": 10, "site": "segre", "commune_name": "Segré"},
    "nadege": {"day": "2026-11-18", "hour": 9, "site": "laval", "commune_name": "Laval", "state": "taken",
               "taken_by": "maelle", "first_response_at": NOW, "call_back_at": NOW + timedelta(days=1)},
    "jeanne": {"day": "2026-11-18", "hour": 9, "site": "segre", "commune_name": "Segré", "state": "taken",
               "taken_by": "yann"},
    "omar": {"day": "2026-11-02", "hour": 9, "site": "laval", "commune_name": "Laval", "state": "converted",
             "taken_by": "maelle", "closed_at": NOW},
}  # fmt: skip


@pytest.fixture
def engine(tmp_path):
    engine = connect(f"sqlite:///{tmp_path / 'fleet.db'}")
    SQLModel.metadata.create_all(engine, tables=[ContactRequest.__table__, ContactAct.__table__])
    with transaction(engine) as session:
        session.add_all(row(name, **fields) for name, fields in CAST.items())
    yield engine
    engine.dispose()


def row(name, **fields):
    sealed = {"generation": 1, "kid": "k", "consent": "c", "enc": "", "ciphertext": ""}
    return ContactRequest(**{"id": name, "terminal": "laval-01"} | sealed | fields)


def shown(engine, filters=Filters(), **more):
    with reading(engine) as session:
        box = inbox(session, filters, "maelle", NOW, {}, **more)
    return [[card.row.id for card in group.cards] for group in box.groups], box.counts


def test_all_that_is_open_is_shown_oldest_first_mine_then_the_team_s(engine):
    groups, counts = shown(engine)
    assert groups == [["sylvie", "thierry"], ["nadege"], ["jeanne"]]
    assert counts == {"nouvelle": 2, "miennes": 1, "prises": 1, "rappel": 1, "": 4, "late": 2, "close": 1}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(state="nouvelle"), [["sylvie", "thierry"]]),
        (Filters(state="miennes"), [["nadege"]]),
        (Filters(state="prises"), [["jeanne"]]),
        (Filters(state="rappel"), [["nadege"]]),
        (Filters(state="close"), [["omar"]]),
        (Filters(late=True), [["sylvie"], ["jeanne"]]),
        (Filters(site="segre"), [["thierry"], ["jeanne"]]),
        (Filters(state="nouvelle", site="nulle-part"), []),
    ],
)
def test_a_filter_leaves_what_it_names(engine, filters, expected):
    assert shown(engine, filters)[0] == expected


def test_counters_count_what_the_other_filters_leave(engine):
    assert shown(engine, Filters(state="miennes", site="segre"))[1] == {
        "nouvelle": 1, "miennes": 0, "prises": 1, "rappel": 0, "": 2, "late": 0, "close": 0,
    }  # fmt: skip


def test_what_was_just_closed_stays_in_sight_until_the_next_move(engine):
    groups, counts = shown(engine, Filters(state="nouvelle"), chosen="omar")
    assert groups == [["sylvie", "thierry"], ["omar"]]
    assert counts["nouvelle"] == 2


def test_a_deposit_from_a_lost_clock_has_no_delay_and_comes_first(engine):
    with transaction(engine) as session:
        session.add(row("paul", day="1970-01-01", hour=3, site="laval"))
        session.add(row("lea", day="2031-01-01", hour=3, site="laval"))
    assert shown(engine)[0][0] == ["lea", "paul", "sylvie", "thierry"]
    card = Card(row("paul", day="1970-01-01", hour=3), NOW, {})
    assert (card.deposited, card.waited, card.late) == (None, None, False)


def test_a_first_response_stops_the_delay():
    card = Card(row("nadege", day="2026-11-19", hour=15, first_response_at=NOW), NOW + timedelta(days=30), {})
    assert card.waited == 11.5  # 2 h on Thursday, 8 h on Friday, 1 h 30 on Monday


def test_the_number_of_queries_does_not_grow_with_the_requests(engine):
    statements = []
    event.listen(engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    shown(engine)
    few = len(statements)
    with transaction(engine) as session:
        session.add_all(row(f"r{n}", day="2026-11-20", hour=9, site="laval") for n in range(200))
    statements.clear()
    shown(engine)
    assert len(statements) == few


def test_the_rail_counts_what_nobody_took(engine):
    with reading(engine) as session:
        assert waiting(session) == 2


def test_the_table_has_no_hidden_order_of_arrival(engine):
    with engine.connect() as connection, pytest.raises(Exception, match="no such column: rowid"):
        connection.exec_driver_sql("SELECT rowid FROM contact_request")
