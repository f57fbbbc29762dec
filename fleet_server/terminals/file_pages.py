"""/bornes/{id}/fiche: a terminal's name, place and groups, and its retirement."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from sqlmodel import Session

from fleet_server.access.audit import record_act
from fleet_server.access.guard import Viewer, allow
from fleet_server.certificates.record import OUT
from fleet_server.context import Context, ContextDep, Reading, Writing
from fleet_server.terminals.desired import wish
from fleet_server.terminals.enrolment import put_out
from fleet_server.terminals.models import Terminal
from fleet_server.terminals.named import in_service
from fleet_server.terminals.place_form import Described, position_typed
from fleet_server.terminals.place_kinds import KINDS
from fleet_server.terminals.registry import clean_groups, move, place_of, rename
from fleet_server.web.pages import page, seen_other
from wire.state import Place

router = APIRouter(include_in_schema=False)
Operator = Annotated[Viewer, Depends(allow("operator", "admin"))]


@router.get("/bornes/{terminal_id}/fiche")
def file_page(request: Request, session: Reading, viewer: Operator, terminal_id: str) -> Response:
    return _page(request, viewer, session, in_service(session, terminal_id))


@router.post("/bornes/{terminal_id}/fiche")
def save(request: Request, ctx: ContextDep, session: Writing, viewer: Operator, terminal_id: str,
         typed: Annotated[Described, Depends()]) -> Response:  # fmt: skip
    terminal = in_service(session, terminal_id)
    place, errors = typed.read()
    if place is None:
        return _page(request, viewer, session, terminal, 422, errors=errors, typed=vars(typed))
    if not _change(session, ctx, terminal, typed, place, viewer):
        return seen_other(f"/bornes/{terminal_id}", "Rien n’a changé.")
    wish(session, ctx, [terminal_id])
    return seen_other(f"/bornes/{terminal_id}", "Fiche changée. La borne le confirme entre deux visites.")


def _change(session: Session, ctx: Context, terminal: Terminal, typed: Described, place: Place,
            viewer: Viewer) -> bool:  # fmt: skip
    now, before, stood = ctx.now(), terminal.name, place_of(session, terminal.id)
    # The form says nothing of these: the same place stays the same site, a demonstration stays one.
    site = stood.site if place.name == stood.name else place.site
    place = place.model_copy(update={"site": site, "demo": stood.demo})
    renamed = rename(terminal, typed.name)
    if renamed:
        record_act(session, viewer, "terminal.renamed", terminal.id, now=now,
                   before={"name": before}, after={"name": terminal.name})  # fmt: skip
    moved = move(session, terminal.id, place, now)
    if moved:
        record_act(session, viewer, "terminal.moved", terminal.id, now=now,
                   before={"place": stood.name}, after={"place": place.name})  # fmt: skip
    groups = clean_groups(typed.groups.split(","))
    regrouped = groups != terminal.groups
    if regrouped:
        record_act(session, viewer, "terminal.regrouped", terminal.id, now=now,
                   before={"groups": terminal.groups}, after={"groups": groups})  # fmt: skip
        terminal.groups = groups
    session.add(terminal)
    session.flush()
    return renamed or moved or regrouped


@router.post("/bornes/{terminal_id}/retirer")
def retire(request: Request, ctx: ContextDep, session: Writing, viewer: Operator, terminal_id: str,
           confirmed: Annotated[str, Form()] = "", reason: Annotated[str, Form()] = "decommissioned",
           ) -> Response:  # fmt: skip
    """Asked by name: nothing of the terminal is taken from then on. `reason`: decommissioned, stolen."""
    terminal = in_service(session, terminal_id)
    if confirmed.strip().casefold() != terminal.name.casefold():
        wrong = {"confirmed": f"Ce n’est pas son nom. Tapez « {terminal.name} » pour la mettre dehors."}
        return _page(request, viewer, session, terminal, 422, errors=wrong)
    if reason not in OUT:
        raise HTTPException(422, f"« {reason} » n’est pas une raison connue.")
    put_out(session, ctx, terminal, reason, viewer)
    how = "déclarée volée" if reason == "stolen" else "retirée"
    return seen_other("/flotte", f"{terminal.name} est {how} : plus rien d’elle n’est pris.")


def _page(request: Request, viewer: Viewer, session: Session, terminal: Terminal, status: int = 200,
          errors: dict[str, str] | None = None, typed: dict[str, Any] | None = None) -> Response:  # fmt: skip
    place = place_of(session, terminal.id)
    now_set = {
        "name": terminal.name, "place": place.name, "kind": place.kind, "commune": place.commune_name,
        "code": place.commune, "position": position_typed(place), "groups": ", ".join(terminal.groups),
    }  # fmt: skip
    values = {"terminal": terminal, "typed": now_set | (typed or {}), "errors": errors or {}, "kinds": KINDS}
    return page(request, viewer, "terminals/fiche.html", status=status, **values)
