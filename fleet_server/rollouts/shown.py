"""What pages and programs are shown of a rollout, gathered in a constant number of queries."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from fleet_server.rollouts.acts import shared_out
from fleet_server.rollouts.forecast import Expected, forecast, sentence, when
from fleet_server.rollouts.kinds import KINDS
from fleet_server.rollouts.models import ACTIVE, FAILED, WORKING, Rollout, RolloutEvent, RolloutTerminal
from fleet_server.rollouts.plan import Plan, Target
from fleet_server.rollouts.seen import Seen, fleet
from fleet_server.rollouts.turn import members_of
from fleet_server.rollouts.whom import matching, said
from fleet_server.terminals.upkeep.spells import NOTHING
from fleet_server.terminals.upkeep.words import in_short

JOURNAL = 60


@dataclass(frozen=True, slots=True)
class Line:
    """One terminal: `step` is the state people are shown, `said` a detail in words."""

    row: RolloutTerminal
    name: str
    step: str
    said: str
    online: bool
    journal: tuple[RolloutEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """`waves`: its terminals; `ahead`: what will happen next, and when; of a draft, all of it."""

    rollout: Rollout
    plan: Plan
    waves: tuple[tuple[Line, ...], ...]
    counts: Mapping[str, int]
    ahead: tuple[tuple[str, str], ...]
    journal: tuple[RolloutEvent, ...]
    whom: str = ""
    """Its target, in words."""
    preview: str = ""
    expected: tuple[Expected, ...] = ()

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def failures(self) -> int:
        return sum(self.counts.get(state, 0) for state in FAILED)


def counts_of(session: Session) -> dict[int, Counter[str]]:
    """Of every rollout: how many terminals are in which state."""
    found: dict[int, Counter[str]] = {}
    states = select(RolloutTerminal.rollout, RolloutTerminal.state, func.count())
    for rollout, state, count in session.exec(states.group_by(RolloutTerminal.rollout, RolloutTerminal.state)):  # type: ignore[arg-type]
        found.setdefault(rollout, Counter())[state] = count
    return found


def newest(session: Session, limit: int = 100) -> list[Rollout]:
    """Those that go on first."""
    rows = session.exec(select(Rollout).order_by(col(Rollout.id).desc()).limit(limit)).all()
    return sorted(rows, key=lambda one: one.state in ("stopped", "finished"))


def shown(session: Session, rollout: Rollout, now: datetime) -> Shown:
    seen, plan = fleet(session, now), Plan.model_validate(rollout.plan)
    rows = members_of(session, [rollout.id or 0]).get(rollout.id or 0, [])
    events = _journal(session, rollout)
    lines = [_line(rollout, row, seen.get(row.terminal), tuple(events.get(row.terminal, ())), now) for row in rows]
    waves = tuple(tuple(one for one in lines if one.row.wave == number) for number in range(len(plan.waves)))
    whole = tuple(events.get("", ())[:JOURNAL])
    counts = Counter(row.state for row in rows)
    target = Target.model_validate(rollout.target)
    whom = said(target, seen)
    if rollout.state in ("draft", "waiting_for_approval", "ready"):
        found = matching(target, seen)
        expected = forecast(plan, found, shared_out(plan, found, now), now)
        preview = sentence(expected, found, now) if found else "Aucune borne en service ne correspond."
        return Shown(rollout, plan, waves, counts, (), whole, whom, preview, tuple(expected))
    return Shown(rollout, plan, waves, counts, tuple(_ahead(rollout, plan, rows, seen, now)), whole, whom)


def _journal(session: Session, rollout: Rollout) -> dict[str, list[RolloutEvent]]:
    """By terminal ("": of the rollout as a whole), gone through once: a thousand terminals tell thousands of events."""
    query = select(RolloutEvent).where(RolloutEvent.rollout == rollout.id).order_by(col(RolloutEvent.id).desc())
    found: dict[str, list[RolloutEvent]] = {}
    for one in session.exec(query.limit(5000)):
        found.setdefault(one.terminal, []).append(one)
    return found


def _line(
    rollout: Rollout, row: RolloutTerminal, seen: Seen | None, mine: tuple[RolloutEvent, ...], now: datetime
) -> Line:
    online = bool(seen and seen.is_online(now))
    works = _works(seen, now) if row.state in WORKING else ""
    if row.state != "in_progress" or seen is None:
        return Line(row, seen.name if seen else row.terminal, row.state, works or row.reason, online, mine)
    fact = KINDS[rollout.kind].fact(rollout.what, row, seen)
    said = fact.reason or works or ("" if online else "hors ligne : elle recevra à son retour")
    if row.effect_at and row.effect_at > now:
        said = f"prend effet {when(row.effect_at, now)}"
    return Line(row, seen.name, fact.step or "in_progress", said, online, mine)


def _works(seen: Seen | None, now: datetime) -> str:
    """That it is waited for, while planned maintenance lasts."""
    upkeep = seen.upkeep(now) if seen else NOTHING
    return f"en maintenance {in_short(upkeep, now)}" if upkeep.current else ""


def _ahead(
    rollout: Rollout, plan: Plan, rows: Sequence[RolloutTerminal], seen: Mapping[str, Seen], now: datetime
) -> list[tuple[str, str]]:
    """(when, what), as far as it can be known."""
    if rollout.state == "paused":
        return [("en pause", "Rien ne commence. Ce qui est en cours est suivi.")]
    if rollout.state not in ACTIVE:
        left = sum(row.state == "in_progress" for row in rows)
        return [("encore", f"{left} borne{'s' if left > 1 else ''} en cours, jusqu’au bout")] if left else []
    told: list[tuple[str, str]] = []
    if plan.not_before and now < plan.not_before:
        told.append((when(plan.not_before, now), "premières bornes"))
    waiting = [row for row in rows if row.state in WORKING and row.wave <= rollout.wave]
    later = [row.effect_at for row in waiting if row.effect_at and row.effect_at > now]
    held = [seen[row.terminal].upkeep(now).until for row in waiting if row.terminal in seen]
    works = [until for until in held if until]
    if works:
        whose = f"{len(works)} bornes après leurs" if len(works) > 1 else "1 borne après ses"
        told.append((when(min(works), now), f"{whose} travaux"))
    if later:
        told.append((when(min(later), now), f"{len(later)} borne{'s' if len(later) > 1 else ''} dans leurs heures"))
    elif len(waiting) > len(works):
        left = len(waiting) - len(works)
        told.append(("maintenant", f"{left} borne{'s' if left > 1 else ''} de la vague {rollout.wave + 1}"))
    what = f"vague {rollout.wave + 2}" if rollout.wave + 1 < len(plan.waves) else "fin du déploiement"
    soak = timedelta(seconds=plan.waves[rollout.wave].soak_s)
    if rollout.soaking_since:
        return [*told, (when(rollout.soaking_since + soak, now), f"{what}, après observation")]
    return [*told, ("ensuite", what)]
