"""Kill anything, any time: nothing lost, nothing counted twice. The harness that says so finds a build that lies."""

import os
import sqlite3
from contextlib import closing

import pytest

from tests.chaos.under_fire import NotCommitted, UnderFire

SEED = int(os.environ.get("SEED", "20261124"))


def test_sixty_kills_on_mosquitto_lose_nothing_and_count_nothing_twice(tmp_path):
    with UnderFire(tmp_path, SEED) as fleet:
        fleet.rounds(60)
        fleet.settle()
        fleet.check()
        assert {"agent", "server", "broker"} <= set(fleet.killed)


def test_kills_with_the_embedded_broker_lose_nothing(tmp_path):
    with UnderFire(tmp_path, SEED, embedded=True) as fleet:
        fleet.rounds(15)
        fleet.settle()
        fleet.check()


def test_a_build_that_acknowledges_before_the_commit_is_found_out(tmp_path):
    with UnderFire(tmp_path, SEED, build="hasty") as fleet, pytest.raises(NotCommitted, match="acknowledged"):
        fleet.rounds(60)


def test_yesterdays_database_restored_in_mid_traffic_has_everything_again(tmp_path):
    with UnderFire(tmp_path, SEED) as fleet:
        fleet.rounds(2)
        with (
            closing(sqlite3.connect(fleet.database)) as now,
            closing(sqlite3.connect(tmp_path / "backup.db")) as backup,
        ):
            now.backup(backup)
        fleet.rounds(4)
        with fleet.server_away():
            for suffix in ("-wal", "-shm"):
                (tmp_path / f"fleet.db{suffix}").unlink(missing_ok=True)
            (tmp_path / "backup.db").replace(fleet.database)
        fleet.settle()
        fleet.check()


@pytest.mark.soak
def test_a_thousand_kills(tmp_path):
    with UnderFire(tmp_path, SEED) as fleet:
        fleet.rounds(1000)
        fleet.settle()
        fleet.check()
