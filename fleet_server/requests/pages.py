"""/demandes: the inbox and its reading pane. For counsellors only; each reading and each act is in the audit log.

A live refresh of a list that is already open is the same reading: it is not logged again. What is read is logged first
and shown then; opening and drawing it is long, and nobody else's writing waits for that.
"""

from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from sqlmodel import Session, col, select

from fleet_server.access.audit import record_act
from fleet_server.access.guard import Viewer, allow
from fleet_server.context import Context, ContextDep, Reading, Writing
from fleet_server.db import after_commit, transaction
from fleet_server.requests import words
from fleet_server.requests.acts import RULES, ActName, Deed, NotNow, Overtaken, perform, undo
from fleet_server.requests.inbox import Card, Filters, Inbox, inbox, waiting
from fleet_server.requests.models import ContactAct, ContactRequest
from fleet_server.requests.names import names_of
from fleet_server.requests.purge import SOON, due, erased_on, last_purge
from fleet_server.web.pages import RailCount, fragment, page, page_number, seen_other

router = APIRouter(include_in_schema=False)
Counsellor = Annotated[Viewer, Depends(allow("counsellor"))]
Typed = Annotated[str, Form()]
AUDITED = {"take": "request.taken", "take_over": "request.taken", "release": "request.released"}


def rail_count(session: Session, viewer: Viewer) -> RailCount | None:
    """How many people wait for somebody."""
    return RailCount(waiting(session), you=True)


def asked(request: Request) -> Filters:
    return _filters(request.url.query)


Asked = Annotated[Filters, Depends(asked)]


@router.get("/demandes")
def inbox_page(request: Request, ctx: ContextDep, session: Reading, viewer: Counsellor, filters: Asked) -> Response:
    values = _list_values(ctx, session, viewer, filters)
    _log_reading(ctx, viewer, listed=values["box"])
    return page(request, viewer, "requests/demandes.html", card=None, acts=[], **values)


@router.get("/demandes/liste")
def live_list(request: Request, ctx: ContextDep, session: Reading, viewer: Counsellor, filters: Asked,
              ouverte: str = "") -> Response:  # fmt: skip
    values = _list_values(ctx, session, viewer, filters, ouverte)
    return fragment(request, viewer, "requests/liste.html", live=True, **values)


@router.get("/demandes/{request_id}")
def request_page(request: Request, ctx: ContextDep, session: Reading, viewer: Counsellor, filters: Asked,
                 request_id: str) -> Response:  # fmt: skip
    row = _known(session, request_id)
    opened = Card(row, ctx.now(), ctx.keys.sealing)
    acts = session.exec(select(ContactAct).where(ContactAct.request == row.id).order_by(col(ContactAct.id))).all()
    ends = erased_on(row, acts[-1].at if acts else None, kept_for(ctx), ctx.now())
    if request.headers.get("hx-target") == "lecture":
        _log_reading(ctx, viewer, opened)
        return fragment(request, viewer, "requests/lecture.html", card=opened, acts=acts, filters=filters, ends=ends,
                        words=words, names=names_of(session, ctx))  # fmt: skip
    values = _list_values(ctx, session, viewer, filters, row.id)
    _log_reading(ctx, viewer, opened, values["box"])
    return page(request, viewer, "requests/demandes.html", card=opened, acts=acts, ends=ends, **values)


@router.post("/demandes/{request_id}/annuler")
def undo_last(ctx: ContextDep, session: Writing, viewer: Counsellor, request_id: str, request: Request) -> Response:
    row = _known(session, request_id)
    back = f"/demandes/{row.id}{_filters(request.url.query).query()}"
    try:
        undo(session, row, viewer.login, viewer.name, ctx.now())
    except NotNow as refused:
        return seen_other(back, toast=str(refused))
    record_act(session, viewer, "request.undone", row.id, {"to": row.state}, now=ctx.now())
    after_commit(session, lambda: ctx.live.touch("demandes"))
    return seen_other(back, toast=words.SAID["undo"][1])


@router.post("/demandes/{request_id}/{act}")
def do(ctx: ContextDep, session: Writing, viewer: Counsellor, request_id: str, act: str,
       revision: Annotated[int, Form()], vue: Typed = "", organisme: Typed = "",
       rappel: Typed = "") -> Response:  # fmt: skip
    if act not in RULES:
        raise HTTPException(404)
    name: ActName = act
    row = _known(session, request_id)
    query, was, now = _filters(vue.removeprefix("?")).query(), row.state, ctx.now()
    back = f"/demandes/{row.id}{query}"
    if name == "redirected" and not organisme.strip():
        return seen_other(back, toast="Vers qui ? Choisissez un organisme, puis réorientez.")
    detail = " ".join(organisme.split())[:80] if name == "redirected" else ""
    deed = Deed(name, viewer.login, viewer.name, now, detail, words.call_back(rappel, now))
    try:
        perform(session, row, deed, revision)
    except NotNow as refused:
        return seen_other(back, toast=str(refused))
    except Overtaken:
        return seen_other(back, toast="La demande a changé entre-temps : la voici telle qu’elle est maintenant.")
    told = {"act": name, "from": was, "to": row.state} | ({"organisation": detail} if detail else {})
    record_act(session, viewer, AUDITED.get(name, "request.moved"), row.id, told, now=now)
    after_commit(session, lambda: ctx.live.touch("demandes"))
    return seen_other(back, toast=words.SAID[name][1], undo_url=f"/demandes/{row.id}/annuler{query}")


def _list_values(ctx: Context, session: Session, viewer: Viewer, filters: Filters, chosen: str = "") -> dict[str, Any]:
    box = inbox(session, filters, viewer.login, ctx.now(), ctx.keys.sealing, chosen)
    values = {"box": box, "filters": filters, "chosen": chosen, "words": words, "names": names_of(session, ctx)}
    if filters.state != "close":
        return values
    kept = kept_for(ctx)
    return values | {"kept": kept, "soon": due(session, ctx.now() + SOON, kept), "purged": last_purge(session)}


def kept_for(ctx: Context) -> timedelta:
    return timedelta(days=ctx.settings.kept_requests_days)


def _log_reading(ctx: Context, viewer: Viewer, opened: Card | None = None, listed: Inbox | None = None) -> None:
    """Committed before a word of it leaves."""
    readable = opened is not None and opened.form is not None  # opened here, not within the transaction
    if opened is None and not (listed and listed.cards):
        return
    with transaction(ctx.engine) as session:
        if opened:
            record_act(session, viewer, "request.opened", opened.row.id, {"readable": readable}, now=ctx.now())
        if listed and listed.cards:
            record_act(session, viewer, "request.listed", "", {"shown": len(listed.cards)}, now=ctx.now())


def _known(session: Session, request_id: str) -> ContactRequest:
    row = session.get(ContactRequest, request_id)
    if row is None:
        raise HTTPException(404)
    return row


def _filters(query: str) -> Filters:
    """Anything that is not a filter of this page is left out."""
    given = {name: values[0] for name, values in parse_qs(query).items()}
    state = given.get("etat", "")
    return Filters(
        state=state if state in ("nouvelle", "miennes", "prises", "rappel", "close") else "",
        late=given.get("retard") == "oui",
        site=given.get("lieu", "")[:80],
        page=page_number(given.get("page", "")),
    )
