"""An event that the server refuses even alone is set aside; a note takes its place in the outbox and blocks nothing."""

from collections.abc import Callable
from hashlib import sha256
from sqlite3 import Connection
from typing import Any

from wire.events import EventSetAside

_KEPT = 100
"""How many events set aside stay on the terminal, for whoever comes to look."""


def put_aside(db: Connection, seq: int, reason: str, stamp: Callable[[], dict[str, Any]]) -> bool:
    """Exchange the event at `seq` for a note of it, in the transaction of the caller.

    False when it is such a note already: then the fault is not the event's, and the event is put back in its place.
    """
    found, kind, body = db.execute("SELECT id, kind, body FROM event WHERE seq = ?", (seq,)).fetchone()
    if kind == EventSetAside.model_fields["kind"].default:
        original = db.execute("SELECT id, kind, body FROM aside WHERE note = ?", (found,)).fetchone()
        if original:
            _place(db, seq, *original)
            db.execute("DELETE FROM aside WHERE note = ?", (found,))
            db.execute("UPDATE position SET set_aside = set_aside - 1")
        return False
    note = EventSetAside(**stamp(), digest=sha256(body).hexdigest(), reason=reason[:200])
    db.execute("INSERT INTO aside (note, id, kind, body) VALUES (?, ?, ?, ?)", (note.id, found, kind, body))
    db.execute("DELETE FROM aside WHERE note <= (SELECT note FROM aside ORDER BY note DESC LIMIT 1 OFFSET ?)", (_KEPT,))
    _place(db, seq, note.id, note.kind, note.model_dump_json().encode())
    db.execute("UPDATE position SET set_aside = set_aside + 1")
    return True


def _place(db: Connection, seq: int, identifier: str, kind: str, body: bytes) -> None:
    db.execute("UPDATE event SET id = ?, kind = ?, body = ? WHERE seq = ?", (identifier, kind, body, seq))
