"""The fleet for programs: list, one terminal, its tags and notes, its retirement. By API token (`access.caller`)."""

from datetime import datetime
from inspect import Parameter
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query
from pydantic import BaseModel, Field
from sqlmodel import Session

from fleet_server.access.caller import CALLED, calling
from fleet_server.context import Context, ContextDep, Reading, Writing
from fleet_server.db import after_commit
from fleet_server.terminals.cards import Card, cards
from fleet_server.terminals.choice import MOST_CHOSEN, chosen_terminals
from fleet_server.terminals.enrolment import put_out
from fleet_server.terminals.labels import NotTaken, add_note, notes_of, set_tags
from fleet_server.terminals.models import TerminalNote
from fleet_server.terminals.named import in_service, named
from fleet_server.terminals.search import SORT_HELP, SORTS, BadSearch, Criterion, Search, search, with_criteria
from fleet_server.terminals.tagging import retag
from fleet_server.terminals.views import NAME_MOST, NotKept, search_named
from fleet_server.web.errors import refusals
from fleet_server.web.viewer import Viewer

router = APIRouter(prefix="/api/v1/terminals", tags=["fleet"], responses=CALLED)
Reader = Annotated[Viewer, Depends(calling("terminals:read"))]
Writer = Annotated[Viewer, Depends(calling("terminals:write"))]
_ONE, _ACT = refusals(404), refusals(404, 409)


class TerminalView(BaseModel):
    """One terminal. `state` as on *Flotte*; Labels and `wanted_software` are "–" for none."""

    id: str
    name: str
    state: str
    detail: str
    problems: list[str]
    place: str
    kind: str
    commune: str
    department: str
    groups: list[str]
    tags: list[str]
    software: str | None
    wanted_software: str
    release: str
    wanted_release: str
    drift: bool
    heard_at: datetime | None
    certificate_until: datetime | None
    maintenance_until: datetime | None
    """Of the planned maintenance in force."""
    next_maintenance_at: datetime | None


class TerminalPage(BaseModel):
    """`total` match; this page holds at most `size` of them."""

    total: int
    page: int
    size: int
    terminals: list[TerminalView]


class NoteView(BaseModel):
    """`changed_at`, `changed_by`: when it was last corrected, null if it never was. `revision`: give it to correct."""

    id: int
    at: datetime
    by: str
    text: str
    changed_at: datetime | None
    changed_by: str
    revision: int


def note_view(row: TerminalNote) -> NoteView:
    return NoteView.model_validate(row, from_attributes=True)


class Tags(BaseModel):
    tags: list[str] = Field(max_length=100)


class Tagging(BaseModel):
    """`terminals`: ids. `put` and `take`: tags; what else they have stays."""

    terminals: list[Annotated[str, Field(max_length=80)]] = Field(min_length=1, max_length=MOST_CHOSEN)
    put: list[str] = Field(default=[], max_length=20)
    take: list[str] = Field(default=[], max_length=100)


class Tagged(BaseModel):
    """How many of them changed."""

    changed: int


class NewNote(BaseModel):
    text: str


class Retirement(BaseModel):
    """`confirmed`: the terminal's name, so that no wrong id retires another."""

    confirmed: str


def _asked(name: str, criterion: Criterion) -> Parameter:
    taken = Query(max_length=criterion.most, description=criterion.help)
    if criterion.values and not criterion.flag:
        taken = Query(description=criterion.help, json_schema_extra={"enum": ["", *criterion.values]})
    typed = Annotated[bool, Query(description=criterion.help)] if criterion.flag else Annotated[str, taken]
    return Parameter(name, Parameter.KEYWORD_ONLY, annotation=typed, default=False if criterion.flag else "")


_SORTS = ["", *SORTS, *(f"-{name}" for name in SORTS)]
_SORT = Query(description=SORT_HELP, json_schema_extra={"enum": _SORTS})


def asked(*, sort: Annotated[str, _SORT] = "", **given: str | bool) -> Search:
    try:
        return search(given, sort)
    except BadSearch as bad:
        raise HTTPException(422, str(bad)) from bad


View = Annotated[str, Query(max_length=NAME_MOST, description="Name of a kept search (/fleet-views)")]
Asked = Annotated[Search, Depends(with_criteria(asked, _asked))]


@router.get("", responses=_ONE)
def find(
    caller: Reader, ctx: ContextDep, session: Reading, wanted: Asked, view: View = "",
    page: Annotated[int, Query(ge=1, le=100_000)] = 1, size: Annotated[int, Query(ge=1, le=500)] = 50,
) -> TerminalPage:  # fmt: skip
    """Those that match every filter given, who needs something first unless sorted. `state=offline` are also the
    isolated, `state=degraded` also those in drift: as *Flotte* counts them. `view`: a kept search, which the filters
    given narrow or replace. Scope `terminals:read`."""
    try:
        return listed(session, ctx, within(session, caller.id, view, wanted), page, size)
    except NotKept as refused:
        raise HTTPException(404, str(refused)) from refused


@router.get("/{terminal_id}", responses=_ONE)
def one(caller: Reader, ctx: ContextDep, session: Reading, terminal_id: str) -> TerminalView:
    """Scope `terminals:read`. A retired terminal is not found."""
    return viewed(session, ctx, terminal_id)


@router.put("/{terminal_id}/tags", responses=_ACT)
def tag(caller: Writer, ctx: ContextDep, session: Writing, terminal_id: str, asked: Tags) -> TerminalView:
    """From now on these tags and no others. Scope `terminals:write`."""
    try:
        set_tags(session, in_service(session, terminal_id), asked.tags, caller, ctx.now())
    except NotTaken as refused:
        raise HTTPException(422, str(refused)) from refused
    session.flush()
    return viewed(session, ctx, terminal_id)


@router.post("/tagging", responses=_ONE)
def tag_many(caller: Writer, ctx: ContextDep, session: Writing, asked: Tagging) -> Tagged:
    """Tags put on many and taken off, on all of them or on none. Scope `terminals:write`."""
    found = chosen_terminals(session, asked.terminals)
    if unknown := set(asked.terminals) - {one.id for one in found}:
        raise HTTPException(404, f"Aucune borne en service n’a l’identifiant {min(unknown)}. Rien n’a changé.")
    try:
        changed = retag(session, found, asked.put, asked.take, caller, ctx.now())
    except NotTaken as refused:
        raise HTTPException(422, str(refused)) from refused
    after_commit(session, lambda: ctx.live.touch("flotte"))
    return Tagged(changed=changed)


@router.get("/{terminal_id}/notes", responses=_ONE)
def notes(caller: Reader, session: Reading, terminal_id: str) -> list[NoteView]:
    """The last fifty, newest first. Scope `terminals:read`."""
    named(session, terminal_id)
    return [note_view(row) for row in notes_of(session, terminal_id)]


@router.post("/{terminal_id}/notes", status_code=201, responses=_ONE)
def note(caller: Writer, ctx: ContextDep, session: Writing, terminal_id: str, asked: NewNote) -> NoteView:
    """Scope `terminals:write`."""
    try:
        row = add_note(session, named(session, terminal_id), asked.text, caller, ctx.now())
    except NotTaken as refused:
        raise HTTPException(422, str(refused)) from refused
    return note_view(row)


@router.post("/{terminal_id}/retire", status_code=204, responses=_ACT)
def retire(caller: Writer, ctx: ContextDep, session: Writing, terminal_id: str, asked: Retirement) -> None:
    """Nothing of it is taken from then on. Scope `terminals:write`."""
    terminal = in_service(session, terminal_id)
    if asked.confirmed.strip().casefold() != terminal.name.casefold():
        raise HTTPException(422, f"Ce n’est pas son nom. Confirmez par « {terminal.name} ».")
    put_out(session, ctx, terminal, "decommissioned", caller)


def within(session: Session, account: int | None, view: str, wanted: Search) -> Search:
    """What the view asks, with what is asked besides in its place. Raises `NotKept`."""
    if not view:
        return wanted
    kept = search_named(session, account, view)
    return search({**kept.given, **wanted.given}, wanted.sort or kept.sort)


def listed(session: Session, ctx: Context, wanted: Search, page: int, size: int) -> TerminalPage:
    found = wanted.among(cards(session, ctx))
    shown = found[(page - 1) * size : page * size]
    return TerminalPage(total=len(found), page=page, size=size, terminals=[view_of(card) for card in shown])


def viewed(session: Session, ctx: Context, terminal_id: str) -> TerminalView:
    """Raises `HTTPException` 404."""
    found = cards(session, ctx, only=terminal_id)
    if not found:
        raise HTTPException(404, "Aucune borne n’a cet identifiant.")
    return view_of(found[0])


def view_of(card: Card) -> TerminalView:
    place, terminal = card.want.place, card.terminal
    return TerminalView(
        id=terminal.id, name=terminal.name, state=card.condition.key, detail=card.condition.detail,
        problems=list(card.condition.problems), place=place.name, kind=place.kind, commune=place.commune_name,
        department=place.department, groups=terminal.groups, tags=terminal.tags,
        software=card.report.software if card.report else None, wanted_software=card.wanted_software,
        release=card.release, wanted_release=card.wanted_release, drift=card.differs, heard_at=card.heard_at,
        certificate_until=terminal.certificate_until, maintenance_until=card.upkeep.until,
        next_maintenance_at=card.upkeep.next.begins_at if card.upkeep.next else None,
    )  # fmt: skip
