"""What to do about the content and settings wished for: decided purely, from what is.

idle → downloading → (waiting) → verifying → committed
               └→ failed              └→ rolled_back          each saved before it is acted upon
"""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from agent.activation import NOW, Verdict
from wire.state import Desired, Release

PhaseName = Literal["idle", "downloading", "waiting", "verifying", "committed", "rolled_back", "failed"]


class Phase(BaseModel):
    """Saved before acting. `target` and `revision`: the release it speaks of and the wish that named it.

    `noted`: the switch that it announces has been written down, to be told.
    """

    model_config = ConfigDict(frozen=True)

    name: PhaseName = "idle"
    target: Release | None = None
    revision: int = 0
    reason: str = ""
    was_painting: bool = False
    rejected: bool = False
    noted: bool = True


@dataclass(frozen=True, slots=True)
class Have:
    """`verdict` of the health gate on the active release: None open, "" passed, else why not. `applied`: the wish
    whose settings are in force. `fetching_at`: the limit under which a fetch runs, kbit/s. `resting`: a fetch has
    failed a moment ago. `download`, `activation`: whether the wish may be brought here, and take effect, now."""

    phase: Phase
    active: Release | None
    stored: frozenset[str]
    applied: Desired | None
    verdict: str | None = None
    fetching: str | None = None
    fetching_at: int = 0
    resting: bool = False
    download: Verdict = NOW
    activation: Verdict = NOW


@dataclass(frozen=True, slots=True)
class ApplySettings:
    desired: Desired


@dataclass(frozen=True, slots=True)
class Fetch:
    release: Release
    revision: int


@dataclass(frozen=True, slots=True)
class StopFetching:
    release: str


@dataclass(frozen=True, slots=True)
class Hold:
    """The release lacks, and nothing may be brought at this hour."""

    release: Release
    revision: int


@dataclass(frozen=True, slots=True)
class Wait:
    """The release is here; a visitor is too, or it is not the hour."""

    release: Release
    revision: int


@dataclass(frozen=True, slots=True)
class Activate:
    release: Release
    revision: int


@dataclass(frozen=True, slots=True)
class Confirm:
    release: Release
    revision: int


@dataclass(frozen=True, slots=True)
class RollBack:
    release: Release
    reason: str


Step = ApplySettings | Fetch | StopFetching | Hold | Wait | Activate | Confirm | RollBack


def plan(want: Desired | None, have: Have) -> tuple[Step, ...]:
    """The steps that lead from `have` to `want`, the first to be done now and the state read again after it."""
    if want is None:
        return ()
    steps: list[Step] = []
    if have.applied is None or _screen_part(have.applied) != _screen_part(want):
        steps.append(ApplySettings(want))
    if have.fetching and not _may_go_on(want, have):
        steps.append(StopFetching(have.fetching))
    return (*steps, *_about_content(want, have))


def is_reached(want: Desired, have: Have) -> bool:
    """Whether the wish is fully applied."""
    return not plan(want, have) and (
        want.release is None
        or (have.active is not None and have.active.id == want.release.id and have.phase.name == "committed")
    )


def _about_content(want: Desired, have: Have) -> tuple[Step, ...]:
    phase, active = have.phase, have.active
    # What was begun is brought to its end first: forward or back, never left in between.
    if phase.target and active and active.id == phase.target.id:
        if phase.name == "verifying":
            return _after_switch(phase, phase.target, have.verdict)
        if phase.name == "rolled_back":
            return (RollBack(phase.target, phase.reason),)
    wished = want.release
    if wished is None:
        return ()
    if active and active.id == wished.id:
        committed = phase.name == "committed" and phase.target == wished
        return () if committed else (Confirm(wished, want.revision),)
    if phase.name in ("failed", "rolled_back") and phase.target == wished and phase.revision == want.revision:
        return ()  # it had its chance; another wish gives it another
    here = phase.name if phase.target == wished and phase.revision == want.revision else ""
    if wished.id not in have.stored:
        if have.fetching == wished.id or (have.resting and have.download.may):
            return ()
        if have.download.may:
            return (Fetch(wished, want.revision),)
        return () if here == "downloading" else (Hold(wished, want.revision),)
    if have.activation.may:
        return (Activate(wished, want.revision),)
    return () if here == "waiting" else (Wait(wished, want.revision),)


def _may_go_on(want: Desired, have: Have) -> bool:
    wished = want.release is not None and have.fetching == want.release.id
    return wished and have.download.may and have.fetching_at == want.settings.download_kbit_s


def _after_switch(phase: Phase, target: Release, verdict: str | None) -> tuple[Step, ...]:
    if verdict is None:
        return ()
    return (RollBack(target, verdict),) if verdict else (Confirm(target, phase.revision),)


def _screen_part(desired: Desired) -> Desired:
    return desired.model_copy(update={"release": None, "revision": 1})
