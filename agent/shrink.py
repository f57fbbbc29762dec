"""How the outbox gives room back, inside a transaction of its caller: what is acknowledged, old, or worth least.

An event's row covers `seq` to `through`; only `dropped` covers more than one. Rows leave no holes between them.
"""

import json
from collections import Counter
from collections.abc import Callable
from sqlite3 import Connection
from typing import Any, NamedTuple

from wire.events import MEASUREMENT, Dropped


class _Row(NamedTuple):
    seq: int
    through: int
    kind: str
    size: int


def forget_acknowledged(db: Connection, acked: int, excess: int) -> int:
    """Delete what the server has, oldest first, until `excess` bytes are free. Returns the bytes freed.

    The last acknowledged event stays: its id is the next batch's `after`.
    """
    freed = 0
    last = 0
    rows = db.execute("SELECT seq, through, kind, length(body) FROM event WHERE through < ? ORDER BY seq", (acked,))
    for row in map(_Row._make, rows):
        if freed >= excess:
            break
        freed += row.size
        last = row.seq
    rows.close()
    db.execute("DELETE FROM event WHERE seq <= ?", (last,))
    return freed


def forget_old(db: Connection, acked: int, before: float) -> int:
    """Delete what is acknowledged and was kept before `before` (a mark's time). Returns the bytes freed."""
    (seq,) = db.execute("SELECT coalesce(max(seq), 0) FROM mark WHERE at <= ?", (before,)).fetchone()
    bound = (min(seq, acked - 1),)
    (freed,) = db.execute("SELECT coalesce(sum(length(body)), 0) FROM event WHERE through <= ?", bound).fetchone()
    db.execute("DELETE FROM event WHERE through <= ?", bound)
    db.execute("DELETE FROM mark WHERE seq < ?", (seq,))
    return int(freed)


def drop_measurements(db: Connection, after: int, excess: int, stamp: Callable[[], dict[str, Any]]) -> tuple[int, int]:
    """Give up measurements that follow sequence `after`, oldest first, each run leaving one `dropped` in its place.

    Returns (events given up, bytes freed). A run too short to gain room by it is left alone; it grows with time.
    """
    runs: list[list[_Row]] = []
    planned = 0
    rows = db.execute("SELECT seq, through, kind, length(body) FROM event WHERE seq > ? ORDER BY seq", (after,))
    for row in map(_Row._make, rows):
        if row.kind != "dropped" and row.kind not in MEASUREMENT:
            runs.append([])
            continue
        if planned >= excess and row.kind != "dropped":
            break
        if not runs:
            runs.append([])
        runs[-1].append(row)
        planned += row.size if row.kind != "dropped" else 0
    rows.close()
    dropped = freed = 0
    for run in runs:
        given_up, gained = _drop(db, run, stamp) if run else (0, 0)
        dropped += given_up
        freed += gained
    return dropped, freed


def _drop(db: Connection, run: list[_Row], stamp: Callable[[], dict[str, Any]]) -> tuple[int, int]:
    span = (run[0].seq, run[-1].seq)
    counts = Counter(row.kind for row in run if row.kind != "dropped")
    given_up = counts.total()
    if not given_up:
        return 0, 0
    for (earlier,) in db.execute("SELECT body FROM event WHERE kind = 'dropped' AND seq BETWEEN ? AND ?", span):
        counts.update(json.loads(earlier)["counts"])
    note = Dropped(**stamp(), from_=run[0].seq, to=run[-1].through, counts=dict(counts))
    body = note.model_dump_json().encode()
    gained = sum(row.size for row in run) - len(body)
    if gained <= 0:
        return 0, 0
    db.execute("DELETE FROM event WHERE seq BETWEEN ? AND ?", span)
    db.execute(
        "INSERT INTO event (seq, through, id, kind, body) VALUES (?, ?, ?, ?, ?)",
        (note.from_, note.to, note.id, note.kind, body),
    )
    return given_up, gained


def renumber(db: Connection, confirmed: int) -> int:
    """Number what is kept from 1, in the same order; a `dropped` goes on covering as many sequences as before.

    Returns the new number of what was `confirmed`.
    """
    nexts, again = 1, 0
    for seq, through, kind, body in db.execute("SELECT seq, through, kind, body FROM event ORDER BY seq").fetchall():
        last = nexts + through - seq
        if kind == "dropped":
            body = json.dumps(json.loads(body) | {"from_": nexts, "to": last}).encode()
        # In ascending order no new number meets an old one: none grows.
        db.execute("UPDATE event SET seq = ?, through = ?, body = ? WHERE seq = ?", (nexts, last, body, seq))
        nexts = last + 1
        again = last if through <= confirmed else again
    db.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'event'", (nexts - 1,))
    db.execute("DELETE FROM mark")
    return again
