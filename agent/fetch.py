"""Bring one content release here: `python -m agent.fetch`, a process of its own so that the agent stays small.

A job (JSON) comes on stdin; JSON lines go out on stdout: `{"progress": 0.42}`, at the end `{"done": true}` or
`{"failed": "<kind>", "reason": "…"}`. Kinds tell the agent what to do next:

    unreachable, missing, garbled, expired, disk     try again later
    untrusted                                        signed by another, or older than what was seen: never, report
"""

import json
import shutil
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import urllib3
from pydantic import ValidationError

from agent.resume import Failure, Garbled, bring
from agent.store import Damaged, Store
from agent.trust import CONNECTIONS, TrustJob, connections, trusted_target
from wire.message import Digest
from wire.release import MAX_MANIFEST_BYTES, Manifest, ReleaseFile

AT_ONCE = CONNECTIONS
"""Files on their way: while one is synced to the disk, the network brings the others."""
_TELL_EVERY_S = 0.25


class DiskFull(Failure):
    kind = "disk"


class Job(TrustJob):
    """`reserve`: bytes of disk that must stay free. `patience_s`: how long nothing may arrive before giving up."""

    content: Path
    release: Digest
    reserve: int = 256 * 2**20
    patience_s: float = 90


class Progress:
    """Tells how far the release is, a few times a second at most."""

    def __init__(self, done: int, total: int) -> None:
        self._done = done
        self._total = total
        self._told = 0.0
        self._lock = threading.Lock()

    def add(self, count: int) -> None:
        with self._lock:
            self._done = max(0, self._done + count)
            if time.monotonic() - self._told >= _TELL_EVERY_S:
                self._told = time.monotonic()
                say(progress=round(min(1.0, self._done / self._total), 4) if self._total else 1.0)


def say(**line: Any) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def trusted_manifest(job: Job, store: Store, pool: urllib3.PoolManager) -> Manifest:
    """The manifest of the release wished for, verified through TUF and kept. Raises `Failure`."""
    held = store.manifest(job.release)
    if held:
        return held
    raw = trusted_target(job, f"releases/{job.release}.json", MAX_MANIFEST_BYTES, pool)
    try:
        return store.keep_manifest(job.release, raw)
    except (Damaged, ValidationError, ValueError) as error:
        raise Garbled(f"{type(error).__name__}: {error}"[:200]) from error


def fetch(job: Job) -> None:
    """Returns once the release is here whole, verified and synced. Raises `Failure`, `OSError`."""
    store = Store(job.content)
    pool = connections(job)
    manifest = trusted_manifest(job, store, pool)
    missing = store.missing(manifest)
    arrived = sum(partial.stat().st_size for f in missing if (partial := store.partial / f.sha256).exists())
    needed = sum(file.size for file in missing) - arrived
    free = shutil.disk_usage(job.content).free
    if needed + job.reserve > free:
        raise DiskFull(f"{needed} bytes to come, {free} free of which {job.reserve} stay reserved")
    total = sum({file.sha256: file.size for file in manifest.files}.values())
    progress = Progress(total - needed, total)

    def arrive(file: ReleaseFile) -> None:
        url = f"{job.server.rstrip('/')}/blobs/{file.sha256}"
        store.keep_blob(bring(pool, url, file, store.partial / file.sha256, job.patience_s, progress.add), file.sha256)

    with ThreadPoolExecutor(AT_ONCE, "arrive") as arriving:
        begun = [arriving.submit(arrive, file) for file in missing]
        try:
            for one in as_completed(begun):
                one.result()
        except BaseException:
            arriving.shutdown(cancel_futures=True)  # those on their way end first: what arrived is kept
            raise
    store.sync_blobs(manifest)


def main() -> None:
    try:
        job = Job.model_validate_json(sys.stdin.readline())
        fetch(job)
        say(done=True)
    except Failure as error:
        say(failed=error.kind, reason=str(error)[:200])
        raise SystemExit(1) from error
    except OSError as error:
        say(failed="disk", reason=str(error)[:200])
        raise SystemExit(1) from error


if __name__ == "__main__":
    main()
