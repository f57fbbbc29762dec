"""What the terminal has to tell, in order, kept until the server has committed it, and 14 days more.

Sequences have no holes: one an event, but `dropped`, which stands for the run of measurements given up. The server's
answers move the position from which the next batch is read; nothing else does. Rules: DESIGN.md §3.
"""

import functools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from sqlite3 import Connection
from typing import Any, ParamSpec, TypeVar, cast

from agent.set_aside import put_aside
from agent.shrink import drop_measurements, forget_acknowledged, forget_old, renumber
from agent.spool import SetAside, Spool
from wire import VERSION
from wire.batch import MAX_BATCH_BYTES, MAX_EVENT_BYTES, MAX_EVENTS
from wire.events import AnyEvent, OutboxReplaced
from wire.ids import uuid7
from wire.state import Cursor, OutboxState

KEPT_AFTER_ACK = timedelta(days=14)
"""A server restored from a backup gets everything again."""
_MARK_EVERY = timedelta(hours=1)
_ENVELOPE_BYTES = 1024

_SCHEMA = """
CREATE TABLE IF NOT EXISTS event (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, through INTEGER NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL,
  body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS position (
  one INTEGER PRIMARY KEY CHECK (one = 1), outbox TEXT NOT NULL, acked INTEGER NOT NULL DEFAULT 0,
  flight INTEGER NOT NULL DEFAULT 0, confirmed INTEGER NOT NULL DEFAULT 0,
  dropped INTEGER NOT NULL DEFAULT 0, set_aside INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS aside (note TEXT PRIMARY KEY, id TEXT NOT NULL, kind TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS mark (seq INTEGER NOT NULL, at REAL NOT NULL)
"""
_SALVAGE = (
    "SELECT outbox, (SELECT max(through) FROM event) - acked FROM position"  # of a damaged file: who it was, what waits
)


P = ParamSpec("P")
R = TypeVar("R")


def _alone(method: Callable[P, R]) -> Callable[P, R]:
    """What is counted in memory changes with what is on disk, under one lock."""

    @functools.wraps(method)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        outbox = cast(Outbox, args[0])
        with outbox._spool.lock:
            return method(*args, **kwargs)

    return run


class EventTooLarge(ValueError):
    """Refused at enqueue: send the file by HTTPS and put its digest in the event."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """The batch in flight: sequences `first` to `last`, as they are resent until answered."""

    outbox: str
    oldest: int
    first: int
    last: int
    after: str | None
    bodies: tuple[bytes, ...]

    def encode(self, terminal: str, generation: int, boot: str, attempt: int) -> bytes:
        """`wire.batch.Batch` as JSON. Events were serialised once, when they were kept."""
        head = {
            "wire": VERSION, "terminal": terminal, "generation": generation, "boot": boot, "outbox": self.outbox,
            "oldest": self.oldest, "first": self.first, "after": self.after, "attempt": attempt,
        }  # fmt: skip
        return json.dumps(head, separators=(",", ":")).encode()[:-1] + b',"events":[' + b",".join(self.bodies) + b"]}"


class Outbox:
    """`stamp` gives an event's common fields (`Clock.stamp` and the software); `changed` is called after each enqueue,
    from the caller's thread. Every method may block for an fsync."""

    def __init__(self, path: Path, stamp: Callable[[], dict[str, Any]], cap_bytes: int) -> None:
        self._stamp = stamp
        self._cap = cap_bytes
        self._limit = MAX_EVENTS
        self.changed: Callable[[], None] = lambda: None
        self._replaced: list[SetAside] = []
        self.id = ""
        self._acked = self._flight = self._confirmed = self._bytes = 0
        self._spool = Spool(path, _SCHEMA, _SALVAGE, self._on_replaced)
        self._start()
        self._tell_replaced()

    def _start(self) -> None:
        with self._spool.writing() as db:
            db.execute("INSERT OR IGNORE INTO position (one, outbox) VALUES (1, ?)", (uuid7(time.time_ns() // 10**6),))
            (self._bytes,) = db.execute("SELECT coalesce(sum(length(body)), 0) FROM event").fetchone()
        self._read_position()

    def _read_position(self) -> None:
        with self._spool.reading() as db:
            row = db.execute("SELECT outbox, acked, flight, confirmed FROM position").fetchone()
        self.id, self._acked, self._flight, self._confirmed = row

    def _on_replaced(self, found: SetAside) -> None:
        self._replaced.append(found)
        if self.id:  # found damaged while in use, not at opening
            self._start()
            self._tell_replaced()

    def _tell_replaced(self) -> None:
        for found in self._replaced:
            previous, unsent = found.known if found.known else (None, None)
            self.enqueue(OutboxReplaced(**self._stamp(), previous=previous, reason=found.reason, unsent=unsent))
        self._replaced.clear()

    @property
    def acked(self) -> int:
        return self._acked

    @_alone
    def enqueue(self, *told: AnyEvent) -> None:
        """All durable when it returns, or none. Raises `EventTooLarge`, `CannotKeep`."""
        bodies = [(event.id, event.kind, event.model_dump_json().encode()) for event in told]
        for _, kind, body in bodies:
            if len(body) > MAX_EVENT_BYTES:
                raise EventTooLarge(f"{kind}: {len(body)} bytes, at most {MAX_EVENT_BYTES}")
        added = sum(len(body) for _, _, body in bodies)
        with self._spool.writing() as db:
            last = _last(db)
            db.executemany(
                "INSERT INTO event (seq, through, id, kind, body) VALUES (?, ?, ?, ?, ?)",
                [(seq, seq, *body) for seq, body in enumerate(bodies, last + 1)],
            )
            freed = self._make_room(db, self._bytes + added - self._cap)
        self._bytes += added - freed
        self._read_position()
        self.changed()

    @_alone
    def enqueue_once(self, event: AnyEvent) -> None:
        """As `enqueue`, but that an event that is here already stays as it is: for what may have been told before a
        death. Looks through all that is kept."""
        with self._spool.reading() as db:
            here = db.execute("SELECT 1 FROM event WHERE id = ?", (event.id,)).fetchone()
        if not here:
            self.enqueue(event)

    def _make_room(self, db: Connection, excess: int) -> int:
        """Past the cap: first what the server has, then measurements, oldest first, never those in flight."""
        if excess <= 0:
            return 0
        # A little more than needed, so that a full spool does not do this for every event.
        excess += self._cap // 50
        freed = forget_acknowledged(db, self._acked, excess)
        out = max(self._acked, self._flight)
        if freed < excess and out < self._confirmed:
            # Confirmed under an earlier number: the server must hear of it neither as new nor as lost.
            freed += forget_acknowledged(db, self._confirmed + 1, self._bytes)
            self._renumber(db, 0)
            out = 0
        if freed < excess:
            dropped, gained = drop_measurements(db, out, excess - freed, self._stamp)
            db.execute("UPDATE position SET dropped = dropped + ?", (dropped,))
            freed += gained
        return freed

    @_alone
    def next_batch(self) -> Outgoing | None:
        """What follows the send position, at most 500 events and 256 KiB; None when all is acknowledged."""
        with self._spool.writing(durable=False) as db:
            rows = db.execute(
                "SELECT seq, through, body FROM event WHERE seq > ? ORDER BY seq LIMIT ?",
                (self._acked, self._limit),
            ).fetchall()
            if not rows:
                return None
            first, room = rows[0][0], MAX_BATCH_BYTES - _ENVELOPE_BYTES
            bodies: list[bytes] = []
            for _, through, body in rows:
                if bodies and room < len(body) + 1:
                    break
                room -= len(body) + 1
                bodies.append(body)
                last = through
            before = db.execute("SELECT id FROM event WHERE seq < ? ORDER BY seq DESC LIMIT 1", (first,)).fetchone()
            (oldest,) = db.execute("SELECT min(seq) FROM event").fetchone()
            # Kept over a crash: what may have reached the server is never among what is dropped.
            db.execute("UPDATE position SET flight = ?", (last,))
            self._flight = last
        return Outgoing(self.id, oldest, first, last, before[0] if before else None, tuple(bodies))

    @_alone
    def acknowledged(self, through: int, last: str | None) -> None:
        """The server has committed up to `through`, whose event is `last`. An answer older than the position is void.

        Where that contradicts what is kept here, this disk is a copy or was rolled back: a new outbox is opened.
        """
        if through <= self._acked:
            return
        with self._spool.reading() as db:
            row = db.execute(
                "SELECT seq, through, id FROM event WHERE seq <= ? ORDER BY seq DESC LIMIT 1", (through,)
            ).fetchone()
        if row is None or row[1] < through or (row[1] == through and last is not None and row[2] != last):
            self.reset()
            return
        self._limit = min(MAX_EVENTS, self._limit * 2)
        # What was sent since this answer left is still on its way.
        self._move(through if row[1] == through else row[0] - 1, self._flight)

    @_alone
    def rewind(self, expected: int) -> None:
        """The server goes on from `expected`: it misses what follows, or never had it.

        To be told in the order the server said so: from a late one, a full spool would name as dropped what arrived.
        """
        with self._spool.reading() as db:
            last = _last(db)
            row = db.execute(
                "SELECT seq, through FROM event WHERE seq <= ? ORDER BY seq DESC LIMIT 1", (expected,)
            ).fetchone()
            (oldest,) = db.execute("SELECT coalesce(min(seq), 1) FROM event").fetchone()
        if expected > last + 1:
            self.reset()
        elif row is None:
            self._move(oldest - 1)  # the server names as lost what is no longer kept
        else:
            # A run of dropped measurements is told as a whole, even when the server has its beginning.
            self._move(row[0] - 1 if row[1] >= expected else row[1])

    @_alone
    def agree(self, cursors: tuple[Cursor, ...], acked: int) -> bool:
        """Take up the server's own account (`TerminalState`), asked when this outbox stood at `acked`.

        True when the server has less than it had acknowledged: it was restored from a backup.
        """
        mine = next((cursor for cursor in cursors if cursor.outbox == self.id), None)
        through = mine.through if mine else 0
        if through < acked:
            self.rewind(through + 1)
            return True
        self.acknowledged(through, mine.last if mine else None)
        return False

    @_alone
    def reset(self) -> None:
        """Open a new outbox and renumber what is kept, confirmed or not; the server knows repeats by their ids.

        The confirmed too: under its old number, a server restored from yesterday could not ask for it again.
        """
        with self._spool.writing() as db:
            self._renumber(db, confirmed=max(self._acked, self._confirmed))
        self._read_position()

    def _renumber(self, db: Connection, confirmed: int) -> None:
        again = renumber(db, confirmed)
        fresh = uuid7(time.time_ns() // 10**6)
        db.execute("UPDATE position SET outbox = ?, acked = 0, flight = 0, confirmed = ?", (fresh, again))

    def _move(self, acked: int, flight: int = 0) -> None:
        # The server can tell this position again, so it needs no fsync of its own.
        flight = flight if flight > acked else 0
        with self._spool.writing(durable=False) as db:
            db.execute("UPDATE position SET acked = ?, flight = ?", (acked, flight))
        self._acked, self._flight = acked, flight

    @_alone
    def refused(self, batch: Outgoing, reason: str) -> bool:
        """The server can't read this batch: the next is half as long, down to the one event, which is set aside.

        False when even the note left in its place is refused: the fault lies elsewhere, the event is put back.
        """
        if batch.outbox != self.id or batch.first != self._acked + 1:
            return True
        if len(batch.bodies) > 1:
            self._limit = len(batch.bodies) // 2
            return True
        with self._spool.writing() as db:
            return put_aside(db, batch.first, reason, self._stamp)

    @_alone
    def trim(self, now: datetime) -> None:
        """Forget what is acknowledged and 14 days old. `now` is a trusted time: a wrong clock must not erase."""
        with self._spool.writing(durable=False) as db:
            (marked,) = db.execute("SELECT max(at) FROM mark").fetchone()
            if marked is None or now.timestamp() - marked >= _MARK_EVERY.total_seconds():
                db.execute("INSERT INTO mark (seq, at) VALUES (?, ?)", (_last(db), now.timestamp()))
            self._bytes -= forget_old(db, self._acked, (now - KEPT_AFTER_ACK).timestamp())

    @_alone
    def last_n(self, session: str) -> int:
        """The highest `n` of a visit's events kept here, -1 for none: its page outlived the agent and goes on."""
        with self._spool.reading() as db:
            (last,) = db.execute(
                "SELECT max(json_extract(text, '$.n')) FROM (SELECT CAST(body AS TEXT) AS text FROM event"
                " ORDER BY seq DESC LIMIT 2000) WHERE json_extract(text, '$.session') = ?",
                (session,),
            ).fetchone()
        return -1 if last is None else int(last)

    @_alone
    def state(self) -> OutboxState:
        """How much waits and since when, for the report. Requests are counted by their own outbox."""
        with self._spool.reading() as db:
            (waiting,) = db.execute("SELECT count(*) FROM event WHERE seq > ?", (self._acked,)).fetchone()
            oldest = db.execute("SELECT body FROM event WHERE seq > ? ORDER BY seq LIMIT 1", (self._acked,)).fetchone()
            dropped, set_aside = db.execute("SELECT dropped, set_aside FROM position").fetchone()
        oldest_at = datetime.fromisoformat(json.loads(oldest[0])["at"]) if oldest else None
        return OutboxState(waiting=waiting, oldest_at=oldest_at, dropped=dropped, set_aside=set_aside)

    def close(self) -> None:
        self._spool.close()


def _last(db: Connection) -> int:
    """The highest sequence ever given in this outbox, whether or not its event is still kept."""
    given = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'event'").fetchone()
    newest = db.execute("SELECT through FROM event ORDER BY seq DESC LIMIT 1").fetchone()
    return max(given[0] if given else 0, newest[0] if newest else 0)
