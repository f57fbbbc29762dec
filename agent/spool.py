"""A small durable database of the terminal: what is committed survives a power cut, what is corrupt is set aside.

CannotKeep         nothing was written: say so to whoever asked, try again later
└─ Corrupt         the file was found damaged while in use; it has been set aside and a fresh one opened
"""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.disk import sync_dir

_SUFFIXES = ("", "-wal", "-shm")
_KEPT_CORRUPT = 2
_LOCKED_FOR_S = 5.0
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class CannotKeep(Exception):
    pass


class Corrupt(CannotKeep):
    pass


@dataclass(frozen=True, slots=True)
class SetAside:
    """What could be said of a damaged file: why, and its rows of `salvage` where they could still be read."""

    path: Path
    reason: str
    known: tuple[Any, ...] | None


class Spool:
    """One connection, one writer at a time, usable from any thread.

    `on_replaced` hears of a file set aside, at opening or later, once the fresh one is ready. `salvage` is a query for
    what is worth knowing of a damaged file.
    """

    def __init__(
        self, path: Path, schema: str, salvage: str = "", on_replaced: Callable[[SetAside], None] | None = None
    ) -> None:
        self.path = path
        self._schema = schema
        self._salvage = salvage
        self._on_replaced = on_replaced or (lambda _: None)
        self.lock = threading.RLock()
        path.parent.mkdir(parents=True, exist_ok=True)
        with _named(path):
            found = self._check()
            self._db = self._open()
        if found:
            self._on_replaced(found)

    def _check(self) -> SetAside | None:
        """Set a damaged file aside, so that opening finds none."""
        if not self.path.exists():
            return None
        try:
            with contextlib.closing(sqlite3.connect(self.path, timeout=_LOCKED_FOR_S)) as db:
                (verdict,) = db.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
            verdict = str(error)
        return None if verdict == "ok" else self._set_aside(str(verdict))

    def _set_aside(self, reason: str) -> SetAside:
        known = _read_damaged(self.path, self._salvage)
        aside = self.path.with_name(f"{self.path.name}.corrupt-{time.time_ns()}")
        for suffix in reversed(_SUFFIXES):
            with contextlib.suppress(FileNotFoundError):
                Path(f"{self.path}{suffix}").rename(f"{aside}{suffix}")
        older = sorted(self.path.parent.glob(f"{self.path.name}.corrupt-*"))
        for stale in [each for each in older if not each.name.endswith(("-wal", "-shm"))][:-_KEPT_CORRUPT]:
            for suffix in _SUFFIXES:
                Path(f"{stale}{suffix}").unlink(missing_ok=True)
        sync_dir(self.path.parent)
        return SetAside(aside, reason[:200], known)

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, timeout=_LOCKED_FOR_S, check_same_thread=False, isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "cache_size=-512"):
            db.execute(f"PRAGMA {pragma}")
        db.execute("BEGIN IMMEDIATE")
        for statement in self._schema.split(";"):
            db.execute(statement)
        db.execute("COMMIT")
        sync_dir(self.path.parent)
        return db

    @contextlib.contextmanager
    def writing(self, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """A transaction: all of it, or nothing. Raises `CannotKeep` with the reason in words.

        Not `durable`: survives the death of the process, and may be undone, as a whole, by a power cut. Only for
        what the server can tell again.
        """
        with self.lock:
            try:
                with _named(self.path):
                    # Both are no-ops inside a transaction, hence the order.
                    self._db.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
                    self._db.execute("BEGIN IMMEDIATE")
                    try:
                        yield self._db
                        self._db.execute("COMMIT")
                    except BaseException:
                        if self._db.in_transaction:
                            self._db.execute("ROLLBACK")
                        raise
            except Corrupt as damage:
                self._replace(str(damage))
                raise

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        with self.lock, _named(self.path):
            yield self._db

    def _replace(self, reason: str) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._db.close()
        with _named(self.path):
            found = self._set_aside(reason)
            self._db = self._open()
        self._on_replaced(found)

    def close(self) -> None:
        with self.lock:
            self._db.close()


def _read_damaged(path: Path, query: str) -> tuple[Any, ...] | None:
    if not query:
        return None
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(path)) as db:
        row = db.execute(query).fetchone()
        return tuple(row) if row else None
    return None


def _is_damage(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _DAMAGE


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        kind = Corrupt if _is_damage(error) else CannotKeep
        raise kind(f"{path.name}: {error}") from error
    except OSError as error:
        raise CannotKeep(f"{path.name}: {error}") from error
