"""Is the place open? From the settings' hours, in the place's own time zone. Pure."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from wire.hours import zone_of
from wire.state import OpeningHours, Settings

DAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")


@dataclass(frozen=True, slots=True)
class Opening:
    """`state`: open, closed, or unknown when no hours were given (a silent terminal is then not excused)."""

    state: str
    detail: str


def opening_at(settings: Settings, now: datetime) -> Opening:
    if not settings.opening:
        return Opening("unknown", "")
    here = now.astimezone(zone_of(settings.timezone))
    for span in settings.opening:
        if span.day == here.weekday() and span.opens <= here.time().replace(tzinfo=None) < span.closes:
            return Opening("open", f"jusqu’à {_hour(span.closes)}")
    following = _next(settings.opening, here)
    if following is None:
        return Opening("closed", "")
    when, opens = following
    if when == here.date():
        return Opening("closed", f"ouvre à {_hour(opens)}")
    word = "demain" if when == here.date() + timedelta(days=1) else DAYS[when.weekday()]
    return Opening("closed", f"ouvre {word} à {_hour(opens)}")


def _next(spans: tuple[OpeningHours, ...], here: datetime) -> tuple[date, time] | None:
    for ahead in range(8):
        day = here.date() + timedelta(days=ahead)
        starts = sorted(
            span.opens
            for span in spans
            if span.day == day.weekday() and (ahead > 0 or span.opens > here.time().replace(tzinfo=None))
        )
        if starts:
            return day, starts[0]
    return None


def _hour(moment: time) -> str:
    return f"{moment.hour}:{moment.minute:02d}"
