"""/connexion, /deconnexion, /invitation/{token}, /mot-de-passe: how people come in, leave, and choose a password."""

from datetime import datetime, timedelta
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from sqlmodel import Session, select

from fleet_server.access.accounts import AccountRefused, invited, set_password
from fleet_server.access.audit import record_act
from fleet_server.access.guard import STALE_FORM, Viewer, allow, find_viewer, session_cookie
from fleet_server.access.models import Account
from fleet_server.access.passwords import is_password
from fleet_server.access.sessions import COOKIE, end_session, open_session
from fleet_server.access.throttle import forget_failures, record_failure, wait_left
from fleet_server.context import Context, ContextDep, Reading, Writing
from fleet_server.db import reading, transaction
from fleet_server.web.csrf import is_anonymous_token, is_foreign
from fleet_server.web.french import agreed
from fleet_server.web.pages import page, seen_other
from fleet_server.web.rail import landing

router = APIRouter(include_in_schema=False)
Anyone = Annotated[Viewer, Depends(allow())]
Field = Annotated[str, Form()]


def form_of_ours(request: Request, csrf: Field = "") -> None:
    if is_foreign(request) or not is_anonymous_token(request, csrf):
        raise HTTPException(403, STALE_FORM)


@router.get("/connexion")
def sign_in_page(request: Request, vers: str = "") -> Response:
    viewer = find_viewer(request)
    if viewer:
        return seen_other(_local(vers) or landing(viewer))
    return page(request, None, "access/connexion.html", errors={}, login="", vers=_local(vers))


@router.post("/connexion", dependencies=[Depends(form_of_ours)])
def sign_in(request: Request, ctx: ContextDep, login: Field = "", password: Field = "", vers: Field = "") -> Response:
    now, address = ctx.now(), request.client.host if request.client else ""
    with reading(ctx.engine) as session:
        wait = wait_left(session, login, address, now)
        account = session.exec(select(Account).where(Account.login == login.strip().lower())).first()
    if wait:
        return _not_in(request, login, vers, {"password": _wait_sentence(wait)}, 429)
    open_account = account if account and not account.closed_at else None
    # Between two transactions: Argon2 is slow on purpose, and no writer should wait for it.
    right = is_password(password, open_account.password if open_account else "")
    with transaction(ctx.engine) as session:
        if open_account and right:
            forget_failures(session, login, address)
            return _let_in(request, session, open_account, _local(vers), now)
        left = record_failure(session, login, address, now)
        record_act(session, None, "account.sign_in_refused", account.login if account else "", now=now, who="Inconnu")
    sentence = f"Identifiant ou mot de passe inexact. Encore {left} {agreed(left, 'essai')} avant une attente."
    return _not_in(request, login, vers, {"password": sentence if left else _wait_sentence(None)}, 422)


@router.post("/deconnexion")
def sign_out(request: Request, ctx: ContextDep, session: Writing, viewer: Anyone) -> Response:
    end_session(session, request.cookies[COOKIE])
    record_act(session, viewer, "account.signed_out", viewer.login, now=ctx.now())
    answer = seen_other("/connexion", toast="Vous êtes déconnecté·e.")
    answer.delete_cookie(COOKIE, path="/")
    return answer


@router.get("/invitation/{token}")
def invitation_page(request: Request, ctx: ContextDep, session: Reading, token: str) -> Response:
    account = invited(session, token, ctx.now())
    return page(
        request, None, "access/invitation.html", status=200 if account else 404, account=account, errors={}, token=token
    )


@router.post("/invitation/{token}", dependencies=[Depends(form_of_ours)])
def accept_invitation(
    request: Request, ctx: ContextDep, session: Writing, token: str, password: Field = "", again: Field = ""
) -> Response:
    account = invited(session, token, ctx.now())
    if account is None:
        return page(request, None, "access/invitation.html", status=404, account=None, errors={}, token=token)
    errors = _choose(session, account, password, again, "account.invitation_accepted", ctx)
    if errors:
        return page(request, None, "access/invitation.html", status=422, account=account, errors=errors, token=token)
    return _let_in(request, session, account, "", ctx.now())


@router.get("/mot-de-passe")
def password_page(request: Request, viewer: Anyone) -> Response:
    return page(request, viewer, "access/mot-de-passe.html", errors={})


@router.post("/mot-de-passe")
def change_password(
    request: Request, ctx: ContextDep, session: Writing, viewer: Anyone,
    current: Field = "", password: Field = "", again: Field = "",
) -> Response:  # fmt: skip
    account = session.get_one(Account, viewer.id)
    now, address = ctx.now(), request.client.host if request.client else ""
    errors = {}
    wait = wait_left(session, account.login, address, now)
    if wait:
        errors["current"] = _wait_sentence(wait)
    elif not is_password(current, account.password):
        record_failure(session, account.login, address, now)
        errors["current"] = "Ce n’est pas votre mot de passe actuel."
    errors = errors or _choose(session, account, password, again, "account.password_changed", ctx)
    if errors:
        return page(request, viewer, "access/mot-de-passe.html", status=422, errors=errors)
    toast = "Mot de passe changé. Vos autres appareils sont déconnectés."
    return _let_in(request, session, account, "", now, toast)


def _choose(session: Session, account: Account, password: str, again: str, act: str, ctx: Context) -> dict[str, str]:
    if password != again:
        return {"again": "Les deux saisies diffèrent."}
    try:
        set_password(session, account, password, ctx.now(), act)
    except AccountRefused as refused:
        return refused.errors
    return {}


def _let_in(
    request: Request, session: Session, account: Account, to: str, now: datetime, toast: str | None = None
) -> Response:
    assert account.id is not None
    token = open_session(session, account, now)
    viewer = Viewer(account.id, account.login, account.name, account.role_set, "")
    record_act(session, viewer, "account.signed_in", account.login, now=now)
    answer = seen_other(to or landing(viewer), toast=toast)
    answer.headers.append("set-cookie", session_cookie(request, token))
    return answer


def _not_in(request: Request, login: str, vers: str, errors: dict[str, str], status: int) -> Response:
    values = {"errors": errors, "login": login[:60], "vers": _local(vers)}
    return page(request, None, "access/connexion.html", status=status, **values)


def _wait_sentence(wait: timedelta | None) -> str:
    minutes = 15 if wait is None else max(1, -(-int(wait.total_seconds()) // 60))
    return f"Trop d’essais depuis ce poste. La connexion attend {minutes} {agreed(minutes, 'minute')}, puis se rouvre."


def _local(url: str) -> str:
    """Only an address of this site: a sign-in link must not lead elsewhere."""
    parts = urlsplit(url)
    good = url.startswith("/") and not url.startswith(("//", "/\\")) and not parts.netloc and not parts.scheme
    return url if good and not any(ord(character) < 32 or character == "\\" for character in url) else ""
