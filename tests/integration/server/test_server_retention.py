"""What is past its time goes, in bounded portions; what pages and figures need stays; the server goes on meanwhile."""

import os
import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event
from sqlmodel import SQLModel, col, func, select

from fleet_server import retention
from fleet_server.access.audit import record_act
from fleet_server.access.models import AuditEntry, SignInFailure, WebSession
from fleet_server.app import chores_of
from fleet_server.chores import Chores
from fleet_server.db import reading, transaction
from fleet_server.evaluation.models import UsageEvent
from fleet_server.ingest.models import IngestCursor
from fleet_server.retention import forget_past, forgetting
from fleet_server.settings import Settings, WrongSettings, read_settings
from fleet_server.terminals.models import (
    CommandBatch,
    EnrolmentToken,
    TerminalCommand,
    TerminalEvent,
    TerminalHealth,
    TerminalLive,
    TerminalPlace,
)
from fleet_server.terminals.registry import add_terminal
from tests.back_office import build, wait_until
from tests.integration.requests.test_requests_deposit import HALL
from tests.trust import with_repository as with_keys

LONG_AGO = datetime(2020, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def office(tmp_path):
    return build(tmp_path, whole=True)


@pytest.fixture
def laval(office):
    with transaction(office.context.engine) as session:
        return add_terminal(session, "Laval", HALL, [], LONG_AGO).id


def days(office, number):
    return office.clock() - timedelta(days=number)


def add(office, *rows):
    with transaction(office.context.engine) as session:
        session.add_all(rows)


def health(terminal, name, at):
    return TerminalHealth(
        id=name, terminal=terminal, at=at, cpu=0.1, memory=0.1, memory_bytes=1, disk_free=0.5, disk_free_bytes=1,
        uptime_s=1, agent_rss_bytes=1,
    )  # fmt: skip


def command(terminal, name, at, state="succeeded", **more):
    return TerminalCommand(id=name, terminal=terminal, generation=1, order={"kind": "identify"}, state=state,
                           queued_at=at, expires_at=at + timedelta(hours=1), **more)  # fmt: skip


def batch(name, at):
    return CommandBatch(id=name, owner=1, key=name, asked="", order={"kind": "identify"}, given_at=at,
                        expires_at=at + timedelta(hours=1))  # fmt: skip


def left(office, model, column="id"):
    with reading(office.context.engine) as session:
        return sorted(session.exec(select(getattr(model, column))).all())


def test_each_thing_goes_at_its_own_time_and_not_before(office, laval):
    settings = office.context.settings
    assert (settings.kept_health_days, settings.kept_events_days, settings.kept_audit_days) == (90, 365, 365)
    account = {"account_id": 1, "csrf": "", "rotated_at": LONG_AGO, "seen_at": LONG_AGO}
    for place, (old, young) in enumerate({90: 89, 365: 364}.items()):
        add(
            office,
            health(laval, f"old{place}", days(office, old + 0.1)),
            health(laval, f"young{place}", days(office, young)),
        )
    add(
        office,
        TerminalEvent(id="old", terminal=laval, at=days(office, 366), kind="state.changed"),
        TerminalEvent(id="young", terminal=laval, at=days(office, 364), kind="state.changed"),
        command(laval, "old", days(office, 366)),
        command(laval, "still open", days(office, 366), "sent"),
        command(laval, "young", days(office, 364), bulk="kept"),
        batch("old", days(office, 366)),
        batch("kept", days(office, 366)),
        EnrolmentToken(digest="old", terminal=laval, made_at=LONG_AGO, expires_at=days(office, 31)),
        EnrolmentToken(digest="young", terminal=laval, made_at=LONG_AGO, expires_at=days(office, 29)),
        WebSession(token="old", created_at=days(office, 0.51), **account),
        WebSession(token="young", created_at=days(office, 0.49), **account),
        SignInFailure(key="old", last_at=days(office, 1.1)),
        SignInFailure(key="young", last_at=days(office, 0.9)),
    )
    with transaction(office.context.engine) as session:
        record_act(session, None, "x", "old", now=LONG_AGO, who="Anne")
        record_act(session, None, "x", "young", now=days(office, 1), who="Anne")
    gone = forget_past(office.context, turn_s=60)
    assert gone == {
        "terminal_health": 3, "terminal_event": 1, "terminal_command": 1, "terminal_token": 1,
        "terminal_command_batch": 1, "access_web_session": 1, "access_sign_in_failure": 1, "access_audit_entry": 1,
    }  # fmt: skip
    assert left(office, TerminalHealth) == ["young0"]
    assert left(office, TerminalEvent) == ["young"]
    assert left(office, TerminalCommand) == ["still open", "young"]
    assert left(office, CommandBatch) == ["kept"], "as long as one of its commands"
    assert left(office, EnrolmentToken, "digest") == ["young"]
    assert left(office, WebSession, "token") == ["young"]
    assert left(office, SignInFailure, "key") == ["young"]
    assert left(office, AuditEntry, "subject")[-1] == "young"
    assert "old" not in left(office, AuditEntry, "subject")
    assert forget_past(office.context, turn_s=60) == {}


def test_figures_and_places_are_never_touched(office, laval):
    usage = UsageEvent(id="u", terminal=laval, kind="session.started", day=20200101, at_ms=0, trusted=1, mono_ms=0)
    add(office, usage, IngestCursor(terminal=laval, outbox="o", through=1, moved_at=0))
    every = {rule.table.name for rule in retention.rules(office.context.settings, office.clock())}
    assert every.isdisjoint({"usage_event", "contact_request", "contact_act", "terminal_place", "ingest_loss",
                             "ingest_cursor", "content_release", "access_account"})  # fmt: skip
    assert every < SQLModel.metadata.tables.keys()
    forget_past(office.context, turn_s=60)
    assert (left(office, UsageEvent), len(left(office, TerminalPlace)), len(left(office, IngestCursor, "outbox"))) == (
        ["u"], 1, 1,
    )  # fmt: skip


def test_pictures_go_with_what_the_pages_say_of_them(office, laval):
    folder = office.context.settings.data_dir / "files" / laval
    folder.mkdir(parents=True)
    for name, age in (("a" * 64, 31), ("b" * 64, 29)):
        (folder / f"{name}.webp").write_bytes(b"RIFF")
        os.utime(folder / f"{name}.webp", (days(office, age).timestamp(),) * 2)
        add(office, command(laval, name, days(office, age), file=name, answered_at=days(office, age)))
    assert forget_past(office.context, turn_s=60) == {"files": 1}
    assert [path.stem for path in folder.iterdir()] == ["b" * 64]
    assert left(office, TerminalCommand, "file") == ["", "b" * 64]


def test_many_rows_go_by_portions_each_its_own_transaction_and_a_turn_is_short(office, laval, monkeypatch):
    monkeypatch.setattr(retention, "PORTION", 100)
    add(office, *(health(laval, f"h{number}", LONG_AGO) for number in range(1_050)))
    deleted = []

    def count(connection, cursor, statement, *rest):
        if "DELETE FROM terminal_health" in statement:
            deleted.append(cursor.rowcount)

    event.listen(office.context.engine, "after_cursor_execute", count)
    assert forget_past(office.context, turn_s=0) == {}, "no time, nothing done"
    assert forget_past(office.context, turn_s=60)["terminal_health"] == 1_050
    assert deleted == [100] * 10 + [50]


def test_whoever_writes_meanwhile_gets_through(office, laval, monkeypatch):
    """Portion after portion would starve a writer that polls for the lock, did they not breathe."""
    monkeypatch.setattr(retention, "PORTION", 20)
    add(office, *(health(laval, f"h{number}", LONG_AGO) for number in range(1_000)))
    turn = threading.Thread(target=forget_past, args=(office.context, 60))
    turn.start()
    written = 0
    while turn.is_alive():
        add(office, IngestCursor(terminal=laval, outbox=f"o{written}", through=1, moved_at=0))
        written += 1
    turn.join()
    assert written > 1
    assert left(office, TerminalHealth) == []


def test_the_server_does_it_by_its_clock(office, laval):
    with_keys(office)
    add(office, health(laval, "old", LONG_AGO), health(laval, "young", days(office, 1)))
    name = "forget what is past its time"
    with Chores({name: chores_of(office.context)[name]}):
        wait_until(lambda: left(office, TerminalHealth) == ["young"])


def test_the_health_of_a_silent_terminal_is_read_as_none(office, laval):
    add(office, health(laval, "old", LONG_AGO))
    forget_past(office.context, turn_s=60)
    with reading(office.context.engine) as session:
        assert session.exec(select(func.count()).where(col(TerminalHealth.terminal) == laval)).one() == 0


@pytest.mark.parametrize(("name", "value"), [
    ("kept_audit_days", 179), ("kept_audit_days", 367), ("kept_health_days", 30), ("kept_events_days", 367),
    ("kept_screenshots_days", 0),
])  # fmt: skip
def test_a_duration_that_the_law_or_the_pages_forbid_is_refused_by_name(name, value):
    with pytest.raises(WrongSettings, match=name.upper()):
        read_settings(**{name: value})
    assert Settings()


def test_a_server_that_wakes_in_another_year_forgets_nothing_in_that_run(office, laval):
    add(office, health(laval, "old", days(office, 400)))
    with transaction(office.context.engine) as session:
        session.get_one(TerminalLive, laval).heard_at = office.clock() - timedelta(days=31)
    forgetting(office.context)()
    with reading(office.context.engine) as session:
        assert session.get(TerminalHealth, "old")
    with transaction(office.context.engine) as session:
        session.get_one(TerminalLive, laval).heard_at = office.clock() - timedelta(days=29)
    forgetting(office.context)()
    with reading(office.context.engine) as session:
        assert session.get(TerminalHealth, "old") is None
