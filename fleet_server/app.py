"""The composition root of the fleet server: the only place that knows every room.

`create_app` builds, the application's lifespan starts and stops: embedded broker (a process of its own), ingest (a
thread), the link to the broker (two threads).
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime

import structlog
from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI

from fleet_server import VERSION, memory, retention, rooms
from fleet_server.access.guard import find_viewer
from fleet_server.broker import BrokerLink
from fleet_server.certificates import eviction
from fleet_server.certificates.expiry import expiry_metrics
from fleet_server.chores import Chore, Chores
from fleet_server.context import Context
from fleet_server.db import after_commit, connect, transaction
from fleet_server.embedded_broker import embedded_broker
from fleet_server.ingest.consumer import Consumer
from fleet_server.keys import load_keys
from fleet_server.oncall import health, metrics
from fleet_server.oncall.fleet_metrics import fleet_metrics
from fleet_server.releases.expiry import metadata_metrics
from fleet_server.releases.repository import repository
from fleet_server.requests.order import EVERY_S, forget_order
from fleet_server.rollouts.turn import turn as rollout_turn
from fleet_server.settings import Settings
from fleet_server.terminals.commands import expire, send_again
from fleet_server.terminals.desired import Pusher
from fleet_server.terminals.known import last_turned, terminals_known
from fleet_server.terminals.pairings import forget_pairings
from fleet_server.terminals.upkeep import edges
from fleet_server.web.live import Live

log = structlog.get_logger()

THREADS = 16
"""That answer requests at once. More would only wait for each other, each with a connection and a heap of its own."""
DESCRIPTION = """
Terminals prove who they are with `Authorization: Bearer <JWT>`, made for one request (method, path, body) and at most
60 s old. People's programs send an API token, `Authorization: Bearer balise_…`; each route names the scope that it asks
for. Errors are `{"error": code, "message": sentence}`. What people use are pages, not described here.
"""


def utc_now() -> datetime:
    return datetime.now(UTC)


def create_app(settings: Settings, now: Callable[[], datetime] = utc_now) -> FastAPI:
    """The application, nothing started yet. Raises `FileNotFoundError` when `balise server init` has not been run."""
    engine = connect(settings.database_url)
    keys = load_keys(settings.keys_dir)
    releases = repository(settings, keys)
    releases.root()  # refused here, not at the first enrolment
    ctx = Context(
        settings, engine, keys, Live(), now, now(), lambda topic, payload: link.send(topic, payload), releases.root
    )  # fmt: skip
    hearing = rooms.Hearing(ctx)
    consumer = Consumer(
        engine,
        rooms.recorders(hearing.answered),
        terminals_known,
        ctx.send,
        now,
        ctx.server_start,
        hearing.batches,
        last_turned,
    )
    link = BrokerLink(settings, consumer.put, hearing.states)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        current_default_thread_limiter().total_tokens = THREADS
        with running(ctx, consumer, link):
            yield

    app = FastAPI(
        title="Balise", version=VERSION, description=DESCRIPTION, lifespan=lifespan, docs_url=None, redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )  # fmt: skip
    app.state.context = ctx
    app.state.find_viewer = find_viewer
    app.state.health = health.Health(engine, link)
    app.state.metrics = metrics.registry(
        engine, consumer, link, ctx.server_start, fleet_metrics(engine, now), expiry_metrics(engine, settings, keys),
        metadata_metrics(releases),
    )  # fmt: skip
    rooms.install(app)
    app.include_router(health.router)
    app.include_router(metrics.router)
    return app


@contextmanager
def running(ctx: Context, consumer: Consumer, link: BrokerLink) -> Iterator[None]:
    """What lives as long as the application: started in this order, stopped in the reverse one."""
    with ExitStack() as parts:
        parts.callback(ctx.engine.dispose)
        chores = chores_of(ctx)
        if ctx.settings.broker == "embedded":
            broker = embedded_broker(ctx.settings.mqtt_port, ctx.settings.data_dir / "broker")
            parts.callback(broker.stop)
            try:
                broker.start()
            except RuntimeError as error:
                log.warning("broker.not_started", reason=str(error))  # the chore goes on trying
            chores["keep the broker"] = (1.0, broker.start)  # nothing happens while it runs
        consumer.start()
        parts.callback(consumer.stop)
        link.start()
        parts.callback(link.stop)
        parts.enter_context(Chores(chores))
        yield


def chores_of(ctx: Context) -> dict[str, Chore]:
    """What is done by the clock, whatever else happens."""

    def expire_commands() -> None:
        with transaction(ctx.engine) as session:
            if expire(session, ctx.now()):
                after_commit(session, lambda: ctx.live.touch("commandes"))

    def forget_old_pairings() -> None:
        with transaction(ctx.engine) as session:
            forget_pairings(session, ctx.now())

    def sign_again() -> None:
        repository(ctx.settings, ctx.keys).sign_again_when_due(ctx.now())

    return {
        "push wishes": (1.0, Pusher(ctx).turn),
        "rollouts": (2.0, lambda: rollout_turn(ctx)),
        "send commands again": (20.0, lambda: send_again(ctx)),
        "forget the order of requests": (EVERY_S, forget_order(ctx.engine)),
        "tell when maintenance begins and ends": (edges.EVERY_S, edges.Edges(ctx).turn),
        "give memory back": (memory.EVERY_S, memory.give_back),
        "expire commands": (60.0, expire_commands),
        "forget old pairings": (3600.0, forget_old_pairings),
        "forget what is past its time": (retention.EVERY_S, retention.forgetting(ctx)),
        "put revoked terminals out": (eviction.EVERY_S, eviction.Evictions(ctx).turn),
        "sign releases again": (3600.0, sign_again),
    }
