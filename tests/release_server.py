"""A server of releases that a terminal may meet: a TUF repository and blobs, before which the network misbehaves."""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp

from tests.releases import Made

ROLES = ("root", "timestamp", "snapshot", "targets")


class Repository:
    """One online key for all roles. `publish` lists releases; `files` is what the server has, by URL path."""

    def __init__(self, expires_in: timedelta = timedelta(days=30)) -> None:
        self._signer = CryptoSigner(Ed25519PrivateKey.generate())
        self._expires = datetime.now(UTC).replace(microsecond=0) + expires_in
        self._version = 0
        self.files: dict[str, bytes] = {}
        root = Root(expires=datetime.now(UTC) + timedelta(days=3650))
        for role in ROLES:
            root.add_key(self._signer.public_key, role)
        self.root = self._signed(root)
        self.publish()

    def publish(self, *made: Made) -> None:
        self._version += 1
        version = self._version
        targets = Targets(version, expires=self._expires)
        for one in made:
            path = f"releases/{one.id}.json"
            targets.targets[path] = TargetFile.from_data(path, one.raw, ["sha256"])
            self.files[f"/releases/targets/releases/{one.id}.{one.id}.json"] = one.raw
            for digest, body in one.blobs.items():
                self.files[f"/blobs/{digest}"] = body
        snapshot = Snapshot(version, expires=self._expires, meta={"targets.json": MetaFile(version)})
        timestamp = Timestamp(version, expires=self._expires, snapshot_meta=MetaFile(version))
        names = {f"{version}.targets": targets, f"{version}.snapshot": snapshot, "timestamp": timestamp}
        for name, role in names.items():
            self.files[f"/releases/metadata/{name}.json"] = self._signed(role)

    def _signed(self, role: Root | Targets | Snapshot | Timestamp) -> bytes:
        metadata: Metadata[Root | Targets | Snapshot | Timestamp] = Metadata(role)
        metadata.sign(self._signer)
        return metadata.to_bytes()


@dataclass
class Asked:
    """One request for a file that exists, for a misbehaviour to answer; `start` is what Range asked for."""

    handler: BaseHTTPRequestHandler
    path: str
    body: bytes
    start: int
    times: int

    def head(self, status: int, length: int, **headers: str) -> None:
        self.handler.send_response(status)
        self.handler.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.handler.send_header(name.replace("_", "-"), value)
        self.handler.end_headers()

    def send(self, data: bytes) -> None:
        self.handler.wfile.write(data)
        self.handler.wfile.flush()

    def honest(self) -> None:
        rest = self.body[self.start :]
        if self.start:
            total = len(self.body)
            self.head(206, len(rest), Content_Range=f"bytes {self.start}-{total - 1}/{total}")
        else:
            self.head(200, len(rest))
        self.send(rest)

    def cut_after(self, count: int) -> None:
        """Promise all, send `count` bytes, hang up."""
        rest = self.body[self.start :]
        total = len(self.body)
        if self.start:
            self.head(206, len(rest), Content_Range=f"bytes {self.start}-{total - 1}/{total}")
        else:
            self.head(200, len(rest))
        self.send(rest[:count])
        self.handler.close_connection = True


Misbehaviour = Callable[[Asked], None]


@dataclass
class ReleaseServer:
    repository: Repository
    blobs: Misbehaviour = Asked.honest
    metadata: Misbehaviour = Asked.honest
    asked: Counter[str] = field(default_factory=Counter)
    sent_from: list[tuple[str, int]] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        path = handler.path
        self.asked[path] += 1
        body = self.repository.files.get(path)
        if body is None:
            handler.send_error(404)
            return
        given = handler.headers.get("Range", "bytes=0-")
        start = int(given.removeprefix("bytes=").removesuffix("-"))
        self.sent_from.append((path, start))
        act = self.blobs if path.startswith("/blobs/") else self.metadata
        with contextlib.suppress(ConnectionError):
            act(Asked(handler, path, body, start, self.asked[path]))

    @contextlib.contextmanager
    def serving(self) -> Iterator["ReleaseServer"]:
        """Up inside of the block; the same port each time."""
        told = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                told.answer(self)

            def log_message(self, format: str, *args: object) -> None:
                return

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, request: object, address: object) -> None:
                return

        server = Server(("127.0.0.1", self.port), Handler)
        self.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def slowly(pieces: int, pause_s: float) -> Misbehaviour:
    def act(asked: Asked) -> None:
        rest = asked.body[asked.start :]
        asked.head(200 if not asked.start else 206, len(rest),
                   Content_Range=f"bytes {asked.start}-{len(asked.body) - 1}/{len(asked.body)}")  # fmt: skip
        step = max(1, len(rest) // pieces)
        for at in range(0, len(rest), step):
            asked.send(rest[at : at + step])
            time.sleep(pause_s)

    return act
