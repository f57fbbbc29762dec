"""The launcher on a damaged file system: whatever the pointer has become, a slot that is whole is started."""

import os
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
