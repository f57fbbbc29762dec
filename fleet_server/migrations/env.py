"""What Alembic runs: on the connection it is handed, or (developers) on the database of the server's settings."""

from alembic import context
from sqlalchemy import Connection
from sqlmodel import SQLModel

import fleet_server.tables  # noqa: F401 - all of them
from fleet_server.db import connect
from fleet_server.settings import read_settings


def run(connection: Connection) -> None:
    # SQLite changes a column by copying its table.
    context.configure(connection=connection, target_metadata=SQLModel.metadata, render_as_batch=True, compare_type=True)
    context.run_migrations()


given: Connection | None = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with connect(read_settings().database_url).begin() as opened:
        run(opened)
