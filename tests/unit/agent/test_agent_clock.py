from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent import VERSION
from agent.clock import BUILT, Clock

TRUE = datetime(2027, 2, 1, 8, tzinfo=UTC)
Y2000 = datetime(2000, 1, 1, tzinfo=UTC)


class Machine:
    """A clock that may be wrong, and a monotonic one."""

    def __init__(self, system):
        self.system, self.up = system, 1000.0

    def wait(self, seconds):
        self.up += seconds
        self.system += timedelta(seconds=seconds)

    def boot(self, path):
        return Clock(path, lambda: self.system, lambda: self.up)


def test_a_clock_above_the_floor_is_believed_but_not_trusted(tmp_path):
    clock = Machine(TRUE).boot(tmp_path / "clock")
    assert (clock.now(), clock.trusted, clock.offset_ms()) == (TRUE, False, None)


def test_below_the_floor_time_goes_on_from_the_floor(tmp_path):
    machine = Machine(Y2000)
    clock = machine.boot(tmp_path / "clock")
    assert clock.now() == clock.floor == BUILT
    machine.wait(60)
    assert clock.now() == BUILT + timedelta(seconds=60)


def test_the_servers_time_is_kept_on_the_monotonic_clock(tmp_path):
    machine = Machine(Y2000)
    clock = machine.boot(tmp_path / "clock")
    asked = clock.elapsed()
    machine.wait(2)
    assert clock.learn(TRUE, asked)
    assert clock.trusted
    machine.wait(3600)
    machine.system = Y2000  # whatever the system's clock does
    assert clock.now() == TRUE + timedelta(seconds=3601)
    assert clock.offset_ms() == int((Y2000 - clock.now()).total_seconds() * 1000)


def test_the_floor_outlives_the_power(tmp_path):
    clock = Machine(Y2000).boot(tmp_path / "clock")
    clock.learn(TRUE, clock.elapsed())
    again = Machine(Y2000).boot(tmp_path / "clock")
    assert again.now() == TRUE
    assert not again.trusted


def test_newer_verified_metadata_raises_the_floor_and_older_does_not_lower_it(tmp_path):
    clock = Machine(Y2000).boot(tmp_path / "clock")
    clock.raise_floor(TRUE)
    clock.raise_floor(BUILT)
    assert clock.floor == TRUE
    assert Machine(Y2000).boot(tmp_path / "clock").floor == TRUE


def test_a_server_whose_clock_is_before_the_build_or_slow_to_answer_teaches_nothing(tmp_path):
    machine = Machine(TRUE)
    clock = machine.boot(tmp_path / "clock")
    assert not clock.learn(Y2000, clock.elapsed())
    asked = clock.elapsed()
    machine.wait(31)
    assert not clock.learn(TRUE, asked)
    assert not clock.trusted


@pytest.mark.parametrize("rebooted", [False, True])
def test_a_server_that_was_once_in_the_future_leaves_no_terminal_there(tmp_path, rebooted):
    machine = Machine(TRUE)
    clock = machine.boot(tmp_path / "clock")
    clock.learn(TRUE + timedelta(days=1500), clock.elapsed())
    clock.raise_floor(clock.now())
    if rebooted:
        clock = machine.boot(tmp_path / "clock")
        assert clock.now() == clock.floor == TRUE + timedelta(days=1500)
    assert clock.learn(TRUE, clock.elapsed())
    assert clock.now() == clock.floor == TRUE
    assert Machine(Y2000).boot(tmp_path / "clock").floor == TRUE


def test_the_day_of_the_build_is_that_of_the_version_in_the_changelog():
    changelog = (Path(__file__).parents[3] / "CHANGELOG.md").read_text()
    assert f"## {VERSION} ({BUILT:%Y-%m-%d})\n" in changelog


@pytest.mark.parametrize("kept", ["", "garbage", "2027-02-01T08:00:00"])
def test_a_damaged_floor_falls_back_to_the_softwares_own(tmp_path, kept):
    (tmp_path / "clock").write_text(kept)
    assert Machine(Y2000).boot(tmp_path / "clock").floor == BUILT


def test_a_disk_that_is_full_does_not_stop_the_clock(tmp_path):
    clock = Machine(Y2000).boot(tmp_path / "no" / "such" / "folder" / "clock")
    assert clock.learn(TRUE, clock.elapsed())
    assert clock.now() == TRUE


def test_each_start_names_itself_and_stamps_what_happened_a_moment_ago(tmp_path):
    machine = Machine(TRUE)
    clock, other = machine.boot(tmp_path / "clock"), machine.boot(tmp_path / "clock")
    assert clock.boot != other.boot
    machine.wait(10)
    stamp = clock.stamp(ago_ms=4000)
    assert stamp["at"] == TRUE + timedelta(seconds=6)
    assert (stamp["mono_ms"], stamp["boot"], stamp["trusted"]) == (6000, clock.boot, False)
    assert clock.stamp(ago_ms=999_999)["mono_ms"] == 0
