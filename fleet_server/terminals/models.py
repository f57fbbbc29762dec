"""The tables of the terminals. A terminal's id is opaque and permanent; its name and place are dated attributes."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from fleet_server.db import UtcDateTime


class Terminal(SQLModel, table=True):
    """`status`: pending, accepted, rejected, decommissioned. `generation`: 0 before the first enrolment."""

    __tablename__ = "terminal"
    id: str = Field(primary_key=True)
    name: str
    groups: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    status: str = "pending"
    generation: int = 0
    public_key: str = ""
    """PEM, of the current enrolment: proves every request of the terminal."""
    certificate_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    hardware: str = ""
    isolated: str = ""
    """Why nothing of it is taken any more (two machines on one key); empty: nothing against it."""
    created_at: datetime = Field(sa_type=UtcDateTime)
    enrolled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    turned_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)
    """When it last began, or ceased, to be listened to: what ingest remembers from before is asked again."""
    tags: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    """Free words of the operators; unlike groups they carry no settings."""


class TerminalNote(SQLModel, table=True):
    """What a person wrote about a terminal. Never about people."""

    __tablename__ = "terminal_note"
    id: int | None = Field(default=None, primary_key=True)
    terminal: str = Field(foreign_key="terminal.id", index=True)
    at: datetime = Field(sa_type=UtcDateTime)
    by: str = Field(max_length=80)
    text: str = Field(max_length=2000)
    changed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    changed_by: str = Field(default="", max_length=80)
    revision: int = 1
    """Whoever corrects it on an older one is told so."""


class TerminalPlace(SQLModel, table=True):
    """Where a terminal stood, from when. `place` is a `wire.state.Place`."""

    __tablename__ = "terminal_place"
    id: int | None = Field(default=None, primary_key=True)
    terminal: str = Field(foreign_key="terminal.id", index=True)
    since: datetime = Field(sa_type=UtcDateTime)
    place: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))


class TerminalDesired(SQLModel, table=True):
    """What the server wants of one terminal, besides settings. `revision` only grows; `highest_reported` is the
    greatest revision the terminal ever named: after a restore, the next one is above it."""

    __tablename__ = "terminal_desired"
    terminal: str = Field(primary_key=True, foreign_key="terminal.id")
    revision: int = 1
    highest_reported: int = 0
    release_id: str | None = None
    release_label: str = ""
    wished_at: datetime = Field(sa_type=UtcDateTime)
    activation: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    """When it may take effect: a `wire.state.Activation`, less what is as by default."""
    software_id: str | None = None
    software_version: str = ""
    software_activation: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    software_revision: int = 0
    """The revision that last asked for it."""


class SettingLayer(SQLModel, table=True):
    """Settings of one scope: `all` (target empty), `group` or `terminal`. The narrower wins, value by value.

    `values` holds only what this layer sets; `revision` detects that two people edit the same form.
    """

    __tablename__ = "terminal_setting"
    scope: str = Field(primary_key=True)
    target: str = Field(primary_key=True)
    values: dict[str, Any] = Field(default_factory=dict, sa_column=Column("setting_values", JSON, nullable=False))
    revision: int = 1
    changed_at: datetime = Field(sa_type=UtcDateTime)
    changed_by: str = ""


class TerminalLive(SQLModel, table=True):
    """The last that was heard of a terminal, replaced all the time. `report` is a `wire.state.Reported`."""

    __tablename__ = "terminal_live"
    terminal: str = Field(primary_key=True, foreign_key="terminal.id")
    heard_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """By the server's clock."""
    connected: bool = False
    connection: str = ""
    boot: str = ""
    boots: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    """The last boots announced, oldest first: one that comes back betrays a second machine."""
    number: int = Field(default=0, sa_type=BigInteger)
    report: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON))
    reported_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    changed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When what the terminal reports last differed from what it had reported before."""


class TerminalHealth(SQLModel, table=True):
    """One sample. Shares 0–1, sizes in bytes, °C."""

    __tablename__ = "terminal_health"
    __table_args__ = (Index("ix_terminal_health_terminal_at", "terminal", "at"),)
    id: str = Field(primary_key=True)
    terminal: str
    at: datetime = Field(sa_type=UtcDateTime)
    cpu: float
    memory: float
    memory_bytes: int = Field(sa_type=BigInteger)
    disk_free: float
    disk_free_bytes: int = Field(sa_type=BigInteger)
    temperature: float | None = None
    uptime_s: int = Field(sa_type=BigInteger)
    agent_rss_bytes: int = Field(sa_type=BigInteger)
    page_tick_age_ms: int | None = Field(default=None, sa_type=BigInteger)
    clock_offset_ms: int | None = Field(default=None, sa_type=BigInteger)
    outbox_waiting: int = Field(default=0, sa_type=BigInteger)


class TerminalEvent(SQLModel, table=True):
    """What an operator would ask about later: `state.changed`, `outbox.replaced`, `event.set_aside`…"""

    __tablename__ = "terminal_event"
    __table_args__ = (Index("ix_terminal_event_terminal_at", "terminal", "at"),)
    id: str = Field(primary_key=True)
    terminal: str
    at: datetime = Field(sa_type=UtcDateTime)
    kind: str
    what: str = ""
    detail: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))


class TerminalCommand(SQLModel, table=True):
    """One order to one enrolment of one terminal. `state` as in FLEET: queued, sent, accepted, succeeded, failed,
    rejected, expired, cancelled."""

    __tablename__ = "terminal_command"
    id: str = Field(primary_key=True)
    terminal: str = Field(foreign_key="terminal.id", index=True)
    generation: int
    execution: int = 1
    order: dict[str, Any] = Field(sa_column=Column("command_order", JSON, nullable=False))
    state: str = Field(default="queued", index=True)
    queued_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    sent_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    reason: str = ""
    file: str = ""
    """SHA-256 of what it brought (a screenshot, logs)."""
    by: str = ""
    result: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    bulk: str = Field(default="", index=True)
    """Given together with others under this id; empty: alone."""
    number: int = Field(default=0, sa_type=BigInteger, index=True)
    """The order of asking, which no clock gives: those of one instant have it too. Again is a greater one."""
    called_off: str = ""
    """By whom, in words, once it was: while the terminal has not answered that, it is not called off yet."""


class CommandBatch(SQLModel, table=True):
    """One order given to many terminals at once; its commands name it in `bulk`."""

    __tablename__ = "terminal_command_batch"
    __table_args__ = (UniqueConstraint("owner", "key", name="uq_terminal_command_batch_key"),)
    id: str = Field(primary_key=True)
    owner: int
    """Id of the account that gave it, 0 for the command line: keys of two people never meet."""
    key: str
    """The same key again gives nothing again."""
    asked: str
    """SHA-256 of what was asked: the same key with something else is refused."""
    order: dict[str, Any] = Field(sa_column=Column("command_order", JSON, nullable=False))
    given_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    by: str = ""
    skipped: dict[str, str] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    """Terminal → why it was given nothing."""


class EnrolmentToken(SQLModel, table=True):
    """A one-time token: only the SHA-256 of its secret is kept."""

    __tablename__ = "terminal_token"
    digest: str = Field(primary_key=True)
    terminal: str = Field(foreign_key="terminal.id", index=True)
    made_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    used_key: str = ""
    """SHA-256 of the public key that used it: the same terminal may ask again for an answer that was lost."""
    revoked: bool = False
    by: str = ""


class Pairing(SQLModel, table=True):
    """A terminal that asks to be let in, its code shown on both screens. `status`: waiting, accepted, refused."""

    __tablename__ = "terminal_pairing"
    id: str = Field(primary_key=True)
    csr: str
    commitment: str
    poll_digest: str
    nonce: str
    terminal_nonce: str = ""
    code: str = ""
    hardware: str = ""
    status: str = "waiting"
    tries: int = 0
    terminal: str = ""
    opened_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)


class FleetView(SQLModel, table=True):
    """A search of the fleet's list under a name. `query`: as in the address of the page."""

    __tablename__ = "fleet_view"
    id: int | None = Field(default=None, primary_key=True)
    owner: int = Field(foreign_key="access_account.id", index=True)
    name: str = Field(max_length=60)
    query: str = Field(max_length=1000)
    shared: bool = False
    """The team sees it too."""
    made_at: datetime = Field(sa_type=UtcDateTime)
    gone_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When it was deleted; it may be had back for a while."""


class FleetLanding(SQLModel, table=True):
    """The view that a person's list opens on."""

    __tablename__ = "fleet_landing"
    account: int = Field(primary_key=True, foreign_key="access_account.id")
    view: int = Field(foreign_key="fleet_view.id", index=True)
