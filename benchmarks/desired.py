"""`desired.reported`: from an operator's wish to its confirmation in the server's database, seven terminals.

Each wish is for one terminal, in turn. The beginning is the server's own `wished_at`, taken in the transaction that
makes the wish; the end is the moment at which a reader of the database sees the report that names the revision.
"""

import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import httpx

from benchmarks.measure import Measure, Reference, percentile
from tests.back_office import post
from tests.fleet import Fleet, Kiosk
from tests.processes import eventually

WISHES, WARM = 210, 14
GOALS_MS: dict[Literal["mosquitto", "embedded"], int] = {"mosquitto": 25, "embedded": 100}
LOOK_S = 0.001
_REACHED = """SELECT json_extract(live.report, '$.revision') >= desired.revision, desired.wished_at, desired.revision
 FROM terminal_desired AS desired JOIN terminal_live AS live ON live.terminal = desired.terminal
 WHERE desired.terminal = ?"""


def measures() -> Iterator[Measure]:
    for broker, goal in GOALS_MS.items():
        with tempfile.TemporaryDirectory() as made, Fleet(Path(made), broker) as fleet:
            kiosks = [kiosk.start() for kiosk in fleet.add_seven()]
            taken = round_trips(fleet, kiosks)
        p99 = percentile(taken, 0.99)
        yield Measure(f"desired.reported.{broker}", round(p99, 1), "ms p99", Reference("limit", goal), f"≤ {goal} ms",
                      p99 <= goal)  # fmt: skip


def round_trips(fleet: Fleet, kiosks: list[Kiosk]) -> list[float]:
    """Milliseconds of each wish."""
    taken = []
    with closing(sqlite3.connect(f"file:{fleet.database}?mode=ro", uri=True, timeout=30)) as db, \
            closing(fleet.signed_in("yanis")) as yanis:  # fmt: skip
        for kiosk in kiosks:
            eventually(lambda kiosk=kiosk: reached(db, kiosk)[0], what=f"{kiosk.name} has reported")  # type: ignore[misc]
        for number in range(WARM + WISHES):
            took = one_wish(db, yanis, kiosks[number % len(kiosks)], 60 + number)
            if number >= WARM:
                taken.append(took)
    return taken


def one_wish(db: sqlite3.Connection, yanis: httpx.Client, kiosk: Kiosk, seconds: int) -> float:
    before, turn = reached(db, kiosk)[2], (seconds - 60) // 7
    answer = post(yanis, f"/bornes/{kiosk.terminal}/reglages", idle_warning_s=str(60 + turn), idle_end_s="300",
                  revision=str(turn))  # fmt: skip
    if answer.status_code != 303:
        raise RuntimeError(answer.text[-500:])
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        done, wished_at, revision = reached(db, kiosk)
        if done and revision > before:
            return (datetime.now(UTC) - wished_at).total_seconds() * 1000
        time.sleep(LOOK_S)
    raise RuntimeError(f"{kiosk.name} never confirmed")


def reached(db: sqlite3.Connection, kiosk: Kiosk) -> tuple[bool, datetime, int]:
    done, wished_at, revision = db.execute(_REACHED, (kiosk.terminal,)).fetchone()
    return bool(done), datetime.fromisoformat(wished_at).replace(tzinfo=UTC), revision
