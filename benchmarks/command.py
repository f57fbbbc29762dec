"""`command.answer.7`: from an operator's order to its receipt in the server's database, seven terminals.

The shipped agents and server, default settings, mosquitto. The beginning is the server's own `queued_at`, taken in the
transaction that keeps the order; the end is the moment at which a reader of the database sees how it ended.
"""

import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import httpx

from benchmarks.measure import Measure, Reference, percentile
from tests.back_office import token_in
from tests.fleet import Fleet
from tests.processes import eventually

ORDERS, WARM = 420, 14
GOAL_MS = 10
LOOK_S = 0.0005
_NEWEST = """SELECT state, queued_at, id FROM terminal_command WHERE terminal = ? ORDER BY id DESC LIMIT 1"""
Ended = tuple[str, float]
"""(state, milliseconds)"""


def measures() -> Iterator[Measure]:
    with tempfile.TemporaryDirectory() as made, Fleet(Path(made), "mosquitto") as fleet:
        kiosks = [kiosk.start() for kiosk in fleet.add_seven()]
        connected = "SELECT count(*) FROM terminal_live WHERE connected"
        eventually(lambda: fleet.rows(connected) == [(len(kiosks),)], what="all are connected")
        ended = orders_in_turn(fleet, [kiosk.terminal for kiosk in kiosks], WARM + ORDERS)[WARM:]
        yield measure("command.answer.7", ended, GOAL_MS, file_system(Path(made)))


def measure(name: str, ended: Sequence[Ended], goal_ms: int, disk: str) -> Measure:
    """An order that did not succeed is lost, whatever the receipt says."""
    lost = sum(state != "succeeded" for state, _ in ended)
    p99 = percentile([took for _, took in ended], 0.99)
    return Measure(name, round(p99, 1), f"ms p99 of {len(ended)}, {lost} lost, {disk}", Reference("limit", goal_ms),
                   f"≤ {goal_ms} ms, 0 lost", p99 <= goal_ms and lost == 0)  # fmt: skip


def orders_in_turn(fleet: Fleet, terminals: Sequence[str], orders: int) -> list[Ended]:
    """One order after the other, each to the next terminal, as an operator's page gives them."""
    with closing(sqlite3.connect(f"file:{fleet.database}?mode=ro", uri=True, timeout=30)) as db, \
            closing(fleet.signed_in("yanis")) as yanis:  # fmt: skip
        csrf = token_in(yanis, f"/bornes/{terminals[0]}")
        return [one_order(db, yanis, csrf, terminals[number % len(terminals)]) for number in range(orders)]


def one_order(db: sqlite3.Connection, yanis: httpx.Client, csrf: str, terminal: str) -> Ended:
    before = newest(db, terminal)[2]
    answer = yanis.post(f"/bornes/{terminal}/commandes", data={"csrf": csrf, "order": "identify"})
    if answer.status_code != 303:
        raise RuntimeError(answer.text[-500:])
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        state, queued_at, command = newest(db, terminal)
        if command != before and state not in ("queued", "sent", "accepted"):
            return state, (datetime.now(UTC) - queued_at).total_seconds() * 1000
        time.sleep(LOOK_S)
    return "lost", 30_000.0


def newest(db: sqlite3.Connection, terminal: str) -> tuple[str, datetime, str]:
    row = db.execute(_NEWEST, (terminal,)).fetchone()
    if row is None:
        return "", datetime.now(UTC), ""
    return row[0], datetime.fromisoformat(row[1]).replace(tzinfo=UTC), row[2]


def file_system(path: Path) -> str:
    """The kind of the file system on which the durable writes of this benchmark fall."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    inside = [(len(point), kind) for point, kind in mounts if path.resolve().is_relative_to(point)]
    return max(inside)[1]
