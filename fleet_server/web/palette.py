"""The palette (Ctrl K): pages, then what rooms offer, such as terminals. One fragment, searched in the page."""

from collections.abc import Callable
from typing import NamedTuple

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse
from sqlmodel import Session

from fleet_server.db import reading
from fleet_server.web import rail
from fleet_server.web.pages import fragment
from fleet_server.web.viewer import Viewer
from fleet_server.web.vocabulary import State

router = APIRouter()


class Choice(NamedTuple):
    label: str
    url: str
    icon: str
    detail: str = ""
    state: State | None = None


PaletteSource = Callable[[Session, Viewer], tuple[str, list[Choice]]]
"""A group's title and its choices. Registered by the composition root in `app.state.palette_sources`."""


@router.get("/palette", include_in_schema=False)
def palette(request: Request) -> HTMLResponse:
    viewer: Viewer | None = request.app.state.find_viewer(request)
    if viewer is None:
        raise HTTPException(401)
    groups = [("Pages", [Choice(page.label, page.url, page.icon) for page in rail.pages_of(viewer)])]
    sources: list[PaletteSource] = getattr(request.app.state, "palette_sources", [])
    with reading(request.app.state.context.engine) as session:
        groups += [group for source in sources if (group := source(session, viewer))[1]]
    return fragment(request, viewer, "palette.html", groups=groups)
