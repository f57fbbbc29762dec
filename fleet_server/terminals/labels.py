"""What people attach to a terminal: tags and notes.

NotTaken     tell the person why
Overtaken    tell the person that another one was there first
"""

import re
from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from sqlmodel import Session, col, func, select, update

from fleet_server.access.audit import record_act
from fleet_server.terminals.models import Terminal, TerminalNote
from fleet_server.web.viewer import Viewer

TAGS, TAG_LENGTH, NOTES, NOTE_LENGTH = 20, 40, 200, 2000
_TAG = re.compile(rf"^[^\W_](?:[\w .:-]{{0,{TAG_LENGTH - 2}}}[^\W_])?$")


class NotTaken(ValueError):
    """Its words say what is accepted."""


class Overtaken(Exception):
    """In French."""


def read_tags(tags: Iterable[str]) -> list[str]:
    """As they are kept; case does not count. Raises `NotTaken`."""
    wanted = sorted({" ".join(tag.split()).lower() for tag in tags if tag.strip()})
    for tag in wanted:
        if not _TAG.match(tag):
            raise NotTaken(f"« {tag[:60]} » : de 1 à {TAG_LENGTH} lettres, chiffres, espaces, points ou tirets.")
    if len(wanted) > TAGS:
        raise NotTaken(f"{len(wanted)} étiquettes, c’est trop : {TAGS} au plus.")
    return wanted


def set_tags(session: Session, terminal: Terminal, tags: list[str], viewer: Viewer | None, now: datetime) -> bool:
    """These and no others. False: no change. Raises `NotTaken`."""
    wanted = read_tags(tags)
    if wanted == terminal.tags:
        return False
    record_act(session, viewer, "terminal.tagged", terminal.id, now=now,
               before={"tags": terminal.tags}, after={"tags": wanted})  # fmt: skip
    terminal.tags = wanted
    session.add(terminal)
    return True


def tags_in_use(session: Session, besides: Terminal | None = None) -> list[str]:
    """Of terminals in service, the most used first; without those that one has already."""
    query = select(Terminal.tags).where(col(Terminal.status) != "decommissioned")
    counts = Counter(tag for tags in session.exec(query) for tag in tags)
    mine = set(besides.tags) if besides else set()
    return sorted(counts.keys() - mine, key=lambda tag: (-counts[tag], tag))


def add_note(session: Session, terminal: Terminal, text: str, viewer: Viewer | None, now: datetime) -> TerminalNote:
    """Raises `NotTaken`. The audit log names the note, never its words."""
    held = session.exec(select(func.count()).where(TerminalNote.terminal == terminal.id)).one()
    if held >= NOTES:
        raise NotTaken(f"{terminal.name} a déjà {NOTES} notes : supprimez celles qui ne servent plus.")
    note = TerminalNote(terminal=terminal.id, at=now, by=_name(viewer), text=_checked(text))
    session.add(note)
    session.flush()
    record_act(session, viewer, "terminal.noted", terminal.id, {"note": note.id}, now=now)
    return note


def change_note(
    session: Session, note: TerminalNote, text: str, revision: int, viewer: Viewer | None, now: datetime
) -> bool:
    """False: it says that already. Raises `NotTaken`, `Overtaken`."""
    text = _checked(text)
    if text == note.text:
        return False
    guarded = update(TerminalNote).where(col(TerminalNote.id) == note.id, col(TerminalNote.revision) == revision)
    changed = guarded.values(text=text, changed_at=now, changed_by=_name(viewer), revision=revision + 1)
    if session.connection().execute(changed).rowcount != 1:
        raise Overtaken("Une autre personne vient de corriger cette note : lisez d’abord ce qu’elle a écrit.")
    session.refresh(note)
    record_act(session, viewer, "terminal.note_changed", note.terminal, {"note": note.id}, now=now)
    return True


def delete_note(session: Session, note: TerminalNote, viewer: Viewer | None, now: datetime) -> None:
    """Its words are gone for good."""
    record_act(session, viewer, "terminal.note_deleted", note.terminal, {"note": note.id}, now=now)
    session.delete(note)
    session.flush()


def note_of(session: Session, terminal_id: str, number: int) -> TerminalNote | None:
    note = session.get(TerminalNote, number) if 0 < number < 2**31 else None
    return note if note and note.terminal == terminal_id else None


def notes_of(session: Session, terminal_id: str, limit: int = 50) -> list[TerminalNote]:
    """Newest first."""
    query = select(TerminalNote).where(TerminalNote.terminal == terminal_id).order_by(col(TerminalNote.id).desc())
    return list(session.exec(query.limit(limit)))


def _checked(text: str) -> str:
    text = text.replace("\r\n", "\n").strip()
    if not 1 <= len(text) <= NOTE_LENGTH:
        raise NotTaken(f"Une note a de 1 à {NOTE_LENGTH} caractères.")
    return text


def _name(viewer: Viewer | None) -> str:
    return (viewer.name if viewer else "Balise")[:80]
