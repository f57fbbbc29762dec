"""The real `python -m agent.fetch` against a real HTTP server, through everything that a network does."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from agent.store import Store
from tests.display import eventually
from tests.release_server import Asked, ReleaseServer, Repository, slowly
from tests.releases import AUTUMN, WINTER, Made, make

BIG = make("2026.50", {"media/film.webm": random.Random(7).randbytes(3_000_000)})


@pytest.fixture
def content(tmp_path: Path) -> Path:
    return tmp_path / "content"


@pytest.fixture
def server() -> Iterator[ReleaseServer]:
    repository = Repository()
    repository.publish(AUTUMN, WINTER, BIG)
    with ReleaseServer(repository).serving() as up:
        yield up


def job(server: ReleaseServer, content: Path, made: Made, **more: Any) -> str:
    asked = {
        "content": str(content), "trust": str(content / "tuf"),
        "server": server.url, "release": made.id, "root": server.repository.root.decode(),
        "reserve": 1, "patience_s": 3,
    }  # fmt: skip
    return json.dumps(asked | more) + "\n"


def fetch(server: ReleaseServer, content: Path, made: Made, **more: Any) -> dict[str, Any]:
    """The last line that the child said."""
    done = subprocess.run(
        [sys.executable, "-m", "agent.fetch"], input=job(server, content, made, **more), capture_output=True, text=True
    )
    assert done.stdout, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


def holds(content: Path, made: Made) -> bool:
    store = Store(content)
    store.verify(made.id)
    return store.holds(made.id)


def test_a_release_arrives_whole(server: ReleaseServer, content: Path) -> None:
    assert fetch(server, content, AUTUMN) == {"done": True}
    assert holds(content, AUTUMN)


def test_what_is_here_already_is_not_asked_for_again(server: ReleaseServer, content: Path) -> None:
    fetch(server, content, AUTUMN)
    server.asked.clear()
    assert fetch(server, content, WINTER) == {"done": True}
    fresh = set(WINTER.blobs) - set(AUTUMN.blobs)
    assert {path.removeprefix("/blobs/") for path in server.asked if path.startswith("/blobs/")} == fresh


def test_a_download_cut_again_and_again_goes_on_from_the_last_byte(server: ReleaseServer, content: Path) -> None:
    server.blobs = lambda asked: asked.cut_after(400_000)
    assert fetch(server, content, BIG) == {"done": True}
    assert holds(content, BIG)
    starts = [start for _, start in server.sent_from]
    assert 400_000 in starts
    assert 2_800_000 in starts


def test_a_server_without_range_still_delivers_what_lacks(server: ReleaseServer, content: Path) -> None:
    def no_range(asked: Asked) -> None:
        asked.head(200, len(asked.body))
        asked.send(asked.body if asked.times > 1 else asked.body[:1_000_000])
        asked.handler.close_connection = True

    server.blobs = no_range
    assert fetch(server, content, BIG) == {"done": True}
    assert holds(content, BIG)


def test_a_garbled_answer_is_thrown_away_and_asked_for_again(server: ReleaseServer, content: Path) -> None:
    def garbled_once(asked: Asked) -> None:
        if asked.times > 1:
            asked.honest()
            return
        asked.head(200, len(asked.body))
        asked.send(bytes(byte ^ 1 for byte in asked.body))

    server.blobs = garbled_once
    assert fetch(server, content, AUTUMN) == {"done": True}
    assert holds(content, AUTUMN)


def test_what_is_garbled_twice_is_given_up_for_now(server: ReleaseServer, content: Path) -> None:
    def garbled(asked: Asked) -> None:
        asked.head(200, len(asked.body))
        asked.send(bytes(byte ^ 1 for byte in asked.body))

    server.blobs = garbled
    assert fetch(server, content, AUTUMN)["failed"] == "garbled"
    server.blobs = Asked.honest
    assert fetch(server, content, AUTUMN) == {"done": True}


def test_a_file_that_changed_its_length_is_not_taken(server: ReleaseServer, content: Path) -> None:
    def longer(asked: Asked) -> None:
        body = asked.body + b"x" * 5000
        asked.head(206 if asked.start else 200, len(body) - asked.start,
                   Content_Range=f"bytes {asked.start}-{len(body) - 1}/{len(body)}")  # fmt: skip
        asked.send(body[asked.start : 1_000_000])
        asked.handler.close_connection = True

    server.blobs = longer
    assert fetch(server, content, BIG, patience_s=0.5)["failed"] == "unreachable"
    server.blobs = Asked.honest
    assert fetch(server, content, BIG) == {"done": True}
    assert holds(content, BIG)


def test_an_endless_answer_is_not_listened_to(server: ReleaseServer, content: Path) -> None:
    def endless(asked: Asked) -> None:
        asked.head(200, 10**12)
        asked.send(asked.body)
        for _ in range(50):
            asked.send(b"more" * 50_000)

    server.blobs = endless
    assert fetch(server, content, AUTUMN) == {"done": True}
    assert holds(content, AUTUMN)


def test_a_slow_server_is_waited_for_while_bytes_come(server: ReleaseServer, content: Path) -> None:
    server.blobs = slowly(pieces=5, pause_s=0.2)
    assert fetch(server, content, AUTUMN, patience_s=1) == {"done": True}


def test_errors_of_the_server_pass(server: ReleaseServer, content: Path) -> None:
    server.blobs = lambda asked: asked.honest() if asked.times > 2 else asked.head(503, 0)
    assert fetch(server, content, AUTUMN) == {"done": True}


def started(job: str) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-m", "agent.fetch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdin
    child.stdin.write(job)
    child.stdin.close()
    return child


def has_moved(server: ReleaseServer, asked_before: int, child: subprocess.Popen[str]) -> bool:
    return server.asked.total() > asked_before or child.poll() is not None


def any_blob(server: ReleaseServer) -> bool:
    return any(path.startswith("/blobs/") for path in list(server.asked))


def test_a_server_down_and_up_twenty_times_delivers_in_the_end(content: Path) -> None:
    repository = Repository()
    repository.publish(BIG)
    server = ReleaseServer(repository)
    server.blobs = lambda asked: asked.cut_after(160_000)
    child = None
    for _ in range(20):
        with server.serving():
            if child is None:
                child = started(job(server, content, BIG, patience_s=60))
                # Metadata are asked for once: cut there, the whole fetch is tried again later, by the agent.
                eventually(partial(any_blob, server), "a first file")
            asked_before = server.asked.total()
            eventually(partial(has_moved, server, asked_before, child), "a request")
    assert child
    assert child.stdout
    with server.serving():
        last = child.stdout.read().splitlines()[-1]
    assert json.loads(last) == {"done": True}
    child.wait()
    assert holds(content, BIG)


def test_a_kill_at_half_of_a_download_keeps_what_had_arrived(server: ReleaseServer, content: Path) -> None:
    server.blobs = slowly(pieces=100, pause_s=0.02)
    child = subprocess.Popen(
        [sys.executable, "-m", "agent.fetch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdin
    assert child.stdout
    child.stdin.write(job(server, content, BIG))
    child.stdin.close()
    for line in child.stdout:
        if json.loads(line).get("progress", 0) >= 0.5:
            break
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    server.blobs = Asked.honest
    server.sent_from.clear()
    assert fetch(server, content, BIG) == {"done": True}
    assert max(start for _, start in server.sent_from) >= 1_300_000
    assert holds(content, BIG)


@pytest.mark.parametrize("seed", range(4))
def test_kills_at_random_points_leave_nothing_wrong(seed: int, server: ReleaseServer, content: Path) -> None:
    chance = random.Random(seed)
    server.blobs = slowly(pieces=40, pause_s=0.01)
    for _ in range(3):
        child = started(job(server, content, BIG))
        time.sleep(chance.uniform(0.2, 1.2))
        child.kill()
        child.wait()
    server.blobs = Asked.honest
    assert fetch(server, content, BIG) == {"done": True}
    assert holds(content, BIG)


def test_a_blob_that_the_server_lacks_is_named(server: ReleaseServer, content: Path) -> None:
    del server.repository.files[f"/blobs/{next(iter(AUTUMN.blobs))}"]
    assert fetch(server, content, AUTUMN)["failed"] == "missing"


def test_a_release_that_is_not_on_the_signed_list_is_not_taken(server: ReleaseServer, content: Path) -> None:
    stranger = make("2099.01")
    server.repository.files[f"/releases/targets/releases/{stranger.id}.{stranger.id}.json"] = stranger.raw
    assert fetch(server, content, stranger)["failed"] == "missing"
    assert not Store(content).holds(stranger.id)


def test_metadata_signed_by_another_is_never_believed(server: ReleaseServer, content: Path) -> None:
    attacker = Repository()
    attacker.publish(AUTUMN)
    mine = server.repository.root
    server.repository = attacker
    attacker.root = mine
    assert fetch(server, content, AUTUMN)["failed"] == "untrusted"


def test_older_metadata_than_was_seen_is_a_rollback(server: ReleaseServer, content: Path) -> None:
    before = dict(server.repository.files)
    server.repository.publish(AUTUMN, WINTER)
    fetch(server, content, AUTUMN)
    server.repository.files = before
    answer = fetch(server, content, WINTER)
    assert answer["failed"] == "untrusted"


def test_expired_metadata_stops_updates_by_the_agents_clock(server: ReleaseServer, content: Path) -> None:
    later = (datetime.now(UTC) + timedelta(days=60)).isoformat()
    assert fetch(server, content, AUTUMN, now=later)["failed"] == "expired"
    assert fetch(server, content, AUTUMN, now=datetime.now(UTC).isoformat()) == {"done": True}


def test_a_captive_portal_in_place_of_metadata_is_only_garbled(server: ReleaseServer, content: Path) -> None:
    def portal(asked: Asked) -> None:
        asked.head(200, 30)
        asked.send(b"<html>Identifiez-vous...</html>"[:30])

    server.metadata = portal
    assert fetch(server, content, AUTUMN)["failed"] == "garbled"
    server.metadata = Asked.honest
    assert fetch(server, content, AUTUMN) == {"done": True}


def test_endless_metadata_is_cut(server: ReleaseServer, content: Path) -> None:
    def endless(asked: Asked) -> None:
        asked.head(200, 10**12)
        for _ in range(200):
            asked.send(b"{" * 10_000)

    server.metadata = endless
    assert fetch(server, content, AUTUMN)["failed"] in ("unreachable", "garbled")


def test_a_disk_without_room_is_said_before_anything_is_asked(server: ReleaseServer, content: Path) -> None:
    answer = fetch(server, content, BIG, reserve=10**15)
    assert answer["failed"] == "disk"
    assert not any(path.startswith("/blobs/") for path in server.asked)


def test_a_server_that_is_away_is_unreachable(server: ReleaseServer, content: Path) -> None:
    server.port = 1
    assert fetch(server, content, AUTUMN)["failed"] == "unreachable"


def test_progress_grows_to_the_end(server: ReleaseServer, content: Path) -> None:
    server.blobs = slowly(pieces=20, pause_s=0.05)
    done = subprocess.run(
        [sys.executable, "-m", "agent.fetch"], input=job(server, content, BIG), capture_output=True, text=True
    )
    told = [json.loads(line)["progress"] for line in done.stdout.splitlines()[:-1]]
    assert told == sorted(told)
    assert len(told) >= 2
    assert told[0] < told[-1] <= 1
