"""The database brought to the newest schema, at each start of the server."""

from fleet_server import rooms  # noqa: F401 - all tables
from fleet_server.db import connect, create_schema


def migrate(database_url: str) -> None:
    engine = connect(database_url)
    create_schema(engine)
    engine.dispose()
