"""What anybody may send, and how much of it is taken."""

import httpx
import pytest

KIB = 1024


def in_pieces(size):
    for _ in range(size // KIB):
        yield b"x" * KIB


@pytest.mark.parametrize("path", ["/api/v1/enrol", "/api/v1/pairing"])
@pytest.mark.parametrize("body", [lambda size: b"x" * size, in_pieces], ids=["declared", "in pieces"])
def test_a_body_past_64_kib_is_refused_in_one_sentence_declared_or_not(fleet, path, body):
    most = httpx.post(fleet.office.url + path, content=body(64 * KIB))
    assert most.status_code == 422
    answer = httpx.post(fleet.office.url + path, content=body(65 * KIB))
    assert (answer.status_code, answer.json()["error"]) == (413, "too_large")
    assert answer.json()["message"] == "Cette adresse reçoit au plus 64 Kio à la fois."


def test_a_proven_request_is_no_longer_than_another(fleet):
    kiosk, body = fleet.enrolled("Laval"), b"x" * 65 * KIB
    assert kiosk.http("POST", "/api/v1/terminal/requests", body=body).status_code == 413
    assert kiosk.http("PUT", f"/api/v1/terminal/files/{'0' * 64}", body=body).status_code == 422


def test_a_form_that_is_too_long_is_told_on_a_page(fleet):
    with fleet.office.client() as client:
        answer = client.post("/connexion", data={"login": "x" * 65 * KIB})
    assert answer.status_code == 413
    assert "au plus 64" in answer.text
