"""The audit log is a chain: whatever is changed in the file is found, and what is erased by right breaks nothing."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlmodel import Session, select

from fleet_server.access.audit import head, record_act, rows_of, verified
from fleet_server.access.audit_models import AUDIT_TRIGGERS, AuditEntry, AuditHead, AuditLink
from fleet_server.access.chain import Broken, Head, seal_of
from fleet_server.access.erasure import erase_person
from fleet_server.access.models import Account
from fleet_server.db import connect, reading, transaction
from fleet_server.migrate import migrate
from fleet_server.web.viewer import Viewer

NOW = datetime(2026, 11, 24, 11, tzinfo=UTC)
KEPT = timedelta(days=365)
YANIS = Viewer(7, "yanis", "Yanis Belkacem", frozenset({"operator"}), "")


@pytest.fixture
def log(tmp_path):
    """Five lines on the disk: the second by Yanis, on two terminals, with before and after."""
    migrate(url := f"sqlite:///{tmp_path / 'fleet.db'}")
    engine = connect(url)
    with transaction(engine) as session:
        record_act(session, None, "server.initialised", "fleet", now=NOW)
        record_act(session, YANIS, "terminal.renamed", "b-laval", {"why": "déménagement"}, now=NOW,
                   terminals=["b-laval", "b-cholet"], before={"name": "Laval"},
                   after={"name": "Laval gare"})  # fmt: skip
    for number in range(3):
        with transaction(engine) as session:
            record_act(session, YANIS, "account.signed_in", "yanis", now=NOW + timedelta(minutes=number))
    yield engine
    engine.dispose()


def in_the_file(engine, *statements):
    """As somebody would who can write to the database: triggers are no obstacle to them."""
    with closing(sqlite3.connect(engine.url.database)) as file, file:
        for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            file.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            file.execute(statement)


def broken(engine, now=NOW, **more):
    with pytest.raises(Broken) as found:
        verified(engine, now, KEPT, **more)
    return found.value.number


def test_what_nobody_touched_is_whole(log):
    whole = verified(log, NOW, KEPT)
    assert (whole.head.number, whole.erased, whole.forgotten) == (5, 0, 0)
    with reading(log) as session:
        row = session.get_one(AuditEntry, 2)
        assert (row.who, row.terminals, row.before, row.after) == (
            "Yanis Belkacem", ["b-cholet", "b-laval"], {"name": "Laval"}, {"name": "Laval gare"},
        )  # fmt: skip
        assert verified(log, NOW, KEPT, head(session)) == whole


ENTRY, LINK = "access_audit_entry", "access_audit_link"


@pytest.mark.parametrize(("number", "statements"), [
    (2, [f"UPDATE {ENTRY} SET who = 'Maëlle Riou' WHERE id = 2"]),
    (2, [f"UPDATE {ENTRY} SET account_id = 9 WHERE id = 2"]),
    (2, [f"UPDATE {ENTRY} SET act = 'terminal.moved' WHERE id = 2"]),
    (2, [f"UPDATE {ENTRY} SET at = datetime(at, '+1 hour') WHERE id = 2"]),
    (2, [f"UPDATE {ENTRY} SET subject = 'b-segre' WHERE id = 2"]),
    (2, [f"UPDATE {ENTRY} SET terminals = '[\"b-laval\"]' WHERE id = 2"]),
    (2, [f"UPDATE {ENTRY} SET value_before = '{{\"name\": \"Segré\"}}' WHERE id = 2"]),
    (2, [f"UPDATE {ENTRY} SET value_after = '{{}}' WHERE id = 2"]),
    (2, [f"UPDATE {ENTRY} SET detail = '{{\"why\": \"déménagement\", \"x\": 1}}' WHERE id = 2"]),
    (2, [f"UPDATE {ENTRY} SET salts = json_remove(salts, '$.who') WHERE id = 2"]),
    (2, [f"UPDATE {ENTRY} SET salts = json_set(salts, '$.who', 'x'), who = '' WHERE id = 2"]),
    (3, [f"DELETE FROM {ENTRY} WHERE id = 3"]),
    (3, [f"DELETE FROM {LINK} WHERE number = 3"]),
    (3, [f"DELETE FROM {ENTRY} WHERE id = 3", f"DELETE FROM {LINK} WHERE number = 3"]),
    (1, [f"DELETE FROM {ENTRY} WHERE id = 1", f"DELETE FROM {LINK} WHERE number = 1"]),
    (5, [f"DELETE FROM {ENTRY} WHERE id = 5", f"DELETE FROM {LINK} WHERE number = 5"]),
    (6, [f"INSERT INTO {ENTRY} (at, who, act, subject, detail) SELECT at, who, act, subject, detail FROM {ENTRY} "
         "WHERE id = 2"]),
    (6, [f"INSERT INTO {LINK} SELECT 6, at, act, digests, seal, seal FROM {LINK} WHERE number = 5"]),
    (2, [f"UPDATE {LINK} SET digests = json_set(digests, '$.who', 'x') WHERE number = 2"]),
    (2, [f"UPDATE {LINK} SET at = datetime(at, '-1 hour') WHERE number = 2"]),
    (3, [f"UPDATE {LINK} SET previous = seal WHERE number = 3"]),
    (1, [f"DELETE FROM {ENTRY}", f"DELETE FROM {LINK}"]),
    (6, ["UPDATE access_audit_head SET number = 6"]),
])  # fmt: skip
def test_the_first_line_that_was_altered_deleted_or_inserted_is_named(log, number, statements):
    in_the_file(log, *statements)
    assert broken(log) == number


def test_a_line_moved_to_another_place_is_named(log):
    in_the_file(log, f"UPDATE {ENTRY} SET id = 60 WHERE id = 4", f"UPDATE {ENTRY} SET id = 4 WHERE id = 5",
                f"UPDATE {ENTRY} SET id = 5 WHERE id = 60")  # fmt: skip
    assert broken(log) == 4


def test_who_seals_everything_anew_is_found_by_a_head_noted_elsewhere(log):
    """A chain alone proves nothing against somebody who can write every row of it."""
    with reading(log) as session:
        noted, rows = head(session), list(rows_of(session))
    previous, statements = Head().seal, []
    for row in rows:
        digests = row.link.digests | ({"who": "0" * 64} if row.number == 2 else {})
        seal = seal_of(row.number, row.link.at, row.link.act, digests, previous)
        statements.append((row.number, digests, previous, seal))
        previous = seal
    in_the_file(log, f"UPDATE {ENTRY} SET who = '', salts = json_remove(salts, '$.who') WHERE id = 2")
    with transaction(log) as session:
        for number, digests, before, seal in statements:
            link = session.get_one(AuditLink, number)
            link.digests, link.previous, link.seal = digests, before, seal
        session.get_one(AuditHead, 1).seal = previous
    assert verified(log, NOW, KEPT).head.number == 5
    assert broken(log, noted=noted) == 5
    assert broken(log, noted=Head(99, "0" * 64)) == 6


def test_a_person_who_is_erased_leaves_the_chain_whole(log):
    with reading(log) as session:
        before = [row.link for row in rows_of(session)]
    with transaction(log) as session:
        assert erase_person(session, {"Yanis Belkacem", "yanis"}, "demande du 24 novembre", None, NOW) == 4
    assert verified(log, NOW, KEPT).erased == 4
    with reading(log) as session:
        rows = session.exec(select(AuditEntry).order_by(AuditEntry.id)).all()
        assert "anis" not in str([row.model_dump() for row in rows])
        assert [row.account_id for row in rows] == [None] * 6
        assert (rows[1].terminals, rows[1].after) == (["b-cholet", "b-laval"], {"name": "Laval gare"})
        assert (rows[-1].act, rows[-1].detail) == (
            "audit.erased", {"lines": 4, "reason": "demande du 24 novembre"},
        )  # fmt: skip
        assert [row.link for row in rows_of(session)][:5] == before
    in_the_file(log, f"UPDATE {ENTRY} SET who = 'Maëlle Riou' WHERE id = 2")
    assert broken(log) == 2, "nobody takes the place of who was erased"


def test_whom_it_was_by_is_erased_under_an_earlier_name_and_by_a_token_too(log):
    with transaction(log) as session:
        session.add(Account(id=7, login="yanis", name="Yanis Belkacem", roles="operator", created_at=NOW))
        for who in ("Yanis B.", "supervision, jeton de Yanis Belkacem"):
            record_act(
                session, Viewer(7, "yanis", who, frozenset({"operator"}), ""), "terminal.moved", "b-laval", now=NOW
            )
    with transaction(log) as session:
        assert erase_person(session, {"yanis"}, "sa demande", None, NOW) == 6
        assert erase_person(session, {"yanis"}, "la même", None, NOW) == 0
    assert verified(log, NOW, KEPT).erased == 6
    with reading(log) as session:
        assert "anis" not in str([row.model_dump() for row in session.exec(select(AuditEntry))])


def test_what_is_forgotten_by_its_age_leaves_the_chain_whole_and_nothing_younger(log):
    in_the_file(log, f"DELETE FROM {ENTRY} WHERE id < 3")
    assert broken(log, NOW + timedelta(days=364)) == 1
    assert verified(log, NOW + timedelta(days=366), KEPT).forgotten == 2


def test_the_database_refuses_what_the_chain_would_find(log):
    with reading(log) as session:
        salts = session.get_one(AuditEntry, 2).salts
    assert len(salts) == 7
    for statement in (
        f"UPDATE {ENTRY} SET who = 'x'", f"UPDATE {ENTRY} SET at = '2020-01-01', salts = '{{}}'",
        f"DELETE FROM {LINK}", f"UPDATE {LINK} SET seal = 'x'",
    ):  # fmt: skip
        with pytest.raises(Exception, match="append-only"), log.begin() as connection:
            connection.execute(text(statement))
    assert verified(log, NOW, KEPT)
    assert len(AUDIT_TRIGGERS) == 2


def test_a_line_that_is_rolled_back_leaves_no_gap(log):
    with Session(log) as session:
        record_act(session, YANIS, "account.closed", "maelle", now=NOW)
        session.execute(text("SELECT 1"))
        session.rollback()
        session.commit()
    with transaction(log) as session:
        record_act(session, YANIS, "account.closed", "anne", now=NOW)
    assert verified(log, NOW, KEPT).head.number == 6


WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from fleet_server.access.audit import head, record_act
from fleet_server.db import connect, reading, transaction
engine, name, end, turns, mine = connect(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), 0, None
while turns < 20 and not end.exists():
    with reading(engine) as session:
        turns += mine is not None and head(session).number != mine
    with transaction(engine) as session:
        record_act(session, None, "terminal.moved", name, now=datetime.now(UTC))
        record_act(session, None, "terminal.moved", name + " again", now=datetime.now(UTC))
    with reading(engine) as session:
        mine = head(session).number
end.touch()
"""


def test_two_processes_that_write_at_once_make_one_chain(log, tmp_path):
    """Each goes on until, twenty times, the other has written between two of its own."""
    asked = [sys.executable, "-c", WRITER, str(log.url)]
    writers = [subprocess.Popen([*asked, name, str(tmp_path / "end")]) for name in ("first", "second")]
    assert [writer.wait() for writer in writers] == [0, 0]
    with reading(log) as session:
        said = session.exec(select(AuditEntry.subject).where(AuditEntry.id > 5)).all()
    assert {"first", "second"} < set(said)
    assert verified(log, datetime.now(UTC), KEPT).head.number == 5 + len(said)


def test_more_lines_than_a_portion_are_read_one_by_one_all_the_same(log):
    with transaction(log) as session:
        for number in range(2_100):
            record_act(session, None, "terminal.moved", f"b-{number}", now=NOW)
    assert verified(log, NOW, KEPT).head.number == 2_105
    in_the_file(log, f"DELETE FROM {LINK} WHERE number > 1500 AND number < 1700")
    assert broken(log) == 1501


def test_a_log_of_before_the_chain_is_linked_as_it_was(tmp_path):
    url = f"sqlite:///{tmp_path / 'fleet.db'}"
    migrate(url, to="a51e0c7d2b10")
    engine = connect(url)
    insert = text("INSERT INTO access_audit_entry (id, at, account_id, who, act, subject, detail) "
                  "VALUES (:id, :at, 1, 'Anne', 'account.changed', 'yanis', :detail)")  # fmt: skip
    with engine.begin() as connection:
        connection.execute(insert, [
            {"id": 40, "at": "2026-11-20 08:00:00.000000", "detail": '{"name": "Zoé"}'},
            {"id": 42, "at": "2026-11-21 08:00:00.123456", "detail": "{}"},
        ])  # fmt: skip
    migrate(url)
    assert verified(engine, NOW, KEPT).head.number == 2
    with transaction(engine) as session:
        record_act(session, YANIS, "account.closed", "zoe", now=NOW)
    assert verified(engine, NOW, KEPT).head.number == 3
    in_the_file(engine, f'UPDATE {ENTRY} SET detail = \'{{"name": "Nour"}}\' WHERE id = 1')
    assert broken(engine) == 1


def balise(log, *words):
    folder = log.url.database.rpartition("/")[0]
    asked = [sys.executable, "-m", "balise", "server", "audit", *words, "--data-dir", folder]
    return subprocess.run(asked, capture_output=True, text=True, check=False)


def test_the_command_says_whole_or_names_the_line(log):
    noted = balise(log, "head").stdout.strip()
    whole = balise(log, "verify", "--noted", noted)
    assert (whole.returncode, "jusqu’à la ligne n° 5" in whole.stdout, noted in whole.stdout) == (0, True, True)
    refused = balise(log, "erase", "Yanis Belkacem", "--reason", "pour yanis belkacem")
    assert (refused.returncode, "n’y mettez pas le nom" in refused.stderr) == (1, True)
    assert "Effacé de 4 lignes" in balise(log, "erase", "Yanis Belkacem", "--reason", "sa demande").stdout
    assert "effacées : 4" in balise(log, "verify", "--noted", noted).stdout
    in_the_file(log, f"UPDATE {ENTRY} SET subject = 'anne' WHERE id = 4")
    altered = balise(log, "verify")
    assert altered.returncode == 1
    assert "ligne n° 4 : « subject » a été changé" in altered.stderr
    assert balise(log, "verify", "--noted", "57").returncode == 1
