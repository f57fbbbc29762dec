"""`ingest.live`, `ingest.live.cpu`, `ingest.backlog`: the shipped server, its default settings, durability on.

Beside them, in the same run: the same paho client that only receives the same messages, and SQLAlchemy Core that only
inserts the same rows. The load is encoded beforehand and sent from plain sockets, so that it costs the least here.
"""

import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.request import urlopen

import psutil
from sqlalchemy import select as select_rows

from benchmarks.measure import Measure, Reference
from fleet_server.db import connect, create_schema, transaction
from fleet_server.embedded_broker import embedded_broker
from fleet_server.evaluation.models import TABLE
from fleet_server.terminals.models import Terminal, TerminalDesired, TerminalLive, TerminalPlace
from wire import topics
from wire.events import PageViewed
from wire.ids import uuid7
from wire.state import Place

PLACE = Place(site="banc", name="Banc d’essai", kind="autre", commune="53130", commune_name="Laval", department="53",
              latitude=48.07, longitude=-0.77)  # fmt: skip
RUNS = 3
LIVE_EVENTS = 30_000
LIVE_TERMINALS = 3_000
BACKLOG_EVENTS = 240_000
BACKLOG_TERMINALS = 60
PER_BATCH = 200
LIVE_SHARE, LIVE_CPU_US = 0.5, 70
BACKLOG_RATE, BACKLOG_SHARE = 60_000, 0.5


def measures() -> Iterator[Measure]:
    live, bare, cpu, bare_cpu, backlog, core = [], [], [], [], [], []
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory() as directory, Server(Path(directory)) as server:
            run = server.take(LIVE_TERMINALS, LIVE_EVENTS, 1)
            live.append(LIVE_EVENTS / run.seconds)
            cpu.append(run.cpu_seconds / LIVE_EVENTS * 1e6)
            run = server.take(BACKLOG_TERMINALS, BACKLOG_EVENTS, PER_BATCH)
            backlog.append(BACKLOG_EVENTS / run.seconds)
            core.append(core_insert_rate(server.database, Path(directory) / "core.db"))
        with tempfile.TemporaryDirectory() as directory:
            run = bare_receive(messages(LIVE_TERMINALS, LIVE_EVENTS, 1), Path(directory))
            bare.append(LIVE_EVENTS / run.seconds)
            bare_cpu.append(run.cpu_seconds / LIVE_EVENTS * 1e6)
    rate, beside = middle(live), Reference("paho QoS 1 receive, events/s", middle(bare))
    yield Measure("ingest.live", round(rate), "events/s", beside, f"≥ {LIVE_SHARE} × reference",
                  rate >= LIVE_SHARE * beside.value)  # fmt: skip
    beside = Reference("paho QoS 1 receive, µs CPU/event", round(middle(bare_cpu), 1))
    yield Measure("ingest.live.cpu", round(middle(cpu), 1), "µs CPU/event", beside, f"≤ {LIVE_CPU_US} µs",
                  middle(cpu) <= LIVE_CPU_US)  # fmt: skip
    rate, beside = middle(backlog), Reference("SQLAlchemy Core insert, rows/s", middle(core))
    yield Measure("ingest.backlog", round(rate), "events/s", beside,
                  f"≥ {BACKLOG_RATE} and ≥ {BACKLOG_SHARE} × reference",
                  rate >= BACKLOG_RATE and rate >= BACKLOG_SHARE * beside.value)  # fmt: skip


def middle(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


# ---- the load --------------------------------------------------------------------------------------------------------


def messages(terminals: int, events: int, per_batch: int) -> list[bytes]:
    """MQTT PUBLISH packets (QoS 1), one batch each, in turn from each terminal, each in the order of its outbox."""
    packets, wall = [], int(time.time() * 1000)
    outboxes = [uuid7(wall) for _ in range(terminals)]
    boot, session = uuid7(wall), uuid7(wall)
    for number in range(events // per_batch):
        terminal, turn = number % terminals, number // terminals
        told = [event(wall, number * per_batch + n, boot, session) for n in range(per_batch)]
        head = (
            f'{{"wire":1,"terminal":"{name(terminal)}","generation":1,"boot":"{boot}","outbox":"{outboxes[terminal]}",'
            f'"oldest":1,"first":{turn * per_batch + 1},"after":null,"attempt":1,"events":['
        )
        payload = head.encode() + b",".join(told) + b"]}"
        packets.append(publish(topics.batch(name(terminal)), payload, number % 65_535 + 1))
    return packets


def event(wall: int, n: int, boot: str, session: str) -> bytes:
    told = PageViewed(
        id=uuid7(wall + n // 100), at=datetime.fromtimestamp(wall / 1000, UTC), mono_ms=n, boot=boot, trusted=True,
        software="0.1.0", content="ab" * 32, session=session, n=n, page=f"metiers/a{1000 + n % 500}", origin="home",
    )  # fmt: skip
    return told.model_dump_json().encode()


def name(number: int) -> str:
    return f"bench-{number:05d}"


def publish(topic: str, payload: bytes, packet: int) -> bytes:
    body = struct.pack(">H", len(topic)) + topic.encode() + struct.pack(">H", packet) + b"\0" + payload
    return b"\x32" + length(len(body)) + body


def length(size: int) -> bytes:
    encoded = bytearray()
    while True:
        size, digit = divmod(size, 128)
        encoded.append(digit | (0x80 if size else 0))
        if not size:
            return bytes(encoded)


class Window:
    """One batch in flight a terminal: so many may be unanswered at once."""

    def __init__(self, size: int, wanted: int) -> None:
        self.size, self.wanted, self.seen = size, wanted, 0
        self._sent = 0
        self._moved = threading.Condition()

    @property
    def over(self) -> bool:
        return self.seen >= self.wanted

    def add(self, seen: int) -> None:
        with self._moved:
            self.seen += seen
            self._moved.notify()

    def room(self) -> int:
        """How many may have been sent by now: at least one more than last time."""
        with self._moved:
            self._moved.wait_for(lambda: self.seen + self.size > self._sent)
            self._sent = min(self.seen + self.size, self._sent + 50)
            return self._sent


class Wire:
    """An MQTT 5 connection reduced to what a load needs: packets go out as they are, what comes in is counted."""

    def __init__(self, port: int, client: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        body = b"\0\4MQTT\5\2\0\x78" + b"\x03\x21\xff\xff" + struct.pack(">H", len(client)) + client.encode()
        self.socket.sendall(b"\x10" + length(len(body)) + body)
        assert self.socket.recv(4096)[0] == 0x20, "the broker refused the load"

    def subscribe(self, topic: str) -> None:
        body = b"\0\1\0" + struct.pack(">H", len(topic)) + topic.encode() + b"\0"
        self.socket.sendall(b"\x82" + length(len(body)) + body)
        assert self.socket.recv(4096)[0] == 0x90

    def answered(self, window: "Window", within_s: float = 60) -> None:
        """Count acknowledgements until all have come."""
        rest, pattern, deadline = b"", b'"kind":"ack"', time.monotonic() + within_s
        while not window.over:
            if not select.select([self.socket], [], [], max(0, deadline - time.monotonic()))[0]:
                raise TimeoutError(f"{window.seen} of {window.wanted} answers came")
            rest += self.socket.recv(1 << 20)
            window.add(rest.count(pattern))
            rest = rest[-(len(pattern) - 1) :]

    def send(self, packets: list[bytes], window: "Window | None" = None) -> None:
        """All of them in order, reading away the broker's receipts meanwhile."""
        reader = threading.Thread(target=self._drain, daemon=True)
        reader.start()
        sent = 0
        while sent < len(packets):
            upto = min(len(packets), sent + 50, window.room() if window else len(packets))
            self.socket.sendall(b"".join(packets[sent:upto]))
            sent = upto

    def _drain(self) -> None:
        try:
            while self.socket.recv(1 << 20):
                pass
        except OSError:
            return

    def close(self) -> None:
        self.socket.close()


# ---- what takes it ---------------------------------------------------------------------------------------------------


@dataclass
class Run:
    seconds: float
    cpu_seconds: float


class Server:
    """`balise server run`, with the terminals of the load in its registry."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.database = directory / "fleet.db"
        self.mqtt_port = free_port()
        self._env = os.environ | {
            "BALISE_DATA_DIR": str(directory), "BALISE_PORT": str(free_port()), "BALISE_MQTT_PORT": str(self.mqtt_port),
            "BALISE_LOG_LEVEL": "WARNING",
        }  # fmt: skip

    def __enter__(self) -> "Server":
        balise = [sys.executable, "-m", "balise", "server"]
        subprocess.run([*balise, "init"], env=self._env, check=True, stdout=subprocess.DEVNULL)
        self._register()
        self._child = subprocess.Popen([*balise, "run"], env=self._env)
        url = f"http://127.0.0.1:{self._env['BALISE_PORT']}/readyz"
        while not answers(url):
            if self._child.poll() is not None:
                raise RuntimeError("the server did not start")
            time.sleep(0.1)
        return self

    def __exit__(self, *exc: object) -> None:
        self._child.send_signal(signal.SIGTERM)
        self._child.wait()

    def _register(self) -> None:
        engine = connect(f"sqlite:///{self.database}")
        now = datetime.now(UTC)
        with transaction(engine) as session:
            for number in range(max(LIVE_TERMINALS, BACKLOG_TERMINALS)):
                me = name(number)
                session.add(Terminal(id=me, name=me, status="accepted", generation=1, created_at=now))
                session.flush()
                session.add(TerminalPlace(terminal=me, since=now, place=PLACE.model_dump(mode="json")))
                session.add(TerminalDesired(terminal=me, wished_at=now))
                session.add(TerminalLive(terminal=me))
        engine.dispose()

    def take(self, terminals: int, events: int, per_batch: int) -> Run:
        """From the first packet to the last acknowledgement, and what it cost the server's process."""
        packets = messages(terminals, events, per_batch)
        answers, load = Wire(self.mqtt_port, "bench-answers"), Wire(self.mqtt_port, "bench-load")
        answers.subscribe("balise/v1/+/down/ack")
        process = psutil.Process(self._child.pid)
        before, began = process.cpu_times(), time.perf_counter()
        window = Window(terminals, len(packets))
        sender = threading.Thread(target=load.send, args=(packets, window), daemon=True)
        sender.start()
        answers.answered(window)
        seconds, after = time.perf_counter() - began, process.cpu_times()
        sender.join()
        load.close()
        answers.close()
        return Run(seconds, after.user - before.user + after.system - before.system)


def bare_receive(packets: list[bytes], directory: Path) -> Run:
    """The client library alone, in a process of its own: receive at QoS 1 and count."""
    port = free_port()
    with embedded_broker(port, directory):
        child = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.bare_receiver", str(port), str(len(packets))], stdout=subprocess.PIPE
        )
        assert child.stdout
        child.stdout.readline()  # subscribed
        load = Wire(port, "bench-load")
        load.send(packets)
        seconds, cpu_seconds = map(float, child.stdout.readline().split())
        child.wait()
        load.close()
    return Run(seconds, cpu_seconds)


def core_insert_rate(recorded: Path, fresh: Path) -> float:
    """The rows the server has just written, inserted again by SQLAlchemy Core into an empty database like ours."""
    with connect(f"sqlite:///{recorded}").connect() as source:
        rows = [dict(row._mapping) for row in source.execute(select_rows(TABLE).limit(BACKLOG_EVENTS))]
    engine = connect(f"sqlite:///{fresh}")
    create_schema(engine)
    began = time.perf_counter()
    for start in range(0, len(rows), 10_000):
        with engine.begin() as connection:
            connection.execute(TABLE.insert(), rows[start : start + 10_000])
    return len(rows) / (time.perf_counter() - began)


def answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
