"""Planned maintenance in French, on the clock of its place."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from fleet_server.terminals.progress import until_in_words
from fleet_server.terminals.upkeep.spells import Spell, Upkeep
from fleet_server.web.french import ambiguous, day
from wire.hours import zone_of

_SHORT = 32


def until_words(until: datetime, timezone: str, now: datetime) -> str:
    """`jusqu’à 18:00`, `jusqu’à demain à 9:00`, `jusqu’au 02/12 à 9:00`"""
    said = until_in_words(until, timezone, now) + ambiguous(until.astimezone(zone_of(timezone)))
    if said.startswith("le "):
        return f"jusqu’au {said[3:]}"
    return f"jusqu’{said}" if said.startswith("à ") else f"jusqu’à {said}"


def reasons(current: Sequence[Spell]) -> str:
    return " ; ".join(dict.fromkeys(one.reason for one in current))


def in_short(upkeep: Upkeep, now: datetime) -> str:
    """Of one in force, for a list."""
    assert upkeep.until
    why = reasons(upkeep.current)
    why = why if len(why) <= _SHORT else why[: _SHORT - 1].rstrip() + "…"
    return f"{until_words(upkeep.until, upkeep.current[0].timezone, now)}, {why}"


def span_words(begins_at: datetime, ends_at: datetime, timezone: str, now: datetime) -> str:
    """`demain de 9:00 à 11:00`, `du 1er déc. à 22:00 au 2 déc. à 2:00`"""
    zone = zone_of(timezone)
    begins, ends = begins_at.astimezone(zone), ends_at.astimezone(zone)
    today = now.astimezone(zone).date()
    where = "" if timezone == "Europe/Paris" else ", heure du lieu"
    if begins.date() != ends.date():
        return f"du {day(begins.date())} à {_clock(begins)} au {day(ends.date())} à {_clock(ends)}{where}"
    near = {today: "aujourd’hui", today + timedelta(days=1): "demain", today - timedelta(days=1): "hier"}
    which = near.get(begins.date()) or f"le {day(begins.date())}"
    return f"{which} de {_clock(begins)} à {_clock(ends)}{where}"


def _clock(there: datetime) -> str:
    return f"{there.hour}:{there.minute:02d}{ambiguous(there)}"


def typed(at: datetime, zone: ZoneInfo) -> str:
    """As a browser's field for a day and an hour holds it."""
    return f"{at.astimezone(zone):%Y-%m-%dT%H:%M}"
