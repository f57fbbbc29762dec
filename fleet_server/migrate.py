"""The database brought to the newest schema, at each start of the server: all of it, or nothing."""

from alembic import command
from alembic.config import Config

from fleet_server.db import connect


def migrate(database_url: str, to: str = "head") -> None:
    """Raises `alembic.util.CommandError` when the database is newer than this server. `to`: a revision."""
    config = Config()
    config.set_main_option("script_location", "fleet_server:migrations")
    engine = connect(database_url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, to)
    engine.dispose()
