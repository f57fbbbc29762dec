"""Usage events into rows: the recorder that ingest calls, in bulk, inside the transaction of the acknowledgement."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Protocol

from sqlalchemy import Connection

from fleet_server.db import insert_new
from fleet_server.evaluation.models import TABLE
from fleet_server.web.french import PARIS
from wire import events

# A clock may be a little ahead of ours; further, it is wrong whatever it says of itself.
AHEAD_MS = 5 * 60_000
_QUARTER_MS = 15 * 60_000
_COLUMNS = ("page", "dwell_ms", "active_ms", "interactions", "reason")
_SHARED = {*events.UsageEvent.model_fields, *_COLUMNS, "kind"}
_OWN = {
    model.model_fields["kind"].default: tuple(name for name in model.model_fields if name not in _SHARED)
    for model in events.USAGE
}
"""Kind → the fields only it has, which go into `detail`."""


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
    insert_new(connection, TABLE, [row_of(received) for received in rows])


def row_of(received: Received) -> dict[str, Any]:
    event = received.event
    at_ms = int(event.at.timestamp() * 1000)
    received_ms = int(received.received_at.timestamp() * 1000)
    believed = event.trusted and at_ms <= received_ms + AHEAD_MS
    own = _OWN[event.kind]
    return {
        "id": event.id,
        "terminal": received.terminal,
        "kind": event.kind,
        "day": _day_of((at_ms if believed else received_ms) // _QUARTER_MS),
        "at_ms": at_ms,
        "trusted": int(believed),
        "mono_ms": event.mono_ms,
        "session": event.session,
        "n": event.n,
        "audience": event.audience,
        "language": event.language,
        "accessibility": ",".join(event.accessibility)[:200],
        "page": getattr(event, "page", None),
        "dwell_ms": getattr(event, "dwell_ms", None),
        "active_ms": getattr(event, "active_ms", None),
        "interactions": getattr(event, "interactions", None),
        "reason": getattr(event, "reason", None),
        "software": event.software,
        "content": event.content,
        "detail": json.dumps({name: getattr(event, name) for name in own}, default=str) if own else None,
    }


@lru_cache(maxsize=4096)
def _day_of(quarter: int) -> int:
    """The place's calendar day of a quarter of an hour (offsets of time zones are whole quarters)."""
    moment = datetime.fromtimestamp(quarter * _QUARTER_MS / 1000, UTC).astimezone(PARIS)
    return moment.year * 10_000 + moment.month * 100 + moment.day
