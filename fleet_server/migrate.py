"""Bringing a database up to the models of this version, before anything is served."""

from fleet_server import tables  # noqa: F401  # every room's tables
from fleet_server.db import connect, create_schema


def migrate(database_url: str) -> None:
    engine = connect(database_url)
    create_schema(engine)
    engine.dispose()
