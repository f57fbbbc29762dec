"""Makes the database's files forget in which order requests came.

SQL does not tell (`models`), but SQLite's files would: the write-ahead log is the order of writing, and an index page
lays its entries one after the other as they come. Whoever copies the disk could lay requests beside visits. So both are
written anew, in the order of the random ids, soon after the last arrival.
"""

from collections.abc import Callable
from contextlib import closing
from sqlite3 import OperationalError

from sqlalchemy import Engine
from sqlmodel import select

from fleet_server.db import reading
from fleet_server.requests.models import ContactRequest

EVERY_S = 10.0
_PATIENCE_MS = 1000
"""Then it gives up until its next turn: nobody else may wait longer for this."""


def forget_order(engine: Engine) -> Callable[[], None]:
    """One turn, which does nothing while nothing came. PostgreSQL's own log is its administrator's to keep short."""
    seen: frozenset[str] = frozenset()

    def turn() -> None:
        nonlocal seen
        if engine.dialect.name != "sqlite":
            return
        with reading(engine) as session:
            held = frozenset(session.exec(select(ContactRequest.id)))
        if held != seen and _rewritten(engine):
            seen = held

    return turn


def _rewritten(engine: Engine) -> bool:
    """False when others read or wrote all the while."""
    with closing(engine.raw_connection()) as connection, closing(connection.cursor()) as cursor:
        [usual] = cursor.execute("PRAGMA busy_timeout").fetchone()
        cursor.execute(f"PRAGMA busy_timeout={_PATIENCE_MS}")
        try:
            cursor.execute(f"REINDEX {ContactRequest.__tablename__}")
            busy, *_ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except OperationalError:  # locked
            return False
        finally:
            cursor.execute(f"PRAGMA busy_timeout={usual}")
    return not busy
