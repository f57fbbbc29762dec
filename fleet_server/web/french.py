"""How the back-office writes times, numbers and spaces (BACKOFFICE §8): Europe/Paris, commas, no-break spaces."""

import re
from contextvars import ContextVar
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from markupsafe import Markup

PARIS = ZoneInfo("Europe/Paris")
NBSP = "\u00a0"
DAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
MONTHS = (
    "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre",
    "décembre",
)  # fmt: skip
SHORT_MONTHS = ("janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc.")

rendering_at: ContextVar[datetime] = ContextVar("rendering_at")
"""The instant of the page being rendered: relative times need it, and macros don't see the page's values."""

_UNITS = re.compile(r"(\d) (?=(?:h|min|s|j|Ko|Mo|Go|To|dBm|px|jours?|heures?|minutes?|secondes?)\b|[%€°])")
_THOUSANDS = re.compile(r"(?<=\d) (?=\d{3}\b)")
_DOUBLE = re.compile(r" (?=[:;!?»](?:\s|$|<|&|\)))")
_KEPT = re.compile(r"(<(script|style|textarea|pre|code)\b.*?</\2>|<[^>]+>)", re.S | re.I)


def typo(text: str) -> str:
    """French spacing: units, thousands, double punctuation, quotes."""
    text = _THOUSANDS.sub(NBSP, _UNITS.sub(r"\1" + NBSP, text))
    return _DOUBLE.sub(NBSP, text).replace("« ", "«" + NBSP)


def spaced(html: str) -> str:
    """`typo` on the text of a page; tags, scripts and what people typed (textarea, pre, code) stay as they are."""
    made, at = [], 0
    for kept in _KEPT.finditer(html):
        made += [typo(html[at : kept.start()]), kept[0]]
        at = kept.end()
    return "".join([*made, typo(html[at:])])


def local(moment: datetime) -> datetime:
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(PARIS)


def ambiguous(moment: datetime) -> str:
    """The night the hour changes, 2:30 comes twice: say which."""
    other = moment.replace(fold=1 - moment.fold)
    return "" if other.utcoffset() == moment.utcoffset() else (" (été)" if moment.fold == 0 else " (hiver)")


def hour(moment: datetime | None, seconds: bool = False) -> str:
    if moment is None:
        return "–"
    here = local(moment)
    return here.strftime("%-H:%M:%S" if seconds else "%-H:%M") + ambiguous(here)


def day(moment: date | datetime | None, year: bool = False) -> str:
    """`23 nov.`, with the year when it is another (or asked for)."""
    if moment is None:
        return "–"
    here = local(moment).date() if isinstance(moment, datetime) else moment
    with_year = year or here.year != local(_now()).year
    number = "1er" if here.day == 1 else str(here.day)
    return f"{number} {SHORT_MONTHS[here.month - 1]}{f' {here.year}' if with_year else ''}".replace(" ", NBSP)


def long_day(moment: date | datetime) -> str:
    """`lundi 23 novembre 2026`"""
    here = local(moment).date() if isinstance(moment, datetime) else moment
    number = "1er" if here.day == 1 else str(here.day)
    return f"{DAYS[here.weekday()]} {number} {MONTHS[here.month - 1]} {here.year}"


def exact(moment: datetime) -> str:
    return f"{long_day(moment)} à {hour(moment, seconds=True)}, heure de Paris"


def near(moment: datetime, now: datetime) -> str:
    """Near = relative, today = hour, this week = day and hour, else the date."""
    gap = now - moment
    if timedelta(seconds=-5) <= gap < timedelta(minutes=60):
        return "il y a " + span(gap)
    here, today = local(moment), local(now).date()
    if here.date() == today:
        return hour(moment)
    if timedelta(0) < today - here.date() < timedelta(days=7):
        return f"{DAYS[here.weekday()][:3]}. {hour(moment)}"
    return day(moment)


def ago(moment: datetime | None, prefix: str = "") -> Markup:
    """`<time>`: near moments relative and refreshed by the page, the exact one on hover."""
    if moment is None:
        return Markup('<span title="Pas encore">–</span>')
    now = _now()
    words = near(moment, now)
    relative = Markup(" data-ago") if words.startswith("il y a") else Markup("")
    return Markup('<time datetime="{}" title="{}"{}>{}{}</time>').format(
        moment.astimezone(UTC).isoformat(), typo(exact(moment)), relative, prefix, typo(words)
    )


def since(moment: datetime | None) -> Markup:
    """`depuis 18 min`, kept true by the page."""
    if moment is None:
        return Markup("–")
    return Markup('<time datetime="{}" title="{}" data-since>depuis {}</time>').format(
        moment.astimezone(UTC).isoformat(), typo(exact(moment)), typo(span(_now() - moment))
    )


def span(gap: timedelta | float | None) -> str:
    """A duration by its one or two largest units: `9 s`, `18 min`, `2 h 05`, `3 jours`. A number is seconds."""
    if gap is None:
        return "–"
    seconds = max(0, round(gap.total_seconds() if isinstance(gap, timedelta) else gap))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min"
    if seconds < 48 * 3600:
        hours, minutes = seconds // 3600, seconds % 3600 // 60
        return f"{hours} h" + (f" {minutes:02}" if minutes else "")
    return f"{seconds // 86400} jours"


def dwell(milliseconds: float | None) -> str:
    """`45 s`, `2 min 05 s`: for times spent on a page or in a visit."""
    if milliseconds is None:
        return "–"
    seconds = round(milliseconds / 1000)
    minutes, rest = divmod(seconds, 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def num(value: float | None, decimals: int = 0) -> str:
    if value is None:
        return "–"
    return f"{value:,.{decimals}f}".replace(",", NBSP).replace(".", ",").replace("-", "−")


def percent(share: float | None, decimals: int = 0) -> str:
    """`share` is 0–1."""
    return "–" if share is None else f"{num(share * 100, decimals)}{NBSP}%"


def size(octets: float | None) -> str:
    if octets is None:
        return "–"
    for unit in ("octets", "Ko", "Mo", "Go"):
        if octets < 1000 or unit == "Go":
            return f"{num(octets, 0 if unit == 'octets' or octets >= 100 else 1)}{NBSP}{unit}"
        octets /= 1000
    raise AssertionError


def plural(count: float, one: str, many: str = "") -> str:
    """`0 visite`, `1 visite`, `2 visites`: zero is singular in French."""
    return f"{num(count)} {one if abs(count) < 2 else many or one + 's'}"


def agreed(count: float, one: str, many: str = "") -> str:
    """The word alone."""
    return one if abs(count) < 2 else many or one + "s"


def _now() -> datetime:
    return rendering_at.get(datetime.now(UTC))


FILTERS = {
    function.__name__: function
    for function in (
        typo, ago, since, hour, day, long_day, exact, span, dwell, num, percent, size, plural, agreed, near,
    )
}  # fmt: skip
