"""When something may take effect at a place: maintenance hours, and its opening hours, on its own clock. Pure."""

from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from fleet_server.rollouts.plan import Window
from wire import hours
from wire.hours import zone_of
from wire.state import OpeningHours


class Stand(NamedTuple):
    """What of a terminal's settings says when."""

    timezone: str = "Europe/Paris"
    opening: tuple[OpeningHours, ...] = ()


ANYWHERE = Stand()


def is_within(window: Window, stand: Stand, at: datetime) -> bool:
    return hours.is_within(window.hours, _unattended(window, stand), zone_of(stand.timezone), at)


@lru_cache(maxsize=1024)
def effect_at(window: Window, stand: Stand, now: datetime) -> datetime | None:
    """The first moment from `now` on that is within; None when none is in the days to come."""
    if is_within(window, stand, now):
        return now
    late = None if window.latest_s is None else now + timedelta(seconds=window.latest_s)
    found = hours.next_within(window.hours, _unattended(window, stand), zone_of(stand.timezone), now)
    return min((at for at in (found, late) if at is not None), default=None)


def _unattended(window: Window, stand: Stand) -> tuple[OpeningHours, ...]:
    return stand.opening if window.closed else ()
