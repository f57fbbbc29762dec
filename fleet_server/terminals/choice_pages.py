"""What is done to the terminals that were ticked in /flotte: their tags, their lines in a spreadsheet.

Commands and rollouts have pages of their own, which take the same form.
"""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, HTTPException, Request, Response

from fleet_server.access.guard import Viewer, allow
from fleet_server.context import ContextDep, Reading, Writing
from fleet_server.db import after_commit
from fleet_server.terminals.cards import cards
from fleet_server.terminals.choice import TooMany, chosen_ids, chosen_terminals
from fleet_server.terminals.fleet_pages import address, spreadsheet
from fleet_server.terminals.labels import NotTaken
from fleet_server.terminals.models import Terminal
from fleet_server.terminals.search import BadSearch, from_page
from fleet_server.terminals.tagging import retag, tags_of
from fleet_server.web.french import plural
from fleet_server.web.pages import page, seen_other

router = APIRouter(include_in_schema=False)
Operator = Annotated[Viewer, Depends(allow("operator", "admin"))]
MOST_TYPED = 1_000
NAMED = 12
"""As many are named; the others are counted."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """`back`: the address of the list they were ticked in."""

    ids: tuple[str, ...]
    back: str
    put: str = ""
    taken: tuple[str, ...] = ()


async def _posted(request: Request) -> Chosen:
    form = await request.form()
    boxes = [one for one in form.getlist("terminal") if isinstance(one, str)]
    try:
        ids = chosen_ids(boxes, str(form.get("terminals", "")))
    except TooMany as refused:
        raise HTTPException(422, str(refused)) from refused
    taken = tuple(one for one in form.getlist("enlever") if isinstance(one, str) and one.strip())
    return Chosen(ids, _back(str(form.get("retour", ""))), str(form.get("mettre", ""))[:MOST_TYPED], taken)


Posted = Annotated[Chosen, Depends(_posted)]


@router.post("/flotte.csv")
def csv_of(ctx: ContextDep, session: Reading, viewer: Operator, chosen: Posted) -> Response:
    """The lines of those that were ticked, who needs something first."""
    ids = set(chosen.ids)
    found = [card for card in cards(session, ctx) if card.terminal.id in ids]
    return spreadsheet(ctx, viewer, found, f"{plural(len(found), 'borne choisie', 'bornes choisies')}")


@router.post("/flotte/etiquettes")
def tags_page(request: Request, session: Reading, viewer: Operator, chosen: Posted) -> Response:
    """Nothing is changed yet."""
    terminals = chosen_terminals(session, chosen.ids)
    if not terminals:
        return seen_other(chosen.back, "Cochez d’abord au moins une borne.")
    return _page(request, viewer, terminals, chosen)


@router.post("/flotte/etiquettes/changer")
def change_tags(request: Request, ctx: ContextDep, session: Writing, viewer: Operator, chosen: Posted) -> Response:
    terminals, put = chosen_terminals(session, chosen.ids), chosen.put.split(",")
    if not terminals:
        return seen_other(chosen.back, "Aucune de ces bornes n’est plus en service.")
    if not any(one.strip() for one in put) and not chosen.taken:
        return _page(request, viewer, terminals, chosen, {"mettre": "Donnez une étiquette à mettre, ou à enlever."})
    try:
        changed = retag(session, terminals, put, chosen.taken, viewer, ctx.now())
    except NotTaken as refused:
        return _page(request, viewer, terminals, chosen, {"mettre": str(refused)})
    after_commit(session, lambda: ctx.live.touch("flotte"))
    done = (
        f"Étiquettes changées sur {plural(changed, 'borne')}." if changed else "Rien n’a changé : c’était déjà ainsi."
    )
    return seen_other(chosen.back, done)


def _page(request: Request, viewer: Viewer, terminals: list[Terminal], chosen: Chosen,
          errors: dict[str, str] | None = None) -> Response:  # fmt: skip
    return page(
        request, viewer, "terminals/flotte-etiquettes.html", status=422 if errors else 200, terminals=terminals,
        chosen=chosen, tags=tags_of(terminals), named=NAMED, errors=errors or {},
    )  # fmt: skip


def _back(query: str) -> str:
    """An address of the list, whatever a form says."""
    try:
        return address(from_page(dict(parse_qsl(query[:2000]))))
    except BadSearch:
        return "/flotte"
