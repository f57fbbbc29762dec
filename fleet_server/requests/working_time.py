"""Working hours: the unit in which the delay before a first answer is promised and shown.

Monday to Friday, 9:00 to 17:00 in Paris, without the public holidays of metropolitan France (Code du travail,
article L3133-1): eight hours a day, so 24 working hours are three working days.
"""

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")
OPENS, CLOSES = time(9), time(17)
PROMISED_HOURS = 24
_FIXED = ((1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25))


def working_hours(start: datetime, end: datetime) -> float:
    """Working hours between two aware times; 0 when `end` comes first."""
    start, end = start.astimezone(PARIS), end.astimezone(PARIS)
    total = timedelta()
    day = start.date()
    while day <= end.date():
        if is_working_day(day):
            opens, closes = datetime.combine(day, OPENS, PARIS), datetime.combine(day, CLOSES, PARIS)
            total += max(min(end, closes) - max(start, opens), timedelta())
        day += timedelta(days=1)
    return total / timedelta(hours=1)


def is_working_day(day: date) -> bool:
    return day.weekday() < 5 and day not in public_holidays(day.year)


def next_working_morning(now: datetime) -> datetime:
    """9:00 of the next working day, in Paris."""
    day = now.astimezone(PARIS).date() + timedelta(days=1)
    while not is_working_day(day):
        day += timedelta(days=1)
    return datetime.combine(day, OPENS, PARIS)


@lru_cache(maxsize=16)
def public_holidays(year: int) -> frozenset[date]:
    easter = easter_sunday(year)
    movable = (easter + timedelta(days=offset) for offset in (1, 39, 50))  # Easter Monday, Ascension, Whit Monday
    return frozenset({*movable, *(date(year, month, day) for month, day in _FIXED)})


def easter_sunday(year: int) -> date:
    """The anonymous Gregorian computus (Meeus, Astronomical Algorithms, chapter 8)."""
    century, rest = divmod(year, 100)
    cycle = year % 19
    correction = (century - (century + 8) // 25 + 1) // 3
    moon = (19 * cycle + century - century // 4 - correction + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (rest // 4) - moon - rest % 4) % 7
    shift = (cycle + 11 * moon + 22 * weekday) // 451
    month, day = divmod(moon + weekday - 7 * shift + 114, 31)
    return date(year, month, day + 1)
