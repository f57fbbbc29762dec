"""/enrolement: expected terminals, their one-time tokens, and those that ask to be let in with a code."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from sqlmodel import Session, col, select

from fleet_server.access.audit import record_act
from fleet_server.access.guard import Viewer, allow
from fleet_server.context import Context, ContextDep, Reading, Writing
from fleet_server.terminals import enrolment, pairings
from fleet_server.terminals.models import EnrolmentToken, Pairing, Terminal
from fleet_server.terminals.named import named
from fleet_server.terminals.place_form import Described
from fleet_server.terminals.place_kinds import KINDS
from fleet_server.terminals.registry import add_terminal, first_release
from fleet_server.web.pages import fragment, page, seen_other

router = APIRouter(include_in_schema=False)
Operator = Annotated[Viewer, Depends(allow("operator", "admin"))]
Typed = Annotated[str, Form()]


@router.get("/enrolement")
def enrol_page(request: Request, ctx: ContextDep, session: Reading, viewer: Operator) -> Response:
    return _page(request, ctx, session, viewer)


@router.get("/enrolement/demandes")
def pairings_waiting(request: Request, ctx: ContextDep, session: Reading, viewer: Operator) -> Response:
    return fragment(request, viewer, "terminals/enrolement-demandes.html", **_pairing_values(session, ctx))


def _pairing_values(session: Session, ctx: Context) -> dict[str, Any]:
    expected = session.exec(select(Terminal).where(Terminal.status == "pending").order_by(Terminal.name)).all()
    known = session.exec(select(Terminal).where(Terminal.status == "accepted").order_by(Terminal.name)).all()
    asking = [one for one in pairings.waiting_pairings(session, ctx.now()) if one.code]
    return {"pairings": asking, "expected": expected, "enrolled": known, "tries": pairings.PAIRING_TRIES}


def _page(request: Request, ctx: Context, session: Session, viewer: Viewer, status: int = 200,
          **more: Any) -> Response:  # fmt: skip
    tokens = session.exec(
        select(EnrolmentToken, Terminal.name)
        .join(Terminal, col(Terminal.id) == EnrolmentToken.terminal)
        .order_by(col(EnrolmentToken.made_at).desc())
        .limit(20)
    ).all()
    values = {"tokens": [(token, name, _state(token, ctx)) for token, name in tokens], "errors": {}, "typed": {},
              "kinds": KINDS, "token": "", "of": None, "wrong_code": "", "added": False}  # fmt: skip
    values |= _pairing_values(session, ctx) | more
    return page(request, viewer, "terminals/enrolement.html", status=status, **values)


def _state(token: EnrolmentToken, ctx: Context) -> str:
    if token.used_at:
        return "used"
    if token.revoked:
        return "revoked"
    return "expired" if token.expires_at < ctx.now() else "open"


@router.post("/enrolement")
def add(request: Request, ctx: ContextDep, session: Writing, viewer: Operator,
        typed: Annotated[Described, Depends()]) -> Response:  # fmt: skip
    place, errors = typed.read()
    if place is None:
        return _page(request, ctx, session, viewer, 422, errors=errors, typed=vars(typed))
    terminal = add_terminal(session, typed.name, place, typed.groups.split(","), ctx.now())
    record_act(session, viewer, "terminal.added", terminal.id, {"name": terminal.name}, now=ctx.now())
    made = enrolment.make_token(session, ctx, terminal, viewer)
    return _page(request, ctx, session, viewer, 201, token=made, of=terminal, added=True, first=first_release(session))


@router.post("/enrolement/jetons")
def make_token(request: Request, ctx: ContextDep, session: Writing, viewer: Operator, terminal: Typed) -> Response:
    """A new token for a terminal: shown once; the former enrolment stays in force until this one is used."""
    found = named(session, terminal)
    made = enrolment.make_token(session, ctx, found, viewer)
    return _page(request, ctx, session, viewer, 201, token=made, of=found)


@router.post("/enrolement/demandes/{pairing_id}")
def accept(request: Request, ctx: ContextDep, session: Writing, viewer: Operator, pairing_id: str,
           code: Typed = "", terminal: Typed = "") -> Response:  # fmt: skip
    pairing = _asked(session, pairing_id)
    if not terminal:
        return _page(request, ctx, session, viewer, 422, wrong_code="Choisissez la borne que c’est, dans la liste.")
    try:
        right = pairings.accept_pairing(session, ctx, pairing, named(session, terminal), code, viewer)
    except enrolment.Refused as refused:
        raise HTTPException(409, refused.message) from refused
    if not right:
        left = pairings.PAIRING_TRIES - pairing.tries
        said = f"Ce n’est pas le code de l’écran. Encore {left} essai{'s' if left > 1 else ''}."
        if left <= 0:
            said = "Ce n’est pas le code, et c’était le dernier essai : recommencez sur la borne."
        return _page(request, ctx, session, viewer, 422, wrong_code=said)
    return seen_other("/flotte", "La borne est acceptée : elle reçoit ses contenus.")


@router.post("/enrolement/demandes/{pairing_id}/refuser")
def refuse(request: Request, ctx: ContextDep, session: Writing, viewer: Operator, pairing_id: str) -> Response:
    pairings.refuse_pairing(session, ctx, _asked(session, pairing_id), viewer)
    return seen_other("/enrolement", "Demande refusée.")


def _asked(session: Session, pairing_id: str) -> Pairing:
    found = session.get(Pairing, pairing_id)
    if found is None:
        raise HTTPException(404, "Cette demande n’existe plus.")
    return found
