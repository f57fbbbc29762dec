"""From a template to an answer: the one Jinja environment, the layout's values, French spacing, toasts, redirects.

Rooms call `page` for a whole page, `fragment` for what htmx swaps, `seen_other` after an act.
"""

import base64
import gzip
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, TypedDict
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from sqlmodel import Session

from fleet_server.db import reading
from fleet_server.web import french, rail
from fleet_server.web.csrf import anonymous_token, csrf_token, is_encrypted
from fleet_server.web.live import stream_url
from fleet_server.web.static import ASSETS, asset
from fleet_server.web.viewer import Viewer
from fleet_server.web.vocabulary import state_of

ROOMS = Path(__file__).parents[1]
TOAST = "balise_toast"
THEME = "balise_theme"
SCHEMES = {"clair": "light", "sombre": "dark"}


@dataclass(frozen=True, slots=True)
class RailCount:
    """`you`: these wait for the viewer, and the lamp is lit."""

    count: int
    you: bool = False


RailCounter = Callable[[Session, Viewer], RailCount | None]
"""Registered by the composition root in `app.state.rail_counts`, by the page's key in `rail.PAGES`."""


class Missing(StrictUndefined):
    """May be asked whether it is there (`{% if errors.name %}`); printing or looping over it fails loudly."""

    def __bool__(self) -> bool:  # type: ignore[override]
        return False


class Toast(TypedDict):
    text: str
    undo: str | None


def page(request: Request, viewer: Viewer | None, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A whole page, in the layout. Shows and forgets the toast of the act that led here."""
    toast = _toast_of(request)
    anonymous = None if viewer else anonymous_token(request)
    answer = _answer(request, viewer, template, status, anonymous, toast=toast, **values)
    if toast:
        answer.delete_cookie(TOAST, path="/")
    if anonymous:
        anonymous.keep(answer, secure=is_encrypted(request))
    return answer


def fragment(
    request: Request, viewer: Viewer | None, template: str, *, status: int = 200, **values: Any
) -> HTMLResponse:
    """What htmx swaps in: the template as it is, without the layout."""
    return _answer(request, viewer, template, status, None, toast=None, **values)


def seen_other(url: str, toast: str | None = None, undo_url: str | None = None) -> RedirectResponse:
    """After an act: 303 to where its result is seen. `undo_url` gets a POST when the person changes their mind."""
    answer = RedirectResponse(url, status_code=303)
    if toast:
        raw = base64.urlsafe_b64encode(json.dumps({"text": toast[:300], "undo": undo_url}).encode()).decode()
        answer.set_cookie(TOAST, raw, max_age=60, httponly=True, samesite="lax", path="/")
    return answer


def with_query(request: Request, **changes: Any) -> str:
    """This page's address with some filters changed; None takes one away."""
    kept = {name: value for name, value in request.query_params.items() if name not in changes}
    kept |= {name: str(value) for name, value in changes.items() if value is not None and value != ""}
    return request.url.path + (f"?{urlencode(kept)}" if kept else "")


def page_number(text: str) -> int:
    """Of a list, as an address names it; what is no number is the first page."""
    return max(1, int(text[:5])) if text.isdecimal() else 1


@cache
def environment() -> Environment:
    """Templates of every room, found under its own name: `terminals/flotte.html`. A wrong name fails loudly."""
    folders = [ROOMS / "web" / "templates", *sorted(ROOMS.glob("*/templates"))]
    jinja = Environment(
        loader=FileSystemLoader(folders),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=Missing,
    )
    jinja.filters.update(french.FILTERS)
    jinja.globals.update(
        tabler=tabler, asset=asset, state_of=state_of, geo=json.loads((ASSETS / "pays-de-la-loire.json").read_text())
    )
    return jinja


@cache
def _icons() -> dict[str, str]:
    built = ASSETS / "vendor" / "icons.json"
    if not built.exists():
        raise LookupError(f"{built} manque : lancez « make build ».")
    icons: dict[str, str] = json.loads(built.read_text())
    return icons


def tabler(name: str, cls: str = "") -> Markup:
    """An icon of Tabler, inline, silent for screen readers: the words beside it speak."""
    return Markup(
        '<svg class="icon {}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" '
        'stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">{}</svg>'
    ).format(cls, Markup(_icons()[name]))  # noqa: S704 - built from the locked package


def _answer(
    request: Request, viewer: Viewer | None, template: str, status: int, anonymous: Any, **values: Any
) -> HTMLResponse:
    context = request.app.state.context
    now: datetime = context.now()
    token = csrf_token(viewer.csrf) if viewer else anonymous.value if anonymous else ""
    theme = request.cookies.get(THEME, "")
    shared = {
        "request": request, "viewer": viewer, "now": now, "csrf": token, "demo": context.settings.demo,
        "theme": theme if theme in SCHEMES else "appareil", "scheme": SCHEMES.get(theme, ""),
        "csrf_field": lambda: Markup('<input type="hidden" name="csrf" value="{}">').format(token),
        "query": lambda **changes: with_query(request, **changes),
        "stream": lambda subjects: stream_url(context.live, subjects),
        "rail_groups": rail.groups_of(viewer) if viewer else {}, "rail_counts": _counts(request, viewer),
    }  # fmt: skip
    marker = french.rendering_at.set(now)
    try:
        html = french.spaced(environment().get_template(template).render(shared | values))
    finally:
        french.rendering_at.reset(marker)
    return _compressed(request, html, status)


def _counts(request: Request, viewer: Viewer | None) -> dict[str, RailCount]:
    counters: dict[str, RailCounter] = getattr(request.app.state, "rail_counts", {})
    shown = {page.key for page in rail.pages_of(viewer)} if viewer else set()
    if viewer is None or not shown & counters.keys() or request.headers.get("hx-request"):
        return {}
    with reading(request.app.state.context.engine) as session:
        counts = {key: counter(session, viewer) for key, counter in counters.items() if key in shown}
    return {key: count for key, count in counts.items() if count is not None}


def _compressed(request: Request, html: str, status: int) -> HTMLResponse:
    headers = {"Cache-Control": "no-store", "Vary": "Accept-Encoding, HX-Request"}
    body = html.encode()
    if len(body) > 1400 and "gzip" in request.headers.get("accept-encoding", ""):
        body = gzip.compress(body, 5, mtime=int(time.time()))
        headers["Content-Encoding"] = "gzip"
    return HTMLResponse(body, status_code=status, headers=headers)


def _toast_of(request: Request) -> Toast | None:
    """What the cookie says, if it is ours to show: a text, and an address of this site to undo."""
    try:
        said = json.loads(base64.urlsafe_b64decode(request.cookies[TOAST]))
        text, undo = str(said["text"]), said["undo"]
    except (KeyError, ValueError, TypeError):
        return None
    local = isinstance(undo, str) and undo.startswith("/") and not undo.startswith(("//", "/\\"))
    return {"text": text[:300], "undo": undo if local else None}
