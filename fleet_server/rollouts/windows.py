"""When something may take effect at a place: maintenance hours, and its opening hours, on its own clock. Pure."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from fleet_server.rollouts.plan import Window
from wire.hours import is_open, moments, zone_of
from wire.state import OpeningHours

_DAYS = 8


class Stand(NamedTuple):
    """What of a terminal's settings says when."""

    timezone: str = "Europe/Paris"
    opening: tuple[OpeningHours, ...] = ()


ANYWHERE = Stand()


def is_within(window: Window, stand: Stand, at: datetime) -> bool:
    zone = zone_of(stand.timezone)
    if window.hours and not is_open(window.hours, zone, at):
        return False
    return not (window.closed and _is_attended(stand, zone, at))


@lru_cache(maxsize=1024)
def effect_at(window: Window, stand: Stand, now: datetime) -> datetime | None:
    """The first moment from `now` on that is within; None when none is in the days to come."""
    if is_within(window, stand, now):
        return now
    late = None if window.latest_s is None else now + timedelta(seconds=window.latest_s)
    found = next((at for at in sorted(_moments(window, stand, now)) if at > now and is_within(window, stand, at)), None)
    return min((at for at in (found, late) if at is not None), default=None)


def _is_attended(stand: Stand, zone: ZoneInfo, at: datetime) -> bool:
    here = at.astimezone(zone)
    clock = here.time()
    return any(span.day == here.weekday() and span.opens <= clock < span.closes for span in stand.opening)


def _moments(window: Window, stand: Stand, now: datetime) -> Iterator[datetime]:
    """Whenever it may begin to be within: also where the place closes."""
    clocks: set[time] = {span.begins for span in window.hours}
    clocks |= {span.closes for span in stand.opening} if window.closed else set()
    return moments(clocks, zone_of(stand.timezone), now, _DAYS)
