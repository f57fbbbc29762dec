"""What Prometheus learns of the terminals: one series each and name, from the registry, in a few queries."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from fleet_server.db import reading
from fleet_server.requests.inbox import late
from fleet_server.terminals.models import Terminal, TerminalDesired, TerminalLive
from fleet_server.terminals.registry import places
from fleet_server.terminals.upkeep.held import spells_of
from fleet_server.terminals.upkeep.spells import upkeep_at


def fleet_metrics(engine: Engine, now: Callable[[], datetime]) -> Callable[[], list[Metric]]:
    def rows() -> list[Metric]:
        with reading(engine) as session:
            # Never how many there are: a counter that is read all the time would tell when each one came.
            unanswered = GaugeMetricFamily(
                "balise_requests_late", "Contact requests unanswered beyond the promised time", late(session, now())
            )
            return [unanswered, *_terminals(session, now())]

    return rows


def _terminals(session: Session, now: datetime) -> list[Metric]:
    def gauge(name: str, meaning: str) -> GaugeMetricFamily:
        return GaugeMetricFamily(f"balise_terminal_{name}", meaning, labels=["terminal"])

    heard = gauge("heard_timestamp_seconds", "When the terminal was last heard, by this server's clock")
    reported = gauge("reported_timestamp_seconds", "When its last report came")
    connected = gauge("connected", "1 when its last word was not a goodbye")
    wanted = gauge("wanted_revision", "Revision of what is wanted of it")
    applied = gauge("applied_revision", "Revision it says it has applied")
    unsent = gauge("outbox_waiting_events", "Events it still has to tell, by its last report")
    drift = gauge("software_drift", "1 when it runs another software than what its last update confirmed")
    maintenance = gauge("maintenance", "1 while maintenance is planned or ordered: silence is then no outage")
    sites = {terminal: place.site for terminal, place in places(session).items()}
    works = spells_of(session, sites, now)
    query = (
        select(TerminalLive, TerminalDesired.revision)
        .join(Terminal, col(Terminal.id) == TerminalLive.terminal)
        .join(TerminalDesired, col(TerminalDesired.terminal) == TerminalLive.terminal)
        .where(Terminal.status == "accepted")
    )
    for live, revision in session.exec(query):
        label = [live.terminal]
        connected.add_metric(label, live.connected)
        wanted.add_metric(label, revision)
        planned = bool(upkeep_at(works.get(live.terminal, ()), now).current)
        maintenance.add_metric(label, planned or _ordered(live.report, now))
        if live.heard_at:
            heard.add_metric(label, live.heard_at.timestamp())
        if live.report and live.reported_at:
            reported.add_metric(label, live.reported_at.timestamp())
            applied.add_metric(label, live.report["revision"])
            unsent.add_metric(label, live.report["outbox"]["waiting"])
            runs = live.report["software"]
            confirmed = (live.report.get("software_state") or {}).get("release") or {"version": runs}
            drift.add_metric(label, confirmed["version"] != runs)
    return [heard, reported, connected, wanted, applied, unsent, drift, maintenance]


def _ordered(report: Mapping[str, Any] | None, now: datetime) -> bool:
    """By a command, until an hour that the terminal told."""
    until = (report or {}).get("maintenance_until")
    return bool(until) and datetime.fromisoformat(str(until)) > now
