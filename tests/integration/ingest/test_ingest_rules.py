"""The server's side of the contract (DESIGN.md §3, rules 1 to 6), on a real database."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest
from sqlalchemy import event, text

from fleet_server import rooms
from fleet_server.db import reading
from fleet_server.ingest import Known
from fleet_server.ingest.cursors import Overtaken, cursors_of
from fleet_server.ingest.envelope import digest_of
from fleet_server.ingest.quarantine import replay
from tests.fleet import eventually
from tests.sending import NOON, Ingest, Sender, dropped, told
from wire.batch import MAX_BATCH_BYTES, MAX_EVENT_BYTES, MAX_EVENTS, Ack, Refused, Reset, Resync
from wire.ids import uuid7


@pytest.fixture
def ingest(tmp_path):
    return Ingest(f"sqlite:///{tmp_path / 'fleet.db'}")


@pytest.fixture
def laval():
    return Sender()


# ---- rule 2: rows and cursor together, then the acknowledgement ----------------------------------------------


def test_a_batch_becomes_rows_and_is_acknowledged_with_what_the_terminal_should_want(ingest, laval):
    laval.tell(3)
    (ack,) = ingest.turn(laval.batch(attempt=4))
    assert ack == Ack(outbox=laval.outbox, through=3, last=laval.kept[2]["id"], attempt=4, desired_revision=7,
                      server_start=NOON)  # fmt: skip
    found = ingest.rows("SELECT id FROM usage_event ORDER BY id")
    assert [row[0] for row in found] == sorted(event["id"] for event in laval.kept)


def test_cursors_are_told_to_the_terminal_that_asks_for_its_state(ingest, laval):
    laval.tell(2)
    ingest.turn(laval.batch())
    with reading(ingest.engine) as session:
        (cursor,) = cursors_of(session, "laval-01")
        assert (cursor.outbox, cursor.through, cursor.last) == (laval.outbox, 2, laval.kept[1]["id"])
        assert cursors_of(session, "cholet-01") == ()


def test_nothing_is_answered_when_the_commit_fails(ingest, laval):
    laval.tell(3)
    with ingest.engine.begin() as connection:
        connection.execute(
            text("CREATE TRIGGER full BEFORE INSERT ON ingest_cursor BEGIN SELECT raise(FAIL, 'no'); END")
        )
    with pytest.raises(Overtaken):
        ingest.turn(laval.batch())
    assert ingest.said == []
    assert ingest.count() == 0
    with ingest.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER full"))
    (ack,) = ingest.turn(laval.batch(attempt=2))
    assert (ack.through, ack.attempt, ingest.count()) == (3, 2, 3)


def test_many_terminals_share_one_transaction(ingest):
    fleet = [Sender("laval-01", 2), Sender("cholet-01", 1)]
    for sender in fleet:
        sender.tell(2)
    ingest.consumer.turn([(sender.terminal, sender.batch()) for sender in fleet])
    assert ingest.consumer.counters.commits == 1
    said = [(who, ack.through, ack.desired_revision) for who, ack in ingest.said]
    assert said == [("laval-01", 2, 7), ("cholet-01", 2, 3)]


# ---- rule 3: take, repeat, resync, lost, reset ---------------------------------------------------------------


def test_a_repeated_batch_inserts_nothing_and_is_acknowledged_again(ingest, laval):
    laval.tell(3)
    ingest.turn(laval.batch())
    (again,) = ingest.turn(laval.batch(attempt=2))
    assert (again.through, again.attempt, ingest.count()) == (3, 2, 3)


def test_only_the_new_tail_of_an_overlapping_batch_is_taken(ingest, laval):
    laval.tell(5)
    ingest.turn(laval.batch(1, 3))
    (ack,) = ingest.turn(laval.batch(2, 5))
    assert (ack.through, ingest.count()) == (5, 5)


def test_successive_batches_of_one_outbox_in_one_transaction_follow_each_other(ingest, laval):
    laval.tell(6)
    acks = ingest.turn(laval.batch(1, 2), laval.batch(3, 4), laval.batch(3, 4), laval.batch(5, 6))
    assert [ack.through for ack in acks] == [2, 4, 4, 6]
    assert ingest.count() == 6


def test_a_gap_that_the_terminal_can_fill_is_asked_for(ingest, laval):
    laval.tell(6)
    ingest.turn(laval.batch(1, 2))
    (resync,) = ingest.turn(laval.batch(5, 6))
    assert resync == Resync(outbox=laval.outbox, expected=3)
    assert ingest.count() == 2
    (ack,) = ingest.turn(laval.batch(3, 6))
    assert (ack.through, ingest.count()) == (6, 6)


def test_a_server_restored_from_yesterday_asks_for_what_it_misses(ingest, laval, tmp_path):
    laval.tell(6)
    ingest.turn(laval.batch(1, 2))
    restored = Ingest(f"sqlite:///{tmp_path / 'yesterday.db'}")
    (resync,) = restored.turn(laval.batch(5, 6))
    assert resync.expected == 1
    (ack,) = restored.turn(laval.batch(1, 6))
    assert (ack.through, restored.count()) == (6, 6)


def test_a_gap_that_nobody_can_fill_is_recorded_and_passed(ingest, laval):
    laval.tell(9)
    ingest.turn(laval.batch(1, 2))
    (ack,) = ingest.turn(laval.batch(7, 9, oldest=7))
    assert ack.through == 9
    assert ingest.count() == 5
    assert ingest.rows("SELECT terminal, outbox, first, last FROM ingest_loss") == [("laval-01", laval.outbox, 3, 6)]


def test_what_is_lost_and_what_can_still_be_sent_are_told_apart(ingest, laval):
    laval.tell(9)
    ingest.turn(laval.batch(1, 2))
    (resync,) = ingest.turn(laval.batch(8, 9, oldest=5))
    assert resync.expected == 5
    (ack,) = ingest.turn(laval.batch(5, 9, oldest=5, after=None))
    assert ack.through == 9
    assert ingest.rows("SELECT first, last FROM ingest_loss") == [(3, 4)]


def test_another_history_at_that_place_starts_over(ingest, laval):
    laval.tell(4)
    ingest.turn(laval.batch(1, 3))
    clone = Sender(outbox=laval.outbox, kept=[*laval.kept[:2], told(), told()])
    (reset,) = ingest.turn(clone.batch(4, 4))
    assert reset == Reset(outbox=laval.outbox)
    assert ingest.count() == 3


def test_another_event_at_the_cursor_starts_over_even_when_the_batch_begins_there(ingest, laval):
    laval.tell(3)
    ingest.turn(laval.batch())
    clone = Sender(outbox=laval.outbox, kept=[*laval.kept[:2], told(), told()])
    (reset,) = ingest.turn(clone.batch(3, 4))
    assert reset == Reset(outbox=laval.outbox)
    assert ingest.count() == 3


def test_after_a_reset_renumbered_events_are_counted_once(ingest, laval):
    laval.tell(4)
    ingest.turn(laval.batch(1, 3))
    fresh = Sender(kept=laval.kept)
    (ack,) = ingest.turn(fresh.batch(1, 4))
    assert (ack.through, ingest.count()) == (4, 4)


def test_two_workers_never_move_one_cursor_twice(ingest, laval):
    laval.tell(4)
    first, second = ingest.consumer, ingest.made()
    first.turn([("laval-01", laval.batch(1, 2))])
    second.turn([("laval-01", laval.batch(1, 2))])
    second.turn([("laval-01", laval.batch(3, 3))])
    first.turn([("laval-01", laval.batch(3, 4))])  # believes the cursor at 2
    assert [ack.through for _, ack in ingest.said] == [2, 2, 3, 4]
    assert ingest.count() == 4
    assert ingest.rows("SELECT through FROM ingest_cursor") == [(4,)]


# ---- rule 5: what the terminal gave up -----------------------------------------------------------------------


def test_a_run_of_dropped_measurements_moves_the_cursor_past_it_and_is_shown(ingest, laval):
    laval.kept = [told(), dropped(2, 40), told()]
    (ack,) = ingest.turn(laval.batch())
    assert (ack.through, ack.last) == (41, laval.kept[2]["id"])
    assert ingest.count() == 2
    ((first, last, counts),) = ingest.rows("SELECT first, last, counts FROM ingest_loss")
    assert (first, last, json.loads(counts)) == (2, 40, {"page.viewed": 39})


# ---- rule 6: what can't be read ------------------------------------------------------------------------------


def test_an_unknown_event_goes_raw_to_quarantine_and_blocks_nothing(ingest, laval):
    laval.kept = [told(), told("hologram.shown", beam=7), told()]
    (ack,) = ingest.turn(laval.batch())
    assert (ack.through, ingest.count()) == (3, 2)
    ((kind, sequence, raw),) = ingest.rows("SELECT kind, sequence, raw FROM ingest_quarantine")
    assert (kind, sequence, json.loads(raw)) == ("hologram.shown", 2, laval.kept[1])


@pytest.mark.parametrize("wrong", [
    {"page": "Not A Page"}, {"at": "yesterday"}, {"at": "2026-11-24T12:00:00"}, {"mono_ms": -1}, {"id": 5},
    {"kind": None}, {"session": "bad"}, {"software": "x" * 201},
])  # fmt: skip
def test_a_garbled_event_goes_to_quarantine_alone(ingest, laval, wrong):
    laval.kept = [told(), told() | wrong, told()]
    (ack,) = ingest.turn(laval.batch())
    assert (ack.through, ingest.count(), ingest.count("ingest_quarantine")) == (3, 2, 1)


@pytest.mark.parametrize("id", ["", "x", "\u2028", "A" * 64, 7, None])
def test_an_event_without_a_proper_id_at_the_end_of_a_batch_blocks_nothing(ingest, laval, id):
    laval.kept = [told(), told() | {"id": id}]
    (ack,) = ingest.turn(laval.batch())
    assert (ack.through, ack.last) == (2, None)
    laval.tell(1)
    (ack,) = ingest.turn(laval.batch(3, 3, after=None))
    assert (ack.through, ingest.count(), ingest.count("ingest_quarantine")) == (3, 2, 1)


def test_an_event_past_the_size_limit_is_kept_in_part_and_blocks_nothing(ingest, laval):
    laval.kept = [told(), told(page="x" * MAX_EVENT_BYTES), told()]
    (ack,) = ingest.turn(laval.batch())
    assert (ack.through, ingest.count()) == (3, 2)
    ((size,),) = ingest.rows("SELECT length(raw) FROM ingest_quarantine")
    assert size <= MAX_EVENT_BYTES


@pytest.mark.parametrize(("payload", "reason"), [
    (b"", "EOF"), (b"\xff\xfe", "JSON"), (b"{}", "required"), (b"[]", "object"), (b'{"events":' * 300, "recursion|EOF"),
    (b'{"terminal":"laval-01"}', "required"),
])  # fmt: skip
def test_an_unreadable_envelope_is_refused_by_its_digest(ingest, payload, reason):
    (refused,) = ingest.turn(payload)
    assert refused == Refused(digest=digest_of(payload), reason=refused.reason)
    assert ingest.count("ingest_cursor") == 0


def test_a_batch_past_the_size_limit_is_refused(ingest, laval):
    laval.kept = [told("state.changed", what="big", detail={"x": "y" * 60_000}) for _ in range(5)]
    payload = laval.batch()
    assert len(payload) > MAX_BATCH_BYTES
    (refused,) = ingest.turn(payload)
    assert refused.digest == digest_of(payload)
    assert str(MAX_BATCH_BYTES) in refused.reason
    (ack,) = ingest.turn(laval.batch(1, 2))  # the terminal halves it
    assert ack.through == 2


def test_a_batch_of_too_many_events_or_of_none_is_refused(ingest, laval):
    laval.tell(MAX_EVENTS + 1)
    too_many, none = ingest.turn(laval.batch(), laval.batch(events=[]))
    assert isinstance(too_many, Refused)
    assert isinstance(none, Refused)
    assert ingest.count() == 0


def test_a_batch_for_another_terminal_is_refused(ingest, laval):
    laval.tell(1)
    (refused,) = ingest.turn(laval.batch(), terminal="cholet-01")
    assert isinstance(refused, Refused)
    assert ingest.said[0][0] == "cholet-01"
    assert ingest.count() == 0


def test_an_unknown_terminal_or_a_past_enrolment_gets_no_answer_and_leaves_nothing(ingest, laval):
    stranger = Sender("nantes-09", 1)
    stranger.tell(1)
    laval.tell(1)
    ingest.turn(stranger.batch(), terminal="nantes-09")
    ingest.turn(laval.batch(generation=1))
    assert ingest.said == []
    assert (ingest.count(), ingest.count("ingest_cursor")) == (0, 0)
    assert ingest.consumer.counters.batches == {"unknown_terminal": 2}


def test_an_enrolment_made_meanwhile_is_listened_to(ingest):
    stranger = Sender("nantes-09", 1)
    stranger.tell(1)
    ingest.turn(stranger.batch(), terminal="nantes-09")
    ingest.known["nantes-09"] = Known(1, 1)
    (ack,) = ingest.turn(stranger.batch(), terminal="nantes-09")
    assert ack.through == 1


def test_a_terminal_enrolled_again_is_listened_to_at_once_and_its_past_no_more(ingest, laval):
    laval.tell(2)
    ingest.turn(laval.batch(1, 1))
    ingest.known["laval-01"] = Known(3, 8)
    (ack,) = ingest.turn(laval.batch(2, 2, generation=3))
    assert (ack.through, ack.desired_revision) == (2, 8)
    assert ingest.turn(laval.batch(2, 2, generation=2)) == []


@pytest.mark.parametrize("at", [datetime(1970, 1, 1, tzinfo=UTC), datetime(2091, 1, 1, tzinfo=UTC)])
def test_an_event_from_1970_or_from_the_future_is_kept_and_dated_by_its_reception(ingest, laval, at):
    laval.tell(1, at=at, trusted=at.year > 2000)
    (ack,) = ingest.turn(laval.batch())
    assert ack.through == 1
    assert ingest.rows("SELECT day, trusted FROM usage_event") == [(20261124, 0)]


def test_a_batch_that_begins_before_the_oldest_kept_contradicts_itself(ingest, laval):
    laval.tell(2)
    (refused,) = ingest.turn(laval.batch(1, 2, oldest=2))
    assert isinstance(refused, Refused)


def test_a_cursor_far_beyond_what_the_server_knows_is_a_loss_not_an_error(ingest, laval):
    laval.tell(1)
    far = 2**53
    (ack,) = ingest.turn(json.dumps(json.loads(laval.batch()) | {"first": far, "oldest": far}).encode())
    assert ack.through == far
    assert ingest.rows("SELECT first, last FROM ingest_loss") == [(1, far - 1)]


# ---- terminal events go to their own tables ------------------------------------------------------------------


def test_events_of_the_machine_reach_the_terminals_room(ingest, laval):
    laval.kept = [
        told("health.sampled", cpu=0.1, memory=0.5, memory_bytes=1, disk_free=0.5, disk_free_bytes=1, uptime_s=5,
             agent_rss_bytes=1),
        told("state.changed", what="content.activated", detail={"label": "2026.48"}),
        told("outbox.replaced", previous=uuid7(1), reason="corrupt", unsent=3),
        told("event.set_aside", digest="0" * 64, reason="unreadable"),
    ]  # fmt: skip
    (ack,) = ingest.turn(laval.batch())
    assert ack.through == 4
    assert (ingest.count("terminal_health"), ingest.count("terminal_event"), ingest.count()) == (1, 3, 0)


# ---- a database that is away ---------------------------------------------------------------------------------


def test_a_locked_database_acknowledges_nothing_until_it_is_free(ingest, laval, tmp_path):
    ingest.engine.dispose()
    event.listen(ingest.engine, "connect", lambda raw, _: raw.execute("PRAGMA busy_timeout=20"))
    laval.tell(2)
    with closing(sqlite3.connect(tmp_path / "fleet.db", isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        ingest.consumer.start()
        ingest.consumer.put("laval-01", laval.batch())
        eventually(lambda: ingest.consumer.counters.retries)
        assert ingest.said == []
        holder.execute("ROLLBACK")
    ingest.consumer.put("laval-01", laval.batch(attempt=2))
    eventually(lambda: ingest.said)
    ingest.consumer.stop()
    assert [(ack.through, ack.attempt) for _, ack in ingest.said] == [(2, 2)]
    assert ingest.count() == 2


def test_more_waiting_than_memory_allows_is_passed_over_and_taken_when_it_comes_again(ingest, laval, monkeypatch):
    laval.tell(1)
    payload = laval.batch()
    monkeypatch.setattr("fleet_server.ingest.consumer.MAX_WAITING_BYTES", len(payload))
    ingest.consumer.put("laval-01", payload)
    ingest.consumer.put("laval-01", payload)
    assert ingest.consumer.counters.passed_over == 1
    ingest.consumer.start()
    eventually(lambda: ingest.said)
    ingest.consumer.put("laval-01", payload)
    eventually(lambda: len(ingest.said) == 2)
    ingest.consumer.stop()
    assert ingest.count() == 1


def test_a_recorder_that_fails_ends_nothing(ingest, laval):
    laval.tell(1)
    with ingest.engine.begin() as connection:
        connection.execute(text("ALTER TABLE usage_event RENAME TO away"))
    ingest.consumer.start()
    ingest.consumer.put("laval-01", laval.batch())
    eventually(lambda: ingest.consumer.counters.retries)
    with ingest.engine.begin() as connection:
        connection.execute(text("ALTER TABLE away RENAME TO usage_event"))
    ingest.consumer.put("laval-01", laval.batch(attempt=2))
    eventually(lambda: ingest.said)
    ingest.consumer.stop()
    assert (ingest.said[0][1].through, ingest.count()) == (1, 1)


# ---- the quarantine ------------------------------------------------------------------------------------------


def upgraded(ingest):
    """As if a later version allowed that page: what it reads is the same event, spelt as this one does."""
    with ingest.engine.begin() as connection:
        raw = connection.execute(text("SELECT id, raw FROM ingest_quarantine WHERE kind = 'page.viewed'")).all()
        for event_id, body in raw:
            mended = json.dumps(json.loads(body) | {"page": "home"}).encode()
            connection.execute(text("UPDATE ingest_quarantine SET raw = :raw WHERE id = :id"),
                               {"raw": mended, "id": event_id})  # fmt: skip


def test_the_quarantine_is_read_again_after_an_upgrade(ingest, laval):
    laval.kept = [told(), told(page="Not A Page"), told("hologram.shown")]
    ingest.turn(laval.batch())
    upgraded(ingest)
    assert replay(ingest.engine, rooms.recorders()) == {"read": 1, "kept": 1}
    assert (ingest.count(), ingest.count("ingest_quarantine")) == (2, 1)
    assert replay(ingest.engine, rooms.recorders()) == {"read": 0, "kept": 1}
    assert (ingest.count(), ingest.count("ingest_quarantine")) == (2, 1)


def test_a_kind_that_nobody_records_yet_waits_for_the_version_that_does(ingest, laval):
    laval.kept = [told(page="Not A Page"), told("hologram.shown")]
    ingest.turn(laval.batch())
    upgraded(ingest)
    of_old = {kind: recorder for kind, recorder in rooms.recorders().items() if kind != "page.viewed"}
    assert replay(ingest.engine, of_old) == {"read": 0, "kept": 2}
    assert replay(ingest.engine, rooms.recorders()) == {"read": 1, "kept": 1}


def test_many_are_read_portion_by_portion_and_no_more_than_asked(ingest, laval):
    laval.kept = [told(page="Not A Page") for _ in range(1200)]
    for first in range(1, 1200, 400):
        ingest.turn(laval.batch(first, first + 399))
    upgraded(ingest)
    assert replay(ingest.engine, rooms.recorders(), most=600) == {"read": 1000, "kept": 0}, "whole portions"
    assert replay(ingest.engine, rooms.recorders()) == {"read": 200, "kept": 0}
    assert (ingest.count(), ingest.count("ingest_quarantine")) == (1200, 0)


def test_what_can_not_be_recorded_stays_and_stops_nothing(ingest, laval):
    laval.kept = [told(page="Not A Page") for _ in range(3)]
    ingest.turn(laval.batch())
    upgraded(ingest)
    with ingest.engine.begin() as connection:
        connection.execute(text("ALTER TABLE usage_event RENAME TO away"))
    assert replay(ingest.engine, rooms.recorders()) == {"failed": 3}
    with ingest.engine.begin() as connection:
        connection.execute(text("ALTER TABLE away RENAME TO usage_event"))
    assert replay(ingest.engine, rooms.recorders()) == {"read": 3, "kept": 0}


def test_the_quarantine_is_bounded_and_says_what_went(ingest, laval, monkeypatch):
    monkeypatch.setattr("fleet_server.ingest.quarantine.KEPT_PER_TERMINAL", 5)
    laval.kept = [told("hologram.shown") for _ in range(8)]
    cholet = Sender("cholet-01", 1)
    cholet.kept = [told("hologram.shown")]
    ingest.turn(cholet.batch(), terminal="cholet-01")
    ingest.turn(laval.batch(1, 4))
    ingest.turn(laval.batch(5, 8))
    kept = ingest.rows("SELECT terminal, sequence FROM ingest_quarantine ORDER BY terminal, sequence")
    assert kept == [("cholet-01", 1), *(("laval-01", sequence) for sequence in range(4, 9))]
    assert ingest.rows("SELECT first, last, reason FROM ingest_loss") == [(n, n, "quarantine full") for n in (1, 2, 3)]


def test_a_repeated_unreadable_event_is_kept_once(ingest, laval):
    laval.kept = [told("hologram.shown")]
    ingest.turn(laval.batch())
    ingest.turn(Sender(kept=laval.kept).batch())
    assert ingest.count("ingest_quarantine") == 1


# ---- one terminal never stops another --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wild",
    [{"at": "0001-01-01T00:00:00+02:00"}, {"at": "9999-12-31T23:59:59Z"}, {"mono_ms": 2**70}, {"n": 2**64}],
    ids=["year 1", "year 9999", "monotonic beyond 64 bits", "count beyond 64 bits"],
)
def test_a_number_that_no_database_holds_goes_to_the_quarantine_and_the_rest_goes_on(ingest, laval, wild):
    laval.tell(2)
    laval.tell(1)[0].update(wild)
    laval.tell(1)
    (ack,) = ingest.turn(laval.batch())
    assert (ack.through, ingest.count(), ingest.count("ingest_quarantine")) == (4, 3, 1)


def test_a_batch_that_cannot_be_recorded_is_refused_alone_and_the_others_are_committed(ingest, laval):
    """A fault of ours in a recorder: only the batch that meets it waits."""
    laval.tell(2)
    cholet = Sender(terminal="cholet-01", generation=1)
    cholet.tell(2)
    good = ingest.recorders["page.viewed"]

    def fails_for_cholet(connection, rows):
        if any(row.terminal == "cholet-01" for row in rows):
            raise RuntimeError("a fault of ours")
        good(connection, rows)

    ingest.recorders["page.viewed"] = fails_for_cholet
    bad, fine = cholet.batch(), laval.batch()
    consumer = ingest.made()
    consumer.start()
    consumer.put("cholet-01", bad)
    consumer.put("laval-01", fine)
    eventually(lambda: len(ingest.said) == 2)
    consumer.stop()
    answers = dict(ingest.said)
    assert isinstance(answers["laval-01"], Ack)
    assert answers["cholet-01"] == Refused(digest=digest_of(bad), reason="could not be recorded")
    assert ingest.count() == 2


def test_strangers_are_not_remembered_however_many_they_are(ingest, laval):
    laval.tell(1)
    ingest.turn(laval.batch())
    for number in range(3):
        stranger = Sender(f"nantes-{number}")
        stranger.tell(1)
        ingest.turn(stranger.batch(), terminal=stranger.terminal)
    assert ingest.consumer._known.keys() == {"laval-01"}
