"""What every page shares: assets, live stream, palette, appearance, errors, headers. Installed by the app."""

from typing import Annotated, Literal

from fastapi import APIRouter, FastAPI, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from fleet_server.web import live, palette, rail, static
from fleet_server.web.csrf import is_csrf_token
from fleet_server.web.errors import install_errors
from fleet_server.web.headers import SecurityHeaders
from fleet_server.web.pages import THEME, page, seen_other
from fleet_server.web.viewer import Viewer

router = APIRouter(include_in_schema=False)


def install_web(app: FastAPI) -> None:
    """`app.state.context`, `find_viewer` and `live_roles` are set by then, or before the first request."""
    app.add_middleware(SecurityHeaders)
    install_errors(app)
    for part in (static.router, live.router, palette.router, router):
        app.include_router(part)


def _viewer(request: Request) -> Viewer:
    viewer: Viewer | None = request.app.state.find_viewer(request)
    if viewer is None:
        raise HTTPException(303, headers={"Location": "/connexion"})
    return viewer


@router.get("/")
def home(request: Request) -> RedirectResponse:
    return RedirectResponse(rail.landing(_viewer(request)), 303)


@router.get("/a-propos")
def about(request: Request) -> HTMLResponse:
    return page(request, _viewer(request), "a-propos.html")


@router.post("/apparence")
def appearance(
    request: Request,
    apparence: Annotated[Literal["clair", "sombre", "appareil"], Form()],
    csrf: Annotated[str, Form()] = "",
    vers: Annotated[str, Form()] = "/",
) -> RedirectResponse:
    """Light, dark, or as the device: a cookie of this browser, nothing in the database."""
    if not is_csrf_token(_viewer(request).csrf, csrf):
        raise HTTPException(403, "Ce formulaire a expiré : revenez à la page, puis recommencez.")
    answer = seen_other(vers if vers.startswith("/") and not vers.startswith(("//", "/\\")) else "/")
    answer.set_cookie(THEME, apparence, max_age=365 * 86400, httponly=True, samesite="lax", path="/")
    return answer
