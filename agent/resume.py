"""One file by HTTP, from whatever byte had arrived, through whatever the network does to it.

Failure            the file is not here; what arrived of it is kept
├─ Unreachable     nothing came for `patience_s`
├─ Missing         the server does not have it
└─ Garbled         what came, twice, is not what was asked for
"""

import hashlib
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import urllib3

from agent import disk
from agent.limit import UNLIMITED, Limit

_PIECE = 256 * 1024
_FIRST_WAIT_S = 0.2
_LONGEST_WAIT_S = 10.0
_GARBLED_TWICE = 2
Came = Callable[[int], None]


class Wanted(Protocol):
    """A file of a release, or a wheel of a version."""

    @property
    def sha256(self) -> str: ...
    @property
    def size(self) -> int: ...


class Failure(Exception):
    kind = "unreachable"


class Unreachable(Failure):
    pass


class Missing(Failure):
    kind = "missing"


class Garbled(Failure):
    kind = "garbled"


class _Broken(Exception):
    """This attempt is over; the next goes on from what arrived."""


def bring(
    pool: urllib3.PoolManager,
    url: str,
    file: Wanted,
    partial: Path,
    patience_s: float,
    came: Came,
    limit: Limit = UNLIMITED,
) -> Path:
    """`partial`, complete and of the right digest, not synced yet. `came` hears of bytes that came, or went.

    The digest is taken as bytes come: what had arrived before is read once from the disk.
    """
    last_gain, wait, garbled = time.monotonic(), _FIRST_WAIT_S, 0
    while True:
        with _opened(partial, file.size, came) as (descriptor, have):
            try:
                digest = _digest(descriptor)
                if have < file.size:
                    have += _attempt(pool, url, file.size, have, _Sink(descriptor, digest, came, limit))
            except _Broken as error:
                gained = os.fstat(descriptor).st_size > have
                reason = str(error)
            else:
                gained, reason = True, ""
                if have == file.size and digest.hexdigest() == file.sha256:
                    return partial
                if have == file.size:
                    garbled += 1
                    came(-have)
                    os.ftruncate(descriptor, 0)
        if garbled >= _GARBLED_TWICE:
            raise Garbled(f"{url}: not what its digest says")
        if gained:
            last_gain, wait = time.monotonic(), _FIRST_WAIT_S
        elif time.monotonic() - last_gain > patience_s:
            raise Unreachable(f"{url}: {reason}")
        if reason:
            time.sleep(wait * random.uniform(0.5, 1.5))  # noqa: S311  # spread, not secrecy
            wait = min(wait * 2, _LONGEST_WAIT_S)


@contextmanager
def _opened(partial: Path, size: int, came: Came) -> Iterator[tuple[int, int]]:
    descriptor = os.open(partial, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        have = os.fstat(descriptor).st_size
        if have > size:
            came(-have)
            os.ftruncate(descriptor, 0)
            have = 0
        yield descriptor, have
    finally:
        os.close(descriptor)


class _Sink:
    """Where a file's bytes go: to the disk, its digest and the progress, no faster than allowed."""

    def __init__(self, descriptor: int, digest: "hashlib._Hash", came: Came, limit: Limit) -> None:
        self._descriptor = descriptor
        self._digest = digest
        self._came = came
        self.limit = limit

    def put(self, data: bytes | memoryview) -> None:
        disk.write_all(self._descriptor, data)
        self._digest.update(data)
        self._came(len(data))


def _attempt(pool: urllib3.PoolManager, url: str, size: int, have: int, sink: _Sink) -> int:
    """How many bytes one request added. Raises `_Broken` (some may have arrived), `Missing`."""
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    piece_bytes = sink.limit.piece(_PIECE)
    sink.limit.take(min(piece_bytes, size - have))
    try:
        answer = pool.request("GET", url, headers=headers, preload_content=False, redirect=False, decode_content=False)
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise _Broken(str(error)) from error
    try:
        skip = _skipped(answer, have, size, url)
        added = 0
        # read1, not read: what waits for a full piece would lose it all when it is killed.
        while piece := _come(answer, piece_bytes):
            fresh = memoryview(piece)[skip:]
            skip = max(0, skip - len(piece))
            fresh = fresh[: size - have - added]  # a server that goes on for ever is not listened to
            sink.put(fresh)
            added += len(fresh)
            if have + added == size:
                return added
            sink.limit.take(min(len(piece), size - have - added + skip))
        raise _Broken(f"ended after {have + added} of {size} bytes")
    finally:
        answer.close() if answer.length_remaining else answer.release_conn()


def _come(answer: urllib3.BaseHTTPResponse, most: int) -> bytes:
    try:
        return answer.read1(most, decode_content=False)
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise _Broken(str(error)) from error


def _skipped(answer: urllib3.BaseHTTPResponse, have: int, size: int, url: str) -> int:
    """How many bytes of the body are here already: all that we have, when the server knows no Range."""
    match answer.status:
        case 200:
            return have
        case 206 if answer.headers.get("Content-Range", "") == f"bytes {have}-{size - 1}/{size}":
            return 0
        case 404 | 410:
            raise Missing(f"{url}: HTTP {answer.status}")
        case _:
            raise _Broken(f"HTTP {answer.status} {answer.headers.get('Content-Range', '')}")


def _digest(descriptor: int) -> "hashlib._Hash":
    """Of all that is here; reading ends where writing goes on."""
    digest = hashlib.sha256()
    os.lseek(descriptor, 0, os.SEEK_SET)
    while piece := os.read(descriptor, _PIECE):
        digest.update(piece)
    return digest
