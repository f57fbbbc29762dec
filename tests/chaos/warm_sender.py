"""Terminals that tell, with the agent's real outbox and link, in one process: `STATE_DIR PORT TERMINAL…`.

Imported beforehand. Each line `N` makes every terminal tell N events. What an outbox has
kept is written to `told.txt` afterwards: those ids must arrive, others may.
"""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

import agent.link
from agent.clock import Clock
from agent.identity import Identity
from agent.link import Hears, Link
from agent.loops import Backoff
from agent.outbox import Outbox
from tests.chaos.zygote import born_again
from wire.enrol import Enrolment
from wire.events import PageViewed

# Time is all that is made shorter.
agent.link.Backoff = lambda first, most=0.4: Backoff(min(first, 0.4), most)  # type: ignore[misc, assignment]
CAP = 256 * 2**20


def identity(terminal: str, port: int, directory: Path) -> Identity:
    enrolment = Enrolment(
        terminal=terminal, generation=1, server="http://127.0.0.1", certificate="", ca="", signing_key="", root="",
        mqtt_host="127.0.0.1", mqtt_port=port, mqtt_tls=False,
    )  # fmt: skip
    return Identity(generate_private_key(SECP256R1()), enrolment, directory)


class Sender:
    def __init__(self, terminal: str, port: int, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._clock = Clock(directory / "clock.json")
        self._outbox = Outbox(directory / "outbox.db", self._stamp, CAP)
        self._told = (directory / "told.txt").open("a")
        who = identity(terminal, port, directory)
        self.link = Link(who, self._outbox, self._clock.boot, lambda: datetime.now(UTC), Hears(), 0.5)

    def _stamp(self) -> dict[str, Any]:
        return self._clock.stamp() | {"software": "0.1.0"}

    def tell(self, count: int) -> None:
        fresh = [PageViewed(**self._stamp(), page="home") for _ in range(count)]
        self._outbox.enqueue(*fresh)
        self._told.write("".join(f"{event.id}\n" for event in fresh))
        self._told.flush()
        self.link.wake()


async def main(directory: Path, port: int, terminals: list[str]) -> None:
    senders = [Sender(terminal, port, directory / terminal) for terminal in terminals]
    print("ready", flush=True)
    async with asyncio.TaskGroup() as loops:
        for sender in senders:
            loops.create_task(sender.link.run())
        while line := await asyncio.to_thread(sys.stdin.readline):
            for sender in senders:
                sender.tell(int(line))
            print("told", flush=True)
        sys.exit()


born_again(lambda: asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])))
