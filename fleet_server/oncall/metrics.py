"""/metrics for Prometheus. Moments are timestamps, not ages: an age would go on looking fresh when we stop.

Labels are bounded: outcomes and kinds of ours, and terminals of the registry; never what a terminal sent.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy import Engine, func, select

from fleet_server import VERSION
from fleet_server.broker import BrokerLink
from fleet_server.db import reading
from fleet_server.ingest.consumer import Consumer
from fleet_server.ingest.models import IngestLoss, QuarantinedEvent

router = APIRouter(tags=["operating"])
Rows = Callable[[], list[Metric]]


class ServerCollector(Collector):
    """Read when Prometheus asks. `more`: what the rooms have to say, one function each."""

    def __init__(
        self, engine: Engine, consumer: Consumer, broker: BrokerLink, server_start: datetime, more: tuple[Rows, ...]
    ) -> None:
        self._engine = engine
        self._consumer = consumer
        self._broker = broker
        self._start = server_start
        self._more = more

    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily("balise_server", "This server", value={"version": VERSION})
        yield GaugeMetricFamily("balise_server_start_timestamp_seconds", "Start of this run", self._start.timestamp())
        yield GaugeMetricFamily("balise_broker_connected", "1 when connected to the broker", self._broker.connected)
        yield from self._ingest()
        with reading(self._engine) as session:
            quarantined = session.scalar(select(func.count()).select_from(QuarantinedEvent)) or 0
            lost = session.scalar(select(func.coalesce(func.sum(IngestLoss.last - IngestLoss.first + 1), 0)))
        yield GaugeMetricFamily("balise_ingest_quarantined_events", "Events kept that can't be read", quarantined)
        yield GaugeMetricFamily("balise_ingest_lost_events", "Sequences known to be lost, in all", float(lost or 0))
        for rows in self._more:
            yield from rows()

    def _ingest(self) -> Iterator[Metric]:
        counters = self._consumer.counters
        batches = CounterMetricFamily("balise_ingest_batches", "Batches received, by outcome", labels=["outcome"])
        for outcome, count in list(counters.batches.items()):
            batches.add_metric([outcome], count)
        yield batches
        yield CounterMetricFamily("balise_ingest_events", "Events committed", counters.events)
        yield CounterMetricFamily("balise_ingest_commits", "Transactions", counters.commits)
        yield CounterMetricFamily("balise_ingest_retries", "Transactions that failed, unacknowledged", counters.retries)
        yield CounterMetricFamily(
            "balise_ingest_passed_over", "Batches not taken, too many waited", counters.passed_over
        )


def registry(
    engine: Engine, consumer: Consumer, broker: BrokerLink, server_start: datetime, *more: Rows
) -> CollectorRegistry:
    """One for each application: two in one process don't mix."""
    made = CollectorRegistry()
    ProcessCollector(registry=made)
    made.register(ServerCollector(engine, consumer, broker, server_start, more))
    return made


@router.get("/metrics", summary="Prometheus", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(request: Request) -> Response:
    return Response(generate_latest(request.app.state.metrics), media_type=CONTENT_TYPE_LATEST)
