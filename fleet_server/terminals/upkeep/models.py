"""The tables of planned maintenance."""

from datetime import datetime

from sqlalchemy import Column, ForeignKey, Integer
from sqlmodel import Field, SQLModel

from fleet_server.db import UtcDateTime


class Maintenance(SQLModel, table=True):
    """Work on some terminals, or at a place, from one moment to another."""

    __tablename__ = "terminal_maintenance"
    id: int | None = Field(default=None, primary_key=True)
    site: str = Field(default="", max_length=200)
    """Of a place (`wire.state.Place.site`): whichever terminals stand there then. Empty: those of `MaintenanceOf`."""
    begins_at: datetime = Field(sa_type=UtcDateTime)
    ends_at: datetime = Field(sa_type=UtcDateTime, index=True)
    timezone: str = Field(max_length=64)
    """Of the place: the clock it was planned on, and is told in."""
    reason: str = Field(max_length=200)
    by: str = Field(max_length=80)
    made_at: datetime = Field(sa_type=UtcDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When a person put an end to it: called off when it had not begun by then, ended early otherwise."""
    closed_by: str = Field(default="", max_length=80)
    revision: int = 1
    """Whoever changes it on an older one is told so."""


class MaintenanceOf(SQLModel, table=True):
    """One of the terminals that a maintenance is about, when it is not about a place."""

    __tablename__ = "terminal_maintenance_of"
    maintenance: int = Field(
        sa_column=Column(Integer, ForeignKey("terminal_maintenance.id", ondelete="CASCADE"), primary_key=True)
    )
    terminal: str = Field(primary_key=True, foreign_key="terminal.id", index=True)
