"""What a plan will do, told before it starts: who, when, why then. Pure; an estimate of the earliest, nothing fails."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fleet_server.rollouts.plan import Plan
from fleet_server.rollouts.seen import Seen
from fleet_server.rollouts.windows import effect_at
from fleet_server.web.french import DAYS, PARIS, day, hour

MORNING = 8
TONIGHT = "cette nuit"
MOST_PARTS = 5
NEVER = "jamais, leurs heures ne le permettent pas"


@dataclass(frozen=True, slots=True)
class Expected:
    """These terminals of this wave, from then on; `at` None: their hours never open. `said`: when, in words."""

    at: datetime | None
    wave: int
    names: tuple[str, ...]
    said: str = ""


def forecast(plan: Plan, found: Sequence[Seen], shares: Mapping[str, int], now: datetime) -> list[Expected]:
    """In the order of time; `shares`: terminal → wave, in the order of their turn."""
    by_id = {one.id: one for one in found}
    begins = max(now, plan.not_before or now)
    made: list[Expected] = []
    for number, wave in enumerate(plan.waves):
        mine = [by_id[terminal] for terminal, share in shares.items() if share == number]
        moments: dict[datetime | None, list[str]] = {}
        for place, one in enumerate(mine):
            turn = begins + timedelta(hours=place // plan.per_hour if plan.per_hour else 0)
            free = one.upkeep(turn).until or turn
            moments.setdefault(effect_at(plan.window, one.stand, free), []).append(one.name)
        made += [Expected(at, number, tuple(names), when(at, now)) for at, names in moments.items()]
        ends = max((at for at in moments if at is not None), default=begins)
        begins = ends + timedelta(seconds=wave.soak_s) if mine else begins
    return sorted(made, key=lambda one: (one.at is None, one.at or now, one.wave))


def sentence(expected: Sequence[Expected], found: Sequence[Seen], now: datetime, plan: Plan | None = None) -> str:
    """`7 bornes : 1 maintenant, 3 à 2:00, 3 demain ; Laval est hors ligne.`"""
    counts: dict[str, int] = {}
    for one in expected:
        word = _roughly(one.at, now)
        counts[word] = counts.get(word, 0) + len(one.names)
    never = counts.pop(NEVER, 0)
    total, parts = len(found), [f"{n} {word}" for word, n in counts.items()]
    if len(parts) > MOST_PARTS:
        left = sum([*counts.values()][MOST_PARTS - 1 :])
        last = max((one.at for one in expected if one.at), default=now)
        parts = [*parts[: MOST_PARTS - 1], f"{left} ensuite, la dernière {when(last, now)}"]
    parts += [f"{never} {NEVER}"] * bool(never)
    said = f"{total} borne{'s' if total > 1 else ''} : " + ", ".join(parts)
    if plan and 0 < plan.at_once < total:
        said += f" ; {plan.at_once} à la fois au plus"
    worked_on = [one.name for one in found if one.upkeep(now).current]
    silent = [one.name for one in found if not one.is_online(now) and one.name not in worked_on]
    return said + _those(worked_on, "en maintenance") + _those(silent, "hors ligne") + "."


def _those(names: Sequence[str], how: str) -> str:
    """` ; Laval et Cholet sont hors ligne`"""
    if not names:
        return ""
    few = " et ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    return f" ; {few if len(names) < 5 else f'{len(names)} bornes'} {'sont' if len(names) > 1 else 'est'} {how}"


def when(at: datetime | None, now: datetime) -> str:
    """To the minute: `à 16:00`, `cette nuit à 2:00`, `demain à 9:00`, `jeudi à 2:00`, `le 12 déc. à 9:00`."""
    if at is None or at <= now:
        return _roughly(at, now)
    day_said = _day(at, now)
    return f"{day_said} à {hour(at)}" if day_said else f"à {hour(at)}"


def _roughly(at: datetime | None, now: datetime) -> str:
    """To the minute until the end of the night, then to the day."""
    if at is None:
        return NEVER
    if at <= now:
        return "maintenant"
    day_said = _day(at, now)
    return f"{day_said} à {hour(at)}" if day_said == TONIGHT else day_said or f"à {hour(at)}"


def _day(at: datetime, now: datetime) -> str:
    """Empty: today."""
    here, today = at.astimezone(PARIS), now.astimezone(PARIS)
    days = (here.date() - today.date()).days
    if days == 1 and here.hour < MORNING <= today.hour:
        return TONIGHT
    if days < 2:
        return "demain" if days else ""
    return DAYS[here.weekday()] if days < 7 else f"le {day(here)}"
