"""/travaux: what is planned, for whom and when; plan it, change it, call it off, end it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Query, Request, Response
from sqlmodel import Session

from fleet_server.access.guard import Viewer, allow
from fleet_server.context import Context, ContextDep, Reading, Writing
from fleet_server.terminals.named import named
from fleet_server.terminals.registry import accepted
from fleet_server.terminals.upkeep import acts, listed
from fleet_server.terminals.upkeep.models import Maintenance
from fleet_server.terminals.upkeep.words import typed
from fleet_server.web.french import PARIS
from fleet_server.web.pages import page, seen_other
from wire.hours import zone_of

router = APIRouter(include_in_schema=False)
Operator = Annotated[Viewer, Depends(allow("operator", "admin"))]
_QUARTER, _USUAL = timedelta(minutes=15), timedelta(hours=2)
_MOST_ID = 2**31 - 1
ACTS = {
    "annuler": (acts.call_off, "Travaux annulés."),
    "terminer": (acts.end, "Travaux terminés."),
    "retablir": (acts.reopen, "Travaux rétablis."),
}


@dataclass
class Typed:
    """The form, as typed."""

    begins_at: Annotated[str, Form()] = ""
    ends_at: Annotated[str, Form()] = ""
    reason: Annotated[str, Form()] = ""

    def read(self, terminals: list[str], site: str) -> acts.Wanted:
        """Raises `acts.NotTaken`."""
        errors: dict[str, str] = {}
        begins_at, ends_at = _moment(self.begins_at, "begins_at", errors), _moment(self.ends_at, "ends_at", errors)
        if begins_at is None or ends_at is None:
            raise acts.NotTaken(errors)
        return acts.Wanted(begins_at, ends_at, self.reason, terminals, site)


def _moment(text: str, field: str, errors: dict[str, str]) -> datetime | None:
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        errors[field] = "Donnez un jour et une heure."
        return None


@router.get("/travaux")
def list_page(request: Request, ctx: ContextDep, session: Reading, viewer: Operator) -> Response:
    coming, past = listed.coming(session, ctx.now()), listed.past(session, ctx.now())
    return page(request, viewer, "terminals/travaux.html", coming=coming, past=past, most=listed.PAST_SHOWN,
                going=sum(one.state == "in_force" for one in coming))  # fmt: skip


@router.get("/travaux/nouveau")
def new_page(
    request: Request, ctx: ContextDep, session: Reading, viewer: Operator,
    borne: Annotated[list[str], Query(default_factory=list, max_length=acts.MOST_TERMINALS)],
) -> Response:  # fmt: skip
    """`borne`: those that are ticked already."""
    begins = ctx.now().astimezone(PARIS)
    begins += _QUARTER - timedelta(minutes=begins.minute % 15)
    form = {"begins_at": typed(begins, PARIS), "ends_at": typed(begins + _USUAL, PARIS), "reason": ""}
    return _form(request, session, viewer, form, ticked=borne)


@router.post("/travaux")
def plan(
    request: Request, ctx: ContextDep, session: Writing, viewer: Operator, given: Annotated[Typed, Depends()],
    terminals: Annotated[list[str], Form(default_factory=list)], who: Annotated[str, Form()] = "bornes",
    site: Annotated[str, Form()] = "",
) -> Response:  # fmt: skip
    of_place = who == "lieu"
    try:
        row = acts.plan(session, ctx, given.read([] if of_place else terminals, site if of_place else ""), viewer)
    except acts.NotTaken as refused:
        return _form(request, session, viewer, vars(given), 422, refused.errors, terminals, site if of_place else "")
    where = f"/bornes/{terminals[0]}" if not of_place and len(set(terminals)) == 1 else "/travaux"
    return seen_other(where, "Travaux prévus.", f"/travaux/{row.id}/annuler" if row.begins_at > ctx.now() else None)


@router.get("/travaux/{number}")
def one_page(request: Request, ctx: ContextDep, session: Reading, viewer: Operator, number: int) -> Response:
    return _one(request, ctx, session, viewer, _found(session, number))


@router.post("/travaux/{number}")
def change(
    request: Request, ctx: ContextDep, session: Writing, viewer: Operator, number: int,
    given: Annotated[Typed, Depends()], revision: Annotated[int, Form(ge=1, le=_MOST_ID)],
) -> Response:  # fmt: skip
    row = _found(session, number)
    try:
        changed = acts.change(session, ctx, row, given.read([], ""), revision, viewer)
    except acts.NotTaken as refused:
        return _one(request, ctx, session, viewer, row, vars(given), refused.errors, 422, revision)
    except acts.TooLate as late:
        session.refresh(row)
        return _one(request, ctx, session, viewer, row, vars(given), {"reason": str(late)}, 409)
    return seen_other("/travaux", "Travaux changés." if changed else "Rien n’a changé.")


@router.post("/travaux/{number}/{act}")
def close(ctx: ContextDep, session: Writing, viewer: Operator, number: int, act: str, vers: str = "") -> Response:
    """`vers`: the terminal whose page it was asked from."""
    row = _found(session, number)
    if act not in ACTS:
        raise HTTPException(404, "Ce geste n’existe pas.")
    gesture, said = ACTS[act]
    try:
        gesture(session, ctx, row, viewer)
    except acts.TooLate as late:
        raise HTTPException(409, str(late)) from late
    back = f"?vers={named(session, vers).id}" if vers else ""
    undo = None if act == "retablir" else f"/travaux/{number}/retablir{back}"
    return seen_other(f"/bornes/{vers}" if back else "/travaux", said, undo)


def _found(session: Session, number: int) -> Maintenance:
    row = session.get(Maintenance, number) if 0 < number <= _MOST_ID else None
    if row is None:
        raise HTTPException(404, "Ces travaux n’existent pas, ou ont passé leur durée de conservation.")
    return row


def _form(
    request: Request, session: Session, viewer: Viewer, form: dict[str, str], status: int = 200,
    errors: dict[str, str] | None = None, ticked: list[str] | None = None, site: str = "",
) -> Response:  # fmt: skip
    sites = sorted(listed.known_places(session).values(), key=lambda place: place.name)
    return page(request, viewer, "terminals/travaux-nouveau.html", status=status, form=form, errors=errors or {},
                ticked=ticked or [], site=site, terminals=accepted(session), sites=sites)  # fmt: skip


def _one(
    request: Request, ctx: Context, session: Session, viewer: Viewer, row: Maintenance,
    form: dict[str, str] | None = None, errors: dict[str, str] | None = None, status: int = 200, revision: int = 0,
) -> Response:  # fmt: skip
    zone = zone_of(row.timezone)
    kept = {"begins_at": typed(row.begins_at, zone), "ends_at": typed(row.ends_at, zone), "reason": row.reason}
    return page(request, viewer, "terminals/travaux-un.html", status=status, form=form or kept, errors=errors or {},
                shown=listed.one(session, row, ctx.now()), revision=revision or row.revision,
                may_reopen=acts.may_reopen(row, ctx.now()))  # fmt: skip
