"""The cursors: read when an outbox is first heard of, moved by guarded updates inside the transaction of the rows."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, Table, bindparam, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, SQLModel, col
from sqlmodel import select as select_model

from fleet_server.db import run_many
from fleet_server.ingest.decide import Standing
from fleet_server.ingest.models import IngestCursor
from wire.state import Cursor

TABLE: Table = SQLModel.metadata.tables["ingest_cursor"]
Outbox = tuple[str, str]
"""(terminal, outbox)"""

_MAKE = TABLE.insert()
_MADE = ("terminal", "outbox", "through", "last", "moved_at")
_MOVED = ("to_", "last_", "at_", "t", "o", "from_")
_MOVE = (
    update(TABLE)
    .where(
        TABLE.c.terminal == bindparam("t"), TABLE.c.outbox == bindparam("o"), TABLE.c.through == bindparam("from_")
    )
    .values(through=bindparam("to_"), last=bindparam("last_"), moved_at=bindparam("at_"))
)  # fmt: skip
_ASKED_AT_ONCE = 400


class Overtaken(Exception):
    """Another worker has moved one of these cursors: read them again."""


def standings(connection: Connection, outboxes: Iterable[Outbox]) -> dict[Outbox, Standing]:
    """Where these outboxes stand; those never heard of are absent."""
    wanted = sorted(set(outboxes))
    found: dict[Outbox, Standing] = {}
    for start in range(0, len(wanted), _ASKED_AT_ONCE):
        part = wanted[start : start + _ASKED_AT_ONCE]
        query = select(TABLE.c.terminal, TABLE.c.outbox, TABLE.c.through, TABLE.c.last)
        for row in connection.execute(query.where(TABLE.c.outbox.in_([outbox for _, outbox in part]))):
            found[row.terminal, row.outbox] = Standing(row.through, row.last)
    return {outbox: standing for outbox, standing in found.items() if outbox in set(wanted)}


def move(connection: Connection, moves: dict[Outbox, tuple[Standing | None, Standing]], now: datetime) -> None:
    """From → to, for each outbox; from None: the row is made. Raises `Overtaken`, and then nothing may be committed."""
    at = int(now.timestamp() * 1000)
    made = [(*outbox, to.through, to.last, at) for outbox, (before, to) in moves.items() if before is None]
    moved = [
        (to.through, to.last, at, *outbox, before.through)
        for outbox, (before, to) in moves.items()
        if before is not None
    ]
    if run_many(connection, _MOVE, _MOVED, moved) != len(moved):
        raise Overtaken
    try:
        run_many(connection, _MAKE, _MADE, made)
    except IntegrityError as error:
        raise Overtaken from error


def cursors_of(session: Session, terminal: str) -> tuple[Cursor, ...]:
    """For the terminal's own state: what of its outboxes is committed, newest first."""
    rows = session.exec(
        select_model(IngestCursor)
        .where(IngestCursor.terminal == terminal)
        .order_by(col(IngestCursor.moved_at).desc())
        .limit(5)
    )
    return tuple(Cursor(outbox=row.outbox, through=row.through, last=row.last) for row in rows)
