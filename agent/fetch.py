"""Bring one content release here: `python -m agent.fetch`, a process of its own so that the agent stays small.

A job (JSON) comes on stdin; JSON lines go out on stdout: `{"progress": 0.42}`, at the end `{"done": true}` or
`{"failed": "<kind>", "reason": "…"}` (`disk` with `lacks`, in bytes). Kinds tell the agent what to do next:

    unreachable, missing, garbled, expired, disk     try again later
    untrusted                                        signed by another, or older than what was seen: never, report
"""

import json
import shutil
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import urllib3
from pydantic import ValidationError

from agent.limit import Limit
from agent.resume import Failure, Garbled, Wanted, bring
from agent.store import Damaged, Store
from agent.trust import TrustJob, connections, trusted_target
from wire.message import Digest
from wire.release import MAX_MANIFEST_BYTES, Manifest

AT_ONCE = 2
"""Files on their way. What a kill may lose is what was read and not written, and what the kernel holds for us:
twice 256 KiB for each."""
SYNCING = 4
"""Files that are synced to the disk meanwhile: it writes them together."""
_TELL_EVERY_S = 0.25


class DiskFull(Failure):
    kind = "disk"

    def __init__(self, reason: str, lacks: int) -> None:
        super().__init__(reason)
        self.lacks = lacks


class Line(TrustJob):
    """How to fetch, whatever it is. `reserve`: bytes of disk that must stay free. `patience_s`: how long nothing may
    arrive before giving up. `kbit_s`: most to take of the line, all connections together; 0 for no limit.
    `line`: the file by which it is shared with what else this terminal fetches.
    """

    reserve: int = 256 * 2**20
    patience_s: float = 90
    kbit_s: int = 0
    line: Path | None = None


class Job(Line):
    content: Path
    release: Digest


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
    check_room(job, store.partial, missing)
    total = sum({file.sha256: file.size for file in manifest.files}.values())
    arrive(job, pool, store.partial, missing, total, store.keep_blob)
    store.sync_blobs(manifest)


def check_room(job: Line, partial: Path, missing: Sequence[Wanted], more: int = 0) -> None:
    """Before the first byte comes. `more`: bytes that what is done with them will take. Raises `DiskFull`."""
    needed, free = _to_come(partial, missing) + more, shutil.disk_usage(partial).free
    if missing and needed + job.reserve > free:
        lacks = needed + job.reserve - free
        raise DiskFull(f"{lacks} bytes lack: {needed} to come, {free} free of which {job.reserve} stay reserved", lacks)


def arrive(
    job: Line, pool: urllib3.PoolManager, partial: Path, missing: Sequence[Wanted], total: int,
    keep: Callable[[Path, str], None],
) -> None:  # fmt: skip
    """`keep` takes each file over, and syncs it. `total`: bytes of the whole release. Raises `Failure`, `OSError`."""
    progress, limit = Progress(total - _to_come(partial, missing), total), Limit(job.kbit_s * 1000 / 8, job.line)

    def arrived(file: Wanted) -> None:
        url = f"{job.server.rstrip('/')}/blobs/{file.sha256}"
        here = bring(pool, url, file, partial / file.sha256, job.patience_s, progress.add, limit)
        kept.append(syncing.submit(keep, here, file.sha256))

    kept: list[Future[None]] = []
    with ThreadPoolExecutor(SYNCING, "sync") as syncing, ThreadPoolExecutor(AT_ONCE, "arrive") as arriving:
        begun = [arriving.submit(arrived, file) for file in missing]
        try:
            for one in as_completed(begun):
                one.result()
        except BaseException:
            arriving.shutdown(cancel_futures=True)  # those on their way end first: what arrived is kept
            raise
    for done in kept:
        done.result()


def _to_come(partial: Path, missing: Sequence[Wanted]) -> int:
    here = (partial / file.sha256 for file in missing)
    return sum(file.size for file in missing) - sum(path.stat().st_size for path in here if path.exists())


def told(work: Callable[[], None]) -> None:
    """Do it, and say how it ended. Raises `SystemExit` when it failed."""
    try:
        work()
        say(done=True)
    except DiskFull as error:
        say(failed=error.kind, reason=str(error)[:200], lacks=error.lacks)
        raise SystemExit(1) from error
    except Failure as error:
        say(failed=error.kind, reason=str(error)[:200])
        raise SystemExit(1) from error
    except OSError as error:
        say(failed="disk", reason=str(error)[:200])
        raise SystemExit(1) from error


def main() -> None:
    told(lambda: fetch(Job.model_validate_json(sys.stdin.readline())))


if __name__ == "__main__":
    main()
