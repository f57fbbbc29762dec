"""/api/v1/maintenance: planned maintenance for programs. By API token (`access.caller`)."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import Session

from fleet_server.access.caller import CALLED, calling
from fleet_server.context import Context, ContextDep, Reading, Writing
from fleet_server.terminals.named import named
from fleet_server.terminals.upkeep import acts, listed
from fleet_server.terminals.upkeep.models import Maintenance
from fleet_server.web.errors import refusals
from fleet_server.web.viewer import Viewer
from wire.message import TerminalId

router = APIRouter(prefix="/api/v1/maintenance", tags=["fleet"], responses=CALLED)
Reader = Annotated[Viewer, Depends(calling("terminals:read"))]
Writer = Annotated[Viewer, Depends(calling("terminals:write"))]
_ONE, _ACT = refusals(404), refusals(404, 409)
_MOST_ID = 2**31 - 1
Number = Annotated[int, Field(ge=1, le=_MOST_ID)]


class MaintenanceView(BaseModel):
    """`terminals`: of a place, those that stand there now. `ends_at`: when it really ends, or ended. `by`: who planned
    it; `closed_by`: who called it off, or ended it early."""

    id: int
    state: Literal["planned", "in_force", "ended", "called_off"]
    terminals: list[str]
    place: str
    begins_at: datetime
    ends_at: datetime
    timezone: str
    reason: str
    by: str
    made_at: datetime
    closed_at: datetime | None
    closed_by: str
    revision: int


class NewMaintenance(BaseModel):
    """For some terminals, or for whichever stand at a place (`place`: its site). A moment without an offset is on the
    clock of the place; in the hour that comes twice, the first is meant of a beginning and the second of an end."""

    model_config = ConfigDict(extra="forbid")

    terminals: Annotated[list[TerminalId], Field(max_length=acts.MOST_TERMINALS)] = []
    place: Annotated[str, Field(max_length=200)] = ""
    begins_at: datetime
    ends_at: datetime
    reason: Annotated[str, Field(min_length=1, max_length=acts.REASON_LENGTH)]


class ChangedMaintenance(BaseModel):
    """What is left out stays. `revision`: the one that was read; on an older one nothing changes."""

    model_config = ConfigDict(extra="forbid")

    revision: Number
    begins_at: datetime | None = None
    ends_at: datetime | None = None
    reason: Annotated[str | None, Field(min_length=1, max_length=acts.REASON_LENGTH)] = None


@router.get("", responses=_ONE)
def maintenance(
    caller: Reader, ctx: ContextDep, session: Reading, terminal: Annotated[str, Query(max_length=80)] = "",
    past: bool = False,
) -> list[MaintenanceView]:  # fmt: skip
    """What is in force and what is to come, in the order of time; `past`: the last thirty that ended or were called
    off, newest first. Of one terminal or all. Scope `terminals:read`."""
    return told(session, ctx, terminal, past)


@router.post("", status_code=201)
def plan(caller: Writer, ctx: ContextDep, session: Writing, asked: NewMaintenance) -> MaintenanceView:
    """Plan it. 422 says what is wrong. Scope `terminals:write`."""
    return planned(session, ctx, asked, caller)


@router.get("/{number}", responses=_ONE)
def one(caller: Reader, ctx: ContextDep, session: Reading, number: Number) -> MaintenanceView:
    """Scope `terminals:read`."""
    return read(session, ctx, number)


@router.patch("/{number}", responses=_ACT)
def change(
    caller: Writer, ctx: ContextDep, session: Writing, number: Number, asked: ChangedMaintenance
) -> MaintenanceView:
    """Other hours, another reason. 409 once it is over, or when it was changed meanwhile. Scope `terminals:write`."""
    return changed(session, ctx, number, asked, caller)


@router.post("/{number}/{act}", responses=_ACT)
def act(
    caller: Writer, ctx: ContextDep, session: Writing, number: Number, act: Literal["call-off", "end", "reopen"]
) -> MaintenanceView:
    """`call-off` before it begins, `end` while it lasts, `reopen` takes either back before its planned end, within a
    day. 409 at any other time. Scope `terminals:write`."""
    return done(session, ctx, number, act, caller)


# ---- what the command line does here too; each raises `HTTPException` ------------------------------------------------


def told(session: Session, ctx: Context, terminal: str, past: bool) -> list[MaintenanceView]:
    if terminal:
        named(session, terminal)
    shown = (listed.past if past else listed.coming)(session, ctx.now(), terminal)
    return [_seen(one) for one in shown]


def read(session: Session, ctx: Context, number: int) -> MaintenanceView:
    return _view(session, ctx, found(session, number))


def planned(session: Session, ctx: Context, asked: NewMaintenance, caller: Viewer | None) -> MaintenanceView:
    wanted = acts.Wanted(asked.begins_at, asked.ends_at, asked.reason, asked.terminals, asked.place)
    with _refusing():
        return _view(session, ctx, acts.plan(session, ctx, wanted, caller))


def changed(
    session: Session, ctx: Context, number: int, asked: ChangedMaintenance, caller: Viewer | None
) -> MaintenanceView:
    row = found(session, number)
    wanted = acts.Wanted(asked.begins_at or row.begins_at, asked.ends_at or row.ends_at,
                         row.reason if asked.reason is None else asked.reason)  # fmt: skip
    with _refusing():
        acts.change(session, ctx, row, wanted, asked.revision, caller)
    return _view(session, ctx, row)


def done(session: Session, ctx: Context, number: int, act: str, caller: Viewer | None) -> MaintenanceView:
    row = found(session, number)
    with _refusing():
        ACTS[act](session, ctx, row, caller)
    return _view(session, ctx, row)


ACTS = {"call-off": acts.call_off, "end": acts.end, "reopen": acts.reopen}


def found(session: Session, number: int) -> Maintenance:
    row = session.get(Maintenance, number)
    if row is None:
        raise HTTPException(404, "Ces travaux n’existent pas, ou ont passé leur durée de conservation.")
    return row


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except acts.NotTaken as refused:
        raise HTTPException(422, str(refused)) from refused
    except acts.TooLate as late:
        raise HTTPException(409, str(late)) from late


def _view(session: Session, ctx: Context, row: Maintenance) -> MaintenanceView:
    return _seen(listed.one(session, row, ctx.now()))


def _seen(shown: listed.Shown) -> MaintenanceView:
    row = shown.row
    return MaintenanceView.model_validate(
        {"id": row.id, "state": shown.state, "terminals": list(shown.terminals), "place": row.site,
         "begins_at": row.begins_at, "ends_at": shown.ends_at, "timezone": row.timezone, "reason": row.reason,
         "by": row.by, "made_at": row.made_at, "closed_at": row.closed_at, "closed_by": row.closed_by,
         "revision": row.revision}
    )  # fmt: skip
