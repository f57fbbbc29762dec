"""The tables of contact requests. What the person wrote stays sealed in them, as it came (docs/decisions/0002).

Nothing here tells when a request arrived, nor in which order: no column of the transport, and no hidden row number
(`sqlite_with_rowid`), so that no one can lay requests beside visits and join them.
"""

from datetime import datetime
from typing import Any, Literal

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel

from fleet_server.db import UtcDateTime

State = Literal["new", "taken", "contacted", "converted", "redirected", "unreachable", "withdrawn", "spam"]
OPEN: tuple[State, ...] = ("new", "taken", "contacted")
CLOSED: tuple[State, ...] = ("converted", "redirected", "unreachable", "withdrawn", "spam")


class ContactRequest(SQLModel, table=True):
    """One request: who sealed it and when (place, day, hour), and what counsellors did with it since."""

    __tablename__ = "contact_request"
    __table_args__ = {"sqlite_with_rowid": False}

    id: str = Field(primary_key=True)
    terminal: str = Field(index=True)
    generation: int
    kid: str
    consent: str
    day: str
    """Local date and hour at the place; the only time known of the deposit."""
    hour: int
    enc: str
    ciphertext: str
    site: str = Field(default="", index=True)
    """Where the terminal stood: it may move later, the request does not."""
    place: str = ""
    commune_name: str = ""
    department: str = ""

    state: str = Field(default="new", index=True)
    revision: int = 0
    """Moves with each act; an act made on an older one is refused: someone else was first."""
    taken_by: str = ""
    """Login of the counsellor in charge; `taken_by_name` is how the page calls them."""
    taken_by_name: str = ""
    taken_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    attempts: int = 0
    first_response_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """First attempt to reach the person, or the act that closed the request without one."""
    call_back_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    redirected_to: str = ""


class ContactAct(SQLModel, table=True):
    """What a counsellor did with a request. `before` is what the act changed, so that it can be undone."""

    __tablename__ = "contact_act"

    id: int | None = Field(default=None, primary_key=True)
    request: str = Field(foreign_key="contact_request.id", index=True)
    revision: int
    """The request's revision once the act is done."""
    at: datetime = Field(sa_type=UtcDateTime)
    by: str
    by_name: str
    act: str
    detail: str = ""
    before: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
