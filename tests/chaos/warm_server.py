"""`balise server run`, imported beforehand.

`hasty`: a build with a fault, that acknowledges before the commit, to prove that the harness finds it out.
"""

import sys
import time

import uvicorn  # noqa: F401 - warm

import fleet_server.app
import fleet_server.migrate
from fleet_server import cli
from fleet_server.ingest.commit import commit_batches
from fleet_server.ingest.consumer import Consumer
from tests.chaos.zygote import born_again


class HastyConsumer(Consumer):
    def turn(self, taken: list[tuple[str, bytes]]) -> None:
        batches = self._read(taken)
        with self._engine.begin() as connection:
            listened = self._listened(connection, batches)
            outcomes, moved = commit_batches(connection, listened, self._recorders, self._standings, self._now())
            for outcome in outcomes:
                self._answer(outcome)
            time.sleep(0.05)
        self._standings.remember(moved)


if "hasty" in sys.argv:
    fleet_server.app.Consumer = HastyConsumer  # type: ignore[misc]
born_again(cli.run)
