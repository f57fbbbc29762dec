"""A neighbour for the page: what `agent.local_api` answers, in memory, with every knob a test wants to turn."""

import base64
import json
import mimetypes
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

TOKEN = "a-token-for-this-boot"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; media-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SETTINGS: dict[str, Any] = {
    "idle_warning_s": 60,
    "idle_end_s": 90,
    "opening": [{"day": day, "opens": "00:00:00", "closes": "23:59:00"} for day in range(7)],
    "timezone": "Europe/Paris",
    "welcome": {},
    "host_phone": "0240990000",
    "languages": ["fr", "fr-simple", "en"],
    "request_delay_s": [60, 900],
}
LAVAL: dict[str, Any] = {
    "site": "laval",
    "name": "Mairie de Laval",
    "kind": "mairie",
    "commune": "53130",
    "commune_name": "Laval",
    "department": "53",
    "latitude": 48.07,
    "longitude": -0.77,
    "demo": True,
}


def sealing(key: X25519PrivateKey, kid: str = "2026-a") -> dict[str, str]:
    """The public half, as the page is told it."""
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return {"kid": kid, "public": base64.urlsafe_b64encode(raw).rstrip(b"=").decode()}


@dataclass
class SimulatedAgent:
    """One terminal, at Laval. `releases` maps an id to a folder or to the files themselves."""

    ui: Path
    releases: dict[str, Path | Mapping[str, bytes]]
    screen: dict[str, Any] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    beats: list[dict[str, Any]] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    benches: list[dict[str, Any]] = field(default_factory=list)
    helps: int = 0
    spool_full: bool = False
    refuse: str = ""
    """An event kind the agent answers 422 to."""
    answer_request: tuple[int, dict[str, Any]] = (
        201,
        {"online": True, "number": "0240990000", "promised_by": "2026-12-01"},
    )
    slow: dict[str, float] = field(default_factory=dict)
    """Seconds before a file of the release is given."""
    strangers: list[str] = field(default_factory=list)
    """Requests that came without the token or for another host."""

    def __post_init__(self) -> None:
        self.changed = threading.Condition()
        agent = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:
                pass

            def do_GET(self) -> None:
                agent.get(self)

            def do_POST(self) -> None:
                agent.post(self)

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                """A page that is closed or made anew breaks off its long poll."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port: int = self.server.server_address[1]
        first = next(iter(self.releases), None)
        self.screen = {
            "version": 1,
            "mode": "normal",
            "terminal": "laval-01",
            "generation": 1,
            "name": "Laval mairie",
            "place": LAVAL,
            "release": {"id": first, "label": "2026.48"} if first else None,
            "settings": dict(SETTINGS),
            "sealing": None,
            "online": True,
            "now": "2026-11-24T10:00:00+00:00",
            "clock_trusted": True,
            "pairing": None,
            "identify_until": None,
            "reload": 0,
            "software": "test",
            "audience": "public",
            **self.screen,
        }
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.origin}/#k={TOKEN}"

    def show(self, **changes: Any) -> None:
        """Changes what the page is told; its long poll answers at once."""
        with self.changed:
            self.screen = {**self.screen, **changes, "version": self.screen["version"] + 1}
            self.changed.notify_all()

    def kinds(self) -> list[str]:
        return [event["kind"] for event in self.events]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    # ---- answers -----------------------------------------------------------------------------------------------------

    def get(self, handler: BaseHTTPRequestHandler) -> None:
        path = urlsplit(handler.path)
        if path.path == "/api/v1/screen":
            if self.known(handler):
                self.long_poll(handler, int(parse_qs(path.query).get("seen", ["-1"])[0]))
        elif found := re.fullmatch(r"/content/([^/]+)/(.+)", path.path):
            self.send(handler, self.file(found[1], found[2]), found[2])
        else:
            name = "index.html" if path.path == "/" else path.path.lstrip("/")
            file = self.ui / name
            self.send(handler, file.read_bytes() if file.is_file() else None, name)

    def file(self, release: str, name: str) -> bytes | None:
        time.sleep(self.slow.get(name, 0))
        files = self.releases.get(release, {})
        if isinstance(files, Path):
            return (files / name).read_bytes() if (files / name).is_file() else None
        return files.get(name)

    def long_poll(self, handler: BaseHTTPRequestHandler, seen: int) -> None:
        with self.changed:
            self.changed.wait_for(lambda: self.screen["version"] != seen, timeout=20)
            body = json.dumps(self.screen).encode()
        self.send(handler, body, "screen.json")

    def post(self, handler: BaseHTTPRequestHandler) -> None:
        if not self.known(handler):
            return
        body = json.loads(handler.rfile.read(int(handler.headers.get("content-length", 0))) or b"{}")
        status, answer = self.answer(urlsplit(handler.path).path, body)
        raw = b"" if answer is None else json.dumps(answer).encode()
        handler.send_response(status)
        handler.send_header("content-length", str(len(raw)))
        handler.send_header("content-type", "application/json")
        handler.end_headers()
        handler.wfile.write(raw)

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any] | None]:
        match path:
            case "/api/v1/events":
                if self.spool_full:
                    return 503, {"error": "spool", "message": "full"}
                if any(event["kind"] == self.refuse for event in body["events"]):
                    return 422, {"error": "malformed", "message": f"{self.refuse} is malformed"}
                self.events.extend(body["events"])
                return 204, None
            case "/api/v1/heartbeat":
                self.beats.append(body)
                return 204, None
            case "/api/v1/bench":
                self.benches.append(body)
                return 204, None
            case "/api/v1/help":
                self.helps += 1
                return 204, None
            case "/api/v1/requests":
                self.requests.append(body)
                return self.answer_request
        return 404, {"error": "unknown", "message": path}

    def known(self, handler: BaseHTTPRequestHandler) -> bool:
        if (
            handler.headers.get("authorization") == f"Bearer {TOKEN}"
            and handler.headers["host"] == f"127.0.0.1:{self.port}"
        ):
            return True
        self.strangers.append(handler.path)
        handler.send_error(403)
        return False

    def send(self, handler: BaseHTTPRequestHandler, body: bytes | None, name: str) -> None:
        if body is None:
            handler.send_error(404)
            return
        handler.send_response(200)
        handler.send_header("content-length", str(len(body)))
        handler.send_header("content-type", mimetypes.guess_type(name)[0] or "application/octet-stream")
        handler.send_header("content-security-policy", POLICY)
        handler.end_headers()
        handler.wfile.write(body)
