"""/bornes/{id}/carnet: what people attach to a terminal, tags and notes; a part of it is on the terminal's page."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from sqlmodel import Session

from fleet_server.access.guard import Viewer, allow
from fleet_server.context import ContextDep, Reading, Writing
from fleet_server.terminals import labels
from fleet_server.terminals.models import Terminal
from fleet_server.terminals.named import in_service, named
from fleet_server.terminals.note_api import found
from fleet_server.web.pages import page, seen_other

router = APIRouter(include_in_schema=False)
Operator = Annotated[Viewer, Depends(allow("operator", "admin"))]
NOTES_SHOWN = 5
"""On the terminal's page; the notebook has them all."""


def of_terminal(session: Session, terminal: Terminal, most: int = NOTES_SHOWN) -> dict[str, Any]:
    """What the page of one terminal shows of them. Two queries."""
    notes = labels.notes_of(session, terminal.id, most + 1)
    return {
        "suggested": labels.tags_in_use(session, terminal), "notes": notes[:most], "more_notes": len(notes) > most,
        "note_length": labels.NOTE_LENGTH, "tag_length": labels.TAG_LENGTH, "errors": {}, "typed": {}, "opened": 0,
    }  # fmt: skip


@router.get("/bornes/{terminal_id}/carnet")
def notebook(request: Request, session: Reading, viewer: Operator, terminal_id: str) -> Response:
    return _page(request, session, viewer, named(session, terminal_id))


@router.post("/bornes/{terminal_id}/etiquettes")
def tag(
    request: Request, ctx: ContextDep, session: Writing, viewer: Operator, terminal_id: str,
    tag: Annotated[str, Form()] = "", remis: Annotated[str, Query(max_length=200)] = "",
) -> Response:  # fmt: skip
    """`remis`: one that was taken off, and comes back."""
    terminal = in_service(session, terminal_id)
    wanted = (remis or tag).strip()
    try:
        if not wanted:
            raise labels.NotTaken("Donnez une étiquette : « 4g », « écran 32 pouces ».")
        added = labels.set_tags(session, terminal, [*terminal.tags, wanted], viewer, ctx.now())
    except labels.NotTaken as refused:
        return _page(request, session, viewer, terminal, 422, errors={"tag": str(refused)}, typed={"tag": wanted})
    if not added:
        return _back(terminal, f"{terminal.name} a déjà cette étiquette.")
    shown = " ".join(wanted.split()).lower()
    return _back(terminal, f"Étiquette « {shown} » mise.", f"/etiquettes/enlever?{urlencode({'tag': shown})}")


@router.post("/bornes/{terminal_id}/etiquettes/enlever")
def untag(
    ctx: ContextDep, session: Writing, viewer: Operator, terminal_id: str,
    tag: Annotated[str, Query(max_length=200)],
) -> Response:  # fmt: skip
    terminal = in_service(session, terminal_id)
    if not labels.set_tags(session, terminal, [one for one in terminal.tags if one != tag], viewer, ctx.now()):
        return _back(terminal, f"{terminal.name} n’a pas cette étiquette.")
    return _back(terminal, f"Étiquette « {tag} » enlevée.", f"/etiquettes?{urlencode({'remis': tag})}")


@router.post("/bornes/{terminal_id}/notes")
def write(
    request: Request, ctx: ContextDep, session: Writing, viewer: Operator, terminal_id: str,
    text: Annotated[str, Form()] = "",
) -> Response:  # fmt: skip
    terminal = named(session, terminal_id)
    try:
        labels.add_note(session, terminal, text, viewer, ctx.now())
    except labels.NotTaken as refused:
        return _page(request, session, viewer, terminal, 422, errors={"note": str(refused)}, typed={"note": text})
    return _back(terminal, "Note écrite.")


@router.post("/bornes/{terminal_id}/notes/{number}")
def correct(
    request: Request, ctx: ContextDep, session: Writing, viewer: Operator, terminal_id: str, number: int,
    revision: Annotated[int, Form(ge=1, le=2**31 - 1)], text: Annotated[str, Form()] = "",
) -> Response:  # fmt: skip
    note, terminal = found(session, terminal_id, number), named(session, terminal_id)
    try:
        changed = labels.change_note(session, note, text, revision, viewer, ctx.now())
    except labels.NotTaken as refused:
        why, status = str(refused), 422
    except labels.Overtaken as late:
        session.refresh(note)
        why, status = str(late), 409
    else:
        return _back(terminal, "Note corrigée." if changed else "Rien n’a changé.")
    return _page(request, session, viewer, terminal, status, errors={f"note-{number}": why}, typed={"text": text},
                 opened=number)  # fmt: skip


@router.post("/bornes/{terminal_id}/notes/{number}/supprimer")
def delete(ctx: ContextDep, session: Writing, viewer: Operator, terminal_id: str, number: int) -> Response:
    labels.delete_note(session, found(session, terminal_id, number), viewer, ctx.now())
    return _back(named(session, terminal_id), "Note supprimée.")


def _back(terminal: Terminal, said: str, undo: str = "") -> Response:
    """To the terminal's page, or to the notebook of one that was retired: it has no other page."""
    here = f"/bornes/{terminal.id}"
    at = f"{here}/carnet" if terminal.status == "decommissioned" else f"{here}#carnet"
    return seen_other(at, said, here + undo if undo else None)


def _page(
    request: Request, session: Session, viewer: Viewer, terminal: Terminal, status: int = 200, **values: Any
) -> Response:
    shown = of_terminal(session, terminal, labels.NOTES) | values
    return page(request, viewer, "terminals/carnet.html", status=status, terminal=terminal, **shown)
