"""The launcher on a damaged file system: whatever the pointer has become, a slot that is whole is started."""

import errno
import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from failing_disk import FailingDisk

from agent.software import launcher


def slot(root: Path, version: str, made: float = 0, whole: bool = True) -> Path:
    program = root / "slots" / version / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho {version}\n")
    program.chmod(0o755)
    if whole:
        mark = root / "slots" / version / ".whole"
        mark.touch()
        os.utime(mark, (made, made))
    return program


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """2 runs, 1 ran before it, 3 waits for its turn, and of 0 a power cut has left a part."""
    for version, made in (("1", 10.0), ("2", 20.0), ("3", 30.0)):
        slot(tmp_path, version, made)
    slot(tmp_path, "0", whole=False)
    launcher.point(str(tmp_path), "2")
    return tmp_path


def started(root: Path, **env: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-I", launcher.__file__, str(root)], env=env, check=False, capture_output=True, text=True
    )
    return ran.stdout.strip() or ran.stderr.strip()


def gone(current: Path) -> None:
    current.unlink()


def empty(current: Path) -> None:
    current.unlink()
    current.touch()


def astray(current: Path) -> None:
    current.unlink()
    current.symlink_to("slots/lost")


@pytest.mark.parametrize("damage", [gone, empty, astray])
def test_a_broken_pointer_is_mended_to_the_version_that_has_been_in_service(root: Path, damage) -> None:
    damage(root / "current")
    assert started(root) == "1"
    assert launcher.current(str(root)) == "1"


def test_a_pointer_that_cannot_be_mended_keeps_nothing_from_starting(root: Path) -> None:
    gone(root / "current")
    launcher.os = FailingDisk(1, OSError)  # type: ignore[assignment]
    try:
        assert launcher.choose(str(root)) == ("1", False)
    finally:
        launcher.os = os
    assert not (root / "current").exists()


def test_a_broken_pointer_in_a_trial_leads_to_the_old_version(root: Path) -> None:
    launcher.write(str(root), {"new": "3", "old": "2", "boots": 0})
    gone(root / "current")
    assert started(root) == "2"


def test_what_can_not_be_run_gives_way_to_what_can(root: Path) -> None:
    for version in ("2", "1"):
        (root / "slots" / version / "bin" / "python").write_bytes(b"\x7fELF, and no more of it")
    assert started(root).endswith("3")


def test_without_any_slot_it_says_so(tmp_path: Path) -> None:
    assert started(tmp_path).endswith(f"nothing to start in {tmp_path}")


def test_a_time_for_trials_that_is_none_keeps_nothing_from_starting(root: Path) -> None:
    assert started(root, BALISE_TRIAL_S="soon") == "2"


def kept(root: Path, version: str = "2", previous: str = "1") -> None:
    saved = {"phase": "committed", "release": {"version": version}, "target": {"version": version}}
    (root / "update.json").write_text(json.dumps(saved | {"previous": previous}))


def starts(root: Path, count: int, every_s: float = 3, since: float = 100, machine: str = "m") -> list[str]:
    """Which version each of them starts, without what is the same again."""
    chosen = [launcher.choose(str(root), machine, since + number * every_s)[0] for number in range(count)]
    return [version for version, _ in itertools.groupby(chosen)]


def test_one_that_dies_soon_after_each_start_gives_way_to_the_one_before(root: Path) -> None:
    kept(root)
    assert starts(root, launcher.DEATHS) == ["2"]
    assert starts(root, 1, since=115) == ["1"]
    assert launcher.current(str(root)) == "1"


@pytest.mark.parametrize("every_s", [launcher.QUICK_S, 10**6])
def test_one_that_lives_a_while_each_time_stays(root: Path, every_s: float) -> None:
    kept(root)
    assert starts(root, 20, every_s) == ["2"]


def test_power_cuts_are_no_deaths(root: Path) -> None:
    kept(root)
    for boot in range(20):
        assert starts(root, launcher.DEATHS - 1, machine=f"boot {boot}") == ["2"]


def test_where_all_die_none_is_at_fault_and_each_has_its_chance_again_later(root: Path) -> None:
    kept(root)
    assert starts(root, 1000) == ["2", "1", "2"], "two falls in an hour"
    assert starts(root, 300, since=100 + 3000) == ["2", "1", "2"], "and two in the next"
    assert starts(root, 20, machine="another") == ["2", "1", "2"], "or once the machine is started anew"


def test_what_was_only_just_brought_is_no_way_out(root: Path) -> None:
    """1 is gone, 3 waits for the night: 2 is all there is."""
    shutil.rmtree(root / "slots" / "1")
    kept(root)
    saved = json.loads((root / "update.json").read_text())
    (root / "update.json").write_text(json.dumps(saved | {"phase": "restarting", "target": {"version": "3"}}))
    assert starts(root, 100) == ["2"]


def test_the_old_version_may_die_after_the_trial_of_another_too(root: Path) -> None:
    kept(root)
    launcher.write(str(root), {"new": "3", "old": "2", "boots": 0})
    launcher.point(str(root), "3")
    assert starts(root, launcher.BOOTS) == ["3"]
    assert starts(root, launcher.DEATHS + 2, since=200) == ["2", "1"]
    assert starts(root, 3, every_s=1000, since=300) == ["1"], "what is left of the trial does not bring it back"


@pytest.mark.parametrize("damage", [b"", b"[]", b'{"deaths": "many", "at": "now", "falls": 3, "fell": 4}', b"\xff"])
def test_a_count_that_makes_no_sense_is_begun_anew(root: Path, damage: bytes) -> None:
    kept(root)
    (root / "starts.json").write_bytes(damage)
    assert starts(root, launcher.DEATHS + 1) == ["2", "1"]


def test_a_full_disk_does_not_keep_it_from_counting(root: Path) -> None:
    """Nothing new can be made there: the count is written over where it is."""
    kept(root)
    starts(root, 1)

    class Full(FailingDisk):
        def __getattr__(self, name: str) -> object:
            def full(path: str, flags: int, mode: int = 0o777) -> int:
                if flags & os.O_CREAT:
                    raise OSError(errno.ENOSPC, "full")
                return os.open(path, flags, mode)

            return full if name == "open" else getattr(os, name)

    launcher.os = Full(10**9, OSError)  # type: ignore[assignment]
    try:
        assert starts(root, launcher.DEATHS, since=110) == ["2", "1"]
    finally:
        launcher.os = os
