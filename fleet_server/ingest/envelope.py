"""Bytes of one batch in, a readable envelope out: each event typed, or raw with the reason why it is not.

Refusal    the envelope can't be read or is not for this topic: answered `refused`, the terminal halves it
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from wire import events
from wire.batch import MAX_BATCH_BYTES, MAX_EVENT_BYTES, MAX_EVENTS, Batch, span
from wire.message import EventId

_event_id: TypeAdapter[str] = TypeAdapter(EventId)


class Refusal(Exception):
    """The reason, in a few words."""


class _Readable(Batch):
    """The common case in one call of the parser: every event of a kind we know."""

    events: Annotated[list[events.AnyEvent], Field(min_length=1, max_length=MAX_EVENTS)]  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An event we can't read. `id` is the sender's where it is one, else made from its bytes: repeats find it."""

    id: str
    kind: str
    reason: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Item:
    """One event and the sequences it covers; `first` is also its place in the outbox. `id`: None where it has none."""

    first: int
    through: int
    id: str | None
    event: Any | None
    unreadable: Unreadable | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    terminal: str
    generation: int
    outbox: str
    oldest: int
    first: int
    after: str | None
    attempt: int
    items: tuple[Item, ...]

    @property
    def last(self) -> int:
        return self.items[-1].through


def digest_of(payload: bytes) -> str:
    return hashlib.sha256(payload).hexdigest()


def read(topic_terminal: str, payload: bytes) -> Envelope:
    """Raises `Refusal`."""
    if len(payload) > MAX_BATCH_BYTES:
        raise Refusal(f"{len(payload)} bytes, at most {MAX_BATCH_BYTES} are taken")
    batch: Batch
    try:
        batch = _Readable.model_validate_json(payload)
        items = _items(batch.first, batch.events)
    except ValidationError:
        batch, items = _piecemeal(payload)
    if batch.terminal != topic_terminal:
        raise Refusal(f"names terminal {batch.terminal!r} on another's topic")
    if batch.first < batch.oldest:
        raise Refusal(f"begins at {batch.first}, before the oldest kept, {batch.oldest}")
    return Envelope(batch.terminal, batch.generation, batch.outbox, batch.oldest, batch.first, batch.after,
                    batch.attempt, items)  # fmt: skip


def read_event(raw: Any) -> tuple[Any | None, Unreadable | None]:
    """One event by itself, from JSON values. Also how the quarantine is read again after an upgrade."""
    encoded = json.dumps(raw, ensure_ascii=False, separators=(",", ":")).encode()
    if len(encoded) > MAX_EVENT_BYTES:
        return None, _unreadable(raw, encoded[:MAX_EVENT_BYTES], f"{len(encoded)} bytes, at most {MAX_EVENT_BYTES}")
    try:
        # JSON rules, not Python's: times are strings here.
        return events.events.validate_json(encoded), None
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in problem["loc"])
        return None, _unreadable(raw, encoded, f"{where}: {problem['msg']}"[:200])


def _items(first: int, typed: Any) -> tuple[Item, ...]:
    items = []
    for event in typed:
        through = first
        if event.kind == "dropped" and event.to >= event.from_:
            through += event.to - event.from_
        items.append(Item(first, through, event.id, event))
        first = through + 1
    return tuple(items)


def _piecemeal(payload: bytes) -> tuple[Batch, tuple[Item, ...]]:
    try:
        batch = Batch.model_validate_json(payload)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        raise Refusal(f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"[:200]) from error
    items, first = [], batch.first
    for raw in batch.events:
        through = first + span(raw) - 1
        event, unreadable = read_event(raw)
        known = event.id if event is not None else _stated_id(raw)
        items.append(Item(first, through, known, event, unreadable))
        first = through + 1
    return batch, tuple(items)


def _unreadable(raw: Any, encoded: bytes, reason: str) -> Unreadable:
    kind = raw.get("kind") if isinstance(raw, dict) else None
    event_id = _stated_id(raw) or digest_of(encoded)[:36]
    return Unreadable(event_id, str(kind)[:60] if kind is not None else "", reason, encoded)


def _stated_id(raw: Any) -> str | None:
    """An acknowledgement may name it, so it must be one."""
    try:
        return _event_id.validate_python(raw["id"], strict=True)
    except (ValidationError, KeyError, TypeError):
        return None
