"""All that waits, in one transaction: rows, losses, quarantine and cursors together, or nothing."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Table
from sqlmodel import SQLModel

from fleet_server.ingest import Received, Recorder
from fleet_server.ingest.cursors import Outbox, move, standings
from fleet_server.ingest.decide import AskAgain, Lost, Standing, StartOver, Take, decide
from fleet_server.ingest.envelope import Envelope, Item
from fleet_server.ingest.quarantine import set_apart

LOSSES: Table = SQLModel.metadata.tables["ingest_loss"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the terminal will be answered about its batch, once the transaction is committed."""

    batch: Envelope
    decision: Take | AskAgain | StartOver


class Known:
    """Where outboxes stand, remembered between transactions. Stale is harmless: the guarded update finds out."""

    def __init__(self, most: int = 20_000) -> None:
        self._standings: dict[Outbox, Standing] = {}
        self._most = most

    def look_up(self, connection: Connection, outboxes: set[Outbox]) -> dict[Outbox, Standing | None]:
        if unknown := [outbox for outbox in outboxes if outbox not in self._standings]:
            if len(self._standings) > self._most:
                self._standings.clear()
                unknown = list(outboxes)
            self._standings |= standings(connection, unknown)
        return {outbox: self._standings.get(outbox) for outbox in outboxes}

    def remember(self, moved: Mapping[Outbox, Standing]) -> None:
        self._standings |= moved

    def forget(self) -> None:
        self._standings.clear()


def commit_batches(
    connection: Connection, batches: Sequence[Envelope], recorders: Mapping[str, Recorder], known: Known, now: datetime
) -> tuple[list[Outcome], dict[Outbox, Standing]]:
    """Within the caller's transaction: the outcomes in order, and where the outboxes stand if it is committed.

    Raises `Overtaken` when another worker was faster; the caller rolls back, forgets what it knew and tries again.
    """
    before = known.look_up(connection, {(batch.terminal, batch.outbox) for batch in batches})
    standing: dict[Outbox, Standing] = {outbox: here or Standing() for outbox, here in before.items()}
    outcomes: list[Outcome] = []
    rows: defaultdict[str, list[Received]] = defaultdict(list)
    losses: list[dict[str, object]] = []
    for batch in batches:
        outbox = (batch.terminal, batch.outbox)
        decision = decide(batch, standing[outbox])
        outcomes.append(Outcome(batch, decision))
        if isinstance(decision, StartOver):
            continue
        standing[outbox] = decision.then
        if decision.lost:
            losses.append(_loss(batch, decision.lost, "gone before it could be sent", now))
        if isinstance(decision, Take):
            _sort_out(connection, batch, decision.items, recorders, rows, losses, now)
    for kind, received in rows.items():
        recorders[kind](connection, received)
    if losses:
        connection.execute(LOSSES.insert(), losses)
    moved = {outbox: (before[outbox], to) for outbox, to in standing.items() if to != (before[outbox] or Standing())}
    move(connection, moved, now)
    return outcomes, {outbox: to for outbox, (_, to) in moved.items()}


def _sort_out(
    connection: Connection, batch: Envelope, items: Sequence[Item], recorders: Mapping[str, Recorder],
    rows: dict[str, list[Received]], losses: list[dict[str, object]], now: datetime,
) -> None:  # fmt: skip
    """Each event to its recorder, its loss or the quarantine."""
    unreadable = []
    for item in items:
        event = item.event
        if event is None:
            unreadable.append(item)
        elif event.kind == "dropped":
            lost = Lost(event.from_, max(event.from_, event.to))
            losses.append(_loss(batch, lost, "measurements given up, the spool was full", now, event.counts))
        if event is not None and event.kind in recorders:
            rows[event.kind].append(Received(batch.terminal, batch.generation, now, batch.outbox, item.first, event))
    if unreadable:
        gone = set_apart(connection, batch, unreadable, now)
        losses += [_loss(batch, Lost(*span), "quarantine full", now) for span in gone]


def _loss(
    batch: Envelope, lost: Lost, reason: str, now: datetime, counts: dict[str, int] | None = None
) -> dict[str, object]:
    return {
        "terminal": batch.terminal, "outbox": batch.outbox, "first": lost.first, "last": lost.last, "reason": reason,
        "counts": json.dumps(counts or {}), "found_at": now,
    }  # fmt: skip
