"""A terminal's notes for programs, one by one: corrected, deleted. By API token (`access.caller`)."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path
from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import Session

from fleet_server.access.caller import CALLED
from fleet_server.context import ContextDep, Writing
from fleet_server.terminals.fleet_api import NoteView, Writer, note_view
from fleet_server.terminals.labels import NotTaken, Overtaken, change_note, delete_note, note_of
from fleet_server.terminals.models import TerminalNote
from fleet_server.terminals.named import named
from fleet_server.web.errors import refusals

router = APIRouter(prefix="/api/v1/terminals/{terminal_id}/notes", tags=["fleet"], responses=CALLED)
_MOST = 2**31 - 1
Number = Annotated[int, Path(ge=1, le=_MOST)]


class CorrectedNote(BaseModel):
    """`revision`: the one that was read; on an older one nothing changes."""

    model_config = ConfigDict(extra="forbid")

    text: str
    revision: Annotated[int, Field(ge=1, le=_MOST)]


@router.patch("/{number}", responses=refusals(404, 409))
def correct(
    caller: Writer, ctx: ContextDep, session: Writing, terminal_id: str, number: Number, asked: CorrectedNote
) -> NoteView:
    """409 when it was corrected meanwhile. Scope `terminals:write`."""
    note = found(session, terminal_id, number)
    try:
        change_note(session, note, asked.text, asked.revision, caller, ctx.now())
    except NotTaken as refused:
        raise HTTPException(422, str(refused)) from refused
    except Overtaken as late:
        raise HTTPException(409, str(late)) from late
    return note_view(note)


@router.delete("/{number}", status_code=204, responses=refusals(404))
def delete(caller: Writer, ctx: ContextDep, session: Writing, terminal_id: str, number: Number) -> None:
    """For good: the audit log names the note, never its words. Scope `terminals:write`."""
    delete_note(session, found(session, terminal_id, number), caller, ctx.now())


def found(session: Session, terminal_id: str, number: int) -> TerminalNote:
    """Raises `HTTPException` 404."""
    note = note_of(session, named(session, terminal_id).id, number)
    if note is None:
        raise HTTPException(404, "Cette borne n’a pas de note de ce numéro.")
    return note
