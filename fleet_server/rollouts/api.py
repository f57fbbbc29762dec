"""Rollouts for programs: the same acts as the pages, by token. Shapes are those of `rollouts.plan`."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException
from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import Session

from fleet_server.access.caller import CALLED, calling
from fleet_server.context import Context, ContextDep, Reading, Writing
from fleet_server.rollouts.acts import ACTS, Asked, RolloutRefused, create
from fleet_server.rollouts.models import Rollout
from fleet_server.rollouts.plan import Kind, Names, Plan, Target
from fleet_server.rollouts.shown import Shown, newest, shown
from fleet_server.web.errors import refusals
from fleet_server.web.viewer import Viewer

router = APIRouter(prefix="/api/v1/rollouts", tags=["rollouts"], responses=CALLED)
Reader = Annotated[Viewer, Depends(calling("rollouts:read"))]
Writer = Annotated[Viewer, Depends(calling("rollouts:write"))]
Approver = Annotated[Viewer, Depends(calling("rollouts:approve"))]
_FOUND, _ACTED = refusals(404), refusals(404, 409)
ActName = Literal["submit", "start", "pause", "resume", "stop", "retry", "force"]


class NewRollout(BaseModel):
    """`label`: of the edition (kind `content`); `version` (kind `software`); `values`: by name (kind `settings`)."""

    model_config = ConfigDict(extra="forbid")
    kind: Kind
    label: str = Field("", max_length=40)
    version: str = Field("", max_length=64)
    values: dict[str, Any] = Field({}, max_length=30)
    target: Target
    plan: Plan = Plan()


class Wanted(BaseModel):
    """`reason` is demanded to force; `terminals` (ids): whom to force or try again, none for all that failed."""

    model_config = ConfigDict(extra="forbid")
    reason: str = Field("", max_length=200)
    terminals: Names = ()


class InRollout(BaseModel):
    """One terminal in a rollout; `step`: what it says it is doing."""

    terminal: str
    name: str
    wave: int
    state: str
    step: str
    reason: str
    attempt: int
    started_at: datetime | None
    effect_at: datetime | None
    ended_at: datetime | None


class RolloutView(BaseModel):
    id: int
    kind: str
    title: str
    state: str
    reason: str
    wave: int
    what: dict[str, Any]
    target: Target
    plan: Plan
    made_by: str
    approved_by: str
    made_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class RolloutDetail(RolloutView):
    """`whom`: the target, in French words. `preview`: before it starts, what it will do, as a sentence in French."""

    terminals: list[InRollout]
    whom: str
    preview: str


@router.get("")
def rollouts(session: Reading, caller: Reader) -> list[RolloutView]:
    """The hundred newest, those that go on first. Scope `rollouts:read`."""
    return [RolloutView.model_validate(_facts(one)) for one in newest(session)]


@router.post("", status_code=201, responses=refusals(409))
def make(asked: NewRollout, ctx: ContextDep, session: Writing, caller: Writer) -> RolloutView:
    """A draft: nothing leaves before `submit` and `start`. 409 `refused` says why. Scope `rollouts:write`."""
    given: dict[str, dict[str, Any]] = {
        "content": {"label": asked.label}, "software": {"version": asked.version},
        "settings": {"values": asked.values},
    }  # fmt: skip
    what = given[asked.kind]
    try:
        made = create(session, ctx, asked.kind, what, asked.target, asked.plan, Asked(caller))
    except RolloutRefused as refused:
        raise _refused(refused) from refused
    return RolloutView.model_validate(_facts(made))


@router.get("/{number}", responses=_FOUND)
def one(number: int, ctx: ContextDep, session: Reading, caller: Reader) -> RolloutDetail:
    """Each terminal of it, wave by wave; before the start, what it will do. Scope `rollouts:read`."""
    return _detail(shown(session, _row(session, number), ctx.now()))


@router.post("/{number}/approve", responses=_ACTED)
def approve(number: int, asked: Wanted, ctx: ContextDep, session: Writing, caller: Approver) -> RolloutView:
    """As the second person: by another account than its author's. 409 `refused` otherwise. Scope `rollouts:approve`."""
    return _act(session, ctx, number, "approve", asked, caller)


@router.post("/{number}/refuse", responses=_ACTED)
def refuse(number: int, asked: Wanted, ctx: ContextDep, session: Writing, caller: Approver) -> RolloutView:
    """Back to a draft, with the reason. Scope `rollouts:approve`."""
    return _act(session, ctx, number, "refuse", asked, caller)


@router.post("/{number}/{act}", responses=_ACTED)
def act(
    number: int, act: ActName, asked: Wanted, ctx: ContextDep, session: Writing, caller: Writer
) -> RolloutView:  # fmt: skip
    """409 `refused` when it is not in a state for it. Scope `rollouts:write`."""
    return _act(session, ctx, number, act, asked, caller)


def _act(session: Session, ctx: Context, number: int, act: str, asked: Wanted, caller: Viewer) -> RolloutView:
    row = _row(session, number)
    try:
        ACTS[act](session, ctx, row, Asked(caller, asked.reason, asked.terminals))
    except RolloutRefused as refused:
        raise _refused(refused) from refused
    session.refresh(row)
    return RolloutView.model_validate(_facts(row))


def _row(session: Session, number: int) -> Rollout:
    row = session.get(Rollout, number) if 0 < number < 2**31 else None
    if row is None:
        raise HTTPException(404, {"error": "not_found", "message": "Aucun déploiement n’a ce numéro."})
    return row


def _refused(refused: RolloutRefused) -> HTTPException:
    return HTTPException(409, {"error": "refused", "message": str(refused)})


def _facts(row: Rollout) -> dict[str, Any]:
    return row.model_dump() | {"made_by": row.made_by_name, "approved_by": row.approved_by_name}


def _detail(found: Shown) -> RolloutDetail:
    lines = [
        InRollout(terminal=line.row.terminal, name=line.name, wave=line.row.wave, state=line.row.state, step=line.step,
                  reason=line.said, attempt=line.row.attempt, started_at=line.row.started_at,
                  effect_at=line.row.effect_at, ended_at=line.row.ended_at)
        for wave in found.waves
        for line in wave
    ]  # fmt: skip
    return RolloutDetail.model_validate(
        _facts(found.rollout) | {"terminals": lines, "whom": found.whom, "preview": found.preview}
    )
