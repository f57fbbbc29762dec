"""/flotte: every terminal, who needs something first; searched, filtered and sorted by its address."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from sqlmodel import Session

from fleet_server.access.audit import record_act
from fleet_server.access.guard import Viewer, allow
from fleet_server.certificates.expiry import WORDS, endings, warnings
from fleet_server.context import Context, ContextDep, Reading
from fleet_server.db import transaction
from fleet_server.terminals import fleet_map
from fleet_server.terminals.cards import Card, cards
from fleet_server.terminals.choice import MOST_CHOSEN
from fleet_server.terminals.export import as_csv
from fleet_server.terminals.fleet_api import view_of
from fleet_server.terminals.place_kinds import DEPARTMENTS
from fleet_server.terminals.search import CRITERIA, SORTS, STATES, TEXT_MOST, BadSearch, Search, from_page, plain
from fleet_server.terminals.states import fleet_sentence, holds_back
from fleet_server.terminals.views import NAME_MOST, landing_of, search_of, views_of
from fleet_server.web.pages import fragment, page, page_number

router = APIRouter(include_in_schema=False)
Operator = Annotated[Viewer, Depends(allow("operator", "admin"))]
PAGE_SIZE = 50
WHOLE = "/flotte?vue=toutes"
"""The whole fleet, for whoever lands on a view."""
CHOSEN_FROM = ("group", "tag", "kind", "department", "software", "release")
"""Criteria that the form offers, each with what the fleet has of it; the others have a field or a counter."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks. `problems`: sentences, for what of it does not exist; nothing is shown then."""

    search: Search
    problems: dict[str, str]
    page: int
    untidy: bool
    """A form sends its empty fields too."""


def asked(request: Request) -> Asked:
    given = dict(parse_qsl(request.url.query, keep_blank_values=True))
    problems: dict[str, str] = {}
    try:
        found = from_page(given)
    except BadSearch as bad:
        found, problems = bad.rest, dict(bad.problems)
    return Asked(found, problems, page_number(given.get("page", "")), "" in given.values())


AskedDep = Annotated[Asked, Depends(asked)]


@router.get("/flotte")
def fleet_page(request: Request, ctx: ContextDep, session: Reading, viewer: Operator, wanted: AskedDep) -> Response:
    landing = landing_of(session, viewer.id)
    if landing and not request.url.query and (query := search_of(landing).query()):
        return RedirectResponse(f"/flotte?{query}", status_code=303)
    whole = WHOLE if landing else "/flotte"
    if wanted.untidy and not wanted.problems:
        return RedirectResponse(address(wanted.search, whole=whole), status_code=303)
    ending = warnings(endings(session, ctx.settings, ctx.keys), ctx.now())
    return page(request, viewer, "terminals/flotte.html", status=422 if wanted.problems else 200, live=False,
                ending=ending, ending_words=WORDS, **_fleet(session, ctx, wanted, viewer, whole))  # fmt: skip


@router.get("/flotte/lignes")
def fleet_rows(request: Request, ctx: ContextDep, session: Reading, viewer: Operator, wanted: AskedDep) -> Response:
    """What changes of the page, for the stream and for whoever types; its address becomes that of what is shown."""
    whole = WHOLE if landing_of(session, viewer.id) else "/flotte"
    answer = fragment(request, viewer, "terminals/flotte-lignes.html", status=422 if wanted.problems else 200,
                      live=True, **_fleet(session, ctx, wanted, viewer, whole))  # fmt: skip
    answer.headers["HX-Replace-Url"] = address(wanted.search, wanted.page, whole)
    return answer


@router.get("/flotte.csv")
def fleet_csv(ctx: ContextDep, session: Reading, viewer: Operator, wanted: AskedDep) -> Response:
    """Exactly the rows filtered, in their order, of all pages; what they are is in the first line."""
    if wanted.problems:
        raise HTTPException(422, " ".join(wanted.problems.values()))
    found = wanted.search.among(cards(session, ctx))
    return spreadsheet(ctx, viewer, found, wanted.search.said())


def spreadsheet(ctx: Context, viewer: Viewer, found: list[Card], said: str) -> Response:
    """The file; that it was taken is in the audit log."""
    with transaction(ctx.engine) as session:
        record_act(
            session,
            viewer,
            "terminal.list_exported",
            "",
            {"asked": said or "toutes", "count": len(found)},
            now=ctx.now(),
        )
    headers = {"Content-Disposition": 'attachment; filename="flotte.csv"', "Cache-Control": "no-store"}
    # With a mark of order, so that spreadsheets read the accents.
    text = "\ufeff" + as_csv([view_of(card) for card in found], said)
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


def address(search: Search, number: int = 1, whole: str = "/flotte") -> str:
    """`whole`: of the list when nothing is asked; for whoever lands on a view, that is not /flotte."""
    query = search.query(page=number if number > 1 else 0)
    return f"/flotte?{query}" if query else whole


def _fleet(session: Session, ctx: Context, wanted: Asked, viewer: Viewer, whole: str) -> dict[str, Any]:
    everything, asked_for, to = cards(session, ctx), wanted.search, partial(address, whole=whole)
    found = [] if wanted.problems else asked_for.among(everything)
    number = min(wanted.page, max(1, -(-len(found) // PAGE_SIZE)))
    first = (number - 1) * PAGE_SIZE
    sentence = fleet_sentence({card.terminal.id: card.condition for card in everything},
                              {card.terminal.id: card.terminal.name for card in everything})  # fmt: skip
    return {
        "cards": found[first : first + PAGE_SIZE], "found": len(found),
        "choosable": [card.terminal.id for card in found[:MOST_CHOSEN]], "first": first + 1, "number": number,
        "total": len(everything), "search": asked_for, "given": dict.fromkeys(CRITERIA, "") | dict(asked_for.given),
        "problems": wanted.problems, "address": to, "whole": whole, "name_most": NAME_MOST,
        "views": _views(session, viewer, asked_for),
        "counters": _counters(everything, asked_for, to), "chips": _chips(asked_for, to),
        "columns": _columns(asked_for, to),
        "choices": _choices(everything, asked_for), "sorts": SORTS, "criteria": CRITERIA, "text_most": TEXT_MOST,
        "sentence": sentence, "map": fleet_map.drawn(everything if wanted.problems else found),
        "departments": DEPARTMENTS,
        "worst": _worst(everything), "waiting": sum(_waiting(card) for card in everything),
        "holding": sum(holds_back(card.report, ctx.now()) for card in everything),
    }  # fmt: skip


def _views(session: Session, viewer: Viewer, wanted: Search) -> list[tuple[str, str, bool, bool]]:
    """Name, address, shared, and whether it is what is shown."""
    return [(row.name, address(search), row.shared, search == wanted)
            for row in views_of(session, viewer.id) for search in (search_of(row),)]  # fmt: skip


def _counters(everything: list[Card], wanted: Search, address: Callable[..., str]) -> dict[str, Any]:
    """They count what the other filters leave; what does not exist stays, at zero."""
    others = [card for card in everything if wanted.finds(card, but="state")]
    keys = Counter(card.condition.key for card in others)
    states = [(name, one, sum(keys[key] for key in one.keys), address(wanted.but(state=name)))
              for name, one in STATES.items() if one.counted]  # fmt: skip
    differing = sum(card.differs for card in everything if wanted.finds(card, but="drift"))
    return {
        "states": states, "all": len(others), "all_at": address(wanted.but(state="")), "differing": differing,
        "differing_at": address(wanted.but(drift="" if "drift" in wanted.given else "true")),
    }  # fmt: skip


def _chips(wanted: Search, address: Callable[..., str]) -> list[tuple[str, str]]:
    """Each fact that is asked, in words, and the address without it."""
    return [(one.said(wanted.given[name]), address(wanted.but(**{name: ""})))
            for name, one in CRITERIA.items() if name in wanted.given]  # fmt: skip


def _columns(wanted: Search, address: Callable[..., str]) -> dict[str, tuple[str, str]]:
    """Of each sort: which way the rows are now (`aria-sort`, empty: not by it), and the address that sorts by it, or
    that turns it round."""
    now = wanted.sort.removeprefix("-")
    columns = {}
    for name, sort in SORTS.items():
        falling = not wanted.sort.startswith("-") if name == now else sort.falling
        way = ("descending" if wanted.sort.startswith("-") else "ascending") if name == now else ""
        columns[name] = way, address(wanted.but(sort=f"-{name}" if falling else name))
    return columns


def _choices(everything: list[Card], wanted: Search) -> dict[str, list[tuple[str, str, bool]]]:
    """Of each criterion of the form: word of the address, words for people, chosen. What is asked is there, also where
    no terminal has it any more."""
    made = {}
    for name in CHOSEN_FROM:
        criterion, chosen = CRITERIA[name], wanted.given.get(name, "")
        there = {value for card in everything for value in criterion.has(card)} | {chosen}
        there.discard("")
        words = {value: criterion.values.get(value, (value, value)) for value in there}
        made[name] = [(words[value][0], words[value][1], value == chosen)
                      for value in sorted(there, key=lambda value: plain(words[value][1]))]  # fmt: skip
    return made


def _worst(everything: list[Card]) -> Card | None:
    """The one that needs someone first, if any does."""
    return next((card for card in everything if card.condition.key in ("isolated", "offline", "degraded")), None)


def _waiting(card: Card) -> int:
    return card.report.outbox.waiting if card.report else 0
