"""What ingest asks of the registry: of these ids, the accepted terminals, their enrolment and their revision."""

from datetime import datetime

from sqlalchemy import Connection, func, select
from sqlmodel import SQLModel

import fleet_server.terminals.models  # noqa: F401  # its tables
from fleet_server.ingest import Known

_TERMINAL = SQLModel.metadata.tables["terminal"]
_DESIRED = SQLModel.metadata.tables["terminal_desired"]


def terminals_known(connection: Connection, ids: set[str]) -> dict[str, Known]:
    query = (
        select(_TERMINAL.c.id, _TERMINAL.c.generation, _DESIRED.c.revision)
        .join(_DESIRED, _DESIRED.c.terminal == _TERMINAL.c.id)
        .where(_TERMINAL.c.status == "accepted", _TERMINAL.c.isolated == "")
    )
    # Beyond this many, all of them cost less than a list of names.
    if len(ids) <= 200:
        query = query.where(_TERMINAL.c.id.in_(sorted(ids)))
    return {row.id: Known(row.generation, row.revision) for row in connection.execute(query)}


def last_turned(connection: Connection) -> datetime | None:
    """When a terminal last ceased to be listened to: one look into an index."""
    found: datetime | None = connection.execute(select(func.max(_TERMINAL.c.turned_at))).scalar_one()
    return found
