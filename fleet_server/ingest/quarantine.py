"""Events that could not be read: kept raw, bounded, counted in `/metrics`; `replay` reads them again."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, Table, delete, func, select
from sqlmodel import SQLModel

from fleet_server.db import insert_new
from fleet_server.ingest import Received, Recorder
from fleet_server.ingest.envelope import Envelope, Item, read_event

TABLE: Table = SQLModel.metadata.tables["ingest_quarantine"]
KEPT_PER_TERMINAL = 2_000
"""A terminal gone mad fills its own share only; what goes is the oldest, and it is counted as lost."""
_READ_AT_ONCE = 500


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


def replay(connection: Connection, recorders: Mapping[str, Recorder]) -> Counter[str]:
    """Read everything again; what can be read now is recorded and leaves. How many, by `read` and `kept`."""
    counts: Counter[str] = Counter()
    after = ""
    while True:
        query = select(TABLE).where(TABLE.c.id > after).order_by(TABLE.c.id).limit(_READ_AT_ONCE)
        rows = connection.execute(query).all()
        if not rows:
            return counts
        after = rows[-1].id
        for row in rows:
            event, _ = read_event(json.loads(row.raw)) if _whole(row.raw) else (None, None)
            if event is None or event.kind not in recorders:
                counts["kept"] += 1
                continue
            received = Received(row.terminal, row.generation, row.received_at, row.outbox, row.sequence, event)
            recorders[event.kind](connection, [received])
            connection.execute(delete(TABLE).where(TABLE.c.id == row.id))
            counts["read"] += 1


def _whole(raw: bytes) -> bool:
    """An event past the size limit was kept only in part."""
    try:
        json.loads(raw)
    except ValueError:
        return False
    return True
