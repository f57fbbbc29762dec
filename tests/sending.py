"""Terminals that only send: Laval, Cholet and a stranger, with an outbox each, batch by batch, by hand."""

import json
import sqlite3
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, text

from fleet_server import rooms
from fleet_server.db import connect, create_schema
from fleet_server.ingest import Known
from fleet_server.ingest.consumer import Consumer
from wire import topics
from wire.batch import answers
from wire.ids import uuid7

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
BOOT = uuid7(0)
REGISTERED = {"laval-01": Known(2, 7), "cholet-01": Known(1, 3)}


def told(kind: str = "page.viewed", at: datetime = NOON, **fields: Any) -> dict[str, Any]:
    """One event, as JSON values."""
    own = {"page": "home"} if kind == "page.viewed" else {}
    return {
        "id": uuid7(int(at.timestamp() * 1000)), "kind": kind, "at": at.isoformat(), "mono_ms": 1000,
        "boot": BOOT, "trusted": True, "software": "0.1.0",
    } | own | fields  # fmt: skip


def dropped(first: int, last: int) -> dict[str, Any]:
    return told("dropped", from_=first, to=last, counts={"page.viewed": last - first + 1})


@dataclass
class Sender:
    """What it has told, at its sequence; `batch` encodes any part of it."""

    terminal: str = "laval-01"
    generation: int = 2
    outbox: str = field(default_factory=lambda: uuid7(1))
    kept: list[dict[str, Any]] = field(default_factory=list)

    def tell(self, count: int = 1, **fields: Any) -> list[dict[str, Any]]:
        fresh = [told(**fields) for _ in range(count)]
        self.kept += fresh
        return fresh

    def batch(self, first: int = 1, last: int | None = None, **changed: Any) -> bytes:
        part = self.kept[first - 1 : last]
        after = self.kept[first - 2]["id"] if first > 1 else None
        body = {
            "wire": 1, "terminal": self.terminal, "generation": self.generation, "boot": BOOT,
            "outbox": self.outbox, "oldest": 1, "first": first, "after": after, "attempt": 1, "events": part,
        }  # fmt: skip
        return json.dumps(body | changed).encode()


class Ingest:
    """The consumer, turn by turn, on a real database; what it answers is kept in `said`."""

    def __init__(self, url: str) -> None:
        self.engine: Engine = connect(url)
        create_schema(self.engine)
        self.now = NOON
        self.said: list[tuple[str, Any]] = []
        self.known = dict(REGISTERED)
        self.recorders = rooms.recorders()
        self.consumer = self.made()

    def made(self) -> Consumer:
        """Another consumer on the same database: the server started again, or a second worker."""
        return Consumer(
            self.engine, self.recorders, lambda connection, ids: self.known, self._hear, lambda: self.now, NOON
        )

    def _hear(self, topic: str, payload: bytes) -> None:
        parsed = topics.parse(topic)
        assert parsed is not None
        assert parsed.channel == "ack"
        self.said.append((parsed.terminal, answers.validate_json(payload)))

    def turn(self, *batches: bytes, terminal: str = "laval-01") -> list[Any]:
        """All of them in one transaction. The answers it gave."""
        before = len(self.said)
        self.consumer.turn([(terminal, batch) for batch in batches])
        return [answer for _, answer in self.said[before:]]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    def count(self, table: str = "usage_event") -> int:
        return int(self.rows(f"SELECT count(*) FROM {table}")[0][0])


def count_rows(database: Any, table: str = "usage_event") -> int:
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30) as db:
        counted = int(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
    db.close()
    return counted
