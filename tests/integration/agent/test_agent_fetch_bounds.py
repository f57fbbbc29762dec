"""What a kill, a limit and a full disk cost: counted on a real server, through the real `python -m agent.fetch`."""

import random
import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.limit import Limit, line_of
from tests.integration.agent.test_agent_fetch import fetch, holds, job, started
from tests.release_server import Asked, ReleaseServer, Repository
from tests.releases import AUTUMN, make

FILM = make("2026.51", {f"media/film-{n}.webm": random.Random(n).randbytes(6_000_000) for n in range(3)})
MIB = 2**20
_TOTAL = sum(len(body) for body in FILM.blobs.values())


class Counted:
    """Serves honestly, a little slower than a disk, and counts what left for the terminal."""

    def __init__(self) -> None:
        self.sent = 0
        self._lock = threading.Lock()

    def __call__(self, asked: Asked) -> None:
        # What the server's own system holds back has not been brought anywhere.
        asked.handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        rest = asked.body[asked.start :]
        asked.head(206 if asked.start else 200, len(rest),
                   Content_Range=f"bytes {asked.start}-{len(asked.body) - 1}/{len(asked.body)}")  # fmt: skip
        for at in range(0, len(rest), 32_768):
            piece = rest[at : at + 32_768]
            asked.send(piece)
            with self._lock:
                self.sent += len(piece)
            time.sleep(0.001)


@pytest.fixture
def server() -> Iterator[ReleaseServer]:
    repository = Repository()
    repository.publish(AUTUMN, FILM)
    with ReleaseServer(repository).serving() as up:
        yield up


@pytest.mark.parametrize("seed", range(3))
def test_a_kill_at_a_random_point_costs_a_mebibyte_at_most(seed: int, server: ReleaseServer, tmp_path: Path) -> None:
    chance, counted, content, kills = random.Random(seed), Counted(), tmp_path / "content", 3
    server.blobs = counted
    for _ in range(kills):
        before, goal = counted.sent, chance.randrange(300_000, 4_000_000)
        child = started(job(server, content, FILM))
        while counted.sent - before < goal and child.poll() is None:
            time.sleep(0.001)
        child.kill()
        child.wait()
    assert counted.sent < _TOTAL
    assert fetch(server, content, FILM) == {"done": True}
    assert holds(content, FILM)
    assert counted.sent - _TOTAL <= kills * MIB


def test_a_limit_holds_for_all_connections_together(server: ReleaseServer, tmp_path: Path) -> None:
    """2.1 MB at 1 MB/s."""
    three = make("2026.52", {f"media/{n}.webm": random.Random(n).randbytes(700_000) for n in range(3)})
    server.repository.publish(three)
    began = time.monotonic()
    assert fetch(server, tmp_path / "content", three, kbit_s=8000) == {"done": True}
    assert time.monotonic() - began > 2.1 - 0.25 - 0.1
    assert holds(tmp_path / "content", three)


def test_what_a_terminal_fetches_at_once_shares_one_limit(server: ReleaseServer, tmp_path: Path) -> None:
    """Contents and software each have a `Limit` of their own, on one file: twice 50 kB at 100 kB/s."""
    line = line_of(tmp_path)
    assert fetch(server, tmp_path / "content", AUTUMN, kbit_s=80_000, line=str(line)) == {"done": True}
    assert line.exists()
    limits = [Limit(100_000, line) for _ in range(2)]
    began = time.monotonic()
    taking = [threading.Thread(target=lambda limit=limit: [limit.take(5000) for _ in range(10)]) for limit in limits]
    for each in taking:
        each.start()
    for each in taking:
        each.join()
    assert time.monotonic() - began > 1 - 0.25 - 0.05


@pytest.mark.parametrize("kept", [b"", b"odd", struct.pack("=d", 1e12), struct.pack("=d", float("nan"))])
def test_a_limit_waits_for_no_promise_of_another_time(kept: bytes, tmp_path: Path) -> None:
    line_of(tmp_path).write_bytes(kept)
    limit, began = Limit(100_000, line_of(tmp_path)), time.monotonic()
    for _ in range(3):
        limit.take(20_000)
    assert 0.3 < time.monotonic() - began < 30
    assert struct.unpack("=d", line_of(tmp_path).read_bytes())[0] < time.monotonic() + 1


def test_a_line_that_can_not_be_shared_is_kept_to_all_the_same(tmp_path: Path) -> None:
    limit, began = Limit(100_000, tmp_path / "nowhere" / "line"), time.monotonic()
    for _ in range(3):
        limit.take(20_000)
    assert time.monotonic() - began > 0.3


def test_a_disk_without_room_says_how_many_bytes_lack(server: ReleaseServer, tmp_path: Path) -> None:
    answer = fetch(server, tmp_path / "content", FILM, reserve=10**15)
    assert answer["failed"] == "disk"
    assert 10**15 - 10**13 < answer["lacks"] < 10**15
    assert str(answer["lacks"]) in answer["reason"]


def wrong_range(asked: Asked) -> None:
    """Says that it begins where it was asked to, and where it was not, by turns."""
    rest = asked.body[asked.start :]
    shift = 1000 if asked.start and asked.times % 2 else 0
    asked.head(206 if asked.start else 200, len(rest) - shift,
               Content_Range=f"bytes {asked.start + shift}-{len(asked.body) - 1}/{len(asked.body)}")  # fmt: skip
    asked.send(rest[shift : shift + 2_500_000])
    asked.handler.close_connection = True


def refuses_ranges(asked: Asked) -> None:
    """416 for what it had offered itself, twice, then it remembers."""
    if asked.start and asked.times <= 3:
        asked.head(416, 0, Content_Range=f"bytes */{len(asked.body)}")
    elif not asked.start:
        asked.cut_after(2_000_000)
    else:
        asked.honest()


def redirects(asked: Asked) -> None:
    """A portal that sends everybody to its own page, once for each file."""
    if asked.times == 1:
        asked.head(302, 0, Location=f"/blobs/{next(iter(AUTUMN.blobs))}")
    else:
        asked.honest()


def truncates(asked: Asked) -> None:
    """Tells a shorter length than there is, once, and keeps to it."""
    if asked.times == 1:
        asked.head(200, 1_000_000)
        asked.send(asked.body[:1_000_000])
    else:
        asked.honest()


@pytest.mark.parametrize("hostile", [wrong_range, refuses_ranges, redirects, truncates], ids=lambda one: one.__name__)
def test_a_hostile_answer_costs_time_and_nothing_else(hostile: object, server: ReleaseServer, tmp_path: Path) -> None:
    server.blobs = hostile  # type: ignore[assignment]
    assert fetch(server, tmp_path / "content", FILM, patience_s=20) == {"done": True}
    assert holds(tmp_path / "content", FILM)


def test_a_limit_is_shared_and_lets_through_what_it_says() -> None:
    limit, taken = Limit(100_000), []

    def take() -> None:
        for _ in range(5):
            limit.take(5_000)
            taken.append(time.monotonic())

    began = time.monotonic()
    threads = [threading.Thread(target=take) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(taken) == 20
    assert max(taken) - began > 1.0 - 0.25 - 0.05
    assert limit.piece(256 * 1024) < 10_000
    assert Limit().piece(256 * 1024) == 256 * 1024
