"""Batches in, rows out, acknowledgement after the commit.

    payload → `envelope.read` → `decide` (pure) → `commit` (one transaction for all that waits) → answers

Ingest imports no room. The composition root hands it, by kind of event, who makes rows of them:

    Recorder = (connection, rows: Sequence[Received]) -> None     in the transaction, in bulk, idempotent by event id
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class Received:
    """One event of a terminal (`wire.events.AnyEvent`), where it stood in its outbox, and when it reached us."""

    terminal: str
    generation: int
    received_at: datetime
    outbox: str
    sequence: int
    event: Any


Recorder = Callable[[Connection, Sequence[Received]], None]


@dataclass(frozen=True, slots=True)
class Known:
    """What ingest needs to know of an accepted terminal: its enrolment, and what it should want."""

    generation: int
    revision: int


TerminalsKnown = Callable[[Connection, set[str]], dict[str, Known]]
"""Of these ids, the accepted terminals; a terminal that is absent is not listened to."""

LastTurned = Callable[[Connection], object]
"""Another answer than last time: what was known of terminals may not hold any more."""
