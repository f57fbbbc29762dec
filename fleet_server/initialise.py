"""Making a server: keys, database, first administrator. Once; nothing that is there is ever overwritten."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fleet_server.access.accounts import create_account
from fleet_server.db import connect, transaction
from fleet_server.keys import make_keys
from fleet_server.migrate import migrate
from fleet_server.releases.offline_keys import first_keys, new_passphrase, open_signers, public_keys
from fleet_server.releases.repository import repository
from fleet_server.settings import Settings


class AlreadyInitialised(Exception):
    """The message names what was found."""


@dataclass(frozen=True, slots=True)
class Made:
    """Shown once and kept nowhere: the first administrator's invitation token, and what opens `offline_keys`."""

    invitation: str
    offline_keys: Path
    passphrase: str


def initialise(
    settings: Settings, login: str, name: str, now: datetime, offline_keys: Path | None = None, passphrase: str = ""
) -> Made:
    """`offline_keys`: where the keys that the server must not keep are put, to be carried away; in its data if None.

    Keys that are in that folder already are taken, opened by `passphrase`.

    Raises `AlreadyInitialised`, `AccountRefused`, `BadKey`, `OSError`.
    """
    if settings.keys_dir.exists() and any(settings.keys_dir.iterdir()):
        raise AlreadyInitialised(settings.keys_dir)
    folder = offline_keys or settings.data_dir / "keys-offline"
    ready = any(folder.glob("*.pem"))
    if ready and not passphrase:
        raise AlreadyInitialised(folder)
    passphrase = passphrase or new_passphrase()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    migrate(settings.database_url)
    engine = connect(settings.database_url)
    try:
        with transaction(engine) as session:
            invitation = create_account(session, login, name, ["admin"], now)
            if not ready:
                first_keys(folder, passphrase)
            # Last, and before the commit: without keys there is no server, and init may be run again.
            signers = open_signers(folder, passphrase)
            keys = make_keys(settings.keys_dir, now)
            repository(settings, keys).create(now, public_keys(folder), signers)
    except BaseException:
        if not ready:  # their passphrase was told to nobody
            for path in folder.glob("*"):
                path.unlink()
        raise
    finally:
        engine.dispose()
    return Made(invitation, folder, passphrase)
