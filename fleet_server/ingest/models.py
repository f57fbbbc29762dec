"""Where each outbox stands, what was lost on the way, and what could not be read."""

from datetime import datetime

from sqlalchemy import BigInteger, LargeBinary
from sqlmodel import Field, SQLModel

from fleet_server.db import UtcDateTime


class IngestCursor(SQLModel, table=True):
    """Committed of one outbox: through which sequence, whose event had which id. Moved only by a guarded update."""

    __tablename__ = "ingest_cursor"
    terminal: str = Field(primary_key=True)
    outbox: str = Field(primary_key=True)
    through: int = Field(sa_type=BigInteger)
    last: str | None = None
    moved_at: int = Field(sa_type=BigInteger)
    """Milliseconds since 1970: on the busiest path, plain values only."""


class IngestLoss(SQLModel, table=True):
    """Sequences that will never come, and why: what is lost is named and shown."""

    __tablename__ = "ingest_loss"
    id: int | None = Field(default=None, primary_key=True)
    terminal: str = Field(index=True)
    outbox: str
    first: int = Field(sa_type=BigInteger)
    last: int = Field(sa_type=BigInteger)
    reason: str
    counts: str = "{}"
    """Of a `dropped` event: how many of each kind, as JSON."""
    found_at: datetime = Field(sa_type=UtcDateTime)


class QuarantinedEvent(SQLModel, table=True):
    """An event that could not be read, raw, counted in `/metrics`. `quarantine.replay` reads it again."""

    __tablename__ = "ingest_quarantine"
    id: str = Field(primary_key=True)
    terminal: str = Field(index=True)
    generation: int
    outbox: str
    sequence: int = Field(sa_type=BigInteger)
    kind: str
    reason: str
    raw: bytes = Field(sa_type=LargeBinary)
    received_at: datetime = Field(sa_type=UtcDateTime)
