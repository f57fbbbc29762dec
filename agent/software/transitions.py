"""From one phase of an update to the next: pure, a table that the tests walk through.

    phase          what is done under it                    then            if it fails     if it dies, in its next life
    downloading    bring the wheels                         installing      failed          does it again (resumes)
    installing     make the slot                            restarting      failed          does it again, from nothing
    restarting     begin the trial, move the pointer, exit  verifying       failed          again; or is the target
    verifying      look at its own health, end the trial    committed       rolling_back    looks again; or was put back
    rolling_back   move the pointer back, exit              rolled_back     (launcher)      does it again

Whatever the phase, the launcher may have put back the version before one that was kept: `fallen` says what then is.

A phase is saved, with one try more, before anything is done under it. With `TRIES` behind it, it is not begun again:
`given_up` says where that leads.
"""

from typing import Literal

from agent.software.launcher import BOOTS
from agent.software.record import Fell, Record, Trial
from wire.software import SoftwareRelease, UpdatePhase

TRIES = 3
CUTS = 10
"""So many power cuts in one phase are no tries; after that they are: what ends the whole machine is bounded too."""
Outcome = Literal["done", "failed", "wait"]
AT_REST: frozenset[UpdatePhase] = frozenset({"idle", "committed", "rolled_back", "failed"})
REPLACEABLE: frozenset[UpdatePhase] = AT_REST | {"downloading", "installing"}
"""Phases in which a newer wish takes the place of this one: nothing has been moved yet."""

AFTER: dict[tuple[UpdatePhase, Outcome], UpdatePhase] = {
    ("downloading", "done"): "installing",
    ("downloading", "failed"): "failed",
    ("installing", "done"): "restarting",
    ("installing", "failed"): "failed",
    ("restarting", "done"): "verifying",
    ("restarting", "failed"): "failed",
    ("verifying", "done"): "committed",
    ("verifying", "failed"): "rolling_back",
    ("rolling_back", "done"): "rolled_back",
    ("rolling_back", "failed"): "rolled_back",
}


def wished(
    record: Record, want: SoftwareRelease | None, revision: int, running: str, boot: str, moved: bool = True
) -> Record:
    """The record once this is wanted: begun, replaced, called back before anything moved, or as it was.

    `moved`: the trial has begun, or the pointer names another version. What only waits to restart is called back too.
    """
    replaceable = record.phase in REPLACEABLE or (record.phase == "restarting" and not moved)
    stays = ("release", "committed_boot", "lost", "lost_boot", "fell", "untold")
    kept = {name: getattr(record, name) for name in stays}
    kept["previous"] = kept_beside(record, running)
    if want is None and replaceable and record.phase not in AT_REST:
        return Record(revision=revision, **kept)
    if want is None or not replaceable or revision == record.revision:
        return record
    if record.phase not in AT_REST and want == record.target:
        return record.model_copy(update={"revision": revision})
    if want.version == running:
        since = record.committed_boot if record.release == want else boot
        return committed(record.model_copy(update={"target": want, "revision": revision}), since)
    return Record(phase="downloading", target=want, revision=revision, **kept)


def lost(trial: Trial, want: SoftwareRelease, revision: int) -> Record:
    """What was saved of this wish is gone, in its very trial: it has had its chance, as one that did not stay up."""
    return Record(
        phase="rolling_back", target=want, revision=revision, previous=trial.old, reason="its state was lost"
    )  # fmt: skip


def committed(record: Record, boot: str) -> Record:
    """It runs, and after this only forward. `boot`: of the process that found it well."""
    return record.model_copy(update={
        "phase": "committed", "release": record.target, "committed_boot": boot, "reason": "", "rejected": False,
        "spare": "", "lost": None, "lost_boot": "",
    })  # fmt: skip


def recovered(record: Record, trial: Trial | None, running: str) -> Record:
    """What the saved phase means for the version that runs now: the launcher may have put the old one back."""
    target = record.target.version if record.target else ""
    if record.phase == "restarting" and trial and running == target:
        return _to(record, "verifying")
    if record.phase == "restarting" and trial and trial.new == target and trial.boots >= BOOTS:
        return _to(record, "rolling_back", "it did not stay up")
    if record.phase == "verifying" and trial is None and running == target:
        return _to(record, "committed")  # The trial's end is the commit: after it only forward.
    if record.phase == "verifying" and running != target:
        return _to(record, "rolling_back", record.reason or "it did not stay up")
    if record.phase in AT_REST and trial and running == trial.new and record.phase != "committed":
        # Of what was saved nothing is left, but the trial tells which version to go back to.
        return _to(record.model_copy(update={"previous": trial.old}), "rolling_back", "its state was lost")
    return record


def fallen(record: Record, trial: Trial | None, fell: Fell | None, running: str) -> Record:
    """What becomes of the record where the launcher has started `running` in place of a version that died too often.

    What is on its way goes on from here. The one that died stays whole: should this one die as well, it may come back.
    """
    if fell is None or fell.to != running or fell.id == record.fell:
        return record
    now = record.model_copy(update={"fell": fell.id})
    if record.release and record.release.version == running:
        return now  # it is back where it was
    if record.lost and record.lost.version == running:
        return _back_again(now, fell)
    lost = now.model_copy(update={
        "release": None, "committed_boot": "", "previous": fell.version, "spare": "",
        "lost": record.release or record.lost, "lost_boot": record.committed_boot or record.lost_boot,
    })  # fmt: skip
    reason = f"{fell.version} died {fell.deaths} times soon after its start"
    in_trial = trial and running not in (trial.new, trial.old)
    rolled_back = {"phase": "rolled_back", "tries": 0, "cuts": 0, "reason": reason}
    if record.phase == "idle":
        return lost.model_copy(update=rolled_back | {"target": record.release})
    if in_trial or (record.phase in AT_REST and record.target and record.target.version == fell.version):
        return lost.model_copy(update=rolled_back)
    # Of an update that had ended, what it ended by is told too.
    return lost.model_copy(update={"reason": f"{record.reason}; {reason}"}) if record.phase in AT_REST else lost


def _back_again(record: Record, fell: Fell) -> Record:
    """The one that fell first runs again, since the other fell as well: it is the one that is kept, as before."""
    now = record.model_copy(update={
        "release": record.lost, "committed_boot": record.lost_boot, "lost": None, "lost_boot": "",
        "previous": fell.version, "spare": "",
    })  # fmt: skip
    kept = record.phase == "rolled_back" and record.target == record.lost
    return committed(now, record.lost_boot) if kept else now


def cut(record: Record, machine: str) -> Record:
    """A try that was cut off with the machine was none. `machine`: its present boot."""
    if not record.tries or record.machine == machine or record.cuts >= CUTS:
        return record
    return record.model_copy(update={"tries": record.tries - 1, "cuts": record.cuts + 1, "machine": machine})


def begun(record: Record, machine: str) -> Record:
    """One try more of this phase, to be saved before it is made."""
    return record.model_copy(update={"tries": record.tries + 1, "machine": machine})


def waited(record: Record) -> Record:
    """What only waited, in order, was no try."""
    return record.model_copy(update={"tries": max(record.tries - 1, 0)})


def given_up(record: Record, running: str) -> Record | None:
    """Where a phase leads that was tried often enough; None while it may be tried.

    Going back is given up by the old version alone: in the new one the launcher's count of boots bounds it.
    """
    going_back = record.phase == "rolling_back" and running != record.previous
    if record.phase in AT_REST or going_back or record.tries < TRIES:
        return None
    if record.phase == "restarting":
        record = record.model_copy(update={"previous": kept_beside(record, running)})
    return after(record, "failed", record.reason or f"tried {TRIES} times, died each time in {record.phase}")


def after(record: Record, outcome: Outcome, reason: str = "") -> Record:
    return _to(record, AFTER[record.phase, outcome], reason)


def kept_beside(record: Record, running: str) -> str:
    """The slot that is kept beside `running`, also where a trial of another was about to begin."""
    return record.spare if record.previous == running else record.previous


def _to(record: Record, phase: UpdatePhase, reason: str = "") -> Record:
    now = record.model_copy(update={"phase": phase, "tries": 0, "cuts": 0, "reason": reason or record.reason})
    return now.model_copy(update={"previous": record.spare, "spare": ""}) if phase == "rolled_back" else now
