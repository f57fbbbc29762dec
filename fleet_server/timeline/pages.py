"""/bornes/{id}/chronologie: what happened there, by kind and by period."""

from datetime import date, datetime
from itertools import groupby
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlmodel import Session

from fleet_server.access.guard import Viewer, allow
from fleet_server.context import ContextDep, Reading
from fleet_server.terminals.away import ONLINE_WITHIN
from fleet_server.terminals.models import Terminal, TerminalLive
from fleet_server.terminals.named import named
from fleet_server.timeline.keys import FIRST_DAY, LAST_DAY, read_key
from fleet_server.timeline.kinds import KINDS
from fleet_server.timeline.lines import Asked, lines
from fleet_server.web.pages import page

router = APIRouter(include_in_schema=False)
Operator = Annotated[Viewer, Depends(allow("operator", "admin"))]
Text = Annotated[str, Query(max_length=120)]


@router.get("/bornes/{terminal_id}/chronologie")
def timeline_page(
    request: Request, ctx: ContextDep, session: Reading, viewer: Operator, terminal_id: str,
    genre: Text = "", du: Text = "", au: Text = "", avant: Text = "",
) -> Response:  # fmt: skip
    """What can't be read of the address is left out, and not repeated."""
    terminal = named(session, terminal_id)
    kind, first, last = genre if genre in KINDS else "", _day(du), _day(au)
    before = read_key(avant)
    asked = Asked(terminal.id, kind, first, last, before, ctx.settings.demo)
    shown, after = lines(session, asked, ctx.now())
    days = [(day, list(those)) for day, those in groupby(shown, key=lambda line: line.day)]
    return page(
        request, viewer, "timeline/chronologie.html", terminal=terminal, kinds=KINDS, kind=kind, days=days,
        count=len(shown), after=after, before=before, first=first, last=last,
        silent_since=_silent_since(session, terminal, ctx.now()),
    )  # fmt: skip


def _silent_since(session: Session, terminal: Terminal, now: datetime) -> datetime | None:
    """A silence is a line once it is over; until then it is said above."""
    live = session.get(TerminalLive, terminal.id)
    heard = live.heard_at if live and terminal.status == "accepted" else None
    return heard if heard and now - heard > ONLINE_WITHIN else None


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if FIRST_DAY <= day <= LAST_DAY else None
