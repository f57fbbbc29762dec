"""The tables of the inventory. Packages are kept by set: terminals that are installed alike share one."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Index
from sqlmodel import Field, SQLModel

from fleet_server.db import UtcDateTime


class PackageSet(SQLModel, table=True):
    """Exactly these packages; `digest` is of their names and versions."""

    __tablename__ = "inventory_set"
    digest: str = Field(primary_key=True, max_length=64)
    made_at: datetime = Field(sa_type=UtcDateTime)


class Package(SQLModel, table=True):
    """`source`: `system` or `python`."""

    __tablename__ = "inventory_package"
    __table_args__ = (Index("ix_inventory_package_name", "name", "version"),)
    packages: str = Field(primary_key=True, max_length=64, foreign_key="inventory_set.digest", ondelete="CASCADE")
    source: str = Field(primary_key=True, max_length=8)
    name: str = Field(primary_key=True, max_length=120)
    version: str = Field(max_length=120)


class TerminalInventory(SQLModel, table=True):
    """The last document of a terminal. `facts` is a `wire.inventory.Inventory` without its packages; what follows it is
    taken from there, for lists and questions."""

    __tablename__ = "inventory_terminal"
    terminal: str = Field(primary_key=True, foreign_key="terminal.id")
    digest: str = Field(max_length=64)
    came_at: datetime = Field(sa_type=UtcDateTime)
    facts: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    packages: str = Field(foreign_key="inventory_set.digest", index=True, max_length=64)
    package_count: int
    model: str = ""
    memory_bytes: int = Field(default=0, sa_type=BigInteger)
    system: str = ""
    kernel: str = ""
    python: str = ""
    agent: str = ""


class InventoryChange(SQLModel, table=True):
    """What one document changed of one part (`words.PARTS`): `lines` is a list of `[subject, before, after]`, None for
    what was not there."""

    __tablename__ = "inventory_change"
    __table_args__ = (Index("ix_inventory_change_terminal_at", "terminal", "at"),)
    id: int | None = Field(default=None, primary_key=True)
    terminal: str = Field(foreign_key="terminal.id")
    at: datetime = Field(sa_type=UtcDateTime)
    part: str = Field(max_length=20)
    lines: list[list[str | None]] = Field(sa_column=Column(JSON, nullable=False))
