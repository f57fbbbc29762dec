"""The migrations lead to what the models say."""

import importlib
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_mock_engine, inspect, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel

import fleet_server.tables  # noqa: F401 - all of them
from fleet_server.db import connect, create_schema
from fleet_server.migrate import migrate

audit_postgresql = importlib.import_module("fleet_server.migrations.versions.20261129_audit_postgresql")


def schema(engine):
    """Tables, their columns, keys and indexes, as the database has them."""
    found = inspect(engine)
    return {
        table: (
            [(c["name"], str(c["type"]), c["nullable"]) for c in found.get_columns(table)],
            found.get_pk_constraint(table)["constrained_columns"],
            sorted(str(key["referred_table"]) for key in found.get_foreign_keys(table)),
            sorted((str(i["name"]), tuple(i["column_names"]), i["unique"]) for i in found.get_indexes(table)),
            sorted(tuple(unique["column_names"]) for unique in found.get_unique_constraints(table)),
        )
        for table in found.get_table_names()
        if table != "alembic_version"
    }  # fmt: skip


def test_an_empty_database_migrated_to_the_newest_revision_is_what_the_models_describe(tmp_path):
    migrate(f"sqlite:///{tmp_path / 'migrated.db'}")
    migrated, made = (connect(f"sqlite:///{tmp_path / name}") for name in ("migrated.db", "made.db"))
    create_schema(made)
    assert schema(migrated) == schema(made)
    assert len(schema(made)) > 15
    with migrated.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_the_audit_log_of_a_migrated_database_can_only_grow_and_lose_its_oldest_lines(tmp_path):
    url = f"sqlite:///{tmp_path / 'fleet.db'}"
    migrate(url)
    line = text("INSERT INTO access_audit_entry (at, who, act, subject, detail) VALUES (:at, 'Anne', 'x', '', '{}')")
    young = f"{datetime.now(UTC) - timedelta(days=179):%Y-%m-%d %H:%M:%S.%f}"
    with connect(url).begin() as connection:
        connection.execute(line, [{"at": young}, {"at": "2020-01-01 12:00:00.000000"}])
    for change in ("UPDATE access_audit_entry SET who = 'Yanis'", "DELETE FROM access_audit_entry"):
        with pytest.raises(IntegrityError, match="append-only"), connect(url).begin() as connection:
            connection.execute(text(change))
    with connect(url).begin() as connection:
        assert connection.execute(text("DELETE FROM access_audit_entry WHERE at < '2021-01-01'")).rowcount == 1
        assert connection.scalar(text("SELECT at FROM access_audit_entry")) == young


def test_postgresql_gets_the_same_refusals_from_the_models_and_from_the_migrations():
    made: list[str] = []

    def hear(statement, *_given):
        made.append(str(statement.compile(dialect=engine.dialect)))

    engine = create_mock_engine("postgresql+psycopg://", hear)
    tables = [SQLModel.metadata.tables[f"access_audit_{name}"] for name in ("entry", "link")]
    SQLModel.metadata.create_all(engine, tables=tables, checkfirst=False)
    from_models = {one.replace("OR REPLACE ", "") for one in made if "append_only" in one}
    assert from_models == {one.replace("%", "%%") for one in audit_postgresql.STATEMENTS}
    assert len(from_models) == 7


def test_a_migration_stays_what_it_was():
    """What it runs is written in it: code that goes on would change what an old database becomes."""
    folder = Path(audit_postgresql.__file__).parent
    imported = {
        line for path in folder.glob("*.py") for line in path.read_text().splitlines()
        if re.match(r"(from|import) (fleet_server|wire|agent|balise)\b", line)
    }  # fmt: skip
    assert imported == {"from fleet_server.db import UtcDateTime"}


def test_migrating_again_changes_nothing_and_keeps_the_rows(tmp_path):
    url = f"sqlite:///{tmp_path / 'fleet.db'}"
    migrate(url)
    engine = connect(url)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO ingest_cursor VALUES ('laval-01', 'o', 5, NULL, 0)"))
    before = schema(engine)
    migrate(url)
    assert schema(engine) == before
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT through FROM ingest_cursor")) == 5


def test_tables_keyed_by_event_ids_have_no_second_tree(tmp_path):
    migrate(f"sqlite:///{tmp_path / 'fleet.db'}")
    with connect(f"sqlite:///{tmp_path / 'fleet.db'}").connect() as connection:
        for table in ("usage_event", "contact_request"):
            made = connection.scalar(text("SELECT sql FROM sqlite_master WHERE name = :name"), {"name": table})
            assert "WITHOUT ROWID" in made


def test_what_receipts_of_before_told_of_a_visitor_is_forgotten(tmp_path):
    url = f"sqlite:///{tmp_path / 'fleet.db'}"
    migrate(url, to="b39e60f7d2a4")
    engine = connect(url)
    told = "a visitor is filling in a form"
    with engine.begin() as connection:
        connection.execute(text("PRAGMA foreign_keys=OFF"))
        connection.execute(text(
            "INSERT INTO terminal_event (id, terminal, at, kind, what, detail) VALUES "
            "('e', 'b-1', '2026-11-20 08:00:00.000000', 'command.answered', '', :detail)"
        ), {"detail": f'{{"outcome": "rejected", "reason": "{told}"}}'})  # fmt: skip
    migrate(url)
    with engine.connect() as connection:
        detail = connection.scalar(text("SELECT detail FROM terminal_event"))
    assert detail == '{"outcome": "rejected", "reason": "the screen was busy"}'
