"""/flotte/vues: the searches of the list that are kept under a name."""

from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from sqlmodel import Session

from fleet_server.access.guard import Viewer, allow
from fleet_server.context import ContextDep, Reading, Writing
from fleet_server.terminals import views
from fleet_server.terminals.fleet_pages import address
from fleet_server.terminals.models import FleetView
from fleet_server.terminals.search import BadSearch, from_page
from fleet_server.terminals.views import NotKept, search_of, views_of
from fleet_server.web.pages import page, seen_other

router = APIRouter(include_in_schema=False)
Operator = Annotated[Viewer, Depends(allow("operator", "admin"))]
Typed = Annotated[str, Form()]


@router.get("/flotte/vues")
def views_page(request: Request, session: Reading, viewer: Operator) -> Response:
    return _page(request, viewer, session)


@router.post("/flotte/vues")
def keep(request: Request, ctx: ContextDep, session: Writing, viewer: Operator, nom: Typed = "", requete: Typed = "",
         partagee: Typed = "") -> Response:  # fmt: skip
    try:
        wanted = from_page(dict(parse_qsl(requete[:4000])))
        views.keep(session, viewer, nom, wanted, bool(partagee), ctx.now())
    except (NotKept, BadSearch) as refused:
        return _page(request, viewer, session, str(refused), (nom, requete, bool(partagee)))
    return seen_other(address(wanted), "Vue enregistrée.")


@router.post("/flotte/vues/{number}")
def change(request: Request, ctx: ContextDep, session: Writing, viewer: Operator, number: int, nom: Typed = "",
           partagee: Typed = "") -> Response:  # fmt: skip
    row = _own(session, viewer, number)
    try:
        changed = views.change(session, viewer, row, nom, bool(partagee), ctx.now())
    except NotKept as refused:
        return _page(request, viewer, session, str(refused))
    return seen_other("/flotte/vues", "Vue changée." if changed else "Rien n’a changé.")


@router.post("/flotte/vues/{number}/supprimer")
def drop(ctx: ContextDep, session: Writing, viewer: Operator, number: int) -> Response:
    row = _own(session, viewer, number)
    views.drop(session, viewer, row, ctx.now())
    return seen_other("/flotte/vues", f"« {row.name} » est supprimée.", f"/flotte/vues/{number}/retablir")


@router.post("/flotte/vues/{number}/retablir")
def restore(ctx: ContextDep, session: Writing, viewer: Operator, number: int) -> Response:
    row = _own(session, viewer, number, gone=True)
    try:
        views.restore(session, viewer, row, ctx.now())
    except NotKept as refused:
        raise HTTPException(409, str(refused)) from refused
    return seen_other("/flotte/vues", f"« {row.name} » est de retour.")


@router.post("/flotte/vues/{number}/accueil")
def land(session: Writing, viewer: Operator, number: int) -> Response:
    """`number` 0: the whole fleet."""
    if number == 0:
        views.land(session, viewer, None)
        return seen_other("/flotte/vues", "La flotte s’ouvre de nouveau entière.")
    row = next((one for one in views_of(session, viewer.id) if one.id == number), None)
    if row is None:
        raise HTTPException(404, "Aucune vue n’a ce numéro.")
    views.land(session, viewer, row)
    return seen_other("/flotte/vues", f"La flotte s’ouvrira sur « {row.name} ».")


def _own(session: Session, viewer: Viewer, number: int, gone: bool = False) -> FleetView:
    row = session.get(FleetView, number) if 0 < number < 2**31 else None
    if row is None or (row.gone_at is not None) != gone or not (row.shared or row.owner == viewer.id):
        raise HTTPException(404, "Aucune vue n’a ce numéro.")
    if not views.may_change(viewer, row):
        raise HTTPException(403, "Cette vue est à quelqu’un d’autre : seul lui, ou l’administration, la change.")
    return row


def _page(request: Request, viewer: Viewer, session: Session, error: str = "",
          typed: tuple[str, str, bool] | None = None) -> Response:  # fmt: skip
    landing = views.landing_of(session, viewer.id)
    rows = [(row, address(search), views.words_of(search), views.may_change(viewer, row))
            for row in views_of(session, viewer.id) for search in (search_of(row),)]  # fmt: skip
    return page(
        request, viewer, "terminals/flotte-vues.html", status=422 if error else 200, rows=rows, error=error,
        landing=landing.id if landing else 0, typed=typed, name_most=views.NAME_MOST,
    )  # fmt: skip
