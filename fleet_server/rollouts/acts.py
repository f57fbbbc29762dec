"""What people do with a rollout. Every act is guarded by its state, told in the journal and in the audit log.

RolloutRefused    tell the person why: nothing was changed
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import ValidationError
from sqlalchemy import insert
from sqlmodel import Session, SQLModel, select

from fleet_server.access.audit import record_act
from fleet_server.context import Context
from fleet_server.releases.models import ContentRelease
from fleet_server.releases.software import find_software
from fleet_server.rollouts.effects import Effects, claimed
from fleet_server.rollouts.engine import halt
from fleet_server.rollouts.kinds import KINDS
from fleet_server.rollouts.models import ACTIVE, FAILED, WORKING, Rollout
from fleet_server.rollouts.plan import Kind, Plan, Target, wave_sizes
from fleet_server.rollouts.seen import Seen, fleet
from fleet_server.rollouts.turn import course_of, later_ones, members_of, members_seen, open_rollouts
from fleet_server.rollouts.whom import matching
from fleet_server.web.viewer import Viewer
from wire.hours import is_zone
from wire.state import Settings

COMMAND_LINE = "Ligne de commande"


class RolloutRefused(ValueError):
    """One French sentence."""


class Asked(NamedTuple):
    """Someone wants this of a rollout. `viewer` None: the command line."""

    viewer: Viewer | None
    reason: str = ""
    terminals: tuple[str, ...] = ()

    @property
    def who(self) -> str:
        return self.viewer.name if self.viewer else COMMAND_LINE


def create(
    session: Session, ctx: Context, kind: Kind, what: Mapping[str, Any], target: Target, plan: Plan, asked: Asked
) -> Rollout:
    """A draft: nothing leaves. `what`: `{"label": "2026.48"}`, `{"version": "1.2.0"}` or `{"values": {…}}`.

    Raises `RolloutRefused`.
    """
    seen = fleet(session, ctx.now())
    unknown = sorted({*target.terminals, *plan.canaries} - seen.keys())
    if unknown:
        raise RolloutRefused(f"Aucune borne n’a l’identifiant {unknown[0]}.")
    found = {one.id: one for one in matching(target, seen)}
    outside = [seen[one].name for one in plan.canaries if one not in found]
    if outside:
        raise RolloutRefused(f"{outside[0]} ne peut passer en premier : elle ne répond pas aux critères.")
    checked, title = _checked(session, ctx, kind, what)
    _fit_together(kind, checked, list(found.values()))
    made = Rollout(
        kind=kind, title=title, what=checked, target=target.model_dump(mode="json"), plan=plan.model_dump(mode="json"),
        made_at=ctx.now(), made_by=asked.viewer.id if asked.viewer else None, made_by_name=asked.who,
    )  # fmt: skip
    session.add(made)
    session.flush()
    _tell(session, ctx, made, asked, "rollout.created", "draft")
    return made


def submit(session: Session, ctx: Context, rollout: Rollout, asked: Asked) -> str:
    """From draft to ready, or to a second person where one is required. Returns the state it came to."""
    state = "waiting_for_approval" if needs_second_person(ctx, rollout) else "ready"
    _pass(session, ctx, rollout, asked, ("draft",), state, "rollout.submitted")
    return state


def approve(session: Session, ctx: Context, rollout: Rollout, asked: Asked) -> None:
    """By a person, who is not the one who made it."""
    if asked.viewer is None:
        raise RolloutRefused("L’approbation se donne dans le back-office, par une personne connectée.")
    if asked.viewer.id == rollout.made_by:
        raise RolloutRefused("Une seconde personne approuve : ce déploiement est le vôtre.")
    _pass(session, ctx, rollout, asked, ("waiting_for_approval",), "ready", "rollout.approved",
          approved_by_name=asked.who)  # fmt: skip


def refuse(session: Session, ctx: Context, rollout: Rollout, asked: Asked) -> None:
    """Back to draft, with the reason."""
    _pass(session, ctx, rollout, asked, ("waiting_for_approval",), "draft", "rollout.refused", reason=asked.reason)


def start(session: Session, ctx: Context, rollout: Rollout, asked: Asked) -> int:
    """Its terminals are counted now and shared out among the waves. Returns how many."""
    plan, seen = Plan.model_validate(rollout.plan), fleet(session, ctx.now())
    found = matching(Target.model_validate(rollout.target), seen)
    if not found:
        raise RolloutRefused("Aucune borne en service ne correspond : rien n’est lancé.")
    _fit_together(rollout.kind, rollout.what, found)
    _pass(session, ctx, rollout, asked, ("ready",), "running", "rollout.started", started_at=ctx.now(),
          wave_since=ctx.now(), terminals=[one.id for one in found])  # fmt: skip
    rows: list[dict[str, Any]] = [
        {"rollout": rollout.id, "terminal": terminal, "wave": wave, "place": place, "state": "queued", "reason": "",
         "attempt": 1, "revision": 0, "wished_before": {}}
        for place, (terminal, wave) in enumerate(shared_out(plan, found, ctx.now()).items())
    ]  # fmt: skip
    session.connection().execute(insert(SQLModel.metadata.tables["rollout_terminal"]), rows)
    return len(rows)


def shared_out(plan: Plan, found: list[Seen], now: datetime) -> dict[str, int]:
    """Terminal → wave: canaries first, and all of them in the first; the silent last, otherwise by name."""
    canaries = sum(one.id in plan.canaries for one in found)
    order = sorted(found, key=lambda one: (one.id not in plan.canaries, not one.is_online(now), one.name))
    waves = [number for number, size in enumerate(wave_sizes(plan, len(found), canaries)) for _ in range(size)]
    return {one.id: wave for one, wave in zip(order, waves, strict=True)}


def pause(session: Session, ctx: Context, rollout: Rollout, asked: Asked) -> None:
    _pass(session, ctx, rollout, asked, ("running",), "paused", "rollout.paused", reason=asked.reason)


def resume(session: Session, ctx: Context, rollout: Rollout, asked: Asked) -> None:
    _pass(session, ctx, rollout, asked, ("paused",), "running", "rollout.resumed", reason="")


def stop(session: Session, ctx: Context, rollout: Rollout, asked: Asked) -> None:
    """For good. Who has not acted yet is called back; who has is followed to its end."""
    reason = asked.reason or f"arrêté par {asked.who}"
    states = ("draft", "waiting_for_approval", "ready", *ACTIVE)
    _pass(session, ctx, rollout, asked, states, "stopped", "rollout.stopped", reason=reason, ended_at=ctx.now())
    effects, members = _effects(session, ctx, rollout, asked)
    effects.do(halt(course_of(rollout), members, reason, ctx.now()))


def retry(session: Session, ctx: Context, rollout: Rollout, asked: Asked) -> int:
    """Those that failed or said nothing (all, or those named) get their turn again. Returns how many."""
    rows = [row for row in members_of(session, [rollout.id or 0]).get(rollout.id or 0, []) if row.state in FAILED]
    chosen = [row for row in rows if not asked.terminals or row.terminal in asked.terminals]
    if not chosen:
        raise RolloutRefused("Aucune de ces bornes n’est en échec.")
    if rollout.state not in (*ACTIVE, "stopped"):
        raise RolloutRefused("Ce déploiement est terminé : faites-en un nouveau pour ces bornes.")
    _claim(session, rollout)
    if rollout.state == "stopped":
        rollout.state, rollout.reason, rollout.ended_at = "running", "", None
    rollout.soaking_since = None
    for row in chosen:
        row.state, row.reason, row.attempt, row.ended_at = "queued", "", row.attempt + 1, None
        session.add(row)
    session.add(rollout)
    _tell(session, ctx, rollout, asked, "rollout.retried", "queued", [row.terminal for row in chosen])
    return len(chosen)


def force(session: Session, ctx: Context, rollout: Rollout, asked: Asked) -> int:
    """These terminals, whatever their wave, the rates and the hours, and even in a visit. Returns how many."""
    if not asked.reason:
        raise RolloutRefused("Dites pourquoi : passer outre les horaires reste au journal.")
    if rollout.state not in ACTIVE:
        raise RolloutRefused("Seul un déploiement en cours peut être forcé.")
    effects, members = _effects(session, ctx, rollout, asked)
    chosen = [
        one.terminal
        for one in members
        if one.state in WORKING and one.terminal in asked.terminals and not one.leaves and not one.fact.acting
    ]
    if not chosen:
        raise RolloutRefused("Aucune de ces bornes n’attend encore.")
    unfit = [one.unfit for one in members if one.terminal in chosen and one.unfit]
    if unfit:
        raise RolloutRefused(f"{unfit[0]}.")
    _claim(session, rollout)
    _tell(session, ctx, rollout, asked, "rollout.forced", "forced", chosen)
    effects.start(chosen, force=True)
    effects.written()
    return len(chosen)


def needs_second_person(ctx: Context, rollout: Rollout) -> bool:
    return ctx.settings.rollout_approval == "all" or bool(rollout.plan["second_person"])


ACTS: dict[str, Callable[[Session, Context, Rollout, Asked], Any]] = {
    "submit": submit, "approve": approve, "refuse": refuse, "start": start, "pause": pause, "resume": resume,
    "stop": stop, "retry": retry, "force": force,
}  # fmt: skip
"""By the name that the API, the command line and the pages use."""

_FROM = {
    "draft": "en brouillon", "waiting_for_approval": "à approuver", "ready": "prêt", "running": "en cours",
    "paused": "en pause", "stopped": "arrêté", "finished": "terminé",
}  # fmt: skip


def _pass(
    session: Session, ctx: Context, rollout: Rollout, asked: Asked, allowed: tuple[str, ...], state: str, act: str,
    terminals: list[str] | None = None, **values: Any,
) -> None:  # fmt: skip
    if rollout.state not in allowed:
        raise RolloutRefused(f"Ce déploiement est {_FROM[rollout.state]} : rien n’a été changé.")
    _claim(session, rollout)
    before, rollout.state = rollout.state, state
    for name, value in values.items():
        setattr(rollout, name, value)
    session.add(rollout)
    session.flush()
    _tell(session, ctx, rollout, asked, act, state, terminals, before={"state": before}, after={"state": state})


def _claim(session: Session, rollout: Rollout) -> None:
    if not claimed(session, rollout):
        raise RolloutRefused("Il vient d’avancer : regardez où il en est, puis recommencez.")


def _tell(
    session: Session, ctx: Context, rollout: Rollout, asked: Asked, act: str, kind: str,
    terminals: list[str] | None = None, **changed: Any,
) -> None:  # fmt: skip
    detail = {"name": rollout.title} | ({"reason": asked.reason} if asked.reason else {})
    record_act(session, asked.viewer, act, str(rollout.id), detail, now=ctx.now(), who=asked.who,
               terminals=terminals or [], **changed)  # fmt: skip
    effects = Effects(session, ctx, rollout, {}, {}, asked.who)
    effects.note(kind, asked.reason)
    effects.written()


def _effects(session: Session, ctx: Context, rollout: Rollout, asked: Asked) -> tuple[Effects, list[Any]]:
    rollouts, seen = open_rollouts(session), fleet(session, ctx.now())
    # This one too: stopped just now with nobody in progress, it is among the open ones no more.
    rows = members_of(session, list({rollout.id or 0, *(one.id or 0 for one in rollouts)}))
    mine = rows.get(rollout.id or 0, [])
    later = later_ones(rollout, rollouts, rows) if rollout in rollouts else {}
    members = members_seen(rollout, mine, seen, later, ctx.now())
    return Effects(session, ctx, rollout, {row.terminal: row for row in mine}, seen, asked.who), members


def _checked(
    session: Session, ctx: Context, kind: Kind, what: Mapping[str, Any]
) -> tuple[dict[str, Any], str]:  # fmt: skip
    if kind == "software":
        published = find_software(ctx.settings, str(what.get("version", "")))
        if published is None:
            raise RolloutRefused(f"Aucune version publiée ne s’appelle « {str(what.get('version', ''))[:64]} ».")
        return published.release.model_dump(), f"Logiciel {published.release.version}"
    if kind == "content":
        row = session.exec(select(ContentRelease).where(ContentRelease.label == str(what.get("label", "")))).first()
        if row is None:
            raise RolloutRefused(f"Aucune édition ne s’appelle « {str(what.get('label', ''))[:40]} ».")
        return {"id": row.id, "label": row.label}, f"Édition {row.label}"
    values = what.get("values")
    unknown = sorted(set(values) - Settings.model_fields.keys()) if isinstance(values, dict) else []
    if not isinstance(values, dict) or not values or unknown:
        raise RolloutRefused(f"Réglage inconnu : {unknown[0][:40]}." if unknown else "Aucun réglage n’est donné.")
    try:
        whole = Settings.model_validate(values).model_dump(mode="json")
    except ValidationError as error:
        problem = error.errors()[0]
        raise RolloutRefused(f"Réglage « {'.'.join(map(str, problem['loc']))} » : {problem['msg']}.") from None
    if not is_zone(whole["timezone"]):
        raise RolloutRefused(f"Aucun fuseau horaire ne s’appelle « {whole['timezone'][:40]} ».")
    if any(span["closes"] <= span["opens"] for span in whole["opening"]):
        raise RolloutRefused("Un lieu ferme après avoir ouvert, le même jour.")
    return {"values": {name: whole[name] for name in values}}, f"Réglages : {', '.join(sorted(values))}"[:120]


def _fit_together(kind: str, what: Mapping[str, Any], found: list[Seen]) -> None:
    for one in found:
        if why := KINDS[kind].unfit(what, one):
            raise RolloutRefused(f"{why}.")
