"""The local API over a real socket, with a real outbox and a real box of requests behind it."""

import asyncio
import contextlib
import json
import shutil
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent.local_api import Behind, LocalApi, page_token
from agent.outbox import Outbox
from agent.page import Page
from agent.requests import Requests
from agent.screen import Screen
from agent.serve import PortTaken, listen, serve
from agent.spool import CannotKeep
from agent.store import Store
from agent.visit import Visit
from tests.releases import AUTUMN, put
from tests.unit.agent.screen_neighbours import Hand
from tests.unit.agent.test_agent_plan import wish
from wire.ids import uuid7

TOKEN = "a token of this boot"
ALICE = uuid7(1, 1)
REQUEST = "0b3c5d7e-1f2a-4b3c-9d4e-5f6a7b8c9d0e"
PAGE = b"<!doctype html><title>Balise</title>"
_BROWSER = {"Authorization": f"Bearer {TOKEN}"}


@dataclass
class Laval:
    """A terminal with its local API up."""

    hand: Hand
    outbox: Outbox
    requests: Requests
    screen: Screen
    behind: Behind
    client: httpx.AsyncClient
    url: str
    root: Path
    full: bool = False

    def stamp(self, ago_ms: int = 0) -> dict[str, Any]:
        return self.hand.stamp(ago_ms)

    async def tell(self, *told: Any) -> None:
        if self.full:
            raise CannotKeep("no space left on device")
        await asyncio.to_thread(self.outbox.enqueue, *told)

    def kept(self) -> list[dict[str, Any]]:
        batch = self.outbox.next_batch()
        return [json.loads(body) for body in batch.bodies] if batch else []

    async def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        return await self.client.post(f"/api/v1/{path}", json=body, headers=_BROWSER | headers)


def event(n: int = 1, kind: str = "page.viewed", session: str | None = ALICE, **more: Any) -> dict[str, Any]:
    extra = {"page": "home"} if kind == "page.viewed" else {}
    return {"kind": kind, "session": session, "n": n, "language": "fr", "accessibility": [], "ago_ms": 0} | extra | more


def started(session: str = ALICE) -> dict[str, Any]:
    return event(0, "session.started", session, idle_warning_s=60, idle_end_s=90)


def ask(**more: Any) -> dict[str, Any]:
    asked = {
        "id": REQUEST, "kid": "k1", "consent": "2026-11", "enc": "A" * 43, "ciphertext": "sealed", "session": ALICE,
    }  # fmt: skip
    return asked | more


@pytest.fixture
async def laval(tmp_path: Path) -> AsyncIterator[Laval]:
    hand = Hand()
    ui = tmp_path / "ui"
    (ui / "assets").mkdir(parents=True)
    (ui / "index.html").write_bytes(PAGE)
    (ui / "assets" / "app-1a2b.js").write_text("export {}")
    (ui / "secret.txt").write_text("not an asset")
    outbox = Outbox(tmp_path / "outbox.db", hand.stamp, 2**20)
    requests = Requests(tmp_path / "requests.db", 2**20, hand.monotonic)
    screen = Screen("0.1.0", lambda: (hand.now(), True))
    screen.enrolled("laval-01", 1)
    screen.apply(wish())
    store = Store(tmp_path / "content")
    put(store, AUTUMN)
    behind = Behind(
        screen, Page(hand.monotonic, hand.now), Visit(hand.monotonic, hand.now, outbox.last_n), store, hand.now,
        requests=requests, who=("laval-01", 1),
    )  # fmt: skip
    listener = listen(0)
    port = listener.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    serving = asyncio.create_task(serve(LocalApi(behind, ui).app(TOKEN, port), listener))
    async with httpx.AsyncClient(base_url=url) as client:
        here = Laval(hand, outbox, requests, screen, behind, client, url, tmp_path)
        behind.journal = here
        yield here
        screen.close()
    serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving
    outbox.close()
    requests.close()


# ---- who may ask ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer another token"},
        {"Authorization": f"Basic {TOKEN}"},
        _BROWSER | {"Origin": "https://example.org"},
        _BROWSER | {"Origin": "null"},
        _BROWSER | {"Origin": "http://127.0.0.1:1"},
        _BROWSER | {"Host": "localhost"},
        _BROWSER | {"Host": "example.org"},
        _BROWSER | {"Host": "127.0.0.1"},
    ],
)
async def test_a_stranger_is_refused_everything_under_api(laval: Laval, headers: dict[str, str]) -> None:
    for path in ("/api/v1/screen", "/api/v1/nothing", "/api/"):
        answer = await laval.client.get(path, headers=headers)
        assert answer.status_code == 403
        assert set(answer.json()) == {"error", "message"}
    assert (await laval.client.post("/api/v1/help", headers=headers)).status_code == 403
    assert laval.kept() == []


async def test_a_page_made_to_point_here_gets_no_content_either(laval: Laval) -> None:
    for path in ("/", f"/content/{AUTUMN.id}/index.json", "/assets/app-1a2b.js"):
        assert (await laval.client.get(path, headers={"Host": "attacker.example"})).status_code == 403


async def test_the_pages_own_origin_is_welcome(laval: Laval) -> None:
    assert (await laval.client.get("/api/v1/screen", headers=_BROWSER | {"Origin": laval.url})).status_code == 200


async def test_every_answer_carries_the_strict_policy(laval: Laval) -> None:
    for path in ("/", "/nothing", "/api/v1/screen", f"/content/{AUTUMN.id}/index.json"):
        policy = (await laval.client.get(path)).headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy


# ---- files ----------------------------------------------------------------------------------------------------------


async def test_the_page_and_its_assets_are_served(laval: Laval) -> None:
    page = await laval.client.get("/")
    assert (page.content, page.headers["content-type"]) == (PAGE, "text/html; charset=utf-8")
    script = await laval.client.get("/assets/app-1a2b.js")
    assert "immutable" in script.headers["cache-control"]
    assert "javascript" in script.headers["content-type"]


@pytest.mark.parametrize(
    "path", ["/assets/../secret.txt", "/assets/%2e%2e/secret.txt", "/assets//etc/passwd", "/secret.txt"]
)
async def test_nothing_beside_the_assets_is_served(laval: Laval, path: str) -> None:
    raw = await asyncio.to_thread(_raw_get, laval.url, path)
    assert b"404" in raw.split(b"\r\n")[0]


async def test_a_page_that_is_not_built_is_named(laval: Laval) -> None:
    await asyncio.to_thread(shutil.rmtree, laval.root / "ui")
    answer = await laval.client.get("/")
    assert (answer.status_code, answer.json()["error"]) == (503, "no_page")


async def test_content_is_served_immutable_with_its_type_and_by_range(laval: Laval) -> None:
    url = f"/content/{AUTUMN.id}/media/tower.png"
    whole = await laval.client.get(url)
    assert whole.content == AUTUMN.files["media/tower.png"]
    assert "immutable" in whole.headers["cache-control"]
    assert whole.headers["content-type"] == "application/json"
    part = await laval.client.get(url, headers={"Range": "bytes=5-9"})
    assert (part.status_code, part.content) == (206, b"tower")
    assert part.headers["content-range"] == f"bytes 5-9/{len(whole.content)}"
    beyond = await laval.client.get(url, headers={"Range": "bytes=999999-"})
    assert beyond.status_code == 416


@pytest.mark.parametrize("path", ["nothing.json", "../../pointer.json", "index.json/x"])
async def test_what_no_release_holds_is_not_found(laval: Laval, path: str) -> None:
    assert (await laval.client.get(f"/content/{AUTUMN.id}/{path}")).status_code == 404
    assert (await laval.client.get(f"/content/{'0' * 64}/index.json")).status_code == 404
    assert (await laval.client.get("/content/..%2f..%2fetc/passwd")).status_code == 404


async def test_a_bench_that_nobody_asked_for_is_not_taken(laval: Laval) -> None:
    told = {"id": "b-1", "video": [], "texture": 4096}
    assert (await laval.client.post("/api/v1/bench", json=told, headers=_BROWSER)).status_code == 409
    wrong = told | {"texture": "large"}
    assert (await laval.client.post("/api/v1/bench", json=wrong, headers=_BROWSER)).status_code == 422


# ---- the screen -----------------------------------------------------------------------------------------------------


async def test_the_screen_says_what_the_brief_says(laval: Laval) -> None:
    screen = (await laval.client.get("/api/v1/screen", headers=_BROWSER)).json()
    assert set(screen) == {
        "version", "mode", "terminal", "generation", "name", "place", "release", "settings", "sealing", "online",
        "now", "clock_trusted", "pairing", "identify_until", "reload", "software", "audience", "progress",
        "maintenance_until", "message", "bench",
    }  # fmt: skip
    assert (screen["mode"], screen["terminal"], screen["name"]) == ("waiting", "laval-01", "Laval")
    assert screen["settings"]["idle_end_s"] == 90
    assert screen["sealing"] == {"kid": "k1", "public": "A" * 43}


async def test_a_change_wakes_the_page_that_waits(laval: Laval) -> None:
    seen = (await laval.client.get("/api/v1/screen", headers=_BROWSER)).json()["version"]
    waiting = asyncio.create_task(laval.client.get(f"/api/v1/screen?seen={seen}", headers=_BROWSER, timeout=30))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    laval.screen.release(AUTUMN.release)
    screen = (await waiting).json()
    assert (screen["mode"], screen["release"]["id"]) == ("normal", AUTUMN.id)
    assert screen["version"] != seen


@pytest.mark.parametrize("seen", ["", "7", "-1", "x", "9" * 50])
async def test_a_page_that_has_seen_another_version_is_answered_at_once(laval: Laval, seen: str) -> None:
    assert (await laval.client.get(f"/api/v1/screen?seen={seen}", headers=_BROWSER)).status_code == 200


async def test_a_terminal_that_is_not_enrolled_shows_its_pairing(laval: Laval) -> None:
    laval.screen.pairing("1234-5678", "http://fleet.example")
    screen = laval.screen.snapshot()
    assert (screen["mode"], screen["pairing"]["code"]) == ("pairing", "1234-5678")


# ---- events ---------------------------------------------------------------------------------------------------------


async def test_events_are_in_the_outbox_once_answered_completed_by_the_agent(laval: Laval) -> None:
    answer = await laval.post("events", {"events": [started(), event(1, ago_ms=1500)]})
    assert answer.status_code == 204
    first, second = laval.kept()
    assert (first["kind"], second["kind"], second["page"]) == ("session.started", "page.viewed", "home")
    assert second["audience"] == "public"
    assert second["id"]
    assert "ago_ms" not in second
    assert laval.behind.visit.in_visit


async def test_the_page_can_not_write_what_is_the_agents_to_say(laval: Laval) -> None:
    forged = event(1, id=uuid7(0, 9), boot=uuid7(0, 9), trusted=False, software="9.9")
    await laval.post("events", {"events": [forged]})
    kept = laval.kept()[0]
    assert kept["id"] != forged["id"]
    assert (kept["trusted"], kept["software"]) == (True, "0.1.0")


async def test_what_the_page_repeats_is_kept_once(laval: Laval) -> None:
    for _ in range(2):
        assert (await laval.post("events", {"events": [started(), event(1)]})).status_code == 204
    await laval.post("events", {"events": [event(1), event(2)]})
    assert [kept["n"] for kept in laval.kept()] == [0, 1, 2]


async def test_what_the_page_repeats_outside_of_a_visit_keeps_its_name(laval: Laval) -> None:
    attract = event(1, "attract.started", None, id=uuid7(0, 9))
    for _ in range(2):
        assert (await laval.post("events", {"events": [attract]})).status_code == 204
    assert {kept["id"] for kept in laval.kept()} == {uuid7(0, 9)}


async def test_a_page_that_outlived_the_agent_repeats_without_doubling(laval: Laval) -> None:
    await laval.post("events", {"events": [started(), event(1)]})
    laval.behind.visit = Visit(laval.hand.monotonic, laval.hand.now, laval.outbox.last_n)
    await laval.post("events", {"events": [started(), event(1), event(2)]})
    assert [kept["n"] for kept in laval.kept()] == [0, 1, 2]


async def test_a_new_session_ends_the_one_that_crashed(laval: Laval) -> None:
    bob = uuid7(2, 2)
    await laval.post("events", {"events": [started(), event(1)]})
    await laval.post("events", {"events": [started(bob)]})
    kinds = [(kept["kind"], kept["session"]) for kept in laval.kept()]
    assert kinds[-2:] == [("session.ended", ALICE), ("session.started", bob)]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'"events"',
        b"{}",
        b'{"events": []}',
        b'{"events": {}}',
        b'{"events": ["x"]}',
        json.dumps({"events": [event()] * 101}).encode(),
        json.dumps({"events": [event(kind="person.named")]}).encode(),
        json.dumps({"events": [event(page="Not A Page")]}).encode(),
        json.dumps({"events": [event(1, "attract.started", None, id="not an id")]}).encode(),
        json.dumps({"events": [event(ago_ms=-1)]}).encode(),
        json.dumps({"events": [event(ago_ms="soon")]}).encode(),
        json.dumps({"events": [event(kind="health.sampled")]}).encode(),
        b"\xff\xfe",
    ],
)
async def test_malformed_events_are_refused_with_a_reason_and_none_is_kept(laval: Laval, body: bytes) -> None:
    answer = await laval.client.post("/api/v1/events", content=body, headers=_BROWSER)
    assert answer.status_code == 422
    assert answer.json()["error"] == "malformed"
    assert answer.json()["message"]
    assert laval.kept() == []


async def test_a_refusal_never_repeats_what_was_typed(laval: Laval) -> None:
    answer = await laval.post("requests", ask(enc="Alice Martin 06 12 34 56 78"))
    assert answer.status_code == 422
    assert "Alice" not in answer.text


async def test_a_body_that_is_too_large_is_refused_before_it_is_read(laval: Laval) -> None:
    answer = await laval.client.post("/api/v1/events", content=b" " * 2**20, headers=_BROWSER)
    assert (answer.status_code, answer.json()["error"]) == (413, "too_large")


async def test_a_spool_that_can_not_be_written_is_said_and_the_page_may_try_again(laval: Laval) -> None:
    laval.full = True
    answer = await laval.post("events", {"events": [started()]})
    assert (answer.status_code, answer.json()["error"]) == (503, "cannot_keep")
    laval.full = False
    assert (await laval.post("events", {"events": [started()]})).status_code == 204
    assert len(laval.kept()) == 1


async def test_before_the_enrolment_events_are_for_later(laval: Laval) -> None:
    laval.behind.journal = None
    assert (await laval.post("events", {"events": [started()]})).status_code == 503


async def test_calling_for_help_is_an_event(laval: Laval) -> None:
    assert (await laval.post("help", {})).status_code == 204
    assert laval.kept()[0]["kind"] == "help.requested"


async def test_a_heartbeat_is_heard(laval: Laval) -> None:
    beat = {"frames": 20, "release": AUTUMN.id, "screen": "home", "in_visit": True, "failed": ""}
    assert (await laval.post("heartbeat", beat)).status_code == 204
    assert laval.behind.page.painted_age() == 0
    assert laval.behind.visit.in_visit
    assert (await laval.post("heartbeat", beat | {"frames": -1})).status_code == 422


# ---- contact requests -----------------------------------------------------------------------------------------------


async def test_a_request_is_kept_apart_and_its_receipt_is_honest(laval: Laval) -> None:
    answer = await laval.post("requests", ask())
    assert answer.status_code == 201
    assert answer.json() == {"online": False, "number": "", "promised_by": "2026-11-27"}
    assert laval.requests.waiting() == 1
    laval.hand.pass_s(3600)
    kept = laval.requests.due()[0]
    assert (kept.terminal, kept.day, kept.hour) == ("laval-01", "2026-11-24", 10)  # nine in UTC, ten in Laval
    assert "session" not in kept.model_dump()


async def test_the_same_request_again_is_the_same(laval: Laval) -> None:
    for _ in range(5):
        assert (await laval.post("requests", ask())).status_code == 201
    assert laval.requests.waiting() == 1


async def test_the_fourth_of_a_visit_is_refused_with_the_telephone(laval: Laval) -> None:
    identifiers = [REQUEST[:-1] + digit for digit in "1234"]
    answers = [await laval.post("requests", ask(id=identifier)) for identifier in identifiers]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 429]
    assert answers[-1].json()["error"] == "too_many"
    assert "phone" in answers[-1].json()


async def test_a_request_sealed_with_an_old_key_is_to_be_sealed_again(laval: Laval) -> None:
    answer = await laval.post("requests", ask(kid="k0"))
    assert (answer.status_code, answer.json()["error"]) == (409, "key_changed")
    assert laval.requests.waiting() == 0


async def test_a_full_disk_is_told_to_the_person_and_nothing_is_half_written(laval: Laval) -> None:
    class Full:
        def keep(self, sealed: object, session: str) -> None:
            raise CannotKeep("no space left on device")

    laval.behind.requests = Full()
    answer = await laval.post("requests", ask())
    assert (answer.status_code, answer.json()["error"]) == (507, "full")
    assert "phone" in answer.json()
    assert laval.kept() == []


async def test_two_visits_that_are_not_measured_are_counted_apart(laval: Laval) -> None:
    for visit in range(2):
        await laval.post("heartbeat", {"frames": 1, "in_visit": True})
        for digit in "123":
            identifier = REQUEST[:-2] + str(visit) + digit
            assert (await laval.post("requests", ask(id=identifier, session=None))).status_code == 201
        await laval.post("heartbeat", {"frames": 1, "in_visit": False})


# ---- around it ------------------------------------------------------------------------------------------------------


async def test_a_call_by_another_method_is_named(laval: Laval) -> None:
    assert (await laval.client.get("/api/v1/events", headers=_BROWSER)).status_code == 405
    assert (await laval.client.get("/api/v1/nothing", headers=_BROWSER)).status_code == 404


def test_a_port_that_is_taken_is_named() -> None:
    with listen(0) as taken:
        taken.listen()
        with pytest.raises(PortTaken, match=str(taken.getsockname()[1])):
            listen(taken.getsockname()[1])


def test_the_token_lives_as_long_as_the_boot(tmp_path: Path) -> None:
    first = page_token(tmp_path / "page.json", "boot-1")
    assert page_token(tmp_path / "page.json", "boot-1") == first
    assert page_token(tmp_path / "page.json", "boot-2") != first
    assert (tmp_path / "page.json").stat().st_mode & 0o077 == 0


def _raw_get(url: str, path: str) -> bytes:
    """A request whose path no client library has tidied."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as line:
        line.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while piece := line.recv(65536):
            answer += piece
    return answer
