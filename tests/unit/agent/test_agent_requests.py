"""Contact requests travel apart: unlinkable, bounded, and kept once accepted."""

import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from agent.requests import Requests, TooMany
from agent.spool import CannotKeep
from wire.request import SealedRequest

NOW = datetime(2026, 11, 24, 9, 41, 27, tzinfo=UTC)
MIB = 2**20


def sealed(number, size=100):
    return SealedRequest(
        id=f"{number:08x}-0000-4000-8000-000000000000", terminal="laval-01", generation=1, kid="k1", consent="2026-11",
        day="2026-11-24", hour=9, enc="A" * 43, ciphertext="B" * size,
    )  # fmt: skip


class Time:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def box(tmp_path, time):
    box = Requests(tmp_path / "requests.db", MIB, time)
    yield box
    box.close()


def reopened(box, time, cap=MIB):
    path = box._spool.path
    box.close()
    return Requests(path, cap, time)


def test_each_leaves_at_a_random_moment_of_the_span(tmp_path, time):
    drawn = []

    def draw(low, high):
        drawn.append((low, high))
        return high

    box = Requests(tmp_path / "requests.db", MIB, time, draw)
    box.keep(sealed(1), "visit")
    assert drawn == [(60.0, 900.0)]
    time.now = 899
    assert box.due() == []
    time.now = 900
    assert box.due() == [sealed(1)]
    box.close()


def test_an_accepted_request_outlives_the_power_and_draws_its_moment_anew(box, time):
    box.keep(sealed(1), "visit")
    again = reopened(box, time)
    assert again.due() == []
    time.now = 900
    assert again.due() == [sealed(1)]
    again.close()


def test_three_a_visit_and_the_page_repeating_itself_is_not_another(box):
    for number in (1, 2, 2, 2, 3):
        box.keep(sealed(number), "visit")
    with pytest.raises(TooMany, match="visit"):
        box.keep(sealed(4), "visit")
    box.keep(sealed(4), "the next visit")
    assert box.waiting() == 4


def test_thirty_an_hour(box, time):
    for number in range(30):
        box.keep(sealed(number), f"visit {number}")
    with pytest.raises(TooMany, match="hour"):
        box.keep(sealed(30), "visit 30")
    time.now = 3600
    box.keep(sealed(30), "visit 30")


def test_it_is_kept_72_hours_after_the_acknowledgement_and_offered_to_a_restored_server(box, time):
    box.keep(sealed(1), "visit")
    time.now = 900
    box.acknowledged(sealed(1).id, NOW)
    assert (box.waiting(), box.due(), box.next_due_in()) == (0, [], None)
    box.trim(NOW + timedelta(hours=71))
    box.send_again()
    time.now = 1800
    assert box.due() == [sealed(1)]
    box.acknowledged(sealed(1).id, NOW + timedelta(hours=71))
    box.trim(NOW + timedelta(hours=73))
    box.send_again()
    assert box.next_due_in() is None


def test_what_is_not_acknowledged_is_never_forgotten(box):
    box.keep(sealed(1), "visit")
    box.trim(NOW + timedelta(days=400))
    assert box.waiting() == 1


def test_nobody_is_told_of_a_request_before_it_should_have_left_an_hour_ago(box, time):
    box.keep(sealed(1), "visit")
    box.keep(sealed(2), "visit")
    time.now = 1800
    box.acknowledged(sealed(2).id, NOW)
    box.put_off(sealed(1).id, 30)
    time.now = 3600
    assert box.overdue() == 0
    time.now = 900 + 3600
    assert box.overdue() == 1
    box.acknowledged(sealed(1).id, NOW)
    assert box.overdue() == 0


def test_the_disk_knows_neither_visit_nor_moment_nor_order(box, tmp_path):
    for number in (3, 1, 2):
        box.keep(sealed(number), "visit-0123")
    box.acknowledged(sealed(3).id, NOW)
    box.close()
    with sqlite3.connect(tmp_path / "requests.db") as db:
        rows = db.execute("SELECT * FROM request").fetchall()
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    assert {row[2] for row in rows} == {None, NOW.replace(minute=0, second=0).timestamp()}
    for file in tmp_path.iterdir():
        assert b"visit-0123" not in file.read_bytes()


def test_past_its_reserve_it_refuses_and_what_was_accepted_stays(tmp_path, time):
    box = Requests(tmp_path / "requests.db", 40_000, time)
    for number in range(7):
        box.keep(sealed(number, 5000), f"visit {number}")
    with pytest.raises(CannotKeep, match="at most 40000"):
        box.keep(sealed(7, 5000), "visit 7")
    assert box.waiting() == 7
    box.close()


def test_its_disk_is_reserved(tmp_path, time):
    Requests(tmp_path / "requests.db", MIB, time).close()
    reserve = (tmp_path / "requests.db.reserve").stat()
    assert reserve.st_size == MIB
    assert reserve.st_blocks * 512 >= MIB


ON_A_FULL_DISK = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[1:3]
from test_agent_requests import Time, sealed, Requests, CannotKeep
folder, time = Path(sys.argv[3]), Time()
box = Requests(folder / "requests.db", 400_000, time)
with (folder / "filling").open("wb", buffering=0) as filling:
    try:
        while True:
            filling.write(b"x" * 4096)
    except OSError:
        pass
kept = 0
try:
    for number in range(1000):
        box.keep(sealed(number, 12_000), f"visit {number}")
        kept += 1
        time.now += 3600
except CannotKeep:
    pass
box.close()
print(kept)
"""


def test_on_a_full_disk_the_reserve_serves_then_it_refuses_and_nothing_is_half_written(tmp_path, time):
    """On a real file system of 1.5 MiB, filled to the last byte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    here = __file__.rpartition("/")[0]
    root = here.rpartition("/tests/")[0]
    script = (
        f"mount -t tmpfs -o size=1536k none {disk} &&"
        f" {sys.executable} -c '{ON_A_FULL_DISK}' {root} {here} {disk} && cp {disk}/requests.db* {tmp_path}"
    )
    ran = subprocess.run(["unshare", "--map-root-user", "--mount", "sh", "-c", script], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    kept = int(ran.stdout)
    assert kept >= 10
    box = Requests(tmp_path / "requests.db", 400_000, time)
    assert box.waiting() == kept
    box.close()
