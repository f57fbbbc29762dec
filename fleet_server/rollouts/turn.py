"""One turn of the rollouts: read all at once, decide, do it in one transaction. Nothing is kept between turns."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlmodel import Session, col, or_, select

from fleet_server.context import Context
from fleet_server.db import reading, transaction
from fleet_server.rollouts.effects import Effects, claimed
from fleet_server.rollouts.engine import NOTHING, Course, Member, decide
from fleet_server.rollouts.kinds import AT_ONCE, KINDS
from fleet_server.rollouts.models import ACTIVE, WORKING, Rollout, RolloutTerminal
from fleet_server.rollouts.plan import Plan, Target
from fleet_server.rollouts.seen import Seen, fleet
from fleet_server.rollouts.whom import matching
from fleet_server.rollouts.windows import effect_at, is_within


def turn(ctx: Context) -> int:
    """Returns how many acts were done. A constant number of queries, whatever the number of terminals."""
    now, done = ctx.now(), 0
    with reading(ctx.engine) as session:
        rollouts = open_rollouts(session)
        if not rollouts:
            return 0
        seen, rows = fleet(session, now), members_of(session, [one.id or 0 for one in rollouts])
    for rollout in rollouts:
        mine = rows.get(rollout.id or 0, [])
        later = later_ones(rollout, rollouts, rows)
        members = members_seen(rollout, mine, seen, later, now)
        acts = decide(course_of(rollout), members, newcomers(rollout, mine, seen, later), now)
        if acts:
            with transaction(ctx.engine) as session:
                if claimed(session, rollout):
                    Effects(session, ctx, rollout, {row.terminal: row for row in mine}, seen).do(acts)
                    done += len(acts)
    return done


def open_rollouts(session: Session) -> list[Rollout]:
    """Those that run or pause, and those that stopped while terminals were past calling back."""
    busy = select(RolloutTerminal.rollout).where(RolloutTerminal.state == "in_progress").distinct()
    query = select(Rollout).where(or_(col(Rollout.state).in_(ACTIVE), col(Rollout.id).in_(busy)))
    return list(session.exec(query.order_by(col(Rollout.started_at), col(Rollout.id))))


def members_of(session: Session, rollouts: Sequence[int]) -> dict[int, list[RolloutTerminal]]:
    found: dict[int, list[RolloutTerminal]] = {}
    query = select(RolloutTerminal).where(col(RolloutTerminal.rollout).in_(rollouts))
    for row in session.exec(query.order_by(col(RolloutTerminal.wave), col(RolloutTerminal.place))):
        found.setdefault(row.rollout, []).append(row)
    return found


def course_of(rollout: Rollout) -> Course:
    return Course(rollout.state, Plan.model_validate(rollout.plan), rollout.wave, rollout.soaking_since)


def later_ones(
    rollout: Rollout, rollouts: Sequence[Rollout], rows: Mapping[int, Sequence[RolloutTerminal]]
) -> dict[str, str]:
    """Terminal → why a rollout of the same kind that was started later takes it over. The latest wins."""
    place = rollouts.index(rollout)
    return {
        row.terminal: f"reprise par le déploiement {later.id}, « {later.title} »"
        for later in rollouts[place + 1 :]
        if later.kind == rollout.kind and later.state in ACTIVE
        for row in rows.get(later.id or 0, ())
        if row.state in (*WORKING, "succeeded")
    }


def members_seen(
    rollout: Rollout, mine: Sequence[RolloutTerminal], seen: Mapping[str, Seen], later: Mapping[str, str], now: datetime
) -> list[Member]:
    plan = Plan.model_validate(rollout.plan)
    return [_member(rollout, plan, row, seen, later, now) for row in mine]


def _member(
    rollout: Rollout, plan: Plan, row: RolloutTerminal, seen: Mapping[str, Seen], later: Mapping[str, str],
    now: datetime,
) -> Member:  # fmt: skip
    one, kind = seen.get(row.terminal), KINDS[rollout.kind]
    if one is None:
        return Member(row.terminal, row.wave, row.place, row.state, row.started_at, leaves="retirée de la flotte")
    leaves = later.get(row.terminal, "")
    overtaken = row.revision > 0 and kind.overtaken(rollout.what, one)
    if not leaves and row.state == "in_progress" and overtaken:
        leaves = "autre chose lui a été demandé depuis"
    elif not leaves and not one.in_service:
        leaves = "n’est plus en service"
    # What was asked of it since is no going back.
    quiet = row.state == "queued" or (row.state == "succeeded" and (bool(leaves) or overtaken))
    fact = NOTHING if quiet else kind.fact(rollout.what, row, one)
    return Member(
        row.terminal, row.wave, row.place, row.state, row.started_at, row.effect_at, one.heard_at, fact,
        may_start=row.state != "queued" or _may_start(rollout, plan, one, now), leaves=leaves, works=one.works,
        unfit=kind.unfit(rollout.what, one) if row.state == "queued" else "",
        asked=row.revision > 0 and not overtaken and not leaves,
    )  # fmt: skip


def newcomers(
    rollout: Rollout, mine: Sequence[RolloutTerminal], seen: Mapping[str, Seen], later: Mapping[str, str]
) -> list[str]:
    """Who matches and is not in it yet, unless a later rollout has it."""
    if rollout.state not in ACTIVE:
        return []
    known = {row.terminal for row in mine} | later.keys()
    return [one.id for one in matching(Target.model_validate(rollout.target), seen) if one.id not in known]


def _may_start(rollout: Rollout, plan: Plan, one: Seen, now: datetime) -> bool:
    """Releases are brought at any time and wait on the terminal, if their hours ever come; settings take effect as soon
    as they are wished, and wait here. Nothing begins under planned maintenance."""
    if one.upkeep(now).current:
        return False
    if rollout.kind not in AT_ONCE:
        return effect_at(plan.window, one.stand, now) is not None
    return is_within(plan.window, one.stand, now) or _is_overdue(rollout, plan, now)


def _is_overdue(rollout: Rollout, plan: Plan, now: datetime) -> bool:
    """Whether the open wave has waited for its hours for as long as it may."""
    since = max((at for at in (rollout.wave_since, plan.not_before) if at), default=now)
    return plan.window.latest_s is not None and now - since >= timedelta(seconds=plan.window.latest_s)
