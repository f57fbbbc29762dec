"""When something wished for may be brought here, and when it may take effect. Pure: content and software ask alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from wire.hours import is_open, is_within, next_open, next_within, zone_of
from wire.state import Activation, Hours, OpeningHours

WaitsFor = Literal["", "visit", "hours", "not_before", "clock", "download_hours"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`waits_for` is empty when it may be now; `again_at` is when time alone may change that (None: never)."""

    waits_for: WaitsFor = ""
    again_at: datetime | None = None

    @property
    def may(self) -> bool:
        return not self.waits_for


NOW = Verdict()


def may_activate(
    activation: Activation, timezone: str, now: datetime, in_visit: bool, clock_trusted: bool,
    opening: Sequence[OpeningHours] = (),
) -> Verdict:  # fmt: skip
    """Whether what is wished may take effect at `now`. `opening`: the place's hours.

    `force` is at once. Once `by` has passed nothing holds it back any more, not even a visitor. A clock that is not
    trusted can tell neither hours nor moments: what is bound to them waits until it is.
    """
    if activation.force:
        return NOW
    if not clock_trusted and (activation.not_before or activation.hours or (activation.closed and opening)):
        return Verdict("clock")
    if clock_trusted and activation.by and now >= activation.by:
        return NOW
    why, opens = _held_back(activation, timezone, now, opening if activation.closed else ())
    if not why and not in_visit:
        return NOW
    return Verdict(why or "visit", _first(opens, activation.by if clock_trusted else None))


def may_download(
    activation: Activation, hours: Sequence[Hours], timezone: str, now: datetime, clock_trusted: bool
) -> Verdict:  # fmt: skip
    """Whether bytes may be asked for at `now`. What is forced or overdue does not wait for the hours either."""
    if not hours or activation.force:
        return NOW
    if not clock_trusted:
        return Verdict("clock")
    if (activation.by and now >= activation.by) or is_open(hours, zone_of(timezone), now):
        return NOW
    return Verdict("download_hours", _first(next_open(hours, zone_of(timezone), now), activation.by))


def _held_back(
    activation: Activation, timezone: str, now: datetime, unattended: Sequence[OpeningHours]
) -> tuple[WaitsFor, datetime | None]:
    """By what, and until when; nothing and None when time does not matter now."""
    zone, hours = zone_of(timezone), activation.hours
    if activation.not_before and now < activation.not_before:
        begins = activation.not_before
        at_once = is_within(hours, unattended, zone, begins)
        return "not_before", begins if at_once else next_within(hours, unattended, zone, begins)
    if not is_within(hours, unattended, zone, now):
        return "hours", next_within(hours, unattended, zone, now)
    return "", None


def _first(*moments: datetime | None) -> datetime | None:
    return min((at for at in moments if at is not None), default=None)
