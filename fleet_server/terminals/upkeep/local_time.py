"""A day and an hour as people give them, on the clock of a place. Pure.

NoSuchTime     tell the person why: the clock never shows it
"""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

FIRST_YEAR, LAST_YEAR = 2020, 2199


class NoSuchTime(ValueError):
    """Its words are for the person."""


def instant(given: datetime, zone: ZoneInfo, *, late: bool) -> datetime:
    """With an offset it is a moment already. Without one it is on the place's clock; in the hour that comes twice in
    autumn it is the first of the two, or the second when `late`: a beginning and an end that take in all that may have
    been meant. Raises `NoSuchTime` for an hour that the clock jumps over."""
    if not FIRST_YEAR <= given.year <= LAST_YEAR:
        raise NoSuchTime(f"L’année {given.year} ne convient pas.")
    if given.tzinfo is not None:
        return given.astimezone(UTC)
    there = given.replace(tzinfo=zone, fold=1 if late else 0)
    found = there.astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None, fold=0) != given.replace(fold=0):
        raise NoSuchTime(f"Il n’est jamais {given:%-H:%M} ce jour-là : on avance les montres. Donnez une autre heure.")
    return found
