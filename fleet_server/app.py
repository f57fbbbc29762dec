"""The composition root of the server: everything is built here, once, and passed down.

    settings → engine, keys, broker link, ingest → Context → FastAPI with the routers of every room
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import structlog
from fastapi import FastAPI
from sqlalchemy import Engine

from fleet_server import health
from fleet_server.access import guard
from fleet_server.access import pages as access_pages
from fleet_server.broker import BrokerLink
from fleet_server.context import Context
from fleet_server.db import connect, transaction
from fleet_server.evaluation import frequentation
from fleet_server.evaluation.usage import record_usage
from fleet_server.ingest import Recorder
from fleet_server.ingest.consumer import Consumer
from fleet_server.keys import Keys, load_keys
from fleet_server.oncall import metrics
from fleet_server.releases import api as releases_api
from fleet_server.releases import pages as releases_pages
from fleet_server.releases import repository
from fleet_server.requests import api as requests_api
from fleet_server.requests import pages as requests_pages
from fleet_server.settings import Settings
from fleet_server.terminals import api as terminals_api
from fleet_server.terminals import commands, inbound
from fleet_server.terminals import pages as terminals_pages
from fleet_server.terminals.desired import Pusher
from fleet_server.terminals.known import terminals_known
from fleet_server.terminals.record import RECORDERS
from fleet_server.terminals.registry import names
from fleet_server.web.live import Live
from fleet_server.web.site import install_web
from wire.events import USAGE_KINDS

log = structlog.get_logger()
VERSION = "0.1.0"
_WISHES_EVERY_S = 2.0
_CHORES_EVERY_S = 60.0
_HEARD_EVERY_S = 10.0
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


def recorders() -> dict[str, Recorder]:
    """Which room makes rows of which kind of event."""
    return dict.fromkeys(USAGE_KINDS, record_usage) | RECORDERS


def create_app(settings: Settings, now: Clock = utc_now) -> FastAPI:
    """The whole server. Keys and database must exist (`balise server init`); nothing runs before the lifespan does.

    Raises `FileNotFoundError` naming a key that is missing.
    """
    engine, keys = connect(settings.database_url), load_keys(settings.data_dir / "keys")
    root = repository.root_bytes(settings.data_dir)
    server = Server(settings, engine, keys, root, now)
    app = FastAPI(
        title="Balise", version=VERSION, lifespan=server.lifespan, docs_url=None, redoc_url=None,
        description="What terminals ask of the fleet server, and what monitoring reads. Proofs: `wire.sign.prove`.",
    )  # fmt: skip
    app.state.context = server.context
    app.state.server = server
    app.state.find_viewer = guard.find_viewer
    app.state.terminal_names = names
    app.state.rail_counts = {"requests": requests_pages.rail_count, "fleet": terminals_pages.rail_count}
    app.state.palette_sources = [terminals_pages.palette_source]
    install_web(app)
    for room in (access_pages, terminals_pages, terminals_api, requests_pages, requests_api, releases_pages,
                 releases_api, frequentation, health, metrics):  # fmt: skip
        app.include_router(room.router)
    return app


class Server:
    """What runs besides requests: the broker link, ingest, and the loops."""

    def __init__(self, settings: Settings, engine: Engine, keys: Keys, root: bytes, now: Clock) -> None:
        self.settings = settings
        self.engine = engine
        started = now()
        self.broker = BrokerLink(settings, self._batch, self._presence, self._reported)
        self.context = Context(
            settings=settings, engine=engine, keys=keys, live=Live(), now=now, server_start=started,
            send=self.broker.send, root=root,
        )  # fmt: skip
        self.consumer = Consumer(
            engine, recorders(), terminals_known, self.broker.send, now, started, heard=self._heard
        )
        self._pusher = Pusher(self.context)
        self._heard_at: dict[str, float] = {}
        self._loops: list[asyncio.Task[None]] = []

    @contextlib.asynccontextmanager
    async def lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        """In-process ingest starts with the broker link; what is in hand at the end is committed and acknowledged."""
        metrics.install(app)
        self.consumer.start()
        self.broker.start()
        self._loops = [
            asyncio.create_task(self._every(_WISHES_EVERY_S, self._pusher.turn), name="wishes"),
            asyncio.create_task(self._every(_CHORES_EVERY_S, self._chores), name="chores"),
        ]
        try:
            yield
        finally:
            for loop in self._loops:
                loop.cancel()
            await asyncio.gather(*self._loops, return_exceptions=True)
            await asyncio.to_thread(self.consumer.stop)
            await asyncio.to_thread(self.broker.stop)
            self.engine.dispose()

    def _batch(self, terminal: str, payload: bytes) -> None:
        self.consumer.put(terminal, payload)

    def _presence(self, terminal: str, payload: bytes) -> None:
        self.consumer.forget_terminals()
        inbound.presence(self.context, terminal, payload)

    def _reported(self, terminal: str, payload: bytes) -> None:
        inbound.reported(self.context, terminal, payload)

    def _heard(self, terminals: set[str]) -> None:
        """Pages follow at once; the row of who was heard when is written now and then."""
        for terminal in terminals:
            self.context.live.touch(f"borne:{terminal}")
        self.context.live.touch("frequentation")
        moment = time.monotonic()
        due = {one for one in terminals if moment - self._heard_at.get(one, -_HEARD_EVERY_S) >= _HEARD_EVERY_S}
        if due:
            inbound.heard(self.context, due)
            self._heard_at |= dict.fromkeys(due, moment)

    def _chores(self) -> None:
        with transaction(self.engine) as session:
            commands.expire(session, self.context.now())
        repository.sign_again_when_due(self.context)

    @staticmethod
    async def _every(seconds: float, turn: Callable[[], object]) -> None:
        """A loop is a shell around one turn; a turn that fails is told, and the next one comes."""
        while True:
            try:
                await asyncio.to_thread(turn)
            except Exception as error:
                log.error("loop.failed", turn=getattr(turn, "__name__", ""), exc_info=error)
            await asyncio.sleep(seconds)

