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
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import urllib3
from pydantic import BaseModel, ValidationError
from tuf.api import exceptions as tuf_errors
from tuf.ngclient.fetcher import FetcherInterface
from tuf.ngclient.updater import Updater

from agent import disk
from agent.dated_tls import dated_context
from agent.resume import Failure, Garbled, Missing, Unreachable, bring
from agent.store import CHUNK, Damaged, Store
from wire.message import Digest, Instant
from wire.release import MAX_MANIFEST_BYTES, Manifest, ReleaseFile

AT_ONCE = 4
"""Files on their way: while one is synced to the disk, the network brings the others."""
_METADATA_WITHIN_S = 60
_TELL_EVERY_S = 0.25


class DiskFull(Failure):
    kind = "disk"


class Expired(Failure):
    kind = "expired"


class Untrusted(Failure):
    kind = "untrusted"


class Job(BaseModel):
    """`root`: TUF root metadata from the enrolment. `ca`: PEM, believed beside the system's. `now`: the agent's time.

    `reserve`: bytes of disk that must stay free. `patience_s`: how long nothing may arrive before giving up.
    """

    content: Path
    server: str
    release: Digest
    root: str
    ca: str = ""
    now: Instant | None = None
    reserve: int = 256 * 2**20
    patience_s: float = 90


class SteadyFetcher(FetcherInterface):
    """TUF's downloads through our connections: bounded in time (TUF itself bounds the size), never compressed."""

    def __init__(self, pool: urllib3.PoolManager) -> None:
        self._pool = pool

    def _fetch(self, url: str) -> Iterator[bytes]:
        try:
            answer = self._pool.request("GET", url, preload_content=False, redirect=False)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise tuf_errors.DownloadError(f"{url}: {error}") from error
        if answer.status != 200:
            answer.close()
            raise tuf_errors.DownloadHTTPError(f"{url}: HTTP {answer.status}", answer.status)
        return self._body(answer, url)

    def _body(self, answer: urllib3.BaseHTTPResponse, url: str) -> Iterator[bytes]:
        deadline = time.monotonic() + _METADATA_WITHIN_S
        try:
            for chunk in answer.stream(CHUNK // 16):
                if time.monotonic() > deadline:
                    raise tuf_errors.DownloadError(f"{url}: more than {_METADATA_WITHIN_S} s")
                yield chunk
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise tuf_errors.DownloadError(f"{url}: {error}") from error
        finally:
            answer.close() if answer.length_remaining else answer.release_conn()


class DurableUpdater(Updater):
    """python-tuf's client; what it has verified survives a power cut (its own writes rename without fsync)."""

    def _persist_file(self, filename: str, data: bytes) -> None:
        disk.write_synced(Path(filename), data)

    def judge_expiry_at(self, now: datetime) -> None:
        """By the agent's clock: the system's may show the year 2000, or 2100."""
        self._trusted_set.reference_time = now


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


def connections(job: Job) -> urllib3.PoolManager:
    """Certificates are judged at the agent's time: the system's clock may show the year 2000."""
    at = job.now or datetime.now(UTC)
    trust = dated_context(lambda: at)
    if job.ca:
        trust.load_verify_locations(cadata=job.ca)
    return urllib3.PoolManager(
        ssl_context=trust, timeout=urllib3.Timeout(connect=10, read=20), retries=False, maxsize=AT_ONCE,
        headers={"User-Agent": "balise-agent", "Accept-Encoding": "identity"},
    )  # fmt: skip


def trusted_manifest(job: Job, store: Store, pool: urllib3.PoolManager) -> Manifest:
    """The manifest of the release wished for, verified through TUF and kept. Raises `Failure`."""
    held = store.manifest(job.release)
    if held:
        return held
    folder = store.root / "tuf"
    disk.make_dir(folder)
    base = job.server.rstrip("/")
    arriving = folder / "manifest.arriving"
    try:
        updater = DurableUpdater(
            str(folder), f"{base}/releases/metadata/", str(folder), f"{base}/releases/targets/",
            SteadyFetcher(pool), bootstrap=job.root.encode(),
        )  # fmt: skip
        updater.judge_expiry_at(job.now or datetime.now(UTC))
        target = updater.get_targetinfo(f"releases/{job.release}.json")
        if target is None:
            raise Missing("the server's signed list does not name this release")
        if target.length > MAX_MANIFEST_BYTES:
            raise Garbled(f"a manifest of {target.length} bytes, at most {MAX_MANIFEST_BYTES} are read")
        updater.download_target(target, str(arriving))
        return store.keep_manifest(job.release, arriving.read_bytes())
    except tuf_errors.ExpiredMetadataError as error:
        raise Expired(str(error)) from error
    except (tuf_errors.UnsignedMetadataError, tuf_errors.BadVersionNumberError) as error:
        raise Untrusted(str(error)) from error
    except tuf_errors.DownloadError as error:
        raise Unreachable(str(error)) from error
    except (tuf_errors.RepositoryError, Damaged, ValidationError, ValueError) as error:
        # A captive portal's page in place of metadata ends here: it is no attack, and passes.
        raise Garbled(f"{type(error).__name__}: {error}"[:200]) from error
    finally:
        disk.remove(arriving)


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
