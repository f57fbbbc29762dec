"""Making a server: keys, database, first administrator. Once; nothing that is there is ever overwritten."""

from datetime import datetime

from fleet_server.access.accounts import create_account
from fleet_server.db import connect, transaction
from fleet_server.keys import make_keys
from fleet_server.migrate import migrate
from fleet_server.releases.repository import repository
from fleet_server.settings import Settings


class AlreadyInitialised(Exception):
    """The message names what was found."""


def initialise(settings: Settings, login: str, name: str, now: datetime) -> str:
    """Returns the first administrator's invitation token, shown once and kept nowhere.

    Raises `AlreadyInitialised`, `AccountRefused`, `OSError`.
    """
    if settings.keys_dir.exists() and any(settings.keys_dir.iterdir()):
        raise AlreadyInitialised(settings.keys_dir)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    migrate(settings.database_url)
    engine = connect(settings.database_url)
    try:
        with transaction(engine) as session:
            invitation = create_account(session, login, name, ["admin"], now)
            # Last, and before the commit: without keys there is no server, and init may be run again.
            keys = make_keys(settings.keys_dir, now)
            repository(settings, keys).create(now)
    finally:
        engine.dispose()
    return invitation
