"""Usage events into rows: the recorder that ingest calls, in bulk, inside the transaction of the acknowledgement."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Protocol

from sqlalchemy import Connection

from fleet_server.db import insert_new_tuples
from fleet_server.evaluation.models import TABLE
from fleet_server.web.french import PARIS
from wire import events

COLUMNS = tuple(column.name for column in TABLE.columns)
# A clock may be a little ahead of ours; further, it is wrong whatever it says of itself.
AHEAD_MS = 5 * 60_000
_QUARTER_MS = 15 * 60_000
_SHARED = {*events.UsageEvent.model_fields, *COLUMNS}
_OWN = {
    model.model_fields["kind"].default: tuple(name for name in model.model_fields if name not in _SHARED)
    for model in events.USAGE
}
"""Kind → the fields only it has, which go into `detail`."""
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Received(Protocol):
    """What ingest hands over (`fleet_server.ingest`): one event, and when it reached us."""

    @property
    def terminal(self) -> str: ...
    @property
    def received_at(self) -> datetime: ...
    @property
    def event(self) -> Any: ...


def record_usage(connection: Connection, rows: Sequence[Received]) -> None:
    """Events that are already there are passed over: a terminal may tell the same thing twice."""
    insert_new_tuples(connection, TABLE, [row_of(received) for received in rows])


def row_of(received: Received) -> tuple[Any, ...]:
    """In the order of `COLUMNS`. On the path of every event: plain look-ups, no model method."""
    event: dict[str, Any] = received.event.__dict__
    kind = event["kind"]
    at_ms = int(event["at"].timestamp() * 1000)
    received_ms = _milliseconds(received.received_at)
    believed = event["trusted"] and at_ms <= received_ms + AHEAD_MS
    own = _OWN[kind]
    given = event.get
    return (
        event["id"], received.terminal, kind, _day_of((at_ms if believed else received_ms) // _QUARTER_MS), at_ms,
        int(believed), event["mono_ms"], event["session"], event["n"], event["audience"], event["language"],
        ",".join(event["accessibility"])[:200], given("page"), given("dwell_ms"), given("active_ms"),
        given("interactions"), given("reason"), event["software"], event["content"],
        _detail(kind, *[event[name] for name in own]) if own else None,
    )  # fmt: skip


@lru_cache(maxsize=4096)
def _detail(kind: str, *values: Any) -> str:
    """Encoded once for what comes again and again; the values are plain."""
    return _encode(dict(zip(_OWN[kind], values, strict=True)))


@lru_cache(maxsize=64)
def _milliseconds(moment: datetime) -> int:
    """One moment of reception is shared by a whole transaction."""
    return int(moment.timestamp() * 1000)


@lru_cache(maxsize=4096)
def _day_of(quarter: int) -> int:
    """The place's calendar day of a quarter of an hour (offsets of time zones are whole quarters)."""
    moment = datetime.fromtimestamp(quarter * _QUARTER_MS / 1000, UTC).astimezone(PARIS)
    return moment.year * 10_000 + moment.month * 100 + moment.day
