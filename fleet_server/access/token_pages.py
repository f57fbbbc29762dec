"""/jetons: the API tokens of a person, of everyone for an administrator."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from sqlmodel import Session, select

from fleet_server.access.guard import Viewer, allow
from fleet_server.access.models import Account, ApiToken
from fleet_server.access.tokens import LIFETIMES, PAGE_SIZE, SCOPES, TokenRefused, make_token, revoke, tokens_of
from fleet_server.context import ContextDep, Reading, Writing
from fleet_server.web.pages import page, page_number, seen_other

router = APIRouter(include_in_schema=False)
Maker = Annotated[Viewer, Depends(allow("operator", "admin"))]


@router.get("/jetons")
def tokens_page(request: Request, session: Reading, viewer: Maker) -> Response:
    return _page(request, session, viewer)


@router.post("/jetons")
def make(
    request: Request, ctx: ContextDep, session: Writing, viewer: Maker,
    scopes: Annotated[list[str], Form(default_factory=list)], name: Annotated[str, Form()] = "",
    days: Annotated[str, Form()] = "",
) -> Response:  # fmt: skip
    account, wanted = session.get_one(Account, viewer.id), int(days[:5]) if days.isdecimal() else 0
    try:
        secret = make_token(session, account, name, scopes, wanted, ctx.now())
    except TokenRefused as refused:
        typed = {"name": name[:80], "chosen": scopes, "days": wanted}
        return _page(request, session, viewer, 422, errors=refused.errors, **typed)
    session.flush()
    # Shown once, in the answer itself: in a cookie or an address it would stay in histories and logs.
    return _page(request, session, viewer, 201, secret=secret, made=name)


@router.post("/jetons/{token_id}/revoquer")
def revoke_one(ctx: ContextDep, session: Writing, viewer: Maker, token_id: int) -> Response:
    row = session.get(ApiToken, token_id)
    if row is None or not (row.account_id == viewer.id or viewer.has("admin")):
        raise HTTPException(404, "Ce jeton n’existe pas, ou il est à quelqu’un d’autre.")
    if not revoke(session, row, viewer, ctx.now()):
        return seen_other("/jetons", f"« {row.name} » était déjà révoqué.")
    return seen_other("/jetons", f"« {row.name} » est révoqué : il n’ouvre plus rien.")


def _page(request: Request, session: Session, viewer: Viewer, status: int = 200, **values: Any) -> Response:
    everyone, now = viewer.has("admin"), request.app.state.context.now()
    number = page_number(request.query_params.get("page", ""))
    first = (number - 1) * PAGE_SIZE
    active, total, rows = tokens_of(session, None if everyone else viewer.id, now, first)
    makers = dict(session.exec(select(Account.id, Account.name)).all()) if everyone else {}
    shown = {"errors": {}, "name": "", "chosen": [], "days": 90, "secret": "", "made": ""} | values
    return page(
        request, viewer, "access/jetons.html", status=status, tokens=rows, makers=makers, lifetimes=LIFETIMES,
        active=active, total=total, number=number, first=first + 1, last=first + len(rows),
        scopes={key: about.words for key, about in SCOPES.items() if about.roles & viewer.roles}, **shown,
    )  # fmt: skip
