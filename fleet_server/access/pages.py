"""/comptes and /journal: who may come in, and what was done."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from sqlmodel import Session, select

from fleet_server.access import accounts, audit, sign_in, token_pages
from fleet_server.access.acts import ACTS, FAMILIES, change_in_words, in_words
from fleet_server.access.guard import Viewer, allow
from fleet_server.access.models import Account
from fleet_server.context import ContextDep, Reading, Writing
from fleet_server.web.french import PARIS
from fleet_server.web.pages import page, page_number, seen_other, with_query
from fleet_server.web.viewer import ROLES

router = APIRouter(include_in_schema=False)
router.include_router(sign_in.router)
router.include_router(token_pages.router)
Admin = Annotated[Viewer, Depends(allow("admin"))]
Field = Annotated[str, Form()]
Roles = Annotated[list[str], Form(default_factory=list)]


@router.get("/comptes")
def accounts_page(request: Request, session: Reading, viewer: Admin) -> Response:
    return _accounts_page(request, session, viewer)


def _accounts_page(request: Request, session: Session, viewer: Viewer, status: int = 200, **values: object) -> Response:
    rows = session.exec(select(Account).order_by(Account.name)).all()
    shown = {"errors": {}, "login": "", "name": "", "chosen": [], "link": ""} | values
    return page(request, viewer, "access/comptes.html", status=status, accounts=rows, roles=ROLES, **shown)


@router.post("/comptes")
def invite(
    request: Request, ctx: ContextDep, session: Writing, viewer: Admin,
    roles: Roles, login: Field = "", name: Field = "",
) -> Response:  # fmt: skip
    try:
        token = accounts.create_account(session, login, name, roles, ctx.now(), viewer)
    except accounts.AccountRefused as refused:
        values = {"errors": refused.errors, "login": login, "name": name, "chosen": roles}
        return _accounts_page(request, session, viewer, 422, **values)
    session.flush()
    # Shown once, in the answer itself: a link in a cookie or an address would stay in histories and logs.
    return _accounts_page(request, session, viewer, 201, link=_link(request, token), invited=name)


@router.get("/comptes/{account_id}")
def account_page(request: Request, session: Reading, viewer: Admin, account_id: int) -> Response:
    return _account_page(request, session, viewer, _known(session, account_id))


def _account_page(
    request: Request, session: Session, viewer: Viewer, account: Account, status: int = 200, **values: object
) -> Response:
    _, recent = audit.entries(session, audit.AuditFilter(subject=account.login))
    shown = {"errors": {}, "link": "", "roles": ROLES, "recent": recent[:8], "acts": ACTS} | values
    return page(request, viewer, "access/compte.html", status=status, account=account, **shown)


@router.post("/comptes/{account_id}")
def change(
    request: Request, ctx: ContextDep, session: Writing, viewer: Admin, account_id: int,
    roles: Roles, name: Field = "",
) -> Response:  # fmt: skip
    account = _known(session, account_id)
    try:
        accounts.change_account(session, account, name, roles, ctx.now(), viewer)
    except accounts.AccountRefused as refused:
        return _account_page(request, session, viewer, account, 422, errors=refused.errors)
    return seen_other(f"/comptes/{account_id}", toast=f"Compte de {account.name} enregistré.")


@router.post("/comptes/{account_id}/invitation")
def invite_again(request: Request, ctx: ContextDep, session: Writing, viewer: Admin, account_id: int) -> Response:
    account = _known(session, account_id)
    if account.closed_at:
        raise HTTPException(409, "Ce compte est fermé : rouvrez-le d’abord.")
    if account.id == viewer.id:
        raise HTTPException(409, "C’est votre compte : changez votre mot de passe depuis votre nom, en bas à gauche.")
    token = accounts.invite_again(session, account, ctx.now(), viewer)
    session.flush()
    return _account_page(request, session, viewer, account, 201, link=_link(request, token))


@router.post("/comptes/{account_id}/fermer")
def close(ctx: ContextDep, session: Writing, viewer: Admin, account_id: int) -> Response:
    account = _known(session, account_id)
    try:
        accounts.close_account(session, account, ctx.now(), viewer)
    except accounts.AccountRefused as refused:
        raise HTTPException(409, str(refused)) from refused
    undo = f"/comptes/{account_id}/rouvrir"
    return seen_other("/comptes", toast=f"Compte de {account.name} fermé.", undo_url=undo)


@router.post("/comptes/{account_id}/rouvrir")
def reopen(ctx: ContextDep, session: Writing, viewer: Admin, account_id: int) -> Response:
    account = _known(session, account_id)
    accounts.reopen_account(session, account, ctx.now(), viewer)
    return seen_other(f"/comptes/{account_id}", toast=f"Compte de {account.name} rouvert.")


@router.get("/journal")
def journal(
    request: Request, session: Reading, viewer: Annotated[Viewer, Depends(allow("operator", "admin"))],
    qui: str = "", geste: str = "", sujet: str = "", du: str = "", au: str = "",
) -> Response:  # fmt: skip
    wanted = audit.AuditFilter(
        who=qui, act=geste, subject=sujet.strip(), since=_day(du), until=_day(au, end=True),
        page=page_number(request.query_params.get("page", "")),
    )  # fmt: skip
    total, rows = audit.entries(session, wanted)
    first = (wanted.page - 1) * audit.PAGE_SIZE
    return page(
        request, viewer, "access/journal.html", entries=rows, total=total, first=first + 1, last=first + len(rows),
        acts=ACTS, families=FAMILIES, in_words=in_words, change_in_words=change_in_words, people=audit.people(session),
        qui=qui, geste=geste, sujet=sujet, du=du, au=au,
        previous_url=with_query(request, page=wanted.page - 1) if wanted.page > 1 else "",
        next_url=with_query(request, page=wanted.page + 1) if first + len(rows) < total else "",
    )  # fmt: skip


def _known(session: Session, account_id: int) -> Account:
    account = session.get(Account, account_id)
    if account is None:
        raise HTTPException(404)
    return account


def _link(request: Request, token: str) -> str:
    return f"{request.app.state.context.settings.url}/invitation/{token}"


def _day(text: str, end: bool = False) -> datetime | None:
    """A day typed in a filter, at midnight in Paris; the end of it when asked. What is no day does not filter."""
    try:
        moment = datetime.fromisoformat(text).replace(tzinfo=PARIS)
    except ValueError:
        return None
    return moment + timedelta(days=1) if end else moment
