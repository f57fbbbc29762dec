"""Contact requests, sealed in the page, in an outbox of their own: nothing joins them to a visit.

Random ids, no order, no hour of arrival on the disk; each leaves at a random moment of its own. Accepted means kept:
disk is reserved for them, and past a few a visit or an hour the page refuses honestly.

    TooMany            3 a visit or 30 an hour: the page shows the telephone number
    CannotKeep         the disk is full, its reserve too: the page says so, nothing was written
"""

import contextlib
import os
import random
import threading
from collections import Counter, deque
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from agent.spool import CannotKeep, SetAside, Spool
from wire.request import SealedRequest

PER_VISIT = 3
PER_HOUR = 30
KEPT_AFTER_ACK = timedelta(hours=72)
REFUSED_AGAIN_S = 3600.0
"""What the server can't take is kept, and offered again at this interval: a person waits behind it."""
OVERDUE_AFTER_S = 3600.0
_ROOM = 64 * 1024

# Without rowid, the table is ordered by random ids: the file does not tell who came first.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS request (id TEXT PRIMARY KEY, body BLOB NOT NULL, sent_at REAL) WITHOUT ROWID
"""


class TooMany(Exception):
    pass


class Requests:
    """`elapsed` is the monotonic clock (seconds), `delay` the span in seconds from which each one's delay is drawn."""

    def __init__(
        self,
        path: Path,
        cap_bytes: int,
        elapsed: Callable[[], float],
        draw: Callable[[float, float], float] = random.SystemRandom().uniform,
        on_replaced: Callable[[SetAside], None] | None = None,
    ) -> None:
        self._elapsed = elapsed
        self._draw = draw
        self._cap = cap_bytes
        self._lock = threading.RLock()
        self._visit: Counter[str] = Counter()
        self._hour: deque[float] = deque()
        self._due: dict[str, float] = {}
        self._first_due: dict[str, float] = {}
        self.delay_s = (60.0, 900.0)
        self.changed: Callable[[], None] = lambda: None
        self._reserve = path.with_name(path.name + ".reserve")
        with contextlib.suppress(CannotKeep):
            self._refill(path)
        self._spool = Spool(path, _SCHEMA, on_replaced=on_replaced)
        self.send_again(only_waiting=True)

    def keep(self, sealed: SealedRequest, session: str) -> None:
        """Durable when it returns. The same id again is the page repeating itself: nothing happens, nothing is counted.

        `session` counts in memory only. Raises `TooMany`, `CannotKeep`.
        """
        with self._lock:
            with self._spool.reading() as db:
                if db.execute("SELECT 1 FROM request WHERE id = ?", (sealed.id,)).fetchone():
                    return
            self._check_limits(session)
            body = sealed.model_dump_json().encode()
            try:
                self._insert(sealed.id, body)
            except CannotKeep:
                if not self._give_room():
                    raise
                self._insert(sealed.id, body)
            self._visit[session] += 1
            self._hour.append(self._elapsed())
            self._schedule(sealed.id)
        self.changed()

    def _check_limits(self, session: str) -> None:
        if session not in self._visit:
            self._visit.clear()  # one visit at a time: the last one's number is forgotten with it
        while self._hour and self._hour[0] <= self._elapsed() - 3600:
            self._hour.popleft()
        if self._visit[session] >= PER_VISIT:
            raise TooMany(f"{PER_VISIT} requests in this visit")
        if len(self._hour) >= PER_HOUR:
            raise TooMany(f"{PER_HOUR} requests in this hour")

    def _insert(self, identifier: str, body: bytes) -> None:
        with self._spool.writing() as db:
            (held,) = db.execute("SELECT coalesce(sum(length(body)), 0) FROM request").fetchone()
            if held + len(body) > self._cap:
                raise CannotKeep(f"{held} bytes of requests wait already, at most {self._cap} are kept")
            db.execute("INSERT INTO request (id, body) VALUES (?, ?)", (identifier, body))

    def _schedule(self, identifier: str) -> None:
        self._due[identifier] = self._first_due[identifier] = self._elapsed() + self._draw(*self.delay_s)

    def due(self) -> list[SealedRequest]:
        """Those whose moment has come."""
        now = self._elapsed()
        with self._lock, self._spool.reading() as db:
            ready = sorted(identifier for identifier, moment in self._due.items() if moment <= now)
            rows = [
                db.execute("SELECT body FROM request WHERE id = ?", (identifier,)).fetchone() for identifier in ready
            ]
        return [SealedRequest.model_validate_json(row[0]) for row in rows if row]

    def next_due_in(self) -> float | None:
        """Seconds until one is due; None when none waits."""
        with self._lock:
            return max(0.0, min(self._due.values()) - self._elapsed()) if self._due else None

    def acknowledged(self, identifier: str, now: datetime) -> None:
        """The server has committed it; kept 72 hours more, for a server restored from a backup."""
        with self._lock:
            # To the hour: nothing finer about a request stays on this disk.
            hour = now.replace(minute=0, second=0, microsecond=0).timestamp()
            with self._spool.writing() as db:
                db.execute("UPDATE request SET sent_at = ? WHERE id = ? AND sent_at IS NULL", (hour, identifier))
            self._forget(identifier)

    def put_off(self, identifier: str, seconds: float) -> None:
        """Not now: offered again later, never dropped."""
        with self._lock:
            if identifier in self._due:
                self._due[identifier] = self._elapsed() + seconds * self._draw(0.8, 1.2)

    def send_again(self, only_waiting: bool = False) -> None:
        """Offer everything still kept once more, each after a new random delay; the server takes each id once."""
        with self._lock:
            with self._spool.reading() as db:
                unsent = " WHERE sent_at IS NULL" if only_waiting else ""
                identifiers = [row[0] for row in db.execute(f"SELECT id FROM request{unsent}")]  # noqa: S608
            for identifier in identifiers:
                if identifier not in self._due:
                    self._schedule(identifier)
        self.changed()

    def trim(self, now: datetime) -> None:
        """Forget what was acknowledged 72 hours ago. `now` is a trusted time."""
        with self._lock:
            before = (now - KEPT_AFTER_ACK).timestamp()
            with self._spool.writing() as db:
                gone = [row[0] for row in db.execute("DELETE FROM request WHERE sent_at < ? RETURNING id", (before,))]
            for identifier in gone:
                self._forget(identifier)
            with contextlib.suppress(CannotKeep):
                self._refill(self._spool.path)

    def waiting(self) -> int:
        with self._lock, self._spool.reading() as db:
            (count,) = db.execute("SELECT count(*) FROM request WHERE sent_at IS NULL").fetchone()
        return int(count)

    def overdue(self) -> int:
        """How many should have left an hour ago, since this run began. What waits less is nobody's business."""
        with self._lock:
            return sum(moment <= self._elapsed() - OVERDUE_AFTER_S for moment in self._first_due.values())

    def _forget(self, identifier: str) -> None:
        self._due.pop(identifier, None)
        self._first_due.pop(identifier, None)

    def _refill(self, path: Path) -> None:
        """Hold on to what the cap promises, less what the requests take already."""
        used = path.stat().st_size if path.exists() else 0
        wanted = max(0, self._cap - used)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(self._reserve, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                if wanted:
                    os.posix_fallocate(descriptor, 0, wanted)
                os.ftruncate(descriptor, wanted)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise CannotKeep(f"{self._reserve.name}: {error}") from error

    def _give_room(self) -> bool:
        """The disk is full: let go a piece of the reserve. False when nothing of it is left."""
        try:
            size = self._reserve.stat().st_size
            if size:
                os.truncate(self._reserve, max(0, size - _ROOM * 4))
        except OSError:
            return False
        return size > 0

    def close(self) -> None:
        self._spool.close()
