"""When something wished for may be brought here, and when it may take effect. Pure: content and software ask alike.

Hours are the wall clock's, in the place's time zone. A span that the clock jumps over in spring begins where the clock
lands, if that is still inside of it; one that comes twice in autumn is open twice.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from wire.state import Activation, Hours, Settings

WaitsFor = Literal["", "visit", "hours", "not_before", "clock", "download_hours"]
_QUARTER = timedelta(minutes=15)
_LOOKED_AHEAD = 3 * 96
"""Quarters: a span is missing on one day of the year at most, so three days show the next one."""


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
    activation: Activation, timezone: str, now: datetime, in_visit: bool, clock_trusted: bool
) -> Verdict:  # fmt: skip
    """Whether what is wished may take effect at `now`.

    `force` is at once. Once `by` has passed nothing holds it back any more, not even a visitor. A clock that is not
    trusted can tell neither hours nor moments: what is bound to them waits until it is.
    """
    if activation.force:
        return NOW
    if not clock_trusted and (activation.not_before or activation.hours):
        return Verdict("clock")
    if clock_trusted and activation.by and now >= activation.by:
        return NOW
    why, opens = _held_back(activation, timezone, now)
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
    if (activation.by and now >= activation.by) or _is_open(hours, zone_of(timezone), now):
        return NOW
    return Verdict("download_hours", _first(_next_open(hours, zone_of(timezone), now), activation.by))


@lru_cache(maxsize=8)
def zone_of(timezone: str) -> ZoneInfo:
    """A name that this system does not know must not keep a terminal from ever changing: the service's own zone."""
    try:
        return ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo(Settings.model_fields["timezone"].default)


def _held_back(activation: Activation, timezone: str, now: datetime) -> tuple[WaitsFor, datetime | None]:
    """By what, and until when; nothing and None when time does not matter now."""
    zone, hours = zone_of(timezone), activation.hours
    if activation.not_before and now < activation.not_before:
        begins = activation.not_before
        at_once = not hours or _is_open(hours, zone, begins)
        return "not_before", begins if at_once else _next_open(hours, zone, begins)
    if hours and not _is_open(hours, zone, now):
        return "hours", _next_open(hours, zone, now)
    return "", None


def _is_open(hours: Sequence[Hours], zone: ZoneInfo, at: datetime) -> bool:
    clock = at.astimezone(zone).time()
    return any(
        span.begins <= clock < span.ends if span.begins < span.ends else clock >= span.begins or clock < span.ends
        for span in hours
    )


def _next_open(hours: Sequence[Hours], zone: ZoneInfo, after: datetime) -> datetime | None:
    """The first moment after `after` inside of a span; `after` is in none."""
    return next((at for at in sorted(_moments(hours, zone, after)) if at > after and _is_open(hours, zone, at)), None)


def _moments(hours: Sequence[Hours], zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """Whenever a span may open: where it begins, and each quarter, on which clocks are set forward and back."""
    today = after.astimezone(zone).date()
    for ahead in range(4):
        for span in hours:
            for fold in (0, 1):
                begins = datetime.combine(today + timedelta(days=ahead), span.begins, zone)
                yield begins.replace(fold=fold).astimezone(UTC)
    quarter = after.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    for count in range(_LOOKED_AHEAD):
        yield quarter + count * _QUARTER


def _first(*moments: datetime | None) -> datetime | None:
    return min((at for at in moments if at is not None), default=None)
