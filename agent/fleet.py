"""The fleet server as the terminal asks it, by HTTP. Calls block: an event loop makes them in a thread.

Unreachable        no answer, or the server is in trouble: try later
Rejected           the server has understood and says no: `code` says why, `message` says it to people
wire.sign.Untrusted  the answer is not from our server: never retry, report
"""

import json
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import urllib3
from pydantic import BaseModel, ValidationError

from agent.clock import Clock
from agent.dated_tls import dated_context
from agent.identity import Identity
from wire.enrol import Renewed, RenewRequest
from wire.request import SealedRequest
from wire.sign import Foreign, Unreadable, prove, unseal
from wire.state import TerminalState
from wire.trust import authority_digest, signing_digest

MAX_ANSWER_BYTES = 1024 * 1024
_TIMEOUT = urllib3.Timeout(connect=5, read=20)
M = TypeVar("M", bound=BaseModel)


class Unreachable(Exception):
    pass


class Rejected(Exception):
    """`status`: HTTP. `code`: the server's own word (`token_used`…), empty where it gave none."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message or code or f"HTTP {status}")
        self.status = status
        self.code = code
        self.message = message


class Http:
    """JSON over HTTP to one base URL; certificates are judged at `now`, or by `since`, or at no time (`dated_tls`)."""

    def __init__(
        self, base: str, now: Callable[[], datetime] | None, since: Callable[[], datetime] | None = None
    ) -> None:
        parts = urlsplit(base.rstrip("/"))
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{base!r}: the address of a server begins with http:// or https://")
        self.base = base.rstrip("/")
        self._prefix = parts.path
        self._pool: urllib3.HTTPConnectionPool
        if parts.scheme == "https":
            context = dated_context(now, since=since)
            self._pool = urllib3.HTTPSConnectionPool(
                parts.hostname, parts.port, timeout=_TIMEOUT, ssl_context=context, maxsize=2
            )
        else:
            self._pool = urllib3.HTTPConnectionPool(parts.hostname, parts.port, timeout=_TIMEOUT, maxsize=2)

    def path(self, path: str) -> str:
        """The path as the server sees it, which a proof is bound to."""
        return self._prefix + path

    def call(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> bytes:
        """The body of a 2xx answer. Raises `Unreachable`, `Rejected`."""
        try:
            answer = self._pool.request(
                method, self.path(path), body=body or None, headers=headers or {}, retries=False, redirect=False,
                preload_content=False,
            )  # fmt: skip
            try:
                raw: bytes = answer.read(MAX_ANSWER_BYTES + 1)
            finally:
                answer.close() if answer.length_remaining else answer.release_conn()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Unreachable(f"{self.base}: {error}") from error
        if len(raw) > MAX_ANSWER_BYTES:
            raise Unreachable(f"{self.base}{path}: answers more than {MAX_ANSWER_BYTES} bytes")
        if answer.status >= 500 or answer.status in (408, 425, 429):
            raise Unreachable(f"{self.base}{path}: HTTP {answer.status}")
        if not 200 <= answer.status < 300:
            raise _rejected(answer.status, raw)
        return raw

    def post(self, path: str, message: BaseModel, headers: dict[str, str] | None = None) -> bytes:
        headers = {"Content-Type": "application/json"} | (headers or {})
        return self.call("POST", path, message.model_dump_json().encode(), headers)


def _rejected(status: int, raw: bytes) -> Rejected:
    try:
        said: Any = json.loads(raw)
        return Rejected(status, str(said["error"])[:80], str(said.get("message", ""))[:500])
    except (ValueError, KeyError, TypeError, AttributeError):
        return Rejected(status, "", "")


def read_message(model: type[M], raw: bytes) -> M:
    """Raises `Unreadable`."""
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        raise Unreadable(f"{error.error_count()} fields do not fit {model.__name__}") from error


class Fleet:
    """What an enrolled terminal asks of its server, each request proved by its key."""

    def __init__(self, identity: Identity, clock: Clock) -> None:
        self.identity = identity
        self._clock = clock
        self._http = Http(identity.enrolment.server, clock.now)
        # Whoever asks for the time can't judge dates by it. The answer is signed in itself; the question tells nothing.
        self._asks_time = Http(identity.enrolment.server, None)

    def _proved(
        self, method: str, path: str, body: bytes = b"", content_type: str = "application/json",
        by: Http | None = None,
    ) -> bytes:  # fmt: skip
        who, http = self.identity, by or self._http
        proof = prove(method, http.path(path), body, who.terminal, who.generation, who.key, self._clock.now())
        headers = {"Authorization": f"Bearer {proof}"} | ({"Content-Type": content_type} if body else {})
        return http.call(method, path, body, headers)

    def pull_state(self) -> TerminalState:
        """The server's whole account of this terminal, signed over a nonce of ours; the clock learns from it.

        Raises `Unreachable`, `Rejected`, `Untrusted`.
        """
        nonce = secrets.token_urlsafe(24)
        asked_at = self._clock.elapsed()
        who = self.identity
        # The server may have changed its key while this terminal was away: it still has the one before, for a while.
        known = ",".join(map(signing_digest, who.signing_keys))
        raw = self._proved("GET", f"/api/v1/terminal/state?nonce={quote(nonce)}&keys={known}", by=self._asks_time)
        state = unseal("state", TerminalState, raw, who.terminal, who.generation, *who.signing_keys)
        if state.nonce != nonce:
            raise Foreign("the state answers another question: replayed")
        self._clock.learn(state.server_time, asked_at)
        return state

    def renew(self, csr: str) -> str:
        """A new certificate, PEM, not checked yet. Raises `Unreachable`, `Rejected`, `Untrusted`."""
        authorities = tuple(map(authority_digest, self.identity.authorities))
        body = RenewRequest(csr=csr, authorities=authorities).model_dump_json().encode()
        return read_message(Renewed, self._proved("POST", "/api/v1/terminal/renew", body)).certificate

    def send_request(self, sealed: SealedRequest) -> None:
        """Returns once the server has committed it. Raises `Unreachable`, `Rejected`."""
        self._proved("POST", "/api/v1/terminal/requests", sealed.model_dump_json().encode())

    def put_inventory(self, digest: str, packed: bytes) -> None:
        """What the machine is made of, gzipped. Raises `Unreachable`, `Rejected`."""
        self._proved("PUT", f"/api/v1/terminal/inventory/{digest}", packed, "application/gzip")

    def put_file(self, digest: str, body: bytes, content_type: str) -> None:
        """A file that an event will name by its SHA-256. Raises `Unreachable`, `Rejected`."""
        self._proved("PUT", f"/api/v1/terminal/files/{digest}", body, content_type)
