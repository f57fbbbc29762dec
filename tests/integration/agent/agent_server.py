"""A small fleet server for the agent's tests: the real contract over real HTTP and a real broker, everything in memory.

Its cursors follow the same rules as `SimulatedServer`; nothing is mocked between the agent and it.
"""

import asyncio
import contextlib
import hashlib
import ipaddress
import json
import secrets
import socket
import threading
from datetime import UTC, datetime, timedelta

import paho.mqtt.client as paho
import uvicorn
from agent_neighbours import SimulatedServer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from paho.mqtt.enums import CallbackAPIVersion
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from wire import topics
from wire.batch import Ack
from wire.command import Command, RestartWindow
from wire.enrol import (
    Enrolment,
    EnrolRequest,
    EnrolToken,
    PairingOpened,
    PairingRequest,
    PairingReveal,
    PairingStatus,
    Renewed,
    RenewRequest,
    encode_token,
    pairing_code,
)
from wire.ids import uuid7
from wire.sign import Outdated, Untrusted, check_proof, claimed_by, seal, vouch
from wire.state import Desired, Place, Presence, Reported, SealingKey, TerminalState

PLACE = Place(
    site="laval", name="Mairie de Laval", kind="mairie", commune="53130", commune_name="Laval", department="53",
    latitude=48.07, longitude=-0.77, demo=True,
)  # fmt: skip
ROOT = '{"signed": {"_type": "root"}}'


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def pem(thing):
    return thing.public_bytes(serialization.Encoding.PEM).decode()


class Authority:
    """The fleet's CA."""

    def __init__(self, now=None):
        self.key = generate_private_key(SECP256R1())
        self.now = now or datetime.now(UTC)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fleet CA")])
        self.certificate = (
            x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.now - timedelta(days=3650)).not_valid_after(self.now + timedelta(days=3650))
            .add_extension(x509.BasicConstraints(True, None), True).sign(self.key, hashes.SHA256())
        )  # fmt: skip

    def issue(self, name, public_key, begins=None, ends=None, server=False):
        usage = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = (
            x509.CertificateBuilder().subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(self.certificate.subject).public_key(public_key).serial_number(x509.random_serial_number())
            .not_valid_before(begins or self.now - timedelta(minutes=5))
            .not_valid_after(ends or self.now + timedelta(days=90))
            .add_extension(x509.BasicConstraints(False, None), True)
            .add_extension(x509.ExtendedKeyUsage([usage]), False)
        )  # fmt: skip
        if server:
            names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
        return builder.sign(self.key, hashes.SHA256())

    def revoked(self):
        """The list of those it has revoked, PEM: nobody."""
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
        builder = builder.last_update(self.now - timedelta(days=3650)).next_update(self.now + timedelta(days=3650))
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def pair(self, name, directory, **more):
        """A key and its certificate on disk."""
        key = generate_private_key(SECP256R1())
        certificate = self.issue(name, key.public_key(), **more)
        key_file, certificate_file = directory / f"{name}.key", directory / f"{name}.crt"
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        certificate_file.write_text(pem(certificate))
        return key_file, certificate_file


class Server:
    """HTTP on `url`, and a client of the broker. Everything a test wants to see or to break is an attribute."""

    def __init__(self, broker_port, authority, tls=None, https=None):
        self.vouching = None  # who signs enrolments, where it is not the CA that issues certificates
        self.authority = authority
        self.signing = Ed25519PrivateKey.generate()
        self.port = free_port()
        self.https = https  # a key's file and its certificate's
        self.url = f"{'https' if https else 'http'}://127.0.0.1:{self.port}"
        self.broker_host, self.broker_port = "127.0.0.1", broker_port
        self.tls = tls
        self.data = SimulatedServer()
        self.start = datetime.now(UTC)
        self.now = lambda: datetime.now(UTC)
        self.tokens: set[str] = set()
        self.keys: dict[str, object] = {}
        self.generations: dict[str, int] = {}
        self.revision = 1
        self.settings: dict = {}
        self.presence: list[Presence] = []
        self.reported: list[Reported] = []
        self.requests: list[dict] = []
        self.files: dict[str, bytes] = {}
        self.pulls = 0
        self.last_state = self.replayed = b""  # what it answered, and what it answers again to any other question
        self.renewals = 0
        self.trust = None  # what the state tells of it
        self.certificate_span = (timedelta(minutes=5), timedelta(days=90))
        self.pairings: dict[str, dict] = {}
        self.answering = True
        self.commit_only = False
        self.unprocessable: set[str] = set()
        self._lock = threading.Lock()
        self._http = None

    # ---- life --------------------------------------------------------------------------------------------------------

    def __enter__(self):
        self.open_http()
        self.open_broker()
        return self

    def __exit__(self, *_):
        self.close_broker()
        self.close_http()

    def open_http(self):
        routes = [
            Route("/api/v1/enrol", self._enrol, methods=["POST"]),
            Route("/api/v1/pairing", self._open_pairing, methods=["POST"]),
            Route("/api/v1/pairing/{id}/reveal", self._reveal, methods=["POST"]),
            Route("/api/v1/pairing/{id}", self._pairing),
            Route("/api/v1/terminal/state", self._state),
            Route("/api/v1/terminal/renew", self._renew, methods=["POST"]),
            Route("/api/v1/terminal/requests", self._request, methods=["POST"]),
            Route("/api/v1/terminal/files/{digest}", self._file, methods=["PUT"]),
        ]
        key, certificate = self.https or (None, None)
        config = uvicorn.Config(
            Starlette(routes=routes), port=self.port, log_level="error", lifespan="off",
            ssl_keyfile=key, ssl_certfile=certificate,
        )  # fmt: skip
        self._http = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._http.run, daemon=True)
        self._thread.start()
        while not self._http.started:
            self._thread.join(0.01)
            assert self._thread.is_alive()

    def close_http(self):
        if self._http:
            self._http.should_exit = True
            self._thread.join()
            self._http = None

    def open_broker(self):
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id="fleet", protocol=paho.MQTTv5)
        if self.tls:
            client.tls_set_context(self.tls)
        ready = threading.Event()
        client.on_connect = lambda c, *_: c.subscribe(topics.all_up(), qos=1)
        client.on_subscribe = lambda *_: ready.set()
        client.on_message = self._message
        client.connect("127.0.0.1", self.broker_port)
        client.loop_start()
        assert ready.wait(10)
        self.client = client

    def close_broker(self):
        self.client.disconnect()
        self.client.loop_stop()

    def send(self, topic, payload):
        self.client.publish(topic, payload, qos=1)

    def _message(self, client, userdata, message):
        topic = topics.parse(message.topic)
        with self._lock:
            match topic.channel:
                case "presence":
                    self.presence.append(Presence.model_validate_json(message.payload))
                case "reported":
                    self.reported.append(Reported.model_validate_json(message.payload))
                case "batch" if self.answering:
                    answer = self.data.receive(message.payload)
                    if isinstance(answer, Ack):
                        answer = answer.model_copy(
                            update={"desired_revision": self.revision, "server_start": self.start}
                        )
                    if not self.commit_only:
                        self.send(topics.ack(topic.terminal), answer.model_dump_json())

    # ---- what tests do -----------------------------------------------------------------------------------------------

    def token(self):
        secret = secrets.token_urlsafe(32)
        self.tokens.add(secret)
        return encode_token(EnrolToken(server=self.url, secret=secret, ca=self.ca_digest, root=self.root_digest))

    @property
    def ca_digest(self):
        return self.authority.certificate.fingerprint(hashes.SHA256()).hex()

    @property
    def root_digest(self):
        return hashlib.sha256(ROOT.encode()).hexdigest()

    def desired(self):
        return Desired(
            revision=self.revision, name="Laval", place=PLACE, settings=self.settings,
            sealing_key=SealingKey(kid="k1", public="A" * 43),
        )  # fmt: skip

    def wish(self, terminal="laval-01", push=True, **settings):
        """A new revision; pushed, unless `push` is False."""
        self.revision += 1
        self.settings = settings
        sealed = seal("desired", self.desired(), terminal, self.generations[terminal], self.signing)
        if push:
            self.send(topics.desired(terminal), sealed)
        return sealed

    def command(self, order=None, ago=timedelta(), lasts=timedelta(minutes=5)):
        issued = self.now() - ago
        return Command(
            id=uuid7(int(issued.timestamp() * 1000)), issued_at=issued, expires_at=issued + lasts,
            order=order or RestartWindow(),
        )  # fmt: skip

    def order(self, command, terminal="laval-01", key=None, generation=None):
        sealed = seal("command", command, terminal, generation or self.generations[terminal], key or self.signing)
        self.send(topics.command("laval-01"), sealed)

    def told(self, kind):
        with self._lock:
            return [event for event in self.data.events.values() if event["kind"] == kind]

    # ---- HTTP --------------------------------------------------------------------------------------------------------

    def enrolment(self, public_key, terminal="laval-01"):
        generation = self.generations.get(terminal, 0) + 1
        self.keys[terminal], self.generations[terminal] = public_key, generation
        before, after = self.certificate_span
        certificate = self.authority.issue(terminal, public_key, self.now() - before, self.now() + after)
        spki = serialization.PublicFormat.SubjectPublicKeyInfo
        given = Enrolment(
            terminal=terminal, generation=generation, server=self.url, certificate=pem(certificate),
            ca=pem(self.authority.certificate),
            signing_key=self.signing.public_key().public_bytes(serialization.Encoding.PEM, spki).decode(),
            root=ROOT, mqtt_host=self.broker_host, mqtt_port=self.broker_port, mqtt_tls=self.tls is not None,
        )  # fmt: skip
        return vouch(given, (self.vouching or self.authority).key)

    async def _enrol(self, request: Request):
        asked = EnrolRequest.model_validate_json(await request.body())
        if asked.secret not in self.tokens:
            return JSONResponse({"error": "token_used", "message": "Ce jeton a déjà servi."}, 401)
        self.tokens.remove(asked.secret)
        key = x509.load_pem_x509_csr(asked.csr.encode()).public_key()
        return Response(self.enrolment(key).model_dump_json(), 201, media_type="application/json")

    async def _open_pairing(self, request: Request):
        asked = PairingRequest.model_validate_json(await request.body())
        opened = PairingOpened(
            pairing="p1", poll=secrets.token_urlsafe(32), nonce=secrets.token_urlsafe(32), ca=self.ca_digest,
            root=self.root_digest, expires_at=self.now() + timedelta(minutes=10),
        )  # fmt: skip
        self.pairings["p1"] = {"asked": asked, "opened": opened, "status": "waiting", "code": None}
        return Response(opened.model_dump_json(), 201, media_type="application/json")

    async def _reveal(self, request: Request):
        pairing = self.pairings[request.path_params["id"]]
        nonce = PairingReveal.model_validate_json(await request.body()).nonce
        if hashlib.sha256(nonce.encode()).hexdigest() != pairing["asked"].commitment:
            return JSONResponse({"error": "commitment", "message": "…"}, 422)
        key = x509.load_pem_x509_csr(pairing["asked"].csr.encode()).public_key()
        der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        opened = pairing["opened"]
        pairing["code"] = pairing_code(der, opened.ca, opened.root, nonce, opened.nonce)
        pairing["key"] = key
        return Response(status_code=204)

    async def _pairing(self, request: Request):
        pairing = self.pairings[request.path_params["id"]]
        if request.headers["authorization"] != f"Bearer {pairing['opened'].poll}":
            return JSONResponse({"error": "poll", "message": "…"}, 401)
        accepted = pairing["status"] == "accepted"
        enrolment = self.enrolment(pairing["key"]) if accepted else None
        return Response(PairingStatus(status=pairing["status"], enrolment=enrolment).model_dump_json())

    async def _proved(self, request: Request, clock_free=False):
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        body = await request.body()
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        terminal, generation = claimed_by(token)
        check_proof(token, request.method, path, body, self.keys[terminal], self.now(), clock_free=clock_free)
        if generation != self.generations[terminal]:
            raise Untrusted("an older enrolment")
        return terminal, body

    async def _state(self, request: Request):
        self.pulls += 1
        try:
            terminal, _ = await self._proved(request, clock_free=True)
        except Untrusted as error:
            return JSONResponse({"error": "proof", "message": str(error)}, 401)
        with self._lock:
            state = TerminalState(
                nonce=request.query_params["nonce"], server_time=self.now(), server_start=self.start,
                desired=self.desired(), cursors=self.data.account(),
                trust=self.trust,
            )  # fmt: skip
        sealed = self.replayed or seal("state", state, terminal, self.generations[terminal], self.signing)
        self.last_state = sealed
        return Response(sealed, media_type="application/jwt")

    async def _renew(self, request: Request):
        try:
            terminal, body = await self._proved(request, clock_free=True)
        except Untrusted as error:
            return JSONResponse({"error": "proof", "message": str(error)}, 401)
        key = x509.load_pem_x509_csr(RenewRequest.model_validate_json(body).csr.encode()).public_key()
        self.renewals += 1
        begins, ends = self.now() - timedelta(minutes=5), self.now() + timedelta(days=90)
        return Response(Renewed(certificate=pem(self.authority.issue(terminal, key, begins, ends))).model_dump_json())

    async def _request(self, request: Request):
        try:
            _, body = await self._proved(request)
        except Outdated as error:
            return JSONResponse({"error": "clock", "message": str(error)}, 401)
        sealed = json.loads(body)
        if sealed["id"] in self.unprocessable:
            return JSONResponse({"error": "unreadable", "message": "…"}, 422)
        self.requests.append(sealed)
        return Response(status_code=204)

    async def _file(self, request: Request):
        _, body = await self._proved(request)
        self.files[request.path_params["digest"]] = body
        return Response(status_code=204)


async def until(condition, within=20.0):
    """Wait until `condition()` holds."""
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def running(terminal):
    """The terminal's loops, stopped at the end."""
    task = asyncio.create_task(terminal.run())
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
