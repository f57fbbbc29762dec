"""What to do with a batch, from where its outbox stands. Pure: the rules of the contract and nothing else.

first ≤ cursor + 1              take the new tail (nothing new: a repeat, acknowledged again)
oldest ≤ cursor + 1 < first     resync: the terminal rewinds
oldest > cursor + 1             what lies between is lost, recorded, and the cursor moves on
`after`, or a repeated event, is not what we have at that place      reset: a cloned or rolled-back disk
"""

from dataclasses import dataclass

from fleet_server.ingest.envelope import Envelope, Item


@dataclass(frozen=True, slots=True)
class Standing:
    """Committed of an outbox. `last` is None where nothing is, or where the last was lost."""

    through: int = 0
    last: str | None = None


@dataclass(frozen=True, slots=True)
class Lost:
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Take:
    """The new items, and where the outbox stands after them."""

    items: tuple[Item, ...]
    then: Standing
    lost: Lost | None = None


@dataclass(frozen=True, slots=True)
class AskAgain:
    """Resync to `then.through + 1`."""

    then: Standing
    lost: Lost | None = None


@dataclass(frozen=True, slots=True)
class StartOver:
    """The terminal must open a new outbox."""


Decision = Take | AskAgain | StartOver


def decide(batch: Envelope, standing: Standing) -> Decision:
    lost = None
    if batch.oldest > standing.through + 1:
        lost = Lost(standing.through + 1, batch.oldest - 1)
        standing = Standing(batch.oldest - 1, None)
    if batch.first > standing.through + 1:
        return AskAgain(standing, lost)
    if not _continues(batch, standing):
        return StartOver()
    fresh = tuple(item for item in batch.items if item.through > standing.through)
    then = Standing(fresh[-1].through, fresh[-1].id) if fresh else standing
    return Take(fresh, then, lost)


def _continues(batch: Envelope, standing: Standing) -> bool:
    """Whether the batch and what is committed are one history, as far as both can tell.

    A batch that lies wholly before the cursor tells nothing: the acknowledgement names our last event, and the terminal
    finds out by itself.
    """
    if standing.last is None:
        return True
    if batch.first == standing.through + 1:
        return batch.after in (None, standing.last)
    # Where a run of dropped measurements covers our place, its own id says nothing about the event that was there.
    at_cursor = [item.id for item in batch.items if item.through == standing.through == item.first]
    return not at_cursor or at_cursor[0] == standing.last
