"""The tables of the rollouts. `what`, `target` and `plan` are those of `rollouts.plan`, checked before being kept."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index
from sqlmodel import Field, SQLModel

from fleet_server.db import UtcDateTime

ACTIVE = ("running", "paused")
WORKING = ("queued", "in_progress")
FAILED = ("failed", "timed_out")


class Rollout(SQLModel, table=True):
    """`state` as in FLEET: draft, waiting_for_approval, ready, running, paused, stopped, finished.

    `wave` is the one that is open, from 0; `revision` moves with everything that happens to it: whoever decided on an
    older one decides again.
    """

    __tablename__ = "rollout"
    id: int | None = Field(default=None, primary_key=True)
    kind: str
    title: str
    what: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    target: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    plan: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    state: str = Field(default="draft", index=True)
    reason: str = ""
    revision: int = 1
    wave: int = 0
    wave_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    soaking_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """Since when nothing is left to do in the open wave."""
    made_at: datetime = Field(sa_type=UtcDateTime)
    made_by: int | None = None
    """The account; None: the command line."""
    made_by_name: str = ""
    approved_by_name: str = ""
    started_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class RolloutTerminal(SQLModel, table=True):
    """`state` as in FLEET: queued, in_progress, succeeded, failed, timed_out, rejected, removed, cancelled."""

    __tablename__ = "rollout_terminal"
    __table_args__ = (Index("ix_rollout_terminal_terminal", "terminal"),)
    rollout: int = Field(primary_key=True, foreign_key="rollout.id")
    terminal: str = Field(primary_key=True, foreign_key="terminal.id")
    wave: int
    place: int = 0
    """Its turn within the wave."""
    state: str = "queued"
    reason: str = ""
    attempt: int = 1
    revision: int = 0
    """Of the wish that was made for it (`terminal_desired.revision`)."""
    before: dict[str, Any] = Field(default_factory=dict, sa_column=Column("wished_before", JSON, nullable=False))
    """What was wished of it before: given back when the rollout stops before it acted."""
    started_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    effect_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """From when what is wished may take effect there: what is counted against it begins then."""
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class RolloutEvent(SQLModel, table=True):
    """What happened to a rollout, or to one terminal in it. `kind` is the state it came to, or `opened`, `soaking`."""

    __tablename__ = "rollout_event"
    __table_args__ = (Index("ix_rollout_event_rollout_terminal", "rollout", "terminal"),)
    id: int | None = Field(default=None, primary_key=True)
    rollout: int = Field(foreign_key="rollout.id")
    terminal: str = ""
    at: datetime = Field(sa_type=UtcDateTime)
    kind: str
    detail: str = ""
    by: str = ""
