"""How far an edition is on a terminal, in words: what comes, what it waits for and until when. Pure."""

from datetime import datetime, timedelta

from fleet_server.terminals.opening import DAYS
from fleet_server.web.french import size
from wire.hours import zone_of
from wire.state import ContentState


def progress_in_words(content: ContentState, timezone: str, now: datetime) -> str:
    """`timezone`: of the place, whose hours are told; empty for what is not known."""
    until = until_in_words(content.waits_until, timezone, now)
    match content.phase:
        case "downloading":
            return coming(content.progress, content.lacks_bytes, content.waits_for, until)
        case "waiting":
            return _waiting(content, until)
        case _:
            return "vérifie l’édition"


def coming(progress: float, lacks_bytes: int, waits_for: str, until: str) -> str:
    if lacks_bytes:
        return f"il lui manque {size(lacks_bytes)} de place"
    share = f"{round(progress * 100)} %"
    match waits_for:
        case "download_hours":
            return f"{share} reçus, la suite {until}" if progress else f"recevra {until}"
        case "clock":
            return "attend que son horloge soit sûre"
        case _:
            return f"reçoit, {share}"


def _waiting(content: ContentState, until: str) -> str:
    match content.waits_for:
        case "hours" | "not_before":
            return f"reçue, l’affichera {until}"
        case "clock":
            return "reçue, attend que son horloge soit sûre"
        case _:
            return "attend la fin de la visite"


def until_in_words(waits_until: datetime | None, timezone: str, now: datetime) -> str:
    if waits_until is None:
        return "plus tard"
    zone = zone_of(timezone) if timezone else now.tzinfo
    at, here = waits_until.astimezone(zone), now.astimezone(zone)
    clock = f"à {at.hour}:{at.minute:02d}"
    if at.date() == here.date():
        return clock
    if at.date() == here.date() + timedelta(days=1):
        return f"demain {clock}"
    if at - here < timedelta(days=6):
        return f"{DAYS[at.weekday()]} {clock}"
    return f"le {at.day:02d}/{at.month:02d} {clock}"
