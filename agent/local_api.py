"""What the page asks of its agent, on 127.0.0.1 only: the screen, its events, contact requests, content.

No page holds a secret but the token of this boot, and no call does more than a visitor may.

What an operator orders comes with the screen: `mode` `maintenance` (a quiet page), `message` `{text, until}` (a line
over whatever is shown), `identify_until`, `reload` (a number that grows), and `bench` `{id, touch_s}`: the page
measures (`agent.bench.PageBench`) and sends it once by `POST /api/v1/bench`. A heartbeat's `page` is another at each
loading.
"""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import structlog
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from agent import disk
from agent.asking import Ask, local_time, promised_by
from agent.bench import PageBench
from agent.bodies import MAX_BODY, TooLarge, read_json, said
from agent.guard import Guard, refused
from agent.page import Heartbeat, Page
from agent.requests import TooMany
from agent.screen import Screen
from agent.spool import CannotKeep
from agent.store import Store
from agent.visit import Visit
from wire.events import HelpRequested, UsageEvent, usage_events
from wire.request import SealedRequest

log = structlog.get_logger()
LONG_POLL_S = 25.0
MAX_EVENTS = 100
_LONGEST_AGO_MS = 30 * 24 * 3600 * 1000
_IMMUTABLE = "public, max-age=31536000, immutable"


class Journal(Protocol):
    """The outbox, as seen from here. `tell` is durable when it returns, or raises `CannotKeep`."""

    def stamp(self, ago_ms: int = 0) -> dict[str, Any]: ...
    async def tell(self, *told: Any) -> None: ...


class RequestBox(Protocol):
    """Raises `TooMany`, `CannotKeep`; blocks for an fsync."""

    def keep(self, sealed: SealedRequest, session: str) -> None: ...


@dataclass
class Behind:
    """What stands behind the API. `journal`, `requests` and `who` come with the enrolment; `heard` is told of each
    heartbeat, `measured` of what the page measured: False when nobody waits for it."""

    screen: Screen
    page: Page
    visit: Visit
    store: Store
    now: Callable[[], datetime]
    journal: Journal | None = None
    requests: RequestBox | None = None
    who: tuple[str, int] | None = None
    heard: Callable[[Heartbeat], None] = lambda beat: None
    measured: Callable[[PageBench], bool] = lambda told: False


class LocalApi:
    def __init__(self, behind: Behind, ui: Path) -> None:
        self._behind = behind
        self._ui = ui
        self._order = asyncio.Lock()

    def app(self, token: str, port: int) -> ASGIApp:
        routes = [
            Route("/", self._index),
            Route("/assets/{path:path}", self._asset),
            Route("/content/{release}/{path:path}", self._content),
            Route("/api/v1/screen", self._screen),
            Route("/api/v1/events", self._events, methods=["POST"]),
            Route("/api/v1/heartbeat", self._heartbeat, methods=["POST"]),
            Route("/api/v1/requests", self._request, methods=["POST"]),
            Route("/api/v1/bench", self._bench, methods=["POST"]),
            Route("/api/v1/help", self._help, methods=["POST"]),
        ]
        handlers = {404: _no_such, 405: _not_so, TooLarge: _too_large, ClientDisconnect: _gone}
        return Guard(Starlette(routes=routes, exception_handlers=handlers), token, port)

    # ---- files ------------------------------------------------------------------------------------------------------

    async def _index(self, request: Request) -> Response:
        page = self._ui / "index.html"
        if not page.is_file():
            return refused(503, "no_page", "the kiosk's page is not built: run `make build`")
        return FileResponse(page, media_type="text/html; charset=utf-8", headers={"Cache-Control": "no-store"})

    async def _asset(self, request: Request) -> Response:
        folder = (self._ui / "assets").resolve()
        path = (folder / request.path_params["path"]).resolve()
        if not path.is_relative_to(folder) or not path.is_file():
            return _no_such(request, None)
        return FileResponse(path, headers={"Cache-Control": _IMMUTABLE})

    async def _content(self, request: Request) -> Response:
        release = request.path_params["release"]
        found = self._behind.store.locate(release, request.path_params["path"]) if _is_digest(release) else None
        if found is None or not found[0].is_file():
            return _no_such(request, None)
        path, file = found
        headers = {"Cache-Control": _IMMUTABLE, "ETag": f'"{file.sha256}"'}
        return FileResponse(path, media_type=file.type, headers=headers)

    # ---- the page's calls -------------------------------------------------------------------------------------------

    async def _screen(self, request: Request) -> Response:
        seen = request.query_params.get("seen", "")
        return JSONResponse(
            await self._behind.screen.after(int(seen) if seen.isdecimal() else None, LONG_POLL_S),
            headers={"Cache-Control": "no-store"},
        )

    async def _events(self, request: Request) -> Response:
        journal = self._behind.journal
        if journal is None:
            return refused(503, "not_enrolled", "this terminal is not enrolled yet: keep the events and try again")
        try:
            told = self._parse(await read_json(request), journal)
        except (ValidationError, ValueError, TypeError, KeyError, AttributeError) as error:
            return refused(422, "malformed", said(error))
        async with self._order:
            return await self._kept(journal, told)

    def _parse(self, body: Any, journal: Journal) -> list[UsageEvent]:
        events = body["events"]
        if not isinstance(events, list) or not 1 <= len(events) <= MAX_EVENTS:
            raise ValueError(f"`events` holds between 1 and {MAX_EVENTS} events")
        return [self._event(event, journal) for event in events]

    def _event(self, event: dict[str, Any], journal: Journal) -> UsageEvent:
        ago_ms = event.get("ago_ms", 0)
        if type(ago_ms) is not int or not 0 <= ago_ms <= _LONGEST_AGO_MS:
            raise ValueError("`ago_ms` is how long ago, in whole milliseconds")
        said = {name: value for name, value in event.items() if name != "ago_ms"}
        # A page may say that its visit is simulated, which takes it out of every figure; it can't put it in.
        audience = "demo" if said.get("audience") == "demo" else self._behind.screen.audience
        # Outside of a visit no (session, n) tells what is repeated: by the page's own id the server counts it once.
        named = {"id": said["id"]} if "id" in said and said.get("session") is None else {}
        said |= journal.stamp(ago_ms) | {"audience": audience} | named
        return usage_events.validate_python(said)

    async def _kept(self, journal: Journal, told: list[UsageEvent]) -> Response:
        """All of them in the outbox, once each, then followed."""
        visit = self._behind.visit
        # Nobody stands there in a simulated visit: the visitor who does, if any, goes on.
        simulated = told[0].audience == "demo" != self._behind.screen.audience
        fresh = told if simulated else [event for event in told if not await asyncio.to_thread(visit.is_known, event)]
        try:
            if fresh and not simulated and visit.left_open(fresh[0]) and (ended := visit.end(journal.stamp, "crash")):
                await journal.tell(ended)
            if fresh:
                await journal.tell(*fresh)
        except CannotKeep as error:
            return refused(503, "cannot_keep", str(error))
        for event in () if simulated else fresh:
            visit.follow(event)
        return Response(status_code=204)

    async def _heartbeat(self, request: Request) -> Response:
        try:
            beat = Heartbeat.model_validate(await read_json(request))
        except (ValidationError, ValueError) as error:
            return refused(422, "malformed", said(error))
        self._behind.page.hear(beat)
        self._behind.visit.hear(beat)
        self._behind.heard(beat)
        return Response(status_code=204)

    async def _bench(self, request: Request) -> Response:
        """What the page measured, as the screen's `bench` asked; 409 when that is over."""
        try:
            told = PageBench.model_validate(await read_json(request))
        except (ValidationError, ValueError) as error:
            return refused(422, "malformed", said(error))
        if not self._behind.measured(told):
            return refused(409, "not_asked", "no bench of this id is going on")
        return Response(status_code=204)

    async def _help(self, request: Request) -> Response:
        journal = self._behind.journal
        if journal is None:
            return refused(503, "not_enrolled", "this terminal is not enrolled yet")
        try:
            await journal.tell(HelpRequested(**journal.stamp(), audience=self._behind.screen.audience))
        except CannotKeep as error:
            return refused(503, "cannot_keep", str(error))
        return Response(status_code=204)

    async def _request(self, request: Request) -> Response:
        behind, screen = self._behind, self._behind.screen
        if behind.requests is None or behind.who is None:
            return refused(503, "not_enrolled", "this terminal is not enrolled yet")
        try:
            asked = Ask.model_validate(await read_json(request))
        except (ValidationError, ValueError) as error:
            return refused(422, "malformed", said(error))
        if asked.kid != screen.sealing_kid:
            return refused(409, "key_changed", "seal the request again, with the key of /api/v1/screen")
        here = local_time(behind.now(), screen.timezone)
        sealed = asked.sealed(*behind.who, here)
        try:
            await asyncio.to_thread(behind.requests.keep, sealed, asked.session or behind.visit.unmeasured)
        except TooMany as error:
            return refused(429, "too_many", str(error), phone=screen.host_phone)
        except CannotKeep as error:
            return refused(507, "full", str(error), phone=screen.host_phone)
        receipt = {
            "online": bool(screen.snapshot()["online"]), "number": screen.host_phone,
            "promised_by": promised_by(here.date()).isoformat(),
        }  # fmt: skip
        return JSONResponse(receipt, 201)


def page_token(path: Path, boot: str) -> str:
    """The token of this boot of the machine (`boot` names it): a page outlives a restart of the agent."""
    kept = disk.read_json(path)
    if isinstance(kept, dict) and kept.get("boot") == boot and isinstance(kept.get("token"), str):
        return str(kept["token"])
    token = secrets.token_urlsafe(32)
    disk.write_json(path, {"boot": boot, "token": token}, 0o600)
    return token


def _is_digest(text: str) -> bool:
    return len(text) == 64 and all(letter in "0123456789abcdef" for letter in text)


def _no_such(request: Request, _: object) -> Response:
    return refused(404, "not_found", "no such file or call")


def _not_so(request: Request, _: object) -> Response:
    return refused(405, "method", f"not by {request.method}")


def _too_large(request: Request, _: object) -> Response:
    return refused(413, "too_large", f"at most {MAX_BODY} bytes")


def _gone(request: Request, _: object) -> Response:
    return Response(status_code=499)
