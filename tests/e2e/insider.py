"""An insider who holds all that the server keeps, and tries to tell which visit left which request.

Knows nothing of the schema: every table, hidden row numbers, log lines and raw files are read as they are. Three ways
to join: a value that a request and a single visit share, a moment finer than the hour, and any order that requests
stand in. `best_joins` says how many each way got right, the best first.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

Row = dict[str, Any]
_MOMENTS = (("s", 1.0), ("ms", 1e3), ("µs", 1e6))


@dataclass(frozen=True)
class Holdings:
    """`tables`: rows by table, the hidden row number among their columns; `files`: raw bytes; `lines`: of the logs."""

    tables: dict[str, list[Row]]
    files: dict[str, bytes]
    lines: list[str] = field(default_factory=list)


def holdings(database: Path, logs: Iterable[Path]) -> Holdings:
    """All there is, as an insider with a copy of the server's disk has it."""
    files = {path.name: path.read_bytes() for path in sorted(database.parent.glob(database.name + "*"))}
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row
        names = [row["name"] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        tables = {name: list(_rows(db, name)) for name in names}
    lines = [line for path in logs for line in path.read_text(errors="replace").splitlines()]
    return Holdings(tables, files, lines)


def _rows(db: sqlite3.Connection, table: str) -> Iterator[Row]:
    try:
        found = db.execute(f'SELECT rowid AS "row number", * FROM "{table}"')
    except sqlite3.OperationalError:  # the table has none
        found = db.execute(f'SELECT * FROM "{table}"')
    return map(dict, found)


@dataclass(frozen=True)
class Visit:
    """Its session's id and when it began and ended, all of it in `usage_event`."""

    id: str
    began: float
    ended: float


def visits_in(held: Holdings) -> list[Visit]:
    """In the order of time."""
    times: dict[str, list[float]] = {}
    for row in held.tables["usage_event"]:
        if row["session"]:
            times.setdefault(row["session"], []).append(row["at_ms"] / 1000)
    return sorted((Visit(id, min(at), max(at)) for id, at in times.items()), key=lambda visit: visit.began)


def best_joins(held: Holdings, requests: Sequence[str], truth: Mapping[str, str]) -> list[tuple[int, str]]:
    """`truth`: request → session. What every way of joining got right, and its name; the best first."""
    visits = visits_in(held)
    joins = [*_by_value(held, requests, visits), *_by_moment(held, requests, visits)]
    joins += _by_order(held, requests, visits)
    scores = [(sum(truth[request] == session for request, session in join.items()), way) for way, join in joins]
    return sorted(scores, reverse=True)


Join = tuple[str, dict[str, str]]


def _by_value(held: Holdings, requests: Sequence[str], visits: Sequence[Visit]) -> list[Join]:
    """What a request's rows and exactly one visit's rows both hold."""
    of_visits: dict[str, set[str]] = {}
    for visit in visits:
        for _, row in _mentioning(held, visit.id):
            for value in _telling(row):
                of_visits.setdefault(value, set()).add(visit.id)
    join = {}
    for request in requests:
        for _, row in _mentioning(held, request):
            for value in _telling(row):
                if len(of_visits.get(value, ())) == 1:
                    join[request] = next(iter(of_visits[value]))
    return [("a shared value", join)]


def _by_moment(held: Holdings, requests: Sequence[str], visits: Sequence[Visit]) -> list[Join]:
    """Each column and log line that tells a moment of a request: the last visit that had begun by then."""
    ways: dict[str, dict[str, str]] = {}
    for request in requests:
        for place, row in _mentioning(held, request):
            for column, value in row.items():
                for form, moment in _moments(value):
                    before = [visit for visit in visits if visit.began <= moment]
                    if before:
                        ways.setdefault(f"the moment in {place}.{column} ({form})", {})[request] = before[-1].id
    return list(ways.items())


def _by_order(held: Holdings, requests: Sequence[str], visits: Sequence[Visit]) -> list[Join]:
    """Each column that sorts requests, and where they stand in each file: the k-th request to the k-th visit."""
    orders: dict[str, dict[str, Any]] = {}
    for request in requests:
        for place, row in _mentioning(held, request):
            for column, value in row.items():
                if value is not None:
                    orders.setdefault(f"the order of {place}.{column}", {}).setdefault(request, value)
        for name, body in held.files.items():
            first, last = body.find(request.encode()), body.rfind(request.encode())
            if first >= 0:
                orders.setdefault(f"first place in {name}", {})[request] = first
                orders.setdefault(f"last place in {name}", {})[request] = last
    joins = []
    for way, keys in orders.items():
        if len(keys) == len(requests) and len(set(map(str, keys.values()))) == len(requests):
            ranked = sorted(requests, key=lambda request: (str(type(keys[request])), keys[request]))
            for direction, order in (("", ranked), (", backwards", ranked[::-1])):
                joins.append((way + direction, {r: v.id for r, v in zip(order, visits, strict=False)}))
    return joins


def _mentioning(held: Holdings, identifier: str) -> Iterator[tuple[str, Row]]:
    """Rows that hold it, in a value or within one, and log lines, each line as a row."""
    for table, rows in held.tables.items():
        for row in rows:
            if any(identifier in _text(value) for value in row.values()):
                yield table, row
    for number, line in enumerate(held.lines):
        if identifier in line:
            yield "log", _line(line) | {"line number": number}


def _line(line: str) -> Row:
    try:
        said = json.loads(line)
    except ValueError:
        said = None
    return said if isinstance(said, dict) else {"text": line, "timestamp": line[:27].strip()}


def _telling(row: Row) -> Iterator[str]:
    """Values long enough that two rows do not share them by chance."""
    for value in row.values():
        if len(text := _text(value)) >= 8:
            yield text


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _moments(value: Any) -> Iterator[tuple[str, float]]:
    """How a value may be read as a moment of these days, finer than the hour."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        found = [(unit, value / scale) for unit, scale in _MOMENTS]
    elif isinstance(value, str):
        found = [*_written(value), *_in_uuid(value)]
    else:
        found = []
    now = datetime.now(UTC).timestamp()
    yield from ((form, moment) for form, moment in found if abs(now - moment) < 86400 and moment % 3600)


def _written(value: str) -> Iterator[tuple[str, float]]:
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return
    yield "ISO", (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _in_uuid(value: str) -> Iterator[tuple[str, float]]:
    try:
        identifier = UUID(value)
    except ValueError:
        return
    yield "UUID", (identifier.int >> 80) / 1000
