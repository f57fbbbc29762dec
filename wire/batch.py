"""Up: a batch of events from a terminal's outbox, and the server's answers to it.

Sequences in an outbox have no holes: each event covers one, except `dropped`, which covers `from_` to `to`. So the
last sequence of a batch follows from `first` and its events (`Batch.last`).
"""

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from wire import VERSION
from wire.message import BootId, Digest, EventId, Instant, Message, OutboxId, Position, Short, TerminalId

MAX_EVENTS = 500
MAX_BATCH_BYTES = 256 * 1024
MAX_EVENT_BYTES = 64 * 1024


class Batch(Message):
    """One in flight per outbox, resent with jittered back-off until answered.

    `oldest`: lowest sequence the terminal still keeps. `after`: id of the event before `first`, None when `first` is 1
    or that event is no longer kept. `events`: raw, each read on its own so that one unknown kind blocks nothing.
    """

    wire: int = VERSION
    terminal: TerminalId
    generation: Position
    boot: BootId
    outbox: OutboxId
    oldest: Position
    first: Position
    after: EventId | None = None
    attempt: Position
    events: list[dict[str, Any]] = Field(min_length=1, max_length=MAX_EVENTS)

    @property
    def last(self) -> int:
        return self.first - 1 + sum(span(event) for event in self.events)


def span(event: dict[str, Any]) -> int:
    """How many sequences an event covers: 1, or the run that a `dropped` stands for."""
    if event.get("kind") != "dropped":
        return 1
    match event.get("from_"), event.get("to"):
        case int(first), int(last) if 1 <= first <= last:
            return last - first + 1
    return 1


class Ack(Message):
    """Committed up to `through`, whose event is `last`. `attempt` is the batch's: an older attempt's ack counts too."""

    kind: Literal["ack"] = "ack"
    outbox: OutboxId
    through: int = Field(ge=0)
    last: EventId | None
    attempt: int
    desired_revision: int = Field(ge=0)
    server_start: Instant


class Resync(Message):
    """The server misses what lies before: rewind to `expected` and go on from there."""

    kind: Literal["resync"] = "resync"
    outbox: OutboxId
    expected: int = Field(ge=1)


class Reset(Message):
    """This outbox contradicts what the server holds (cloned or rolled-back disk): open a new one and renumber."""

    kind: Literal["reset"] = "reset"
    outbox: OutboxId


class Refused(Message):
    """The envelope with this digest (SHA-256 of the payload) can't be read or is not for this terminal."""

    kind: Literal["refused"] = "refused"
    digest: Digest
    reason: Short


Answer = Annotated[Ack | Resync | Reset | Refused, Field(discriminator="kind")]
answers: TypeAdapter[Answer] = TypeAdapter(Answer)
