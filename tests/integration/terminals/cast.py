"""Seven terminals in a back-office, each in a state of its own; and the terminal's side of the contract over HTTP."""

import dataclasses
import hashlib
import json
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from sqlmodel import select

from fleet_server.db import transaction
from fleet_server.terminals import inbound
from fleet_server.terminals.enrolment import make_token
from fleet_server.terminals.models import SettingLayer, TerminalDesired, TerminalHealth
from fleet_server.terminals.registry import add_terminal, get_terminal
from tests.back_office import BackOffice
from wire.enrol import decode_token
from wire.sign import prove, unseal
from wire.state import (
    ContentState,
    OutboxState,
    Place,
    Presence,
    Release,
    Reported,
    Settings,
    TerminalState,
    WindowState,
)

OLD, NEW = Release(id="a" * 64, label="2026.46"), Release(id="b" * 64, label="2026.47")
PLACES = {
    "Laval": ("france_services", "53130", 48.0706, -0.7734),
    "La Roche-sur-Yon": ("centre_commercial", "85191", 46.6705, -1.4260),
    "Cholet": ("campus_connecte", "49099", 47.0600, -0.8789),
    "Saint-Herblain": ("centre_commercial", "44162", 47.2122, -1.6497),
    "Saint-Nazaire": ("mairie", "44184", 47.2733, -2.2137),
    "Sablé-sur-Sarthe": ("campus_connecte", "72264", 47.8399, -0.3340),
    "Segré": ("france_services", "49331", 47.6866, -0.8700),
}
ALL_WEEK = [{"day": day, "opens": "09:00:00", "closes": "17:30:00"} for day in range(6)]


def new_csr(key):
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ignored")])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return request.public_bytes(Encoding.PEM).decode()


@dataclass
class Kiosk:
    """A terminal as its server sees it over HTTP: a key, and what it proves with it."""

    office: BackOffice
    key: object = field(default_factory=lambda: generate_private_key(SECP256R1()))
    enrolment: dict = field(default_factory=dict)
    boot: str = field(default_factory=lambda: str(uuid.uuid4()))
    number: int = 0

    @property
    def id(self):
        return self.enrolment["terminal"]

    @property
    def public_der(self):
        return self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def http(self, method, path, *, body=b"", proof=None, **headers):
        token = proof or self.prove(method, path, body)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        with httpx.Client(base_url=self.office.url, timeout=30) as client:
            return client.request(method, path, content=body, headers={"Authorization": f"Bearer {token}"} | names)

    def prove(self, method, path, body=b"", at=None):
        generation = self.enrolment["generation"]
        return prove(method, path, body, self.id, generation, self.key, at or self.office.clock())

    def enrol(self, token):
        """By the one-time token, as its person copied it."""
        asked = {"secret": decode_token(token).secret, "csr": new_csr(self.key), "hardware": "NUC 13, 16 Go"}
        answer = httpx.post(f"{self.office.url}/api/v1/enrol", json=asked, timeout=30)
        if answer.status_code == 201:
            self.enrolment = answer.json()
        return answer

    def state(self, nonce="n" * 22):
        answer = self.http("GET", f"/api/v1/terminal/state?nonce={nonce}")
        assert answer.status_code == 200, answer.text
        public = self.office.context.keys.signing.public_key()
        return unseal("state", TerminalState, answer.content, self.id, self.enrolment["generation"], public)

    def connects(self, connection="1", online=True, boot=""):
        self.says("presence", self.presence(connection, online, boot))

    def presence(self, connection="1", online=True, boot=""):
        said = Presence(
            connection=str(uuid.UUID(int=int(connection))), online=online, boot=boot or self.boot, software="0.1.0"
        )
        return said.model_dump_json().encode()

    def reports(self, **fields):
        """The next report; `number=` gives another."""
        self.number = fields.pop("number", self.number + 1)
        now = self.office.clock()
        values = {"boot": self.boot, "at": now, "clock_trusted": True, "software": "0.1.0", "revision": 1} | fields
        said = Reported(number=self.number, generation=self.enrolment["generation"], **values)
        self.says("reported", said.model_dump_json().encode())

    def says(self, channel, payload):
        inbound.take(self.office.context, [inbound.Said(channel, self.id, payload)])


@dataclass
class Fleet:
    office: BackOffice
    kiosks: dict[str, Kiosk] = field(default_factory=dict)
    sent: list[tuple[str, bytes]] = field(default_factory=list)

    def __getitem__(self, name):
        return self.kiosks[name]

    def listen(self):
        """From here on, what the server publishes is kept in `sent`."""
        context = dataclasses.replace(self.office.context, send=lambda topic, body: self.sent.append((topic, body)))
        self.office.context = self.office.app.state.context = context

    def add(self, name, groups=()):
        """An expected terminal and its token."""
        kind, commune, latitude, longitude = PLACES.get(name, PLACES["Laval"])
        place = Place(
            site=name.lower(), name=f"Mairie de {name}", kind=kind, commune=commune, commune_name=name,
            department=commune[:2], latitude=latitude, longitude=longitude, demo=True,
        )  # fmt: skip
        with transaction(self.office.context.engine) as session:
            terminal = add_terminal(session, name, place, list(groups), self.office.clock())
            return terminal.id, make_token(session, self.office.context, terminal, None)

    def enrolled(self, name, groups=()):
        kiosk = Kiosk(self.office)
        answer = kiosk.enrol(self.add(name, groups)[1])
        assert answer.status_code == 201, answer.text
        self.kiosks[name] = kiosk
        return kiosk

    def terminal(self, name):
        with transaction(self.office.context.engine) as session:
            return get_terminal(session, self.kiosks[name].id)


def in_every_state(fleet):
    """As on the mock-up: Laval silent, La Roche-sur-Yon hot, Cholet downloading, Segré closed, three at work."""
    office = fleet.office
    office.clock.at = datetime.fromisoformat("2026-11-23T10:42:07+01:00")
    for name in PLACES:
        fleet.enrolled(name, ["vendée"] if name.startswith("La R") else ["ville"])
    with transaction(office.context.engine) as session:
        session.add(SettingLayer(scope="all", target="", values={"opening": ALL_WEEK}, changed_at=office.clock(),
                                 changed_by="Yanis Belkacem"))  # fmt: skip
        monday_off = [span for span in ALL_WEEK if span["day"] != 0]
        session.add(SettingLayer(scope="terminal", target=fleet["Segré"].id, values={"opening": monday_off},
                                 changed_at=office.clock()))  # fmt: skip
        for row in session.exec(select(TerminalDesired)):
            row.release_id, row.release_label = NEW.id, NEW.label
        for name, kiosk in fleet.kiosks.items():
            session.add_all(samples(kiosk.id, office.clock(), hot=name.startswith("La R")))
    for name, kiosk in fleet.kiosks.items():
        office.clock.at -= timedelta(minutes=18 if name in ("Laval", "Segré") else 0)
        kiosk.connects()
        content = ContentState(active=OLD if name in ("Laval", "Cholet") else NEW)
        if name == "Cholet":
            content = content.model_copy(update={"phase": "downloading", "target": NEW, "progress": 0.4})
        kiosk.reports(
            content=content, settings=Settings(opening=ALL_WEEK), facts={"system": "Debian 12", "host": "kiosk"},
            window=WindowState(status="painting", painted_at=office.clock(), in_visit=name == "Saint-Herblain"),
            last_visit_at=office.clock() - timedelta(minutes=7), certificate_until=office.clock() + timedelta(days=71),
            outbox=OutboxState(waiting=212 if name == "Laval" else 0),
        )  # fmt: skip
        office.clock.at += timedelta(minutes=18 if name in ("Laval", "Segré") else 0)


def samples(terminal, now, hot=False):
    for back in range(0, 1440, 5):
        warm = 60 + (back % 7) - (18 if back > 900 else 0) + (18 if hot and back < 15 else 0)
        yield TerminalHealth(
            id=str(uuid.uuid4()), terminal=terminal, at=now - timedelta(minutes=back), cpu=0.2 + (back % 9) / 100,
            memory=0.52, memory_bytes=8 << 30, disk_free=0.62, disk_free_bytes=90 << 30, temperature=float(warm),
            uptime_s=90000 - back, agent_rss_bytes=48 << 20, page_tick_age_ms=200,
        )  # fmt: skip


def digest_of(body):
    return hashlib.sha256(body).hexdigest()


def as_json(answer):
    return json.loads(answer.content)
