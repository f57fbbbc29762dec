"""The numbered rules of the contract (DESIGN.md §3), seen from the terminal."""

import json
import shutil
import sqlite3
from datetime import timedelta

import pytest
from agent_neighbours import NOW, SimulatedServer, apply, page, receipt, send, settle, stamp

from agent.outbox import EventTooLarge, Outbox
from agent.spool import CannotKeep
from wire.batch import MAX_EVENTS, Batch, Refused, Resync
from wire.events import events
from wire.state import Cursor

BIG = 2**30


@pytest.fixture
def outbox(tmp_path):
    with_room = Outbox(tmp_path / "outbox.db", stamp, BIG)
    yield with_room
    with_room.close()


@pytest.fixture
def server():
    return SimulatedServer()


def reopened(outbox, cap=BIG):
    path = outbox._spool.path
    outbox.close()
    return Outbox(path, stamp, cap)


def kinds(server):
    return [event["kind"] for event in server.events.values()]


# ---- 1. batches ------------------------------------------------------------------------------------------------------


def test_a_batch_is_the_message_of_the_contract(outbox):
    told = [page(), receipt()]
    outbox.enqueue(*told)
    batch = Batch.model_validate_json(send(outbox, attempt=3)[1])
    assert (batch.outbox, batch.oldest, batch.first, batch.after, batch.attempt) == (outbox.id, 1, 1, None, 3)
    assert [events.validate_python(raw) for raw in batch.events] == told
    assert batch.last == 2


def test_what_may_have_been_told_before_a_death_is_told_once(outbox, server):
    before, after = receipt(), page()
    outbox.enqueue_once(before)
    outbox.enqueue(after)
    again = reopened(outbox)
    again.enqueue_once(before)
    settle(again, server)
    assert list(server.events) == [before.id, after.id]
    again.enqueue_once(before)  # the server has it, and it is still here
    assert again.state().waiting == 0
    again.close()


def test_a_batch_names_the_event_before_it_and_the_oldest_kept(outbox, server):
    first, second = page(), page()
    outbox.enqueue(first)
    settle(outbox, server)
    outbox.enqueue(second)
    batch = outbox.next_batch()
    assert (batch.oldest, batch.first, batch.after) == (1, 2, first.id)


def test_a_batch_holds_at_most_500_events(outbox):
    outbox.enqueue(*(page() for _ in range(MAX_EVENTS + 50)))
    assert len(outbox.next_batch().bodies) == MAX_EVENTS


def test_a_batch_weighs_at_most_256_kib_and_the_rest_follows(outbox, server):
    heavy = [receipt(note="x" * 60_000) for _ in range(9)]
    outbox.enqueue(*heavy)
    assert 3 <= len(outbox.next_batch().bodies) <= 4
    settle(outbox, server)  # the server asserts the size of each
    assert list(server.events) == [event.id for event in heavy]


def test_an_event_over_64_kib_is_refused_and_none_of_its_company_is_kept(outbox):
    with pytest.raises(EventTooLarge, match=r"state\.changed"):
        outbox.enqueue(page(), receipt(note="x" * 65_536))
    assert outbox.next_batch() is None


def test_the_batch_in_flight_stays_the_same_until_answered(outbox):
    outbox.enqueue(page())
    before = outbox.next_batch()
    assert outbox.next_batch() == before


def test_sequences_are_never_given_twice(outbox, server):
    outbox.enqueue(page(), page())
    settle(outbox, server)
    far = NOW + timedelta(days=60)
    for hours in (0, 2):
        outbox.trim(far + timedelta(hours=hours))
    again = reopened(outbox)
    again.enqueue(page())
    assert again.next_batch().first == 3
    again.close()


# ---- 2. what is acknowledged -----------------------------------------------------------------------------------------


def test_nothing_moves_before_the_acknowledgement(outbox, server):
    outbox.enqueue(page())
    server.receive(send(outbox)[1])
    again = reopened(outbox)
    assert again.next_batch().first == 1
    again.close()


def test_an_older_attempts_acknowledgement_counts_and_a_late_one_changes_nothing(outbox, server):
    outbox.enqueue(page())
    batch, payload = send(outbox)
    late = server.receive(payload)
    apply(outbox, batch, late)
    assert outbox.acked == 1
    outbox.enqueue(page())
    settle(outbox, server)
    apply(outbox, batch, late)
    assert outbox.acked == 2


# ---- 3. cursor: repeats, resync, lost, reset -------------------------------------------------------------------------


def test_a_batch_sent_twice_counts_once(outbox, server):
    outbox.enqueue(page(), page())
    _, payload = send(outbox)
    server.receive(payload)
    settle(outbox, server)
    assert len(server.events) == 2


def test_a_server_that_misses_something_gets_it_from_there(outbox, server):
    outbox.enqueue(page(), page())
    settle(outbox, server)
    yesterday = server.backup()
    outbox.enqueue(*(page() for _ in range(5)))
    settle(outbox, server)
    outbox.enqueue(page())
    batch, payload = send(outbox)
    answer = yesterday.receive(payload)
    assert answer == Resync(outbox=outbox.id, expected=3)
    apply(outbox, batch, answer)
    settle(outbox, yesterday)
    assert list(yesterday.events)[:7] == list(server.events)
    assert len(yesterday.events) == 8


def test_what_is_no_longer_kept_is_named_as_lost_and_the_rest_arrives(tmp_path, server):
    outbox = Outbox(tmp_path / "outbox.db", stamp, 8_000)
    yesterday = server.backup()
    for _ in range(12):
        outbox.enqueue(*(receipt() for _ in range(5)))
        settle(outbox, server)
    settle(outbox, yesterday)
    outbox.enqueue(receipt())
    batch, payload = send(outbox)
    apply(outbox, batch, yesterday.receive(payload))
    settle(outbox, yesterday)
    ((first, last),) = yesterday.lost
    assert first == 1
    assert len(yesterday.events) == 61 - last
    outbox.close()


def test_a_cloned_disk_opens_an_outbox_of_its_own_and_loses_nothing(outbox, server, tmp_path):
    outbox.enqueue(page())
    settle(outbox, server)
    path = outbox._spool.path
    outbox.close()
    shutil.copy(path, tmp_path / "clone.db")
    one, other = Outbox(path, stamp, BIG), Outbox(tmp_path / "clone.db", stamp, BIG)
    mine, theirs = page("metiers"), page("acteurs")
    one.enqueue(mine)
    other.enqueue(theirs)
    settle(one, server)
    settle(other, server)
    assert {mine.id, theirs.id} <= set(server.events)
    assert len(server.events) == 3
    assert one.id != other.id
    one.close()
    other.close()


def test_a_rolled_back_disk_is_noticed_even_before_it_has_something_new(outbox, server, tmp_path):
    outbox.enqueue(page())
    settle(outbox, server)
    path = outbox._spool.path
    outbox.close()
    shutil.copy(path, tmp_path / "older.db")
    later = Outbox(path, stamp, BIG)
    later.enqueue(page(), page())
    settle(later, server)
    later.close()
    back = Outbox(tmp_path / "older.db", stamp, BIG)
    before = back.id
    assert not back.agree(server.account(), back.acked)
    assert back.id != before
    fresh = page("acteurs")
    back.enqueue(fresh)
    settle(back, server)
    assert fresh.id in server.events
    assert len(server.events) == 4
    back.close()


def test_the_servers_account_moves_the_outbox_both_ways(outbox, server):
    outbox.enqueue(page(), page(), page())
    settle(outbox, server)
    yesterday = (Cursor(outbox=outbox.id, through=1, last=next(iter(server.events))),)
    assert outbox.agree(yesterday, outbox.acked)
    assert outbox.next_batch().first == 2
    assert not outbox.agree(server.account(), outbox.acked)
    assert outbox.next_batch() is None
    assert outbox.agree((), outbox.acked)
    assert outbox.next_batch().first == 1


def test_an_account_older_than_an_acknowledgement_since_rewinds_nothing(outbox, server):
    asked = outbox.acked
    outbox.enqueue(page())
    settle(outbox, server)
    assert not outbox.agree((), asked)
    assert outbox.next_batch() is None


# ---- 4. kept after the acknowledgement -------------------------------------------------------------------------------


def trimmed_daily(outbox, days):
    for day in range(days):
        outbox.trim(NOW + timedelta(days=day))


def test_what_is_acknowledged_stays_14_days(outbox, server):
    outbox.enqueue(page(), page())
    settle(outbox, server)
    trimmed_daily(outbox, 14)
    assert outbox.agree((), outbox.acked)
    assert outbox.next_batch().first == 1


def test_what_is_acknowledged_and_14_days_old_goes_but_for_the_last(outbox, server):
    outbox.enqueue(page(), page())
    settle(outbox, server)
    trimmed_daily(outbox, 16)
    outbox.enqueue(page())
    batch = outbox.next_batch()
    assert (batch.oldest, batch.first, batch.after) == (2, 3, list(server.events)[1])


def test_what_is_not_acknowledged_stays_however_old(outbox):
    outbox.enqueue(page())
    trimmed_daily(outbox, 400)
    assert outbox.next_batch().first == 1


# ---- 5. the bounded spool --------------------------------------------------------------------------------------------


def test_past_the_cap_measurements_go_oldest_first_and_say_how_many(tmp_path, server):
    outbox = Outbox(tmp_path / "outbox.db", stamp, 30_000)
    kept = receipt()
    outbox.enqueue(kept)
    for n in range(400):
        outbox.enqueue(page(f"page/{n}"))
    settle(outbox, server)
    viewed = [event["page"] for event in server.events.values() if event["kind"] == "page.viewed"]
    assert kept.id in server.events
    assert len(viewed) + server.dropped() == 400
    assert viewed == [f"page/{n}" for n in range(400 - len(viewed), 400)]
    assert len(viewed) > 50
    assert kinds(server).count("dropped") == 1
    assert outbox.state().dropped == server.dropped()
    outbox.close()


def test_what_is_in_flight_is_never_dropped_even_after_a_crash(tmp_path, server):
    outbox = Outbox(tmp_path / "outbox.db", stamp, 30_000)
    outbox.enqueue(*(page(f"sent/{n}") for n in range(20)))
    batch, payload = send(outbox)
    server.receive(payload)  # committed, and the answer is lost with the power
    again = reopened(outbox, 30_000)
    for n in range(400):
        again.enqueue(page(f"page/{n}"))
    again.acknowledged(*server.cursors[again.id])
    settle(again, server)
    assert again.id == batch.outbox
    viewed = [event for event in server.events.values() if event["kind"] == "page.viewed"]
    assert len(viewed) + server.dropped() == 420
    assert server.repeats == 0
    again.close()


def test_what_is_acknowledged_goes_before_anything_is_dropped(tmp_path, server):
    outbox = Outbox(tmp_path / "outbox.db", stamp, 30_000)
    for _ in range(10):
        outbox.enqueue(*(page() for _ in range(40)))
        settle(outbox, server)
    assert len(server.events) == 400
    assert server.dropped() == 0
    outbox.close()


def test_receipts_are_never_dropped_whatever_the_cap(tmp_path, server):
    outbox = Outbox(tmp_path / "outbox.db", stamp, 10_000)
    told = [receipt() for _ in range(200)]
    for event in told:
        outbox.enqueue(event)
    settle(outbox, server)
    assert list(server.events) == [event.id for event in told]
    outbox.close()


# ---- 6. refused ------------------------------------------------------------------------------------------------------


def test_a_refused_batch_is_halved_down_to_the_event_which_is_set_aside_and_counted(outbox, server):
    told = [page(f"page/{n}") for n in range(40)]
    server.poison = {told[17].id}
    outbox.enqueue(*told)
    settle(outbox, server)
    assert set(server.events) >= {event.id for event in told} - server.poison
    assert len(server.events) == 40
    assert kinds(server).count("event.set_aside") == 1
    assert outbox.state().set_aside == 1


def test_after_a_refusal_batches_grow_again(outbox, server):
    told = [page() for _ in range(64)]
    server.poison = {told[0].id}
    outbox.enqueue(*told)
    settle(outbox, server)
    outbox.enqueue(*(page() for _ in range(MAX_EVENTS)))
    settle(outbox, server)
    assert server.largest > 60


def test_a_server_that_refuses_everything_costs_no_event(outbox, server):
    told = [page() for _ in range(3)]
    outbox.enqueue(*told)
    for _ in range(3):
        blocked = False
        while not blocked:
            batch, _ = send(outbox)
            blocked = not apply(outbox, batch, Refused(digest="0" * 64, reason="all is bad"))
    assert outbox.state().set_aside == 0
    settle(outbox, server)
    assert list(server.events) == [event.id for event in told]


# ---- 7. a corrupt outbox ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["header", "middle", "cut"])
def test_a_corrupt_outbox_is_set_aside_told_and_replaced(tmp_path, server, damage):
    path = tmp_path / "outbox.db"
    outbox = Outbox(path, stamp, BIG)
    outbox.enqueue(*(page() for _ in range(500)))
    outbox.close()
    raw = bytearray(path.read_bytes())
    if damage == "header":
        raw[:100] = b"?" * 100
    elif damage == "middle":
        raw[8192:40960] = b"\x7f" * 32768
    else:
        raw = raw[: len(raw) // 2]
    path.write_bytes(raw)
    again = Outbox(path, stamp, BIG)
    again.enqueue(page())
    settle(again, server)
    assert kinds(server) == ["outbox.replaced", "page.viewed"]
    assert again.id != outbox.id
    assert list(tmp_path.glob("outbox.db.corrupt-*"))
    again.close()


def test_corruption_found_in_use_is_set_aside_too(tmp_path, server):
    path = tmp_path / "outbox.db"
    outbox = Outbox(path, stamp, BIG)
    outbox.enqueue(*(page() for _ in range(2000)))
    outbox._spool._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    outbox._spool._db.execute("PRAGMA cache_size=0")
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\x7f" * (path.stat().st_size - 4096))
    with pytest.raises(CannotKeep):
        outbox.enqueue(page())
    outbox.enqueue(page())
    settle(outbox, server)
    assert kinds(server) == ["outbox.replaced", "page.viewed"]
    outbox.close()


def test_only_the_last_corrupt_files_are_kept(tmp_path):
    path = tmp_path / "outbox.db"
    for _ in range(5):
        Outbox(path, stamp, BIG).close()
        path.write_bytes(b"not a database" * 1000)
    Outbox(path, stamp, BIG).close()
    assert len(list(tmp_path.glob("outbox.db.corrupt-*"))) == 2


# ---- bad days --------------------------------------------------------------------------------------------------------


def test_a_full_disk_says_so_and_leaves_nothing_half_written(outbox, server):
    outbox.enqueue(page())
    (pages,) = outbox._spool._db.execute("PRAGMA page_count").fetchone()
    outbox._spool._db.execute(f"PRAGMA max_page_count={pages + 2}")
    with pytest.raises(CannotKeep, match="full"):
        outbox.enqueue(*(receipt(note="x" * 1000) for _ in range(50)))
    outbox._spool._db.execute("PRAGMA max_page_count=1000000")
    outbox.enqueue(page())
    settle(outbox, server)
    assert kinds(server) == ["page.viewed", "page.viewed"]


def test_a_locked_database_says_so_and_goes_on_afterwards(outbox, server, monkeypatch):
    outbox._spool._db.execute("PRAGMA busy_timeout=50")
    other = sqlite3.connect(outbox._spool.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(CannotKeep, match="locked"):
        outbox.enqueue(page())
    other.execute("COMMIT")
    other.close()
    outbox.enqueue(page())
    settle(outbox, server)
    assert len(server.events) == 1


def test_the_report_says_how_much_waits_and_since_when(outbox, server):
    assert (outbox.state().waiting, outbox.state().oldest_at) == (0, None)
    outbox.enqueue(page(), page())
    assert (outbox.state().waiting, outbox.state().oldest_at) == (2, NOW)
    settle(outbox, server)
    assert outbox.state().waiting == 0


def test_dropped_runs_keep_their_places_through_a_renumbering(tmp_path, server):
    outbox = Outbox(tmp_path / "outbox.db", stamp, 20_000)
    for n in range(300):
        outbox.enqueue(page(), *([receipt()] if n % 50 == 0 else []))
    outbox.reset()
    batch = Batch.model_validate_json(send(outbox)[1])
    place = batch.first
    for event in batch.events:
        if event["kind"] == "dropped":
            assert event["from_"] == place
            place = event["to"]
        place += 1
    settle(outbox, server)
    viewed = kinds(server).count("page.viewed")
    assert viewed + server.dropped() == 300
    assert json.loads(json.dumps(server.lost)) == []
    outbox.close()


# ---- what the promise rests on ---------------------------------------------------------------------------------------


def test_an_acknowledgement_of_another_event_than_ours_opens_a_new_outbox(outbox, server):
    mine, theirs = page("metiers"), page("acteurs")
    outbox.enqueue(mine)
    before = outbox.id
    outbox.acknowledged(1, theirs.id)
    assert outbox.id != before
    settle(outbox, server)
    assert list(server.events) == [mine.id]


def test_an_acknowledgement_beyond_what_was_ever_told_opens_a_new_outbox(outbox, server):
    outbox.enqueue(page())
    before = outbox.id
    outbox.acknowledged(2, None)
    assert outbox.id != before
    settle(outbox, server)
    assert len(server.events) == 1


def test_what_is_told_is_synced_before_it_is_promised(outbox):
    statements = []
    outbox._spool._db.set_trace_callback(statements.append)
    outbox.enqueue(page())
    commit = statements.index("COMMIT")
    assert [each for each in statements[:commit] if "synchronous" in each][-1] == "PRAGMA synchronous=FULL"
    outbox._spool._db.set_trace_callback(None)
    assert outbox._spool._db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert outbox._spool._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
