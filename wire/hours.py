"""Spans of hours on the wall clock of a place, which terminal and server read alike. Pure.

A span that the clock jumps over in spring begins where the clock lands, if that is still inside of it; one that comes
twice in autumn is open twice.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from wire.state import Hours, Settings

_QUARTER = timedelta(minutes=15)
_LOOKED_AHEAD = 3 * 96
"""Quarters: a span is missing on one day of the year at most, so three days show the next one."""


@lru_cache(maxsize=8)
def zone_of(timezone: str) -> ZoneInfo:
    """A name that this system does not know must not keep a terminal from ever changing: the service's own zone."""
    try:
        return ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo(Settings.model_fields["timezone"].default)


def is_open(hours: Sequence[Hours], zone: ZoneInfo, at: datetime) -> bool:
    clock = at.astimezone(zone).time()
    return any(
        span.begins <= clock < span.ends if span.begins < span.ends else clock >= span.begins or clock < span.ends
        for span in hours
    )


def next_open(hours: Sequence[Hours], zone: ZoneInfo, after: datetime) -> datetime | None:
    """The first moment after `after` inside of a span; `after` is in none."""
    return next((at for at in sorted(moments(hours, zone, after)) if at > after and is_open(hours, zone, at)), None)


def moments(hours: Sequence[Hours], zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
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
