"""Events that could not be read: kept raw, bounded, counted in `/metrics`; each start of the server tries again."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Connection, Engine, Row, Table, delete, func, select
from sqlmodel import SQLModel

from fleet_server.db import insert_new, reading
from fleet_server.ingest import Received, Recorder
from fleet_server.ingest.envelope import Envelope, Item, read_event

TABLE: Table = SQLModel.metadata.tables["ingest_quarantine"]
KEPT_PER_TERMINAL = 2_000
"""A terminal gone mad fills its own share only; what goes is the oldest, and it is counted as lost."""
READ_AT_START = 100_000
"""Longer, the server would keep people waiting for what it could not read before either."""
_READ_AT_ONCE = 500

log = structlog.get_logger()


def set_apart(connection: Connection, batch: Envelope, items: Sequence[Item], now: datetime) -> list[tuple[int, int]]:
    """Keep these unreadable events. Returns the (sequence, sequence) of those that had to go to make room."""
    rows = [
        {
            "id": item.unreadable.id, "terminal": batch.terminal, "generation": batch.generation,
            "outbox": batch.outbox, "sequence": item.first, "kind": item.unreadable.kind,
            "reason": item.unreadable.reason, "raw": item.unreadable.raw, "received_at": now,
        }
        for item in items
        if item.unreadable
    ]  # fmt: skip
    insert_new(connection, TABLE, rows)
    return _make_room(connection, batch.terminal)


def _make_room(connection: Connection, terminal: str) -> list[tuple[int, int]]:
    mine = TABLE.c.terminal == terminal
    held = connection.scalar(select(func.count()).select_from(TABLE).where(mine)) or 0
    if held <= KEPT_PER_TERMINAL:
        return []
    oldest = select(TABLE.c.id, TABLE.c.sequence).where(mine).order_by(TABLE.c.received_at, TABLE.c.sequence)
    gone = connection.execute(oldest.limit(held - KEPT_PER_TERMINAL)).all()
    connection.execute(delete(TABLE).where(TABLE.c.id.in_([row.id for row in gone])))
    return [(row.sequence, row.sequence) for row in gone]


def replay(engine: Engine, recorders: Mapping[str, Recorder], most: int = READ_AT_START) -> Counter[str]:
    """Read again what is kept; what can be read now is recorded and leaves. How many, by `read`, `kept` and `failed`.

    For the start of a version that may know more. A portion is a transaction; one that fails stays as it was.
    """
    counts: Counter[str] = Counter()
    after = ""
    while counts.total() < most:
        query = select(TABLE).where(TABLE.c.id > after).order_by(TABLE.c.id).limit(_READ_AT_ONCE)
        with reading(engine) as session:
            rows = session.connection().execute(query).all()
        if not rows:
            break
        after = rows[-1].id
        try:
            with engine.begin() as connection:
                read = _read_again(connection, rows, recorders)
            counts.update(read)
        except Exception as error:
            log.error("quarantine.failed", events=len(rows), exc_info=error)
            counts["failed"] += len(rows)
    if counts:
        log.info("quarantine.read_again", **counts)
    return counts


def _read_again(connection: Connection, rows: Sequence[Row[Any]], recorders: Mapping[str, Recorder]) -> Counter[str]:
    readable: defaultdict[str, list[Received]] = defaultdict(list)
    read = []
    for row in rows:
        event, _ = read_event(json.loads(row.raw)) if _whole(row.raw) else (None, None)
        if event is not None and event.kind in recorders:
            received = Received(row.terminal, row.generation, row.received_at, row.outbox, row.sequence, event)
            readable[event.kind].append(received)
            read.append(row.id)
    for kind, events in readable.items():
        recorders[kind](connection, events)
    connection.execute(delete(TABLE).where(TABLE.c.id.in_(read)))
    return Counter(read=len(read), kept=len(rows) - len(read))


def _whole(raw: bytes) -> bool:
    """An event past the size limit was kept only in part."""
    try:
        json.loads(raw)
    except ValueError:
        return False
    return True
