"""What expires, long before it does: for the pages, the command line and the metrics."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from fleet_server.releases.repository import Repository
from fleet_server.releases.roles import LIFETIME, OFFLINE, WARNED_BEFORE
from fleet_server.web.french import plural


def metadata_metrics(repo: Repository) -> Callable[[], list[Metric]]:
    """`balise_metadata_expiry_timestamp_seconds{role}`."""

    def rows() -> list[Metric]:
        expiry = GaugeMetricFamily(
            "balise_metadata_expiry_timestamp_seconds", "When a role of the signed lists expires", labels=["role"]
        )
        for role, at in repo.expiries().items() if repo.files.exist() else ():
            expiry.add_metric([role], at.timestamp())
        return [expiry]

    return rows


def warnings(repo: Repository, now: datetime, data_dir: Path) -> list[str]:
    """A sentence for each thing that a person must do, French; empty when all is well."""
    if not repo.files.exist():
        return []
    lines = [line for role, at in repo.expiries().items() if (line := _late(role, at, now))]
    if staged := repo.files.read_staged():
        lines.append(f"un changement attend des signatures ({', '.join(staged)}) : balise release keys export.")
    if any((data_dir / "keys-offline").glob("*.pem")):
        lines.append("les clés hors ligne sont encore sur le serveur : déplacez keys-offline sur un support débranché.")
    return lines


def _late(role: str, at: datetime, now: datetime) -> str:
    left = at - now
    if role in OFFLINE and left < WARNED_BEFORE:
        if left < timedelta(0):
            return f"le rôle {role} a expiré le {at:%d/%m/%Y} : les bornes refusent toute nouveauté. Renouvelez-le."
        return f"le rôle {role} expire dans {plural(left.days, 'jour')} : balise release keys renew {role}."
    # Signed again at half of its life: past a third, the job has failed for long.
    if role not in OFFLINE and left < LIFETIME[role] / 3:
        return f"le rôle {role} n’a pas été signé de nouveau par le serveur et expire le {at:%d/%m/%Y}."
    return ""
