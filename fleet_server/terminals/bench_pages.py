"""/bornes/{id}/banc: what the commissioning bench found of a terminal, line by line, and the benches before."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from fleet_server.access.guard import Viewer, allow
from fleet_server.context import Reading
from fleet_server.terminals.bench_report import WORDS
from fleet_server.terminals.benches import benches
from fleet_server.terminals.named import named
from fleet_server.web.pages import page

router = APIRouter(include_in_schema=False)
Operator = Annotated[Viewer, Depends(allow("operator", "admin"))]


@router.get("/bornes/{terminal_id}/banc")
def bench_page(request: Request, session: Reading, viewer: Operator, terminal_id: str, le: str = "") -> Response:
    """`le`: the one to show, the newest by default."""
    terminal, found = named(session, terminal_id), benches(session, terminal_id)
    shown = next((one for one in found if one.id == le), found[0] if found else None)
    return page(request, viewer, "terminals/banc.html", terminal=terminal, shown=shown, benches=found, verdicts=WORDS)
