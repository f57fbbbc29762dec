"""What to do about a rollout: decided purely, from how it stands and what its terminals say, on every turn anew.

queued → in_progress → succeeded ─────(went back)────→ failed, and the rollout stops
   │          ├→ failed, timed_out ──(a late truth)──→ succeeded
   └──────────┴→ rejected (it can never be there)
queued, in_progress → removed (overtaken, gone)        → cancelled (the rollout stopped before it acted)
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from fleet_server.rollouts.models import FAILED, WORKING
from fleet_server.rollouts.plan import Plan
from fleet_server.terminals.upkeep.spells import Spell, outside

OVER = ("succeeded", *FAILED, "rejected")
"""Came to an end by themselves: what the success of a wave is counted over. A refusal is no error."""
_SAID_FAILED = ("failed", "rolled_back")


@dataclass(frozen=True, slots=True)
class Fact:
    """What a terminal reports of what is wished here. `outcome`: nothing yet, succeeded, failed, rejected, or
    `gone_back`: it no longer runs what it had. `acting`: it is past the point where it can be called back."""

    outcome: str = ""
    step: str = ""
    reason: str = ""
    acting: bool = False


NOTHING = Fact()


@dataclass(frozen=True, slots=True)
class Member:
    """One terminal in a rollout. `may_start`: the moment allows it; `leaves`: why it belongs no longer; `works`:
    planned maintenance, whose time is held against nobody; `unfit`: why what is brought can't be there; `asked`: what
    is wished of it now is what this rollout wished."""

    terminal: str
    wave: int
    place: int = 0
    state: str = "queued"
    started_at: datetime | None = None
    effect_at: datetime | None = None
    heard_at: datetime | None = None
    fact: Fact = NOTHING
    may_start: bool = True
    leaves: str = ""
    works: tuple[Spell, ...] = ()
    unfit: str = ""
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Course:
    """How the rollout stands."""

    state: str
    plan: Plan
    wave: int = 0
    soaking_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Start:
    terminal: str


@dataclass(frozen=True, slots=True)
class Settle:
    """Comes to this state; `give_back`: what was wished of it before is wished again."""

    terminal: str
    state: str
    reason: str = ""
    give_back: bool = False


@dataclass(frozen=True, slots=True)
class Recall:
    """What was wished of it before is wished again; it stays what it came to."""

    terminal: str


@dataclass(frozen=True, slots=True)
class Join:
    terminal: str
    wave: int


@dataclass(frozen=True, slots=True)
class OpenWave:
    wave: int


@dataclass(frozen=True, slots=True)
class Soak:
    """Nothing is left to do in the open wave; it is watched (`on`), or someone came to it after all."""

    on: bool


@dataclass(frozen=True, slots=True)
class End:
    """`state`: stopped, finished."""

    state: str
    reason: str = ""


Act = Start | Settle | Recall | Join | OpenWave | Soak | End


def decide(course: Course, members: Sequence[Member], newcomers: Sequence[str], now: datetime) -> list[Act]:
    """What follows from this, in the order it is to be done. `newcomers` match and are not members yet."""
    acts: list[Act] = list(_heard(course.plan, members, course.wave, now))
    after = _settled(members, acts)
    if course.state not in ("running", "paused"):
        # Those that were past calling back are still followed to their end.
        ended = {act.terminal for act in acts if isinstance(act, Settle)} if course.state == "stopped" else set()
        return acts + _recalls(one for one in after if one.terminal in ended)
    why = _why_stop(course.plan, members, after)
    if why:
        return [*acts, End("stopped", why), *stopping(after, why)]
    last = len(course.plan.waves) - 1
    acts += [Join(terminal, last) for terminal in newcomers]
    if course.state == "paused":
        return acts
    # Begun on the next turn, once its hours and what fits it were looked at.
    after += [Member(terminal, last, place=len(after) + n, may_start=False) for n, terminal in enumerate(newcomers)]
    return acts + _onward(course, after, now)


def halt(course: Course, members: Sequence[Member], reason: str, now: datetime) -> list[Act]:
    """A person stops it: what terminals have said until now comes first."""
    heard = list(_heard(course.plan, members, course.wave, now))
    return [*heard, *stopping(_settled(members, heard), reason)]


def stopping(members: Sequence[Member], reason: str) -> list[Act]:
    """Nobody else begins; who has not acted yet is called back, who has is followed. Nor does who failed, or is away,
    keep a wish that it would try again when nobody watches any more."""
    called_back: list[Act] = [
        Settle(one.terminal, "cancelled", reason, give_back=one.state == "in_progress")
        for one in members
        if one.state == "queued" or (one.state == "in_progress" and not one.fact.acting)
    ]
    return called_back + _recalls(members)


def _recalls(members: Iterable[Member]) -> list[Act]:
    return [Recall(one.terminal) for one in members if one.asked and _gave_up(one)]


def _gave_up(one: Member) -> bool:
    if one.state == "timed_out":
        return not one.fact.acting
    return one.state in ("failed", "rejected") and one.fact.step in _SAID_FAILED


def _settled(members: Sequence[Member], acts: Sequence[Act]) -> list[Member]:
    """As they are once this is done."""
    settled = {act.terminal: act.state for act in acts if isinstance(act, Settle)}
    return [replace(one, state=settled.get(one.terminal, one.state)) for one in members]


def _heard(plan: Plan, members: Sequence[Member], wave: int, now: datetime) -> Iterator[Settle]:
    for one in members:
        if one.state in WORKING and one.leaves:
            yield Settle(one.terminal, "removed", one.leaves)
        elif one.state == "queued" and one.unfit and one.wave <= wave:
            yield Settle(one.terminal, "rejected", one.unfit)
        elif one.state == "in_progress":
            settled = _outcome(plan, one, now)
            if settled:
                yield settled
        elif one.state in FAILED and one.fact.outcome == "succeeded" and not one.leaves:
            yield Settle(one.terminal, "succeeded", "confirmée après coup")
        elif one.state == "succeeded" and one.fact.outcome == "gone_back":
            yield Settle(one.terminal, "failed", one.fact.reason or "ne l’a plus")


def _outcome(plan: Plan, one: Member, now: datetime) -> Settle | None:
    if one.fact.outcome in ("succeeded", "failed", "rejected"):
        return Settle(one.terminal, one.fact.outcome, one.fact.reason)
    begun = one.effect_at or one.started_at or now
    if outside(one.works, max(begun, one.heard_at or begun), now) >= timedelta(seconds=plan.silent_s):
        return Settle(one.terminal, "timed_out", "n’a plus rien dit")
    if outside(one.works, begun, now) >= timedelta(seconds=plan.timeout_s):
        return Settle(one.terminal, "timed_out", "n’a pas fini à temps")
    return None


def _why_stop(plan: Plan, before: Sequence[Member], after: Sequence[Member]) -> str:
    was = {one.terminal: one.state for one in before}
    if any(one.state == "failed" and was[one.terminal] == "succeeded" for one in after):
        return "une borne est revenue en arrière après avoir réussi"
    # Counted anew when one more comes to its end: who is tried again after a stop has its chance.
    if not any(one.state in ("succeeded", *FAILED) and one.state != was[one.terminal] for one in after):
        return ""
    good = sum(one.state == "succeeded" for one in after)
    bad = sum(one.state in FAILED for one in after)
    if bad and good + bad >= plan.min_sample and bad * 100 > plan.error_percent * (good + bad):
        return f"{bad} échec{'s' if bad > 1 else ''} sur {good + bad}, plus que permis"
    return ""


def _onward(course: Course, members: Sequence[Member], now: datetime) -> list[Act]:
    plan, wave = course.plan, course.wave
    if plan.not_before and now < plan.not_before:
        return []
    if any(one.state in WORKING for one in members if one.wave <= wave):
        starts: list[Act] = [Start(one.terminal) for one in _next_ones(plan, wave, members, now)]
        return [Soak(on=False), *starts] if course.soaking_since else starts
    mine = [one for one in members if one.wave == wave]
    good = sum(one.state == "succeeded" for one in mine)
    ended = sum(one.state in OVER for one in mine)
    if good < ended and good * 100 < plan.success_percent * ended:
        why = f"vague {wave + 1} : {good} réussie{'s' if good > 1 else ''} sur {ended}, trop peu pour continuer"
        return [End("stopped", why), *stopping(members, why)]
    soak_s = plan.waves[wave].soak_s if mine else 0
    if soak_s and not course.soaking_since:
        return [Soak(on=True)]
    if soak_s and course.soaking_since and now - course.soaking_since < timedelta(seconds=soak_s):
        return []
    return [OpenWave(wave + 1)] if wave + 1 < len(plan.waves) else [End("finished")]


def _next_ones(plan: Plan, wave: int, members: Sequence[Member], now: datetime) -> list[Member]:
    """Those whose turn it is, within the rates."""
    waiting = [one for one in members if one.state == "queued" and one.wave <= wave and one.may_start]
    slots = len(waiting)
    if plan.at_once:
        slots = min(slots, plan.at_once - sum(one.state == "in_progress" for one in members))
    if plan.per_hour:
        since = now - timedelta(hours=1)
        slots = min(
            slots, plan.per_hour - sum(one.started_at is not None and one.started_at > since for one in members)
        )
    return sorted(waiting, key=lambda one: (one.wave, one.place))[: max(0, slots)]
