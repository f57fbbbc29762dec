"""What the server's signed lists say, verified by TUF on this terminal: contents and software alike.

`trusted_target(job, path, max_bytes)` gives the bytes of one target, or raises what the caller does next:

Failure            (of `agent.resume`) the target is not here
├─ Unreachable     try again later
├─ Missing         the signed lists do not name it: try again later
├─ Garbled         what came is not what was asked for (a portal's page, a wrong length): try again later
├─ Expired         nobody renewed the lists, or somebody withholds the news: try again later, tell
└─ Untrusted       signed by another, or older than what was seen: never, report

What is kept in `job.trust` was verified before it was written, and each write is one atomic, synced rename: a power cut
leaves an older state that was verified too, from which the next call goes on.
"""

import fcntl
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import urllib3
from pydantic import BaseModel
from tuf.api import exceptions as tuf_errors
from tuf.ngclient.fetcher import FetcherInterface
from tuf.ngclient.updater import Updater
from urllib3.connection import HTTPConnection

from agent import disk
from agent.dated_tls import dated_context
from agent.resume import Failure, Garbled, Missing, Unreachable
from wire.message import Instant

CONNECTIONS = 4
_PIECE = 64 * 1024
_COMPRESSED = {"Accept-Encoding": "gzip"}
_RECEIVE_BYTES = 256 * 1024
"""What a connection may hold that this process has not read yet, and loses when it is killed."""
# While keys are exchanged, the server's files are for some milliseconds of two states.
_LOOK_AGAIN_AFTER_S = 1.0


class Expired(Failure):
    kind = "expired"


class Untrusted(Failure):
    kind = "untrusted"


class TrustJob(BaseModel):
    """`trust`: folder of the verified metadata; processes take turns in it. `root`: TUF root metadata of the enrolment.

    `ca`: PEM, believed beside the system's. `now`: the agent's time. `metadata_within_s`: for all of one look at the
    lists; a server that dribbles is not waited for longer.
    """

    trust: Path
    server: str
    root: str
    ca: str = ""
    now: Instant | None = None
    metadata_within_s: float = 90


class SteadyFetcher(FetcherInterface):
    """TUF's downloads through our connections: bounded in time; TUF bounds the size, of what was compressed too.

    The list of an edition's files is half digests and half words that come again: compressed, it is a quarter.
    """

    def __init__(self, pool: urllib3.PoolManager, within_s: float) -> None:
        self._pool = pool
        self._within_s = within_s

    def _fetch(self, url: str) -> Iterator[bytes]:
        try:
            answer = self._pool.request(
                "GET", url, headers=dict(self._pool.headers) | _COMPRESSED, preload_content=False, redirect=False
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise tuf_errors.DownloadError(f"{url}: {error}") from error
        if answer.status != 200:
            answer.close()
            raise tuf_errors.DownloadHTTPError(f"{url}: HTTP {answer.status}", answer.status)
        return self._body(answer, url)

    def _body(self, answer: urllib3.BaseHTTPResponse, url: str) -> Iterator[bytes]:
        deadline = time.monotonic() + self._within_s
        try:
            # read1, not read: what waits for a full piece never looks at the clock while single bytes come. It never
            # gives more than a piece: what unpacks to more than TUF allows is not unpacked to its end.
            while chunk := answer.read1(_PIECE):
                if time.monotonic() > deadline:
                    raise tuf_errors.DownloadError(f"{url}: more than {self._within_s} s")
                yield chunk
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise tuf_errors.DownloadError(f"{url}: {error}") from error
        finally:
            answer.close() if answer.length_remaining else answer.release_conn()


class DurableUpdater(Updater):
    """python-tuf's client; what it has verified survives a power cut (its own writes rename without fsync)."""

    def _persist_file(self, filename: str, data: bytes) -> None:
        path = Path(filename)
        disk.make_dir(path.parent)
        disk.write_synced(path, data)

    def _persist_root(self, version: int, data: bytes) -> None:
        path = Path(self._dir) / "root_history" / f"{version}.root.json"
        # The enrolment's own root comes by every time: the same bytes are not written again.
        if not path.exists() or path.read_bytes() != data:
            self._persist_file(str(path), data)

    def _update_root_symlink(self) -> None:
        """Nothing: the enrolment says where trust begins, and the history goes on from there."""

    def judge_expiry_at(self, now: datetime) -> None:
        """By the agent's clock: the system's may show the year 2000, or 2100."""
        self._trusted_set.reference_time = now


def connections(job: TrustJob) -> urllib3.PoolManager:
    """Certificates are judged at the agent's time: the system's clock may show the year 2000."""
    at = job.now or datetime.now(UTC)
    trust = dated_context(lambda: at)
    if job.ca:
        trust.load_verify_locations(cadata=job.ca)
    return urllib3.PoolManager(
        ssl_context=trust, timeout=urllib3.Timeout(connect=10, read=20), retries=False, maxsize=CONNECTIONS,
        headers={"User-Agent": "balise-agent", "Accept-Encoding": "identity"},
        socket_options=[*HTTPConnection.default_socket_options, (socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)],
    )  # fmt: skip


def trusted_target(job: TrustJob, path: str, max_bytes: int, pool: urllib3.PoolManager | None = None) -> bytes:
    """The verified bytes of the target `path`, such as `releases/<id>.json`. Raises `Failure`, `OSError` (the disk)."""
    pool = pool or connections(job)
    try:
        return _within(job, path, max_bytes, pool)
    except Untrusted:
        time.sleep(_LOOK_AGAIN_AFTER_S)
        return _within(job, path, max_bytes, pool)


def _within(job: TrustJob, path: str, max_bytes: int, pool: urllib3.PoolManager) -> bytes:
    """Of one look: headers that dribble are bounded by nothing else. The thread that is left behind ends with us."""
    found: list[bytes] = []
    failed: list[BaseException] = []

    def look() -> None:
        try:
            found.append(_verified(job, path, max_bytes, pool))
        except BaseException as error:
            failed.append(error)

    looking = threading.Thread(target=look, name="verify", daemon=True)
    looking.start()
    looking.join(job.metadata_within_s)
    if looking.is_alive():
        raise Unreachable(f"{path}: not verified within {job.metadata_within_s} s")
    if failed:
        raise failed[0]
    return found[0]


def _verified(job: TrustJob, path: str, max_bytes: int, pool: urllib3.PoolManager) -> bytes:
    base = job.server.rstrip("/")
    with _alone(job.trust):
        arriving = job.trust / "target.arriving"
        try:
            updater = DurableUpdater(
                str(job.trust), f"{base}/releases/metadata/", str(job.trust), f"{base}/releases/targets/",
                SteadyFetcher(pool, job.metadata_within_s), bootstrap=job.root.encode(),
            )  # fmt: skip
            updater.judge_expiry_at(job.now or datetime.now(UTC))
            target = updater.get_targetinfo(path)
            if target is None:
                raise Missing(f"the server's signed lists do not name {path}")
            if target.length > max_bytes:
                raise Garbled(f"{path}: {target.length} bytes, at most {max_bytes} are read")
            updater.download_target(target, str(arriving))
            return arriving.read_bytes()
        except tuf_errors.ExpiredMetadataError as error:
            raise Expired(str(error)) from error
        except (tuf_errors.UnsignedMetadataError, tuf_errors.BadVersionNumberError) as error:
            raise Untrusted(str(error)) from error
        except tuf_errors.DownloadError as error:
            raise Unreachable(str(error)) from error
        except (tuf_errors.RepositoryError, ValueError) as error:
            # A captive portal's page in place of metadata ends here: it is no attack, and passes.
            raise Garbled(f"{type(error).__name__}: {error}"[:200]) from error
        finally:
            disk.remove(arriving)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    disk.make_dir(folder)
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
