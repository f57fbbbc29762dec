"""Terminal events into rows: recorders that ingest calls, inside the transaction of the acknowledgement."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, Table
from sqlmodel import SQLModel

from fleet_server.db import insert_new
from fleet_server.ingest import Received, Recorder
from fleet_server.terminals.commands import answered

HEALTH: Table = SQLModel.metadata.tables["terminal_health"]
EVENTS: Table = SQLModel.metadata.tables["terminal_event"]
_OF_A_VISITOR = "a visitor is filling in a form"
_AHEAD = timedelta(minutes=5)
_SAMPLED = ("cpu", "memory", "memory_bytes", "disk_free", "disk_free_bytes", "temperature", "uptime_s",
            "agent_rss_bytes", "page_tick_age_ms", "clock_offset_ms", "outbox_waiting")  # fmt: skip


def record_health(connection: Connection, rows: Sequence[Received]) -> None:
    insert_new(connection, HEALTH, [
        {"id": row.event.id, "terminal": row.terminal, "at": _when(row)}
        | {name: getattr(row.event, name) for name in _SAMPLED}
        for row in rows
    ])  # fmt: skip


def record_events(connection: Connection, rows: Sequence[Received]) -> None:
    insert_new(connection, EVENTS, [_event(row) for row in rows])


def record_answers(connection: Connection, rows: Sequence[Received]) -> None:
    """The receipt goes to its command, and into the terminal's history."""
    rows = [_telling_of_nobody(row) for row in rows]
    record_events(connection, rows)
    for row in rows:
        said = row.event
        answered(connection, row.terminal, said.command, said.execution, said.outcome, said.reason, said.file,
                 said.result, row.received_at)  # fmt: skip


def _telling_of_nobody(row: Received) -> Received:
    """Terminals of before said why they refused a picture: what a visitor was doing, with an hour. It is never kept."""
    if row.event.reason != _OF_A_VISITOR:
        return row
    return replace(row, event=row.event.model_copy(update={"reason": "the screen was busy"}))


RECORDERS: dict[str, Recorder] = {
    "health.sampled": record_health,
    "state.changed": record_events,
    "outbox.replaced": record_events,
    "event.set_aside": record_events,
    "dropped": record_events,
    "command.answered": record_answers,
}


def _event(row: Received) -> dict[str, object]:
    event = row.event
    stamp = {"id", "at", "mono_ms", "boot", "trusted", "software", "content", "kind"}
    own = event.model_dump(mode="json", exclude=stamp)
    what = own.pop("what", "")
    return {"id": event.id, "terminal": row.terminal, "at": _when(row), "kind": event.kind, "what": what,
            "detail": own.get("detail", own) if event.kind == "state.changed" else own}  # fmt: skip


def _when(row: Received) -> datetime:
    """The terminal's clock when it can be believed, else the hour of reception."""
    at: datetime = row.event.at
    return at if row.event.trusted and at <= row.received_at + _AHEAD else row.received_at
