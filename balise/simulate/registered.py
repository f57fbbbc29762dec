"""Simulated terminals made known to the server of this machine, at a place that says what they are."""

from datetime import datetime
from pathlib import Path

from sqlmodel import Session

from fleet_server.context import Context
from fleet_server.db import transaction
from fleet_server.offline import offline
from fleet_server.settings import read_settings
from fleet_server.terminals.enrolment import make_token
from fleet_server.terminals.registry import add_terminal
from wire.state import Place

NOWHERE = Place(
    site="simulation", name="Simulation (aucun lieu)", kind="autre", commune="44109", commune_name="Nantes",
    department="44", latitude=47.2186, longitude=-1.5541, demo=True,
)  # fmt: skip


def register(names: list[str], data_dir: Path | None) -> dict[str, str]:
    """Name → one-time token. Raises `FileNotFoundError` when there is no server in the folder."""
    if not names:
        return {}
    settings = read_settings(**({"data_dir": data_dir} if data_dir else {}))
    with offline(settings) as ctx, transaction(ctx.engine) as session:
        return {name: _token(session, ctx, name, ctx.now()) for name in names}


def _token(session: Session, ctx: Context, name: str, now: datetime) -> str:
    return make_token(session, ctx, add_terminal(session, name, NOWHERE, ["simulation"], now), None)
