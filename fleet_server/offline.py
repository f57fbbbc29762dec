"""The server's context without the server, for the command line: what is wished here, the running server pushes."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from fleet_server.context import Context
from fleet_server.db import connect
from fleet_server.keys import load_keys
from fleet_server.releases.repository import repository
from fleet_server.settings import Settings
from fleet_server.web.live import Live


@contextmanager
def offline(settings: Settings) -> Iterator[Context]:
    """Raises `FileNotFoundError` when `balise server init` has not been run."""
    engine, keys = connect(settings.database_url), load_keys(settings.keys_dir)
    releases = repository(settings, keys)
    releases.root()  # refused here, before anything is done
    try:
        yield Context(settings, engine, keys, Live(), _now, _now(), _nobody_listens, releases.root)
    finally:
        engine.dispose()


def _now() -> datetime:
    return datetime.now(UTC)


def _nobody_listens(topic: str, payload: bytes) -> None:
    """The running server looks every second for wishes that were not pushed (`terminals.desired.Pusher`)."""
