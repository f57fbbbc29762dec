"""The kill-matrix: whatever dies, hangs or fails, wherever and however often, a version that works runs in the end."""

import contextlib
import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest
from failing_disk import FailingDisk, PowerCut

from agent import disk
from agent.software import launcher
from agent.software.gate import Before, Health, judge
from agent.software.record import Record, Records, Trial
from agent.software.slots import Slots
from agent.software.transitions import AFTER, AT_REST, CUTS, TRIES, wished
from agent.software.update import MOST_UNTOLD, Later, Rejected, Restart, Update
from wire.software import SoftwareRelease

NEW, NEXT = (SoftwareRelease(version=version, id=version * 64) for version in "23")
WELL = Health(painting=True, linked=True, content_valid=True, up_s=100, steady_s=90)
GOOD = ["downloading", "installing", "restarting", "verifying", "committed"]
BACK = ["downloading", "installing", "restarting", "verifying", "rolling_back", "rolled_back"]
PUT_BACK = ["downloading", "installing", "restarting", "rolling_back", "rolled_back"]
"""The pointer had moved, nothing more was saved, and the launcher found the new version not to stay up."""
ENOUGH_BOOTS = 40


class Died(BaseException):
    """A crash, or what the watchdog makes of a hang."""


@dataclass
class Terminal:
    """A simulated one: the real launcher's choice, the real update, the real disk; `new` is how the version that is
    wanted behaves."""

    root: object
    new: str = "well"
    outbox: dict[str, str] = field(default_factory=dict)
    """What was told, by the event's id: it outlives every power cut."""
    boots: int = 0
    kill: object = lambda phase, when: None
    in_visit: int = 0
    away: int = 0
    unlinked: bool = False
    dying: set = field(default_factory=set)
    """Versions that were kept, and die at each start from now on."""
    now: float = 0
    cut: bool = False
    """Each of its ends is one of the machine, too."""
    ids: Iterator[int] = field(default_factory=itertools.count)
    want: SoftwareRelease = NEW
    revision: int = 1

    def __post_init__(self):
        slots = Slots(self.root)
        slots.begin("1")
        slots.finish("1")
        slots.point("1")

    @property
    def chain(self):
        return list(self.outbox.values())

    # ---- what is told ----

    def event(self, record):
        return {"id": str(next(self.ids)), "phase": record.phase}

    def tell(self, event):
        self.kill("telling", "before")
        self.outbox.setdefault(event["id"], event["phase"])
        self.kill("telling", "after")
        return True

    # ---- what a host does ----

    def fetch(self, target, anew=False):
        if self.away:
            self.away -= 1
            raise Later("the server is away")
        if self.new == "refused":
            raise Rejected("it needs another Python")

    def install(self, target):
        slots = Slots(self.root)
        slots.begin(target.version)
        slots.finish(target.version)

    def may_restart(self):
        self.in_visit = max(self.in_visit - 1, 0)
        return not self.in_visit

    def occupied(self):
        return False

    def before(self):
        return Before(linked=not self.unlinked, painting=True)

    def health(self, before):
        if self.new == "unhealthy":
            return Health(False, True, True, up_s=1000)
        return Health(True, not self.unlinked, True, up_s=100, steady_s=90)

    def disarm(self):
        pass

    # ---- its life ----

    def live(self):
        """Boots until an update is at rest; the record then."""
        for _ in range(ENOUGH_BOOTS):
            self.boots += 1
            try:
                version = self.boot()
                if version not in self.dying:
                    return self._run(version)
            except (Died, Restart, PowerCut):
                disk.os = launcher.os = os
        raise AssertionError(f"never at rest: {self.chain}")

    def machine(self):
        return f"boot {self.boots} of the machine" if self.cut else "a boot of the machine"

    def boot(self):
        self.now += 3
        version, _ = launcher.choose(str(self.root), self.machine(), self.now)
        assert Slots(self.root).whole(version)
        return version

    def _run(self, version):
        if version == self.want.version and self.new in ("crashes", "hangs"):
            raise Died
        update = Killed(self.root, version, f"boot {self.boots}", self, self.event, self.tell)
        update.kill, update.machine = self.kill, self.machine()
        for _ in range(60):
            try:
                update.wish(self.want, self.revision)
                record = update.turn()
            except OSError:
                continue
            if record.phase in AT_REST and Records(self.root).trial() is None and not record.untold:
                return self._settled(record, version)
        raise Died

    def _settled(self, record, version):
        assert record.revision == self.revision
        works = {"1", "2"} - {self.want.version} - self.dying
        assert version == self.want.version if record.phase == "committed" else version in works
        assert launcher.current(str(self.root)) == version
        assert Slots(self.root).whole(version)
        assert (record.release.version if record.release else "") == (version if record.committed_boot else "")
        if record.phase == "committed":
            assert record.release == record.target
            assert Slots(self.root).whole(record.previous)  # kept: the way back needs no network
        return record


class Killed(Update):
    def _act(self, record):
        self.kill(record.phase, "before")
        done = super()._act(record)
        self.kill(record.phase, "after")
        return done


def dies(phase, when, times):
    left = [times]

    def kill(now, moment):
        if (now, moment) == (phase, when) and left[0]:
            left[0] -= 1
            raise Died

    return kill


PHASES = sorted({phase for phase, _ in AFTER})
FOR_EVER = 10**6


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("times", [1, TRIES - 1, FOR_EVER], ids=["once", "often", "for ever"])
@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("new", ["well", "crashes", "hangs", "unhealthy", "refused"])
def test_whatever_dies_a_version_that_works_runs(tmp_path, new, phase, times, when):
    terminal = Terminal(tmp_path, new, kill=dies(phase, when, times))
    record = terminal.live()
    expected = {"well": GOOD, "refused": ["downloading", "failed"]}.get(new, BACK)
    reached = phase in expected and not (new in ("crashes", "hangs") and phase == "verifying")
    if new in ("crashes", "hangs") and (phase, when) == ("restarting", "after"):
        expected = PUT_BACK
    elif times == FOR_EVER and reached and phase != "rolling_back":
        expected = _for_ever(expected, phase, when)
    assert terminal.chain == expected
    assert record.phase == expected[-1]
    assert terminal.boots < ENOUGH_BOOTS


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("phase", ["downloading", "installing", "restarting"])
def test_power_cuts_are_no_tries_up_to_a_bound(tmp_path, phase, when):
    """Nothing has moved yet, and nothing of it is the version's fault."""
    terminal = Terminal(tmp_path / "cuts", cut=True, kill=dies(phase, when, CUTS + TRIES - 1))
    assert terminal.live().phase == "committed"
    assert terminal.chain == GOOD
    for_ever = Terminal(tmp_path / "for-ever", cut=True, kill=dies(phase, when, FOR_EVER))
    moved = (phase, when) == ("restarting", "after")  # the new version takes it from there
    assert for_ever.live().phase == ("committed" if moved else "failed")
    assert for_ever.boots == (2 if moved else CUTS + TRIES + 1)


def _for_ever(expected, phase, when):
    if phase == "verifying":
        # Its trial was ended before it died: that was the commit, and after it there is only forward.
        return GOOD if when == "after" and expected is GOOD else BACK
    if phase == "restarting" and when == "after":
        return expected  # The pointer had moved: the new version takes it from there.
    return [*expected[: expected.index(phase) + 1], "failed"]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("nth", range(1, 8))
@pytest.mark.parametrize("new", ["well", "crashes", "unhealthy", "falls", "refused"])
def test_each_change_is_told_once_whenever_it_dies(tmp_path, new, nth, when):
    """Between saving and telling, and between telling and saving that it was told."""
    moments = itertools.count(1)

    def kill(now, moment):
        if (now, moment) == ("telling", when) and next(moments) == nth:
            raise Died

    terminal = kept(tmp_path, kill=kill) if new == "falls" else Terminal(tmp_path, new, kill=kill)
    terminal.live()
    assert terminal.chain == {"well": GOOD, "falls": FELL, "refused": ["downloading", "failed"]}.get(new, BACK)
    assert not Records(tmp_path).read().untold


def test_what_can_not_be_told_now_is_told_later_and_bounded(tmp_path):
    terminal = Terminal(tmp_path, away=10**6)
    full = Update(tmp_path, "1", "b", terminal, terminal.event, tell=lambda event: False)
    for revision in range(1, MOST_UNTOLD + 10):
        full.wish(NEW if revision % 2 else None, revision)
    assert len(full.record.untold) == MOST_UNTOLD
    roomy = Update(tmp_path, "1", "b", terminal, terminal.event, terminal.tell)
    roomy.turn()
    assert len(terminal.chain) == MOST_UNTOLD
    assert terminal.chain[-1] == full.record.phase


FELL = [*GOOD, "rolled_back"]


def kept(root, **more):
    """A terminal whose version 2 was kept, and dies at each start from now on."""
    terminal = Terminal(root, **more)
    assert terminal.live().phase == "committed"
    terminal.boots, terminal.dying = 0, {"2"}
    return terminal


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("new", ["well", "crashes", "unhealthy"])
def test_one_that_was_kept_may_begin_to_die_at_any_moment_of_the_next_update(tmp_path, new, phase, when):
    """Version 2 updates itself to 3, and dies for ever from some moment on: 1 goes on from there, or 3 is kept."""
    terminal = kept(tmp_path)
    terminal.new, terminal.want, terminal.revision, terminal.dying = new, NEXT, 2, set()

    def kill(now, moment):
        if (now, moment) == (phase, when) and not terminal.dying:
            terminal.dying = {"2"}
            raise Died

    terminal.kill = kill
    record = terminal.live()
    all_at_once = new == "crashes" and (phase, when) == ("restarting", "after")  # 3 and 2 die, and 1 finds what is left
    bad = ["downloading", "installing", "restarting", "rolled_back"] if all_at_once else BACK
    # The fall is told under the phase that it came in.
    told = [phase for phase, _ in itertools.groupby(terminal.chain[len(GOOD) :])]
    assert told == (GOOD if new == "well" else bad)
    if new != "well":
        assert record.previous == ("2" if terminal.dying else "1"), "the other one stays, whatever it is worth"
    assert terminal.boots < ENOUGH_BOOTS


def test_one_that_was_kept_and_dies_gives_way_to_the_one_before_and_says_so(tmp_path):
    terminal = kept(tmp_path)
    record = terminal.live()
    assert terminal.chain == FELL
    assert record.reason == "2 died 5 times soon after its start"
    assert (record.target, record.release, record.previous) == (NEW, None, "2")
    assert terminal.live() == record  # it stays so, and is not tried again
    assert terminal.chain == FELL


def test_one_that_fell_and_is_started_again_is_kept_again_and_says_so(tmp_path):
    """Version 2 falls, then 1 does: what runs well in the end is what was wished."""
    terminal = kept(tmp_path)
    terminal.live()
    terminal.boots, terminal.dying = 0, {"1"}
    record = terminal.live()
    assert (record.phase, record.release, record.previous, record.reason) == ("committed", NEW, "1", "")
    assert record.committed_boot == f"boot {terminal.boots}"
    assert terminal.chain == [*FELL, "committed"]


def test_one_that_fell_is_kept_again_beside_an_update_that_had_failed(tmp_path):
    terminal = kept(tmp_path)
    terminal.new, terminal.want, terminal.revision = "refused", NEXT, 2
    terminal.dying = set()
    committed = terminal.live()
    terminal.dying = {"2"}
    assert terminal.live().release is None
    terminal.dying = {"1"}
    record = terminal.live()
    assert (record.phase, record.target, record.previous) == ("failed", NEXT, "1")
    assert (record.release, record.committed_boot) == (NEW, committed.committed_boot)


def test_a_fall_is_told_beside_an_update_that_had_failed_too(tmp_path):
    terminal = kept(tmp_path)
    terminal.new, terminal.want, terminal.revision, terminal.dying = "refused", NEXT, 2, set()
    terminal.live()
    terminal.dying = {"2"}
    record = terminal.live()
    assert (record.phase, "2 died 5 times soon after its start" in record.reason) == ("failed", True)
    assert terminal.chain == [*GOOD, "downloading", "failed", "failed"]


def test_one_that_fell_and_is_asked_for_again_is_made_anew(tmp_path):
    """Its mark says that it is whole; a library of it was damaged later."""
    terminal = kept(tmp_path)
    (tmp_path / "slots" / "2" / "damaged.py").touch()
    terminal.live()
    assert (tmp_path / "slots" / "2" / "damaged.py").exists()
    terminal.dying, terminal.revision = set(), 2
    assert terminal.live().phase == "committed"
    assert not (tmp_path / "slots" / "2" / "damaged.py").exists()
    assert terminal.chain == [*FELL, *GOOD]


def test_one_that_fell_after_a_wish_was_taken_back_stays_beside_the_other(tmp_path):
    terminal = kept(tmp_path)
    update = Update(tmp_path, "2", "a boot", terminal)
    update.wish(NEXT, 2)
    update.wish(None, 3)
    assert update.turn().phase == "idle"
    while terminal.boot() != "1":
        pass
    fallen = Update(tmp_path, "1", "another boot", terminal)
    fallen.turn()
    record = fallen.turn()
    assert (record.phase, record.target, record.previous) == ("rolled_back", NEW, "2")
    assert slots(tmp_path) == ["1", "2"]


def lives_with(tmp_path, new, fatal, error):
    root = tmp_path / f"{error.__name__}-{fatal}"
    terminal = kept(root) if new == "falls" else Terminal(root, new)
    failing = FailingDisk(fatal, error)
    disk.os = launcher.os = failing
    try:
        record = terminal.live()
    finally:
        disk.os = launcher.os = os
    return failing, terminal, record


@pytest.mark.parametrize("error", [PowerCut, OSError])
@pytest.mark.parametrize("new", ["well", "crashes", "unhealthy", "falls"])
def test_every_io_may_fail(tmp_path, new, error):
    """The power cut, or the disk failing, at each I/O of an update in turn: the way to the end is the same, or back."""
    total = lives_with(tmp_path, new, 10**9, error)[0].count
    assert total > 40
    for fatal in range(1, total + 1):
        _, terminal, record = lives_with(tmp_path, new, fatal, error)
        chain = terminal.chain
        right = {"well": GOOD, "falls": FELL}.get(new, BACK)
        assert chain in (right, BACK) or (new == "crashes" and chain == PUT_BACK), (fatal, chain)
        assert record.phase in (("committed", "rolled_back") if new == "well" else ("rolled_back",)), (fatal, chain)


def test_it_waits_for_the_server_and_for_the_visitor_however_long_that_takes(tmp_path):
    terminal = Terminal(tmp_path, away=20, in_visit=20)
    assert terminal.live().phase == "committed"
    assert terminal.chain == GOOD


@pytest.mark.parametrize(("phase", "then"), [
    ("downloading", "idle"), ("installing", "idle"),  # nothing has moved yet
    ("restarting", "restarting"), ("verifying", "verifying"), ("rolling_back", "rolling_back"),
    ("failed", "failed"), ("committed", "committed"),
])  # fmt: skip
def test_a_wish_that_is_taken_back_calls_back_what_has_not_moved(phase, then):
    found = wished(Record(phase=phase, target=NEW, previous="0", revision=4), None, 5, "1", "b")
    assert (found.phase, found.previous) == (then, "0")


@pytest.mark.parametrize("want", [None, SoftwareRelease(version="1", id="1" * 64)])
def test_what_waits_for_the_night_is_called_back_until_its_trial_begins(tmp_path, want):
    terminal = Terminal(tmp_path, in_visit=10**6)
    waiting = Update(tmp_path, "1", "b", terminal)
    waiting.wish(NEW, 1)
    while waiting.turn().phase != "restarting":
        pass
    waiting.turn()
    waiting.wish(want, 2)
    terminal.in_visit = 0
    assert waiting.turn().phase == ("committed" if want else "idle")
    assert launcher.current(str(tmp_path)) == "1"


def half_made(terminal):
    """What `installer` leaves of a slot where it is killed."""
    slot = Slots(terminal.root).begin(NEW.version)
    (slot / "lib" / "half").mkdir(parents=True)
    (slot / "lib" / "half" / "a_file.py").touch()
    raise Died


def slots(root):
    return sorted(path.name for path in (root / "slots").iterdir())


def test_what_is_left_of_a_slot_goes_once_the_update_has_failed(tmp_path):
    terminal = Terminal(tmp_path)
    terminal.install = lambda target: half_made(terminal)
    assert terminal.live().phase == "failed"
    assert slots(tmp_path) == ["1"]


@pytest.mark.parametrize("whole", [False, True])
def test_what_was_made_for_a_wish_that_is_taken_back_goes(tmp_path, whole):
    terminal = Terminal(tmp_path)
    if not whole:
        terminal.install = lambda target: half_made(terminal)
    update = Update(tmp_path, "1", "b", terminal)
    update.wish(NEW, 1)
    update.turn()
    with contextlib.suppress(Died):
        update.turn()
    assert slots(tmp_path) == ["1", "2"]
    again = Update(tmp_path, "1", "b", terminal)
    again.wish(None, 2)
    assert again.turn().phase == "idle"
    assert slots(tmp_path) == ["1"]


def test_a_power_cut_while_a_slot_is_removed_leaves_it_to_the_next_look(tmp_path):
    terminal = Terminal(tmp_path)
    assert terminal.live().phase == "committed"
    (Slots(tmp_path).begin("0") / "a_file.py").touch()
    Update(tmp_path, "2", "b", terminal).turn()
    assert slots(tmp_path) == ["1", "2"]


def test_slots_that_somebody_made_by_hand_stay_until_an_update_is_asked_for(tmp_path):
    terminal = Terminal(tmp_path)
    Slots(tmp_path).begin("by-hand")
    Update(tmp_path, "1", "b", terminal).turn()
    assert slots(tmp_path) == ["1", "by-hand"]


def test_what_went_wrong_is_tried_again_by_a_new_wish_alone(tmp_path):
    terminal = Terminal(tmp_path, "crashes")
    assert terminal.live().phase == "rolled_back"
    assert terminal.live().phase == "rolled_back"
    assert terminal.chain == BACK  # nothing is begun anew, and nothing told again
    terminal.new = "well"
    again = Update(tmp_path, "1", "b", terminal)
    again.wish(NEW, 2)
    assert again.record == Record(phase="downloading", target=NEW, revision=2, untold=({"id": "downloading"},))


@pytest.mark.parametrize(
    ("change", "linked_before", "expected"),
    [
        ({}, True, "done"),
        ({"linked": False}, True, "wait"),
        ({"linked": False}, False, "done"),
        ({"painting": False}, True, "wait"),
        ({"content_valid": False}, True, "wait"),
        ({"steady_s": 59}, True, "wait"),
        ({"steady_s": 59, "up_s": 900}, True, "failed"),
        ({"linked": False, "up_s": 900}, True, "failed"),
        ({"linked": False, "up_s": 900}, False, "done"),
    ],
)
def test_the_gate_asks_for_what_matters(change, linked_before, expected):
    assert judge(replace(WELL, **change), Before(linked_before, painting=True))[0] == expected


def test_the_launcher_starts_the_old_version_when_it_cannot_count(tmp_path):
    terminal = Terminal(tmp_path)
    terminal.install(NEW)
    launcher.write(str(tmp_path), {"new": "2", "old": "1", "boots": 0})
    Slots(tmp_path).point("2")
    launcher.os = FailingDisk(1, OSError)
    try:
        assert launcher.choose(str(tmp_path)) == ("1", False)
    finally:
        launcher.os = os
    assert launcher.choose(str(tmp_path)) == ("2", True)


@pytest.mark.parametrize("trial", ["", "[]", '{"new": "2", "old": "1", "boots": "many"}', '{"new": "2", "boots": 0}'])
def test_a_trial_that_makes_no_sense_keeps_nothing_from_starting(tmp_path, trial):
    Terminal(tmp_path)
    (tmp_path / "trial.json").write_text(trial)
    assert launcher.choose(str(tmp_path)) == ("1", False)


def test_a_real_process_that_hangs_is_ended_by_the_alarm_and_the_old_version_starts(tmp_path):
    for version, does in (("1", "echo old"), ("2", "exec sleep 600")):
        program = tmp_path / "slots" / version / "bin" / "python"
        program.parent.mkdir(parents=True)
        program.write_text(f"#!/bin/sh\n{does}\n")
        program.chmod(0o755)
    launcher.write(str(tmp_path), {"new": "2", "old": "1", "boots": 0})
    launcher.point(str(tmp_path), "2")
    start = [sys.executable, launcher.__file__, str(tmp_path)]
    environment = os.environ | {"BALISE_TRIAL_S": "1"}
    ends = [subprocess.run(start, env=environment, check=False, capture_output=True) for _ in range(launcher.BOOTS + 1)]
    assert [end.returncode for end in ends] == [-14] * launcher.BOOTS + [0]
    assert ends[-1].stdout == b"old\n"
    assert launcher.current(str(tmp_path)) == "1"


@pytest.mark.parametrize("saved", [b"", b"[]", b'{"phase": "of a version yet to come"}'])
def test_a_state_lost_during_the_trial_brings_the_old_version_back(tmp_path, saved):
    terminal = Terminal(tmp_path)
    terminal.install(NEW)
    Records(tmp_path).begin_trial(Trial(new="2", old="1"))
    Slots(tmp_path).point("2")
    (tmp_path / "update.json").write_bytes(saved)
    with pytest.raises(Restart):
        Update(tmp_path, "2", "boot 1", terminal).turn()
    assert launcher.current(str(tmp_path)) == "1"
    old = Update(tmp_path, launcher.choose(str(tmp_path))[0], "boot 2", terminal)
    while old.turn().phase not in AT_REST or Records(tmp_path).trial():
        pass
    assert Records(tmp_path).read().phase == "rolled_back"
    assert launcher.choose(str(tmp_path)) == ("1", False)


def test_one_that_loses_its_state_each_time_is_not_tried_for_ever(tmp_path):
    terminal = Terminal(tmp_path)
    terminal.install(SoftwareRelease(version="0", id="0" * 64))
    terminal.install(NEW)
    Records(tmp_path).begin_trial(Trial(new="2", old="1", boots=launcher.BOOTS))
    (tmp_path / "update.json").write_bytes(b"rubbish")
    old = Update(tmp_path, launcher.choose(str(tmp_path))[0], "boot 4", terminal)
    old.wish(NEW, 7)
    while (record := old.turn()).phase not in AT_REST or Records(tmp_path).trial():
        pass
    assert (record.phase, record.revision, record.target) == ("rolled_back", 7, NEW)
    assert Slots(tmp_path).whole("0"), "there is still another to go back to"
    assert not Slots(tmp_path).path("2").exists()
    assert launcher.choose(str(tmp_path)) == ("1", False)


def test_a_version_on_trial_whose_state_is_lost_is_not_taken_for_the_one_that_was_kept(tmp_path):
    terminal = Terminal(tmp_path)
    terminal.install(NEW)
    Records(tmp_path).begin_trial(Trial(new="2", old="1"))
    Slots(tmp_path).point("2")
    (tmp_path / "update.json").write_bytes(b"rubbish")
    on_trial = Update(tmp_path, "2", "boot 1", terminal)
    on_trial.wish(NEW, 5)
    with pytest.raises(Restart):
        on_trial.turn()
    assert launcher.current(str(tmp_path)) == "1"


def test_asked_again_it_is_tried_again_at_once(tmp_path):
    terminal = Terminal(tmp_path, "crashes")
    assert terminal.live().phase == "rolled_back"
    Records(tmp_path).begin_trial(Trial(new="2", old="1", boots=launcher.BOOTS))  # not put away yet
    again = Update(tmp_path, "1", "b", terminal, terminal.event, terminal.tell)
    again.wish(NEW, 2)
    while again.turn().phase != "restarting":
        pass
    with pytest.raises(Restart):
        again.turn()
    assert terminal.chain == [*BACK, "downloading", "installing", "restarting", "verifying"]
    assert launcher.choose(str(tmp_path)) == ("2", True)
