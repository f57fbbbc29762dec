"""What Alembic runs: on the connection it is handed, or (developers) on the database of the server's settings."""

from typing import Any, Literal

from alembic import context
from sqlalchemy import Connection
from sqlmodel import AutoString, SQLModel

import fleet_server.tables  # noqa: F401 - all of them
from fleet_server.db import UtcDateTime, connect
from fleet_server.settings import read_settings


def plainly(kind: str, thing: Any, autogen: Any) -> str | Literal[False]:
    """Our types and SQLModel's in a few words; the others as Alembic writes them."""
    if kind == "type" and isinstance(thing, UtcDateTime):
        return "UtcDateTime()"
    if kind == "type" and isinstance(thing, AutoString):
        return f"sa.String({getattr(thing.impl, 'length', None) or ''})"
    return False


def run(connection: Connection) -> None:
    # SQLite changes a column by copying its table.
    context.configure(
        connection=connection, target_metadata=SQLModel.metadata, render_as_batch=True, compare_type=True,
        render_item=plainly,
    )  # fmt: skip
    context.run_migrations()


given: Connection | None = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with connect(read_settings().database_url).begin() as opened:
        run(opened)
