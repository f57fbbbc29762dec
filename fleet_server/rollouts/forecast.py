"""What a plan will do, told before it starts: who, when, why then. Pure; an estimate of the earliest, nothing fails."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fleet_server.rollouts.plan import Plan
from fleet_server.rollouts.seen import Seen
from fleet_server.rollouts.windows import effect_at
from fleet_server.web.french import PARIS, hour


@dataclass(frozen=True, slots=True)
class Expected:
    """These terminals of this wave, from then on; `at` None: their hours never open."""

    at: datetime | None
    wave: int
    names: tuple[str, ...]


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
        made += [Expected(at, number, tuple(names)) for at, names in moments.items()]
        ends = max((at for at in moments if at is not None), default=begins)
        begins = ends + timedelta(seconds=wave.soak_s) if mine else begins
    return sorted(made, key=lambda one: (one.at is None, one.at or now, one.wave))


def sentence(expected: Sequence[Expected], found: Sequence[Seen], now: datetime) -> str:
    """`7 bornes : 1 maintenant, 3 à 2:00, 3 demain ; Laval est hors ligne.`"""
    counts: dict[str, int] = {}
    for one in expected:
        counts[when(one.at, now)] = counts.get(when(one.at, now), 0) + len(one.names)
    total = len(found)
    said = f"{total} borne{'s' if total > 1 else ''} : " + ", ".join(f"{n} {word}" for word, n in counts.items())
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
    if at is None:
        return "jamais, leurs heures ne le permettent pas"
    here, today = at.astimezone(PARIS), now.astimezone(PARIS).date()
    if at <= now:
        return "maintenant"
    days = (here.date() - today).days
    if days == 0 or (days == 1 and here.hour < 8):
        return f"à {hour(at)}"
    return "demain" if days == 1 else f"dans {days} jours"
