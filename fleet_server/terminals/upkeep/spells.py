"""Spells of planned maintenance, and what they make of a moment and of a time that was waited. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, order=True)
class Spell:
    """From `begins_at` up to `ends_at`, as it really ends when a person ended it. `timezone`: whose clock tells it."""

    begins_at: datetime
    ends_at: datetime
    reason: str = ""
    timezone: str = "Europe/Paris"
    id: int = 0


@dataclass(frozen=True, slots=True)
class Upkeep:
    """At one moment: the spells in force, until when they and those that follow without a gap last, and the next."""

    current: tuple[Spell, ...] = ()
    until: datetime | None = None
    next: Spell | None = None


NOTHING = Upkeep()


def upkeep_at(spells: Iterable[Spell], now: datetime) -> Upkeep:
    ordered = sorted(spells)
    current = tuple(one for one in ordered if one.begins_at <= now < one.ends_at)
    reached = now
    for one in ordered if current else ():
        if one.begins_at <= reached:
            reached = max(reached, one.ends_at)
    following = next((one for one in ordered if one.begins_at > reached), None)
    return Upkeep(current, reached if current else None, following)


def outside(spells: Iterable[Spell], since: datetime, until: datetime) -> timedelta:
    """How much of the time between the two lies in no spell: what may be held against a terminal's silence."""
    left, reached = until - since, since
    for one in sorted(spells):
        begins, ends = max(one.begins_at, reached), min(one.ends_at, until)
        if begins < ends:
            left -= ends - begins
            reached = ends
    return left
