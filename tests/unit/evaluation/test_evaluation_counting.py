"""Rows and counts, against a count by hand of the same visits."""

import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event as sqlalchemy_event
from sqlmodel import Session, SQLModel

from fleet_server.db import connect
from fleet_server.evaluation import counting, usage
from fleet_server.evaluation.counting import Period
from fleet_server.evaluation.shares import HIDDEN, share, shares
from fleet_server.evaluation.usage import record_usage
from wire.events import usage_events

NOON = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)
TODAY = date(2026, 11, 24)


@dataclass
class Told:
    terminal: str
    received_at: datetime
    event: Any


def told(kind, terminal="laval-01", at=NOON, received=NOON, trusted=True, session=None, audience="public", **fields):
    base = {
        "id": str(uuid.uuid4()), "kind": kind, "at": at, "mono_ms": 5, "boot": str(uuid.uuid4()), "trusted": trusted,
        "software": "0.1.0", "session": session, "audience": audience,
    }  # fmt: skip
    return Told(terminal, received, usage_events.validate_python(base | fields))


def visit(
    terminal="laval-01",
    at=NOON,
    interactions=5,
    active_ms=30_000,
    dwell_ms=60_000,
    pages=("home",),
    audience="public",
    contact=False,
    ended=True,
):
    session = str(uuid.uuid4())
    common = {"terminal": terminal, "at": at, "received": at, "session": session, "audience": audience}
    made = [told("session.started", idle_warning_s=60, idle_end_s=90, **common)]
    for page in pages:
        made += [
            told("page.viewed", page=page, **common),
            told("page.left", page=page, dwell_ms=9000, active_ms=4000, **common),
        ]
    if contact:
        made += [told("contact.started", **common), told("contact.submitted", **common)]
    if ended:
        made.append(
            told(
                "session.ended",
                reason="timeout",
                interactions=interactions,
                active_ms=active_ms,
                dwell_ms=dwell_ms,
                **common,
            )
        )
    return made


@pytest.fixture
def engine(tmp_path):
    engine = connect(f"sqlite:///{tmp_path / 'fleet.db'}")
    SQLModel.metadata.create_all(engine)
    return engine


def record(engine, rows):
    with engine.begin() as connection:
        record_usage(connection, rows)


def row_of(received):
    return dict(zip(usage.COLUMNS, usage.row_of(received), strict=True))


def total_of(engine, first=TODAY, last=TODAY, terminal="", simulated=False):
    with Session(engine) as session:
        return counting.total(counting.tallies(session, Period(first, last, terminal, simulated)))


@pytest.mark.parametrize(
    ("at", "received", "trusted", "day"),
    [
        (datetime(2026, 11, 24, 22, 59, tzinfo=UTC), datetime(2026, 11, 25, 8, tzinfo=UTC), True, 20261124),
        (datetime(2026, 11, 24, 23, 1, tzinfo=UTC), datetime(2026, 11, 25, 8, tzinfo=UTC), True, 20261125),
        (datetime(2026, 7, 1, 22, 1, tzinfo=UTC), datetime(2026, 7, 2, 8, tzinfo=UTC), True, 20260702),
        (datetime(1970, 1, 1, tzinfo=UTC), datetime(2026, 11, 24, 11, tzinfo=UTC), False, 20261124),
        (datetime(2031, 1, 1, tzinfo=UTC), datetime(2026, 11, 24, 11, tzinfo=UTC), True, 20261124),
    ],
)
def test_the_day_is_the_places_and_a_clock_that_cannot_be_right_is_not_believed(at, received, trusted, day):
    row = row_of(told("attract.started", at=at, received=received, trusted=trusted))
    assert row["day"] == day
    assert row["at_ms"] == int(at.timestamp() * 1000)


def test_what_only_one_kind_has_is_kept_in_detail():
    row = row_of(told("ui.failed", where="home.tsx:12", message="undefined"))
    assert row["detail"] == '{"where":"home.tsx:12","message":"undefined"}'
    assert row_of(told("page.left", page="home", dwell_ms=1, active_ms=1))["detail"] is None


def test_an_event_told_twice_counts_once(engine):
    rows = visit()
    record(engine, rows)
    record(engine, rows + visit())
    assert total_of(engine).visits == 2


@pytest.mark.parametrize(
    ("interactions", "active_ms", "engaged"), [(1, 9_999, 0), (2, 0, 1), (0, 10_000, 1), (1, 10_001, 1), (0, 0, 0)]
)
def test_engaged_is_two_interactions_or_ten_active_seconds(engine, interactions, active_ms, engaged):
    record(engine, visit(interactions=interactions, active_ms=active_ms))
    assert total_of(engine).engaged == engaged


def test_a_visit_still_going_on_counts_as_a_visit_and_is_not_yet_engaged(engine):
    record(engine, visit(ended=False))
    whole = total_of(engine)
    assert (whole.visits, whole.ended, whole.engaged) == (1, 0, 0)


def test_staff_never_counts_and_simulated_visits_only_where_asked(engine):
    record(engine, visit() + visit(audience="staff") + visit(audience="demo"))
    assert total_of(engine).visits == 1
    assert total_of(engine, simulated=True).visits == 2


def test_contacts_and_pages_are_counted_by_terminal_and_day(engine):
    record(engine, visit("laval-01", contact=True, pages=("home", "metiers")))
    record(engine, visit("cholet-01", at=NOON - timedelta(days=1)))
    with Session(engine) as session:
        tallied = counting.tallies(session, Period(TODAY - timedelta(days=6), TODAY))
    laval = counting.by_terminal(tallied)["laval-01"]
    assert (laval.contacts_started, laval.contacts, laval.pages) == (1, 1, 2)
    days = counting.by_day(tallied, Period(TODAY - timedelta(days=6), TODAY))
    assert [tally.visits for tally in days.values()] == [0, 0, 0, 0, 0, 1, 1]


def test_the_most_consulted_page_comes_first_with_its_active_time(engine):
    record(engine, visit(pages=("home", "home", "metiers")) + visit(pages=("home",)))
    with Session(engine) as session:
        first, second = counting.pages_consulted(session, Period(TODAY, TODAY))
    assert (first.page, first.views, first.active_ms) == ("home", 3, 4000)
    assert second.page == "metiers"


@pytest.mark.parametrize(
    ("dwells", "median"), [([], None), ([61], 62.5), ([10, 61, 300], 62.5), ([10, 20, 30, 400], 22.5)]
)
def test_the_median_dwell_is_known_to_five_seconds(engine, dwells, median):
    for seconds in dwells:
        record(engine, visit(dwell_ms=seconds * 1000))
    with Session(engine) as session:
        found = counting.median_dwell_ms(session, Period(TODAY, TODAY))
    assert found == (None if median is None else median * 1000)


def test_the_fleet_page_gets_fourteen_days_and_the_last_visit(engine):
    record(
        engine,
        visit() + visit() + visit(at=NOON - timedelta(days=13)) + visit("cholet-01", at=NOON - timedelta(days=20)),
    )
    with Session(engine) as session:
        assert counting.visits_by_day(session, TODAY) == {"laval-01": [1] + [0] * 12 + [2]}
        last = counting.last_visits(session, TODAY)
    assert last == {"laval-01": NOON, "cholet-01": NOON - timedelta(days=20)}


def test_counting_asks_as_many_questions_for_twenty_terminals_as_for_one(engine):
    asked = []
    sqlalchemy_event.listen(engine, "before_cursor_execute", lambda *args: asked.append(args[2]))

    def questions():
        asked.clear()
        with Session(engine) as session:
            counting.tallies(session, Period(TODAY - timedelta(days=29), TODAY))
            counting.median_dwell_ms(session, Period(TODAY, TODAY))
            counting.pages_consulted(session, Period(TODAY, TODAY))
        return len([statement for statement in asked if statement.startswith("SELECT")])

    record(engine, visit())
    few = questions()
    for n in range(20):
        record(engine, visit(f"terminal-{n:02}", at=NOON - timedelta(days=n % 7)))
    assert questions() == few == 3


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["laval-01", "cholet-01"]), st.integers(0, 5), st.integers(0, 3), st.integers(0, 20_000),
            st.booleans(), st.sampled_from(["public", "demo", "staff"]),
        ),
        max_size=12,
    )
)  # fmt: skip
def test_counts_equal_a_count_by_hand(tmp_path_factory, visits):
    engine = connect(f"sqlite:///{tmp_path_factory.mktemp('count') / 'fleet.db'}")
    SQLModel.metadata.create_all(engine)
    expected: Counter[tuple[date, str, str]] = Counter()
    for terminal, back, interactions, active_ms, contact, audience in visits:
        record(
            engine,
            visit(terminal, NOON - timedelta(days=back), interactions, active_ms, contact=contact, audience=audience),
        )
        if audience == "public":
            key = (TODAY - timedelta(days=back), terminal)
            expected[*key, "visits"] += 1
            expected[*key, "engaged"] += interactions >= 2 or active_ms >= 10_000
            expected[*key, "contacts"] += contact
    with Session(engine) as session:
        tallied = counting.tallies(session, Period(TODAY - timedelta(days=30), TODAY))
    found = {
        (day, terminal, name): getattr(tally, name)
        for (day, terminal), tally in tallied.items()
        for name in ("visits", "engaged", "contacts")
    }
    assert found == dict(expected)
    engine.dispose()


def test_a_share_is_hidden_then_told_with_its_base_then_as_a_percentage():
    assert share(3, 10) == HIDDEN
    assert share(6, 11) == "6 sur 11"
    assert share(40, 50) == "80\u00a0%"


def test_a_hidden_share_cannot_be_found_by_subtraction():
    said = shares({"laval": (40, 60), "cholet": (9, 12), "segre": (2, 5), "sable": (0, 0)})
    assert said == {"laval": "67\u00a0%", "cholet": HIDDEN, "segre": HIDDEN, "sable": "–"}
    assert shares({"laval": (40, 60), "cholet": (9, 12)})["cholet"] == "9 sur 12"
    two = shares({"laval": (40, 60), "cholet": (9, 10), "segre": (2, 5)})
    assert two["laval"] == "67\u00a0%"


def test_counts_are_answered_by_the_index_alone(engine):
    record(engine, visit())
    asked = []
    sqlalchemy_event.listen(engine, "before_cursor_execute", lambda *args: asked.append((args[2], args[3])))
    with Session(engine) as session:
        counting.tallies(session, Period(TODAY, TODAY))
        counting.pages_consulted(session, Period(TODAY, TODAY))
        counting.visits_by_day(session, TODAY)
    questions = [one for one in asked if one[0].startswith("SELECT")]
    assert len(questions) == 3
    with engine.connect() as connection:
        for statement, values in questions:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
            assert "COVERING INDEX ix_usage_event_counted" in str(plan), plan
