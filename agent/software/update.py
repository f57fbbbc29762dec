"""One turn of an update: read what is saved, decide, save, act. A process may end between any two of these."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from agent.software import launcher, transitions
from agent.software.gate import LIMIT_S, STEADY_S, Before, Health, judge
from agent.software.record import Record, Records, Trial
from agent.software.slots import Slots
from agent.software.transitions import AT_REST, Outcome
from wire.software import SoftwareRelease

MOST_UNTOLD = 30
"""On a disk that takes no event for so long, the oldest are not told."""


class Rejected(Exception):
    """This release cannot run here: not tried again. Its text says why."""


class Over(Exception):
    """This try is over; asked for again, it is tried again. Its text says why."""


class Later(Exception):
    """In order, but not now: the server is away, the hours are wrong, a visitor is here."""


class Host(Protocol):
    """What an update needs of the terminal. Each may be called again after any death within it."""

    def fetch(self, target: SoftwareRelease, anew: bool = False) -> None:
        """Bring and verify what `install` needs; `anew`: although its slot is whole.

        Raises `Later`, `Over`, `Rejected`, `OSError`.
        """

    def install(self, target: SoftwareRelease) -> None:
        """Make the slot of `target`, anew. Raises `Later`, `Over`, `Rejected`, `OSError`."""

    def occupied(self) -> bool:
        """A visitor is here, whom a restart would send away."""

    def may_restart(self) -> bool:
        """Neither a visit nor the wish's hours are against it."""

    def before(self) -> Before:
        """What the next version must bring back."""

    def health(self, before: Before) -> Health: ...
    def disarm(self) -> None:
        """End the launcher's alarm on this process."""


class Restart(Exception):  # An end that was asked for, no error
    """This process must end now; the launcher starts what the pointer says."""


@dataclass
class Update:
    """`running` is the slot that this process was started from; `boot` the id of its start, `machine` that of the
    machine's. `limit_s`, `steady_s`: of the health gate.

    `event` makes what is to be told of a change of phase, with an `id` of its own; it is saved with the change. `tell`
    is True once that is kept for good. It may be told of one again after a death, and takes it once.
    """

    root: Path
    running: str
    boot: str
    host: Host
    event: Callable[[Record], dict[str, Any]] = lambda record: {"id": record.phase}
    tell: Callable[[dict[str, Any]], bool] = lambda event: True
    machine: str = ""
    limit_s: float = LIMIT_S
    steady_s: float = STEADY_S

    def __post_init__(self) -> None:
        self._records = Records(self.root)
        self._slots = Slots(self.root)
        self._told: set[str] = set()
        self.record = self._records.read()
        """As last saved; for others to read."""

    def wish(self, want: SoftwareRelease | None, revision: int) -> None:
        record, trial = self._records.read(), self._records.trial()
        if want and trial and trial.new == want.version and record.target is None:
            self._save(record, transitions.lost(trial, want, revision))
            return
        record = self._read()  # what became of the last one comes first
        if record.phase in AT_REST:
            record = self._rest(record)  # and leaves nothing to the next
        moved = self._records.trial() is not None or launcher.current(str(self.root)) != self.running
        self._save(record, transitions.wished(record, want, revision, self.running, self.boot, moved))

    def turn(self) -> Record:
        """The record after it. Raises `Restart`, and `OSError` when the disk fails: turn again."""
        record = self._read()
        if record.phase in AT_REST:
            return self._rest(record)
        record = transitions.cut(record, self.machine)
        over = transitions.given_up(record, self.running)
        if over:
            return self._save(record, over)
        begun = self._save(record, transitions.begun(record, self.machine))
        outcome, why = self._act(begun)
        begun = self._records.read()  # what was saved while acting counts: which version to go back to
        if outcome == "wait":
            return self._save(begun, transitions.waited(begun))
        following = transitions.after(begun, "done" if outcome == "done" else "failed", why)
        if following.phase == "committed":
            following = transitions.committed(following, self.boot)
        elif outcome == "rejected":
            following = following.model_copy(update={"rejected": True})
        saved = self._save(begun, following)
        if saved.phase == "verifying":
            raise Restart(self.running)
        return saved

    def _read(self) -> Record:
        record, trial = self._records.read(), self._records.trial()
        known = transitions.fallen(record, trial, self._records.fell(), self.running)
        now = transitions.recovered(known, trial, self.running)
        if now.phase == "committed" != record.phase:
            now = transitions.committed(now, self.boot)
            self.host.disarm()
        return self._save(record, now)

    def _act(self, record: Record) -> tuple[Outcome | Literal["rejected"], str]:
        if record.phase == "rolling_back":  # the one phase that may have lost its target
            return self._back(record)
        assert record.target is not None
        try:
            match record.phase:
                case "downloading":
                    self.host.fetch(record.target, anew=self._fell(record.target))
                case "installing":
                    if not self._slots.whole(record.target.version) or self._fell(record.target):
                        self.host.install(record.target)
                case "restarting":
                    return self._switch(record, record.target.version)
                case "verifying":
                    return self._verify(record)
        except Later as error:
            return "wait", str(error)
        except Over as error:
            return "failed", str(error)[:200]
        except Rejected as error:
            return "rejected", str(error)[:200]
        return "done", ""

    def _fell(self, target: SoftwareRelease) -> bool:
        """It was kept, and this one runs in its place: what is in its slot may be damaged, whatever its mark says."""
        fell = self._records.fell()
        return fell is not None and (fell.version, fell.to) == (target.version, self.running)

    def _switch(self, record: Record, version: str) -> tuple[Outcome, str]:
        if not self.host.may_restart():
            return "wait", ""
        before = self.host.before()
        self._save(record, record.model_copy(update={
            "linked_before": before.linked, "painting_before": before.painting, "previous": self.running,
            "spare": transitions.kept_beside(record, self.running),
        }))  # fmt: skip
        self._records.begin_trial(Trial(new=version, old=self.running))
        self._slots.point(version)
        return "done", ""

    def _verify(self, record: Record) -> tuple[Outcome, str]:
        before = Before(record.linked_before, record.painting_before)
        outcome, why = judge(self.host.health(before), before, self.limit_s, self.steady_s)
        if outcome == "done":
            self._records.end_trial()
            self.host.disarm()
        return outcome, why

    def _back(self, record: Record) -> tuple[Outcome, str]:
        before = record.previous or self.running
        if self.running != before and self.host.occupied():
            return "wait", ""  # the launcher's alarm bounds it
        self._slots.point(before)
        if self.running != before:
            raise Restart(self.running)
        return "done", ""

    def _rest(self, record: Record) -> Record:
        """Whatever was left over is put away, the trial last; the slots of no use any more too."""
        if record.phase in ("rolled_back", "failed") and launcher.current(str(self.root)) != self.running:
            self._slots.point(self.running)
        if self._records.trial():
            self._records.end_trial()
        root = str(self.root)
        if record.phase != "idle":
            # The one to go back to is also kept where the record that named it was lost.
            self._slots.collect({self.running, launcher.current(root), launcher.spare(root, self.running)})
        elif record.revision:  # a wish was taken back; else what is here was put here by hand
            self._slots.collect({self.running, launcher.current(root), record.previous})
        return self._save(record, record.model_copy(update={"untold": self._still_untold(record)}))

    def _save(self, before: Record, now: Record) -> Record:
        if now != before:
            untold = self._still_untold(now)
            fell = now.fell != before.fell and now.reason != before.reason
            if now.phase != before.phase or fell:  # which is told whatever is on its way
                untold = (*untold, self.event(now))[-MOST_UNTOLD:]
            now = now.model_copy(update={"untold": untold})
            self._records.save(now)
            self.record = now
        for event in self._still_untold(now):
            if not self.tell(event):
                break
            self._told.add(event["id"])
        return now

    def _still_untold(self, record: Record) -> tuple[dict[str, Any], ...]:
        return tuple(event for event in record.untold if event.get("id") not in self._told)
