"""What a terminal hands over: kept once, sealed, with nothing of the transport."""

import json
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from sqlmodel import func, select

from fleet_server.access.models import AuditEntry
from fleet_server.certificates.ca import public_pem
from fleet_server.db import reading, transaction
from fleet_server.requests import api
from fleet_server.requests.models import ContactRequest
from fleet_server.requests.purge import purge
from fleet_server.terminals.registry import add_terminal, move
from tests.integration.requests.sealing import message_by, request_id
from wire.sign import prove
from wire.state import Place

PATH = "/api/v1/terminal/requests"
HALL = Place(
    site="laval-fs", name="France services", kind="france_services", commune="53130", commune_name="Laval",
    department="53", latitude=48.07, longitude=-0.77, demo=True,
)  # fmt: skip


@pytest.fixture
def laval(office):
    """Laval's terminal: its key, and how it sends."""
    office.app.include_router(api.router)
    key = generate_private_key(SECP256R1())
    with transaction(office.context.engine) as session:
        terminal = add_terminal(session, "Laval", HALL, [], office.clock())
        terminal.status, terminal.generation, terminal.public_key = "accepted", 1, public_pem(key.public_key())
        office.laval = terminal.id

    def send(message, **changed):
        body = json.dumps(json.loads(message.model_dump_json()) | {"terminal": office.laval} | changed).encode()
        proof = prove("POST", PATH, body, office.laval, 1, key, office.clock())
        with office.client() as client:
            headers = {"Authorization": f"Bearer {proof}", "Content-Type": "application/json"}
            return client.post(PATH, content=body, headers=headers)

    return send


def stored(office):
    with reading(office.context.engine) as session:
        return session.exec(select(ContactRequest)).all()


def test_a_request_is_kept_before_the_terminal_is_answered_and_once_however_often_it_is_sent(office, laval):
    for _ in range(3):
        assert laval(message_by("sylvie")).status_code == 204
    (row,) = stored(office)
    assert (row.id, row.state, row.day, row.hour) == (request_id("sylvie"), "new", "2026-11-18", 17)
    assert (row.site, row.place, row.commune_name) == ("laval-fs", "France services", "Laval")


@pytest.mark.parametrize(("said", "day", "hour"), [
    ("2025-10-01", "2026-11-24", 12),
    ("2025-12-23", "2026-11-24", 12),  # would go within the month
    ("2025-12-24", "2025-12-24", 17),
    ("2001-01-01", "2026-11-24", 12),
    ("2026-11-25", "2026-11-25", 17),  # it is tomorrow there
    ("2026-11-26", "2026-11-24", 12),
    ("2026-02-30", "2026-11-24", 12),
])  # fmt: skip
def test_one_that_a_lost_clock_has_dated_is_not_erased_before_it_is_read(office, laval, said, day, hour):
    assert laval(message_by("sylvie"), day=said).status_code == 204
    (row,) = stored(office)
    assert (row.day, row.hour) == (day, hour)
    assert purge(office.context) == 0


def test_the_place_is_the_one_where_the_terminal_stood(office, laval):
    laval(message_by("sylvie"))
    with transaction(office.context.engine) as session:
        move(session, office.laval, HALL.model_copy(update={"site": "mairie"}), office.clock() + timedelta(hours=1))
    laval(message_by("chloe"))
    assert {row.id: row.site for row in stored(office)} == {
        request_id("sylvie"): "laval-fs",
        request_id("chloe"): "mairie",
    }


def test_a_second_message_with_the_same_id_does_not_replace_the_first(office, laval):
    first = message_by("sylvie")
    laval(first)
    assert laval(message_by("thierry"), id=request_id("sylvie")).status_code == 204
    assert stored(office)[0].ciphertext == first.ciphertext


def test_another_terminal_s_request_and_a_malformed_one_are_refused_by_name(office, laval):
    foreign = laval(message_by("sylvie"), terminal="segre-01")
    assert (foreign.status_code, foreign.json()["error"]) == (422, "foreign")
    for wrong in ({"id": "sylvie"}, {"hour": 24}, {"day": "yesterday"}, {"enc": "short"}, {"ciphertext": "x" * 20000}):
        assert laval(message_by("sylvie"), **wrong).status_code == 422
    assert stored(office) == []


def test_who_does_not_prove_to_be_a_terminal_leaves_nothing(office, laval):
    with office.client() as client:
        answer = client.post(
            PATH, content=message_by("sylvie").model_dump_json(), headers={"Authorization": "Bearer x"}
        )
    assert answer.status_code == 401
    assert stored(office) == []


def test_a_request_that_will_not_open_is_kept_like_the_others(office, laval):
    assert laval(message_by("spoilt")).status_code == 204
    assert len(stored(office)) == 1


def test_the_database_tells_neither_when_a_request_came_nor_in_which_order(office, laval):
    for name in ("thierry", "sylvie", "chloe"):
        laval(message_by(name))
        office.clock.pass_by(timedelta(minutes=7))
    with office.context.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM contact_request").mappings().all()
    assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)
    told = {name: value for row in rows for name, value in row.items() if "2026-11-24" in str(value)}
    assert told == {}
    with reading(office.context.engine) as session:
        assert session.exec(select(func.count()).where(AuditEntry.act.startswith("request."))).one() == 0
