"""Spans of hours on the wall clock of a place, which terminal and server read alike. Pure.

A span that the clock jumps over in spring begins where the clock lands, if that is still inside of it; one that comes
twice in autumn is open twice.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from wire.state import Hours, OpeningHours, Settings

_QUARTER = timedelta(minutes=15)
_WEEK = 8
"""Days: opening hours are another on each day of the week, and one span may be missing."""
_LOOKED_AHEAD = 3
"""Days: a span is missing on one day of the year at most, so three days show the next one."""


@lru_cache(maxsize=8)
def zone_of(timezone: str) -> ZoneInfo:
    """A name that this system does not know must not keep a terminal from ever changing: the service's own zone."""
    return ZoneInfo(timezone if is_zone(timezone) else Settings.model_fields["timezone"].default)


def is_zone(timezone: str) -> bool:
    """Whether this system knows it."""
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def is_open(hours: Sequence[Hours], zone: ZoneInfo, at: datetime) -> bool:
    clock = at.astimezone(zone).time()
    return any(
        span.begins <= clock < span.ends if span.begins < span.ends else clock >= span.begins or clock < span.ends
        for span in hours
    )


def is_attended(opening: Sequence[OpeningHours], zone: ZoneInfo, at: datetime) -> bool:
    """Whether a place with these opening hours is open."""
    here = at.astimezone(zone)
    clock = here.time()
    return any(span.day == here.weekday() and span.opens <= clock < span.closes for span in opening)


def is_within(hours: Sequence[Hours], unattended: Sequence[OpeningHours], zone: ZoneInfo, at: datetime) -> bool:
    """Inside of the hours, where some are given, and outside of the opening hours `unattended`."""
    return (not hours or is_open(hours, zone, at)) and not is_attended(unattended, zone, at)


def next_within(
    hours: Sequence[Hours], unattended: Sequence[OpeningHours], zone: ZoneInfo, after: datetime
) -> datetime | None:
    """The first moment after `after` that `is_within`; None when a week has none."""
    clocks = {span.begins for span in hours} | {span.closes for span in unattended}
    may = sorted(moments(clocks, zone, after, _WEEK))
    return next((at for at in may if at > after and is_within(hours, unattended, zone, at)), None)


def next_open(hours: Sequence[Hours], zone: ZoneInfo, after: datetime) -> datetime | None:
    """The first moment after `after` inside of a span; `after` is in none."""
    begins = {span.begins for span in hours}
    may = sorted(moments(begins, zone, after, _LOOKED_AHEAD))
    return next((at for at in may if at > after and is_open(hours, zone, at)), None)


def moments(clocks: Iterable[time], zone: ZoneInfo, after: datetime, days: int) -> Iterator[datetime]:
    """Whenever a span that begins at one of `clocks` may open in so many days: then, and each quarter, on which clocks
    are set forward and back."""
    today = after.astimezone(zone).date()
    for ahead in range(days + 1):
        for clock in clocks:
            for fold in (0, 1):
                begins = datetime.combine(today + timedelta(days=ahead), clock, zone)
                yield begins.replace(fold=fold).astimezone(UTC)
    quarter = after.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    for count in range(days * 96):
        yield quarter + count * _QUARTER
