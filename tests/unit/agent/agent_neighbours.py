"""The outbox's neighbour, simulated: a server that keeps one cursor per outbox by the rules of the contract."""

import copy
import hashlib
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pydantic import ValidationError

from wire.batch import MAX_BATCH_BYTES, Ack, Answer, Batch, Refused, Reset, Resync, span
from wire.events import PageViewed, StateChanged
from wire.ids import uuid7
from wire.state import Cursor

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
BOOT = uuid7(0, 7)


def stamp():
    return {
        "id": uuid7(int(NOW.timestamp() * 1000)), "at": NOW, "mono_ms": 5, "boot": BOOT, "trusted": True,
        "software": "0.1.0", "content": None,
    }  # fmt: skip


def page(name="home"):
    """A measurement."""
    return PageViewed(**stamp(), page=name)


def receipt(what="window.reloaded", **detail):
    """An event that is never dropped."""
    return StateChanged(**stamp(), what=what, detail=detail)


@dataclass
class SimulatedServer:
    """`events`: what is committed, by id. `poison`: ids that make an envelope unreadable to this server."""

    cursors: dict[str, tuple[int, str | None]] = field(default_factory=dict)
    events: dict[str, dict] = field(default_factory=dict)
    lost: list[tuple[int, int]] = field(default_factory=list)
    poison: set[str] = field(default_factory=set)
    repeats: int = 0
    largest: int = 0

    def receive(self, payload: bytes) -> Answer:
        assert len(payload) <= MAX_BATCH_BYTES
        try:
            batch = Batch.model_validate_json(payload)
        except ValidationError:
            return Refused(digest=hashlib.sha256(payload).hexdigest(), reason="unreadable")
        if self.poison.intersection(event["id"] for event in batch.events):
            return Refused(digest=hashlib.sha256(payload).hexdigest(), reason="poison")
        self.largest = max(self.largest, len(batch.events))
        return self._take(batch)

    def _take(self, batch: Batch) -> Answer:
        cursor, last = self.cursors.get(batch.outbox, (0, None))
        if batch.oldest > cursor + 1:
            self.lost.append((cursor + 1, batch.oldest - 1))
            cursor, last = batch.oldest - 1, None
            self.cursors[batch.outbox] = (cursor, last)
        if batch.first > cursor + 1:
            return Resync(outbox=batch.outbox, expected=cursor + 1)
        if batch.first == cursor + 1 and None not in (batch.after, last) and batch.after != last:
            return Reset(outbox=batch.outbox)
        through = batch.first - 1
        for event in batch.events:
            through += span(event)
            if through == cursor and last not in (None, event["id"]):
                return Reset(outbox=batch.outbox)
            if through > cursor:
                self.repeats += event["id"] in self.events
                self.events.setdefault(event["id"], event)
        if through > cursor:
            self.cursors[batch.outbox] = (through, batch.events[-1]["id"])
        through, last = self.cursors[batch.outbox]
        return Ack(
            outbox=batch.outbox, through=through, last=last, attempt=batch.attempt, desired_revision=1, server_start=NOW
        )

    def account(self) -> tuple[Cursor, ...]:
        return tuple(Cursor(outbox=outbox, through=at, last=last) for outbox, (at, last) in self.cursors.items())

    def backup(self) -> "SimulatedServer":
        return copy.deepcopy(self)

    def dropped(self) -> int:
        told = (event["counts"] for event in self.events.values() if event["kind"] == "dropped")
        return sum((Counter(counts) for counts in told), Counter()).total()


def send(outbox, attempt=1):
    """The payload of the next batch with the batch itself, or None when all is acknowledged."""
    batch = outbox.next_batch()
    return batch and (batch, batch.encode("laval-01", 1, BOOT, attempt))


def apply(outbox, batch, answer):
    match answer:
        case Ack():
            if answer.outbox == outbox.id:
                outbox.acknowledged(answer.through, answer.last)
        case Resync():
            if answer.outbox == outbox.id:
                outbox.rewind(answer.expected)
        case Reset():
            if answer.outbox == outbox.id:
                outbox.reset()
        case Refused():
            return outbox.refused(batch, answer.reason)
    return True


def settle(outbox, server, turns=2000):
    """Exchange until nothing waits."""
    for _ in range(turns):
        going = send(outbox)
        if going is None:
            return
        apply(outbox, going[0], server.receive(going[1]))
    raise AssertionError("the outbox never came to rest")
