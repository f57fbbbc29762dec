"""What ends when: the CA, the broker's and the server's certificates, the list of the revoked, each terminal's."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from sqlalchemy import Engine
from sqlmodel import Session, col, func, select

from fleet_server.certificates.models import Certificate
from fleet_server.certificates.revoked import list_file, read_lists
from fleet_server.db import reading
from fleet_server.keys import Keys
from fleet_server.settings import Settings

WARNED = timedelta(days=60)
"""Before the end of what a person must renew."""
WORDS = {
    "ca": ("l’autorité de la flotte", "préparez sa relève : « balise server ca »"),
    "ca_other": ("l’autre autorité de la flotte, le temps de la relève", "finissez la relève : « balise server ca »"),
    "broker": ("le certificat du courtier", "refaites-le par « balise server broker --renew »"),
    "server": ("le certificat du serveur chez le courtier", "refaites-le par « balise server broker --renew »"),
    "list": ("la liste des certificats révoqués", "relancez le serveur, qui la signe de nouveau"),
    "terminal": ("borne", ""),
}


@dataclass(frozen=True, slots=True)
class Ending:
    """`kind`: one of `WORDS`; `terminal`: its id, or empty."""

    kind: str
    at: datetime
    terminal: str = ""


def endings(session: Session, settings: Settings, keys: Keys) -> list[Ending]:
    """The fleet's own first, then the terminals', soonest first."""
    ends = [one.certificate.not_valid_after_utc for one in keys.authorities]
    found = [Ending(kind, at) for kind, at in zip(("ca", "ca_other"), ends, strict=False)]
    made = session.exec(select(func.max(Certificate.ends_at)).where(Certificate.kind == "broker")).one()
    if made:
        found.append(Ending("broker", made))
    if until := _end_of(settings.mqtt_tls_certificate):
        found.append(Ending("server", until))
    if lists := [one.next_update_utc for one in read_lists(list_file(settings)) if one.next_update_utc]:
        found.append(Ending("list", min(lists)))
    newest = func.max(Certificate.ends_at).label("at")
    of_terminals = (
        select(Certificate.name, newest)
        .where(Certificate.kind == "terminal", col(Certificate.revoked_at).is_(None))
        .group_by(Certificate.name)
        .order_by(newest)
    )
    return found + [Ending("terminal", at, name) for name, at in session.exec(of_terminals)]


def warnings(found: list[Ending], now: datetime) -> list[Ending]:
    """What a person must see to now; terminals renew by themselves, and their own pages tell where they do not."""
    return [one for one in found if one.kind != "terminal" and one.at - now < WARNED]


def _end_of(path: Path | None) -> datetime | None:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc if path else None
    except (OSError, ValueError):
        return None


def expiry_metrics(engine: Engine, settings: Settings, keys: Keys) -> Callable[[], list[Metric]]:
    """One series for each of the fleet's own, and one for each terminal that has not been revoked."""

    def rows() -> list[Metric]:
        with reading(engine) as session:
            found = endings(session, settings, keys)
        gauge = GaugeMetricFamily(
            "balise_certificate_expiry_timestamp_seconds", "When it ends", labels=["kind", "terminal"]
        )
        for one in found:
            gauge.add_metric([one.kind, one.terminal], one.at.timestamp())
        return [gauge]

    return rows
