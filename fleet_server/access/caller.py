"""Which program may call: `caller: Annotated[Viewer, Depends(calling("terminals:read"))]` on a route of `/api/v1`, and
`responses=CALLED` for the refusals that this brings. The viewer it yields is what the audit log names.

Only `Authorization: Bearer balise_…` opens these routes: never a browser's cookie, so that no other site can use it.
"""

from collections.abc import Callable
from datetime import timedelta
from math import ceil
from typing import Annotated

from fastapi import HTTPException, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from fleet_server.access.budget import Budget
from fleet_server.access.tokens import SCOPES, Bearer, bearer
from fleet_server.context import context
from fleet_server.web.errors import refusals
from fleet_server.web.viewer import Viewer

__all__ = ["CALLED", "Callers", "calling"]

CALLED = refusals(401, 403, 413, 422, 429)
_SCHEME = HTTPBearer(
    scheme_name="token", auto_error=False, description="An API token, made in the back-office (Jetons d’API)."
)
Credentials = Annotated[HTTPAuthorizationCredentials | None, Security(_SCHEME)]


class Callers:
    """What may still be asked: wrong secrets by address, and requests by token. One per process."""

    def __init__(self) -> None:
        self.wrong = Budget(30, timedelta(minutes=5))
        self.asked = Budget(600, timedelta(minutes=1))


def calling(*scopes: str) -> Callable[..., Viewer]:
    """A dependency: 401 without a good token, 403 without all `scopes`, 429 past the budget; the viewer otherwise."""
    assert set(scopes) <= set(SCOPES), scopes

    def viewer(request: Request, credentials: Credentials) -> Viewer:
        found = _known(request, credentials.credentials if credentials else "")
        if lacking := [scope for scope in scopes if scope not in found.scopes]:
            said = f"Ce jeton n’a pas le droit « {lacking[0]} »."
            raise HTTPException(403, {"error": "scope_missing", "message": said})
        return found.viewer

    return viewer


def _known(request: Request, secret: str) -> Bearer:
    ctx, callers = context(request), _callers(request)
    now, address = ctx.now(), request.client.host if request.client else ""
    found = bearer(ctx.engine, secret, now) if secret else None
    if found is None:
        # Only wrong secrets wait: a good one from the same address (a proxy, an office) is never locked out by them.
        _let_ask(callers.wrong.wait(address, now))
        if secret:
            callers.wrong.spend(address, now)
        said = "Ce jeton n’ouvre rien : inconnu, révoqué ou expiré." if secret else "Un jeton d’API est nécessaire."
        raise HTTPException(401, said, headers={"WWW-Authenticate": "Bearer"})
    _let_ask(callers.asked.wait(str(found.token_id), now))
    callers.asked.spend(str(found.token_id), now)
    return found


def _callers(request: Request) -> Callers:
    kept: Callers = request.app.state.callers
    return kept


def _let_ask(wait: timedelta | None) -> None:
    if wait:
        seconds = max(1, ceil(wait.total_seconds()))
        said = f"Trop de demandes. Recommencez dans {seconds} s."
        raise HTTPException(429, said, headers={"Retry-After": str(seconds)})
