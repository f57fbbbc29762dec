"""A release of 500 MB on its way to a terminal, by `agent.fetch`: `sync.first` beside rsync of the same files,
`sync.resume` after kills, `sync.changed` when one file of it is another. Bytes are counted on a relay between both."""

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from agent.identity import load_identity
from benchmarks.measure import Measure, Reference
from benchmarks.relay import Relay
from fleet_server.contents.build import Built
from tests.fleet import Fleet
from tests.processes import Process, eventually, free_port
from wire.release import Manifest, ReleaseFile

FILES, FILE_BYTES, RUNS, SHARE = 400, 1_250_000, 3, 0.8
KILLS, AGAIN, MORE = 5, 2**20, 1.02


def measures() -> Iterator[Measure]:
    built = synthetic()
    megabytes = sum(len(body) for body in built.files.values()) / 1e6
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as made, Fleet(Path(made)) as fleet:
        fleet.publish(built, wished=False)
        kiosk = fleet.add("Laval").start()
        identity = load_identity(kiosk.state_dir / "identity")
        kiosk.stop()
        if identity is None:
            raise RuntimeError("the terminal is not enrolled")
        source = Path(made) / "source"
        source.mkdir()
        for digest, body in built.files.items():
            (source / digest).write_bytes(body)
        for run in range(RUNS):
            theirs.append(megabytes / rsync_seconds(Path(made), source, run))
            ours.append(
                megabytes / fetch_seconds(Path(made) / f"ours-{run}", fleet.url, built, identity.enrolment.root)
            )
    rate, beside = middle(ours), Reference("rsync daemon, MB/s", round(middle(theirs), 1))
    yield Measure("sync.first", round(rate, 1), "MB/s", beside, f"≥ {SHARE} × reference", rate >= SHARE * beside.value)
    yield from lines_used()


def lines_used() -> Iterator[Measure]:
    """What crosses the line: again after kills, and for one changed file."""
    built, changed = synthetic(), synthetic(changed=True)
    with tempfile.TemporaryDirectory() as made, Fleet(Path(made)) as fleet:
        fleet.publish(built, wished=False)
        fleet.publish(changed, wished=False)
        kiosk = fleet.add("Laval").start()
        identity = load_identity(kiosk.state_dir / "identity")
        kiosk.stop()
        if identity is None:
            raise RuntimeError("the terminal is not enrolled")
        with Relay(int(fleet.url.rsplit(":", 1)[1])) as relay:
            terminal = Path(made) / "terminal"
            draw = random.Random(3)
            for _ in range(KILLS):
                killed_after(terminal, relay, built, identity.enrolment.root, draw.randrange(10**7, 7 * 10**7))
            fetched(terminal, relay.url, built, identity.enrolment.root)
            total = sum(len(body) for body in built.files.values())
            again = max(0, relay.down - total) / KILLS
            yield Measure("sync.resume", round(again), "B again per kill", Reference("1 MiB", AGAIN), "≤ reference",
                          again <= AGAIN)  # fmt: skip
            before = relay.down
            fetched(terminal, relay.url, changed, identity.enrolment.root)
            crossed = relay.down - before
        yield Measure("sync.changed", crossed, "B", Reference("the one changed file", FILE_BYTES),
                      f"≤ {MORE} × reference", crossed <= MORE * FILE_BYTES)  # fmt: skip


def middle(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def synthetic(changed: bool = False) -> Built:
    draw = random.Random(20261124)
    bodies = {f"media/{number:03}.bin": draw.randbytes(FILE_BYTES) for number in range(FILES)}
    if changed:
        bodies["media/007.bin"] = draw.randbytes(FILE_BYTES)
    files = tuple(
        ReleaseFile(path=path, sha256=hashlib.sha256(body).hexdigest(), size=len(body), type="application/octet-stream")
        for path, body in bodies.items()
    )
    manifest = Manifest(label="bench-2" if changed else "bench", pack="bench", files=files, languages=("fr",),
                        built_at=datetime(2026, 11, 24, tzinfo=UTC))  # fmt: skip
    raw = json.dumps(manifest.model_dump(mode="json"), ensure_ascii=False, separators=(",", ":")).encode()
    return Built(manifest, raw, {hashlib.sha256(body).hexdigest(): body for body in bodies.values()})


def job_of(terminal: Path, server: str, built: Built, root: str) -> bytes:
    job = {"trust": str(terminal / "trust"), "content": str(terminal / "content"), "server": server,
           "release": built.release.id, "root": root}  # fmt: skip
    return json.dumps(job).encode() + b"\n"


def fetched(terminal: Path, server: str, built: Built, root: str) -> None:
    (terminal / "content").mkdir(parents=True, exist_ok=True)
    done = subprocess.run([sys.executable, "-m", "agent.fetch"], input=job_of(terminal, server, built, root),
                          stdout=subprocess.PIPE, check=False)  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stdout.decode()[-500:])


def fetch_seconds(terminal: Path, server: str, built: Built, root: str) -> float:
    """The process that the agent starts, from its start to its end: verified and synced."""
    began = time.perf_counter()
    fetched(terminal, server, built, root)
    seconds = time.perf_counter() - began
    shutil.rmtree(terminal)
    return seconds


def killed_after(terminal: Path, relay: Relay, built: Built, root: str, goal: int) -> None:
    (terminal / "content").mkdir(parents=True, exist_ok=True)
    before = relay.down
    child = subprocess.Popen([sys.executable, "-m", "agent.fetch"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    if child.stdin is None:
        raise RuntimeError("no pipe")
    child.stdin.write(job_of(terminal, relay.url, built, root))
    child.stdin.close()
    while relay.down - before < goal and child.poll() is None:
        time.sleep(0.001)
    child.kill()
    child.wait()


def rsync_seconds(directory: Path, source: Path, run: int) -> float:
    """A daemon on loopback; `--fsync` where rsync has it, since a release must survive a power cut."""
    command = shutil.which("rsync")
    if not command:
        raise RuntimeError("rsync is not installed: apt-get install rsync")
    port, target, config = free_port(), directory / f"theirs-{run}", directory / "rsyncd.conf"
    who = f"uid = {os.getuid()}\ngid = {os.getgid()}\n"  # as root it would read as nobody
    config.write_text(f"use chroot = no\n{who}[release]\npath = {source}\nread only = yes\n")
    daemon = Process("rsync", [command, "--daemon", "--no-detach", "--address=127.0.0.1", f"--port={port}",
                               f"--config={config}"], directory / "rsync.log")  # fmt: skip
    url = f"rsync://127.0.0.1:{port}/release/"
    try:
        eventually(lambda: subprocess.run([command, url], capture_output=True, check=False).returncode == 0)
        began = time.perf_counter()
        subprocess.run([command, "-a", "--fsync", url, f"{target}/"], check=True)
        seconds = time.perf_counter() - began
    finally:
        daemon.stop()
    shutil.rmtree(target)
    return seconds
