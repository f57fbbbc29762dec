"""Who may come in: `viewer: Annotated[Viewer, Depends(allow("operator", "admin"))]` on a route is all it takes.

No session → 303 to /connexion, which comes back here. Wrong role → 403 naming who can help. A form that this session's
page did not show, or that another site sent → 403, before anything is done.
"""

from collections.abc import Callable
from http.cookies import SimpleCookie
from typing import NoReturn
from urllib.parse import quote

from fastapi import Depends, HTTPException, Request
from sqlmodel import col, select

from fleet_server.access.models import Account
from fleet_server.access.sessions import COOKIE, find_session
from fleet_server.context import context
from fleet_server.db import reading
from fleet_server.web.csrf import is_csrf_token, is_encrypted, is_foreign
from fleet_server.web.viewer import ROLES, Viewer

__all__ = ["Viewer", "allow", "allow_before_body", "check_token", "find_viewer"]

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
MOST_FIELDS = 5000
"""Of a form: one ticks terminals, of which there may be thousands. The body's own limit bounds the rest."""
STALE_FORM = "Ce formulaire a expiré ou vient d’ailleurs. Revenez à la page, puis recommencez : rien n’a été changé."


def find_viewer(request: Request) -> Viewer | None:
    """Who is signed in, or None. Looked up once a request; renews the cookie when it has aged."""
    if not hasattr(request.state, "viewer"):
        request.state.viewer = None
        token = request.cookies.get(COOKIE)
        ctx = context(request)
        found = find_session(ctx.engine, token, ctx.now()) if token else None
        if found:
            request.state.viewer = found.viewer
            if found.fresh_token:
                request.state.cookies = [session_cookie(request, found.fresh_token)]
    viewer: Viewer | None = request.state.viewer
    return viewer


def session_cookie(request: Request, token: str) -> str:
    """The header's value. Lax: a link in a message opens the page it names; no form of another site carries it."""
    secure = is_encrypted(request)
    jar: SimpleCookie = SimpleCookie()
    jar[COOKIE] = token
    for name, value in (("path", "/"), ("httponly", True), ("samesite", "Lax"), ("secure", secure)):
        jar[COOKIE][name] = value
    return jar[COOKIE].OutputString()


async def _form_token(request: Request) -> str:
    if request.method in SAFE_METHODS:
        return ""
    header = request.headers.get("x-csrf-token")
    if header is not None:
        return header
    kind = request.headers.get("content-type", "")
    if not kind.startswith(("application/x-www-form-urlencoded", "multipart/form-data")):
        return ""
    token = (await request.form(max_fields=MOST_FIELDS)).get("csrf", "")
    return token if isinstance(token, str) else ""


def allow(*roles: str) -> Callable[..., Viewer]:
    """A dependency that yields the viewer when they hold one of `roles`; without roles, anyone signed in."""

    def viewer(request: Request, token: str = Depends(_form_token)) -> Viewer:
        found = _signed_in(request)
        check_token(request, found, token)
        _check_role(request, found, roles)
        return found

    return viewer


def allow_before_body(*roles: str) -> Callable[..., Viewer]:
    """`allow` for a form that brings a large file: nothing of it is read for someone who may not send it. The token is
    in the form, so who reads it calls `check_token`."""

    def viewer(request: Request) -> Viewer:
        found = _signed_in(request)
        _check_role(request, found, roles)
        if is_foreign(request):
            raise HTTPException(403, STALE_FORM)
        return found

    return viewer


def check_token(request: Request, viewer: Viewer, token: str) -> None:
    if request.method not in SAFE_METHODS and (is_foreign(request) or not is_csrf_token(viewer.csrf, token)):
        raise HTTPException(403, STALE_FORM)


def _signed_in(request: Request) -> Viewer:
    found = find_viewer(request)
    if found is None:
        _send_to_sign_in(request)
    return found


def _check_role(request: Request, viewer: Viewer, roles: tuple[str, ...]) -> None:
    if roles and not viewer.has(*roles):
        raise HTTPException(403, _who_can_help(request, roles))


def _send_to_sign_in(request: Request) -> NoReturn:
    if request.headers.get("hx-request"):
        raise HTTPException(401)
    address = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    back = f"?vers={quote(address)}" if request.method in SAFE_METHODS and address != "/" else ""
    raise HTTPException(303, headers={"Location": f"/connexion{back}"})


def _who_can_help(request: Request, roles: tuple[str, ...]) -> str:
    """The names of those who may, so that a colleague can be asked rather than a form searched."""
    with reading(context(request).engine) as session:
        accounts = session.exec(
            select(Account).where(col(Account.closed_at).is_(None), Account.password != "").order_by(Account.name)
        ).all()
    names = [account.name for account in accounts if account.role_set & set(roles)][:3]
    wanted = " ou ".join(f"« {ROLES[role]} »" for role in roles if role in ROLES)
    helper = f" Peuvent vous aider : {', '.join(names)}." if names else ""
    return f"Cela demande le rôle {wanted}.{helper}"
