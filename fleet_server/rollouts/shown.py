"""What pages and programs are shown of a rollout, gathered in a constant number of queries."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlmodel import Session, case, col, func, select

from fleet_server.rollouts.acts import shared_out
from fleet_server.rollouts.forecast import Expected, forecast, sentence, when
from fleet_server.rollouts.kinds import KINDS
from fleet_server.rollouts.models import ACTIVE, FAILED, WORKING, Rollout, RolloutEvent, RolloutTerminal
from fleet_server.rollouts.plan import Plan, Target
from fleet_server.rollouts.seen import Seen, fleet
from fleet_server.rollouts.terms import terms
from fleet_server.rollouts.turn import members_of
from fleet_server.rollouts.whom import matching, said
from fleet_server.rollouts.windows import effect_at
from fleet_server.terminals.upkeep.spells import NOTHING
from fleet_server.terminals.upkeep.words import in_short

JOURNAL = 60
"""The last of what happened to a rollout as a whole, and to each terminal that is shown."""
SIZE = 100
"""Terminals on a page."""
OVER = ("stopped", "finished")
SORTS = {
    "file": ("à venir", "à venir", ("queued",)), "cours": ("en cours", "en cours", ("in_progress",)),
    "reussies": ("réussie", "réussies", ("succeeded",)), "echecs": ("échec", "échecs", FAILED),
    "autres": ("refusée, sortie ou annulée", "refusées, sorties, annulées", ("rejected", "removed", "cancelled")),
}  # fmt: skip
"""What the list of terminals is cut to, by its name in the address: for one, for many, their states."""


class Part(NamedTuple):
    """Which terminals are looked at: `sort` of `SORTS`, empty for all; `page` from 1."""

    sort: str = ""
    page: int = 1


WHOLE = Part()


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
    """`waves`: its terminals, those of `part` where one is asked for; `sizes`: how many each has in all; `ahead`: what
    will happen next, and when; of a draft, all of it (`expected`)."""

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
    terms: tuple[tuple[str, str], ...] = ()
    """What it brings and how, in words: what a second person approves."""
    sizes: tuple[int, ...] = ()
    part: Part = WHOLE
    chosen: int = 0
    """How many the part's sort has."""

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def foreseen(self) -> int:
        return sum(len(one.names) for one in self.expected)

    @property
    def failures(self) -> int:
        return self.count("echecs")

    def count(self, sort: str) -> int:
        return sum(self.counts.get(state, 0) for state in SORTS[sort][-1])

    @property
    def first(self) -> int:
        return SIZE * (self.part.page - 1) + 1

    @property
    def last(self) -> int:
        return min(self.chosen, SIZE * self.part.page)


def counts_of(session: Session, rollouts: Sequence[int]) -> dict[int, Counter[str]]:
    """Of these: how many terminals are in which state."""
    found: dict[int, Counter[str]] = {}
    states = select(RolloutTerminal.rollout, RolloutTerminal.state, func.count())
    states = states.where(col(RolloutTerminal.rollout).in_(rollouts))
    for rollout, state, count in session.exec(states.group_by(RolloutTerminal.rollout, RolloutTerminal.state)):  # type: ignore[arg-type]
        found.setdefault(rollout, Counter())[state] = count
    return found


def newest(session: Session, limit: int = 100) -> list[Rollout]:
    """Those that go on first, however old."""
    over = case((col(Rollout.state).in_(OVER), 1), else_=0)
    return list(session.exec(select(Rollout).order_by(over, col(Rollout.id).desc()).limit(limit)))


def shown(session: Session, rollout: Rollout, now: datetime, part: Part | None = None) -> Shown:
    """`part` None: every terminal, without its journal."""
    seen, plan = fleet(session, now), Plan.model_validate(rollout.plan)
    rows = members_of(session, [rollout.id or 0]).get(rollout.id or 0, [])
    sort = SORTS.get(part.sort, ("", "", ()))[-1] if part else ()
    chosen = [row for row in rows if row.state in sort] if sort else rows
    part = part and Part(part.sort, min(part.page, max(1, -(-len(chosen) // SIZE))))
    some = chosen[SIZE * (part.page - 1) : SIZE * part.page] if part else chosen
    events = _journal(session, rollout, [row.terminal for row in some]) if part else {}
    told = [_line(rollout, plan, row, seen.get(row.terminal), tuple(events.get(row.terminal, ())), now) for row in some]
    target = Target.model_validate(rollout.target)
    made = Shown(
        rollout, plan, tuple(tuple(one for one in told if one.row.wave == number) for number in range(len(plan.waves))),
        Counter(row.state for row in rows), (), tuple(events.get("", ())), said(target, seen),
        terms=tuple(terms(rollout, plan, {one.id: one.name for one in seen.values()})),
        sizes=tuple(sum(row.wave == number for row in rows) for number in range(len(plan.waves))),
        part=part or WHOLE, chosen=len(chosen),
    )  # fmt: skip
    if rollout.state not in ("draft", "waiting_for_approval", "ready"):
        return replace(made, ahead=tuple(_ahead(rollout, plan, rows, seen, now)))
    found = matching(target, seen)
    expected = forecast(plan, found, shared_out(plan, found, now), now)
    preview = sentence(expected, found, now, plan) if found else "Aucune borne en service ne correspond."
    return replace(made, preview=preview, expected=tuple(expected))


def _journal(session: Session, rollout: Rollout, terminals: Sequence[str]) -> dict[str, list[RolloutEvent]]:
    """By terminal ("": of the rollout as a whole), the newest first, each its last ones however much others tell."""
    newest_first = col(RolloutEvent.id).desc()
    rank = func.row_number().over(partition_by=col(RolloutEvent.terminal), order_by=newest_first).label("rank")
    these = col(RolloutEvent.terminal).in_(["", *terminals])
    ranked = select(RolloutEvent.id, rank).where(RolloutEvent.rollout == rollout.id, these).subquery()
    query = select(RolloutEvent).join(ranked, col(RolloutEvent.id) == ranked.c.id).where(ranked.c.rank <= JOURNAL)
    found: dict[str, list[RolloutEvent]] = {}
    for one in session.exec(query.order_by(newest_first)):
        found.setdefault(one.terminal, []).append(one)
    return found


def _line(
    rollout: Rollout, plan: Plan, row: RolloutTerminal, seen: Seen | None, mine: tuple[RolloutEvent, ...],
    now: datetime,
) -> Line:  # fmt: skip
    online = bool(seen and seen.is_online(now))
    works = _works(seen, now) if row.state in WORKING else ""
    if row.state != "in_progress" or seen is None:
        waits = works or (_waits(rollout, plan, row, seen, now) if seen else "")
        return Line(row, seen.name if seen else row.terminal, row.state, waits or row.reason, online, mine)
    fact = KINDS[rollout.kind].fact(rollout.what, row, seen)
    said = fact.reason or works or ("" if online else "hors ligne : elle recevra à son retour")
    if row.effect_at and row.effect_at > now:
        said = f"prend effet {when(row.effect_at, now)}"
    return Line(row, seen.name, fact.step or "in_progress", said, online, mine)


def _waits(rollout: Rollout, plan: Plan, row: RolloutTerminal, seen: Seen, now: datetime) -> str:
    """Whose turn it is, and who can't begin."""
    if row.state != "queued" or rollout.state not in ACTIVE or row.wave > rollout.wave:
        return ""
    at = effect_at(plan.window, seen.stand, max(now, plan.not_before or now))
    return f"commence {when(at, now)}" if at is None or at > now else ""


def _works(seen: Seen | None, now: datetime) -> str:
    """That it is waited for, while planned maintenance lasts."""
    upkeep = seen.upkeep(now) if seen else NOTHING
    return f"en maintenance {in_short(upkeep, now)}" if upkeep.current else ""


def _ahead(
    rollout: Rollout, plan: Plan, rows: Sequence[RolloutTerminal], seen: Mapping[str, Seen], now: datetime
) -> list[tuple[str, str]]:
    """(when, what), as far as it can be known."""
    if rollout.state == "paused":
        told = [("en pause", "Aucune autre borne ne commence. Ce qui est en cours est suivi.")]
        own = [row.effect_at for row in rows if row.state == "in_progress" and row.effect_at and row.effect_at > now]
        if own:
            many = (
                f"{len(own)} bornes, qui ont déjà la demande, changent"
                if len(own) > 1
                else ("1 borne, qui a déjà la demande, change")
            )
            told.append((when(min(own), now), f"{many} quand même. Un arrêt les rappelle."))
        return told
    if rollout.state not in ACTIVE:
        left = sum(row.state == "in_progress" for row in rows)
        return [("encore", f"{left} borne{'s' if left > 1 else ''} en cours, jusqu’au bout")] if left else []
    told = []
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
    after = min((row.wave for row in rows if row.wave > rollout.wave and row.state == "queued"), default=None)
    what = "fin du déploiement" if after is None else f"vague {after + 1}"
    soak = timedelta(seconds=plan.waves[rollout.wave].soak_s)
    if rollout.soaking_since:
        return [*told, (when(rollout.soaking_since + soak, now), f"{what}, après observation")]
    return [*told, ("ensuite", what)]
