"""The timeline for programs. By API token (`access.caller`)."""

from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, HTTPException, Query
from pydantic import BaseModel
from sqlmodel import Session

from fleet_server.access.caller import CALLED, calling
from fleet_server.context import Context, ContextDep, Reading
from fleet_server.terminals.named import named
from fleet_server.timeline.keys import FIRST_DAY, LAST_DAY, read_key
from fleet_server.timeline.lines import Asked, Line, lines
from fleet_server.web.errors import refusals
from fleet_server.web.viewer import Viewer

router = APIRouter(prefix="/api/v1", tags=["fleet"], responses=CALLED)
Reader = Annotated[Viewer, Depends(calling("terminals:read", "commands:read"))]
"""Both: the texts of commands, their answers and who gave them are in it."""
Kind = Literal["", "demarrages", "logiciel", "contenu", "reglages", "commandes", "maintenance", "incidents",
               "certificat", "materiel", "visites", "autres"]  # fmt: skip
Day = Annotated[date | None, Query(ge=FIRST_DAY, le=LAST_DAY, description="Of Paris, included")]


class LineView(BaseModel):
    """`name`: of the fact, for programs; `words` and `detail`: as the page shows them. Visits are counted by day, at
    the day's end."""

    at: datetime
    kind: str
    name: str
    words: str
    detail: str
    changed: list[tuple[str, str | None, str | None]]


class TimelinePage(BaseModel):
    """Newest first. `next`: give it as `before` to go on; null at the end."""

    lines: list[LineView]
    next: str | None


@router.get("/terminals/{terminal_id}/timeline", responses=refusals(404))
def timeline(
    caller: Reader, ctx: ContextDep, session: Reading, terminal_id: str, kind: Kind = "", since: Day = None,
    until: Day = None, before: Annotated[str, Query(max_length=120)] = "",
    size: Annotated[int, Query(ge=1, le=200)] = 50,
) -> TimelinePage:  # fmt: skip
    """What happened to this terminal, of one kind or all. Scopes `terminals:read` and `commands:read`."""
    key = read_key(before)
    if before and key is None:
        raise HTTPException(422, "« before » n’est pas une suite : reprenez celle de « next ».")
    return told(session, ctx, Asked(terminal_id, kind, since, until, key, ctx.settings.demo), size)


def told(session: Session, ctx: Context, asked: Asked, size: int) -> TimelinePage:
    """Raises `HTTPException` 404."""
    named(session, asked.terminal)
    shown, after = lines(session, asked, ctx.now(), size)
    return TimelinePage(lines=[_view(line) for line in shown], next=str(after) if after else None)


def _view(line: Line) -> LineView:
    return LineView(at=line.at, kind=line.kind, name=line.name, words=line.words, detail=line.detail,
                    changed=list(line.changed))  # fmt: skip
