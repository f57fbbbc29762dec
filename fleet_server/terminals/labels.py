"""What people attach to a terminal: tags and notes.

NotTaken     tell the person why
"""

import re
from datetime import datetime

from sqlmodel import Session, col, select

from fleet_server.access.audit import record_act
from fleet_server.terminals.models import Terminal, TerminalNote
from fleet_server.web.viewer import Viewer

TAGS, TAG_LENGTH, NOTE_LENGTH = 20, 40, 2000
_TAG = re.compile(rf"^[^\W_](?:[\w .:-]{{0,{TAG_LENGTH - 2}}}[^\W_])?$")


class NotTaken(ValueError):
    """Its words say what is accepted."""


def set_tags(session: Session, terminal: Terminal, tags: list[str], viewer: Viewer | None, now: datetime) -> bool:
    """These and no others; case does not count. False: no change. Raises `NotTaken`."""
    wanted = sorted({" ".join(tag.split()).lower() for tag in tags if tag.strip()})
    for tag in wanted:
        if not _TAG.match(tag):
            raise NotTaken(f"« {tag[:60]} » : de 1 à {TAG_LENGTH} lettres, chiffres, espaces, points ou tirets.")
    if len(wanted) > TAGS:
        raise NotTaken(f"{len(wanted)} étiquettes, c’est trop : {TAGS} au plus.")
    if wanted == terminal.tags:
        return False
    record_act(session, viewer, "terminal.tagged", terminal.id, now=now,
               before={"tags": terminal.tags}, after={"tags": wanted})  # fmt: skip
    terminal.tags = wanted
    session.add(terminal)
    return True


def add_note(session: Session, terminal: Terminal, text: str, viewer: Viewer | None, now: datetime) -> TerminalNote:
    """Raises `NotTaken`. The audit log names the note, never its words."""
    text = text.strip()
    if not 1 <= len(text) <= NOTE_LENGTH:
        raise NotTaken(f"Une note a de 1 à {NOTE_LENGTH} caractères.")
    note = TerminalNote(terminal=terminal.id, at=now, by=viewer.name if viewer else "Balise", text=text)
    session.add(note)
    session.flush()
    record_act(session, viewer, "terminal.noted", terminal.id, {"note": note.id}, now=now)
    return note


def notes_of(session: Session, terminal_id: str, limit: int = 50) -> list[TerminalNote]:
    """Newest first."""
    query = select(TerminalNote).where(TerminalNote.terminal == terminal_id).order_by(col(TerminalNote.id).desc())
    return list(session.exec(query.limit(limit)))
