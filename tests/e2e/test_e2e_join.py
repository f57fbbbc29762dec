"""Nobody can tell which visit left which request, not even with all that the server holds.

The insider is given the easiest place: one visitor after the other, each request on its way before the next visit
begins. Whatever tells when requests came, or in which order, joins every one of them; without it, one in sixteen is
found by luck, and eight or more once in a hundred thousand runs.
"""

import base64
import random
import sqlite3
import time
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from paho.mqtt import publish
from paho.mqtt.enums import MQTTProtocolVersion

from tests.back_office import post
from tests.e2e.insider import Holdings, best_joins, holdings, visits_in
from tests.fleet import Fleet, Kiosk, eventually
from tests.integration.requests.sealing import form, seal
from tests.sending import Sender, told
from wire import topics

VISITS = 16
BY_LUCK = 8
PAGES = ("home", "metiers", "metiers/j1501", "acteurs", "acteurs/cap-emploi", "rappel")


def visit(kiosk: Kiosk) -> tuple[str, str]:
    """Somebody looks around and leaves a request. The session and the request."""
    session, request = str(uuid.uuid4()), str(uuid.uuid4())
    path = ["home", random.choice(PAGES), "rappel"]
    steps: list[dict[str, Any]] = [{"kind": "session.started", "idle_warning_s": 60, "idle_end_s": 90}]
    steps += [{"kind": "page.viewed", "page": page} for page in path]
    steps += [{"kind": "contact.started"}, {"kind": "contact.submitted"}]
    steps += [{"kind": "session.ended", "reason": "user_exit", "interactions": 9, "active_ms": 400, "dwell_ms": 500}]
    shared = {"session": session, "language": "fr", "accessibility": [], "ago_ms": 0}
    events = [step | shared | {"n": n} for n, step in enumerate(steps, 1)]
    with kiosk.client() as page:
        assert page.post("/api/v1/events", json={"events": events[:-1]}).status_code == 204
        assert page.post("/api/v1/requests", json=sealed(kiosk, request) | {"session": session}).status_code == 201
        assert page.post("/api/v1/events", json={"events": events[-1:]}).status_code == 204
    return session, request


def sealed(kiosk: Kiosk, request: str) -> dict[str, str]:
    screen = kiosk.screen()
    key = X25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(screen["sealing"]["public"] + "=="))
    enc, ciphertext = seal(form("Sacha Exemple", "06 39 98 01 47"), request, kiosk.terminal, key=key)
    return {"id": request, "kid": screen["sealing"]["kid"], "consent": "2026-11", "enc": enc, "ciphertext": ciphertext}


def unreadable_event_of(fleet: Fleet, kiosk: Kiosk, session: str, sent: Sender) -> None:
    """A visit's event of a kind to come, as a newer terminal would send it: it stays in quarantine, raw."""
    sent.kept.append(told("contact.reconsidered", session=session, n=99))
    through = len(sent.kept)
    publish.single(
        topics.batch(kiosk.terminal),
        sent.batch(through, through),
        qos=1,
        port=fleet.mqtt_port,
        protocol=MQTTProtocolVersion.MQTTv5,
    )


def nothing_waits(kiosk: Kiosk) -> bool:
    with closing(sqlite3.connect(kiosk.state_dir / "requests.db", timeout=30)) as db:
        [waiting] = db.execute("SELECT count(*) FROM request WHERE sent_at IS NULL").fetchone()
    return waiting == 0


def read_by_counsellor(fleet: Fleet, requests: list[str]) -> None:
    """In an order that has nothing to do with their coming."""
    maelle = fleet.signed_in("maelle")
    assert maelle.get("/demandes").status_code == 200
    for request in random.sample(requests, len(requests)):
        assert post(maelle, f"/demandes/{request}/take", form_at=f"/demandes/{request}", revision=0).status_code == 303


def in_journal(fleet: Fleet, requests: list[str]) -> bool:
    written = fleet.database.with_name(fleet.database.name + "-wal").read_bytes()
    return any(request.encode() in written for request in requests)


def all_there(fleet: Fleet) -> bool:
    [(asked,)], [(ended,)] = (
        fleet.rows("SELECT count(*) FROM contact_request"),
        fleet.rows("SELECT count(*) FROM usage_event WHERE kind = 'session.ended'"),
    )
    return asked == ended == VISITS


def test_an_insider_cannot_join_visits_and_requests_with_all_that_the_server_holds(tmp_path: Path):
    truth: dict[str, str] = {}
    left: dict[str, float] = {}
    with Fleet(tmp_path) as fleet:
        laval = fleet.add("Laval")
        fleet.publish()
        laval.start().shows("2026.48")
        sent = Sender(laval.terminal, 1)
        for _ in range(VISITS):
            session, request = visit(laval)
            truth[request], left[request] = session, time.time()
            unreadable_event_of(fleet, laval, session, sent)
            eventually(lambda: nothing_waits(laval), what="the request has left before the next visitor comes")
        eventually(lambda: all_there(fleet), what="every visit and every request is at the server")
        eventually(
            lambda: not in_journal(fleet, list(truth)), what="the journal has forgotten in which order they came"
        )
        read_by_counsellor(fleet, list(truth))
        held = holdings(fleet.database, [fleet.server_log])
        laval.stop()
        fleet.server.stop()
        at_rest = holdings(fleet.database, [fleet.server_log])

    for now, what in ((held, "while it runs"), (at_rest, "at rest")):
        assert len(visits_in(now)) == VISITS
        assert len(now.tables["ingest_quarantine"]) == VISITS
        right, way = best_joins(now, list(truth), truth)[0]
        assert right < BY_LUCK, f"{right} of {VISITS} joined {what}, by {way}"

    # The insider would have found them, had the moment of arrival or the order been kept.
    for leak in (arrivals(held, left), in_order(held, left)):
        assert best_joins(leak, list(truth), truth)[0][0] == VISITS


def arrivals(held: Holdings, left: dict[str, float]) -> Holdings:
    rows = [{"request": request, "arrived": int((moment + 1) * 1000)} for request, moment in left.items()]
    return Holdings(held.tables | {"deposit": rows}, held.files)


def in_order(held: Holdings, left: dict[str, float]) -> Holdings:
    ranked = sorted(left, key=lambda request: left[request])
    return Holdings(held.tables | {"deposit": [{"request": r, "line": n} for n, r in enumerate(ranked)]}, held.files)
