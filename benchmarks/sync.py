"""`sync.first`: a release's first arrival on a terminal, by `agent.fetch`, beside rsync of the same files."""

import hashlib
import json
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
from fleet_server.contents.build import Built
from tests.fleet import Fleet
from tests.processes import Process, eventually, free_port
from wire.release import Manifest, ReleaseFile

FILES, FILE_BYTES, RUNS, SHARE = 400, 500_000, 3, 0.5


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


def middle(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def synthetic() -> Built:
    draw = random.Random(20261124)
    bodies = {f"media/{number:03}.bin": draw.randbytes(FILE_BYTES) for number in range(FILES)}
    files = tuple(
        ReleaseFile(path=path, sha256=hashlib.sha256(body).hexdigest(), size=len(body), type="application/octet-stream")
        for path, body in bodies.items()
    )
    manifest = Manifest(label="bench", pack="bench", built_at=datetime(2026, 11, 24, tzinfo=UTC), languages=("fr",),
                        files=files)  # fmt: skip
    raw = json.dumps(manifest.model_dump(mode="json"), ensure_ascii=False, separators=(",", ":")).encode()
    return Built(manifest, raw, {hashlib.sha256(body).hexdigest(): body for body in bodies.values()})


def fetch_seconds(content: Path, server: str, built: Built, root: str) -> float:
    """The process that the agent starts, from its start to its end: verified and synced."""
    content.mkdir()
    job = {"content": str(content), "trust": str(content / "tuf"), "server": server, "release": built.release.id,
           "root": root}  # fmt: skip
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "agent.fetch"], input=json.dumps(job).encode() + b"\n",
                          stdout=subprocess.PIPE, check=False)  # fmt: skip
    seconds = time.perf_counter() - began
    if done.returncode:
        raise RuntimeError(done.stdout.decode()[-500:])
    shutil.rmtree(content)
    return seconds


def rsync_seconds(directory: Path, source: Path, run: int) -> float:
    """A daemon on loopback; `--fsync` where rsync has it, since a release must survive a power cut."""
    command = shutil.which("rsync")
    if not command:
        raise RuntimeError("rsync is not installed: apt-get install rsync")
    port, target, config = free_port(), directory / f"theirs-{run}", directory / "rsyncd.conf"
    config.write_text(f"use chroot = no\n[release]\npath = {source}\nread only = yes\n")
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
