"""Trust as its callers use it: contents and software alike; what is kept survives a power cut at any of its writes."""

import os
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tuf.api.metadata import TargetFile

from agent import disk
from agent.resume import Missing
from agent.trust import TrustJob, connections, trusted_target
from tests.integration.agent.test_agent_trust_attacks import OnDisk
from tests.release_server import ReleaseServer
from tests.releases import AUTUMN, WINTER
from tests.trust import OFFLINE

VERSION = "software/1.2.0.json"


@pytest.fixture
def theirs(tmp_path: Path) -> OnDisk:
    made = OnDisk(tmp_path / "server")
    made.publish(AUTUMN)
    return made


def job(server: ReleaseServer, theirs: OnDisk, folder: Path, **more: Any) -> TrustJob:
    return TrustJob(trust=folder, server=server.url, root=theirs.root.decode(), **more)


def test_software_comes_by_the_offline_key(theirs: OnDisk, tmp_path: Path) -> None:
    with ReleaseServer(theirs).serving() as server:  # type: ignore[arg-type]
        asked = job(server, theirs, tmp_path / "tuf")
        with pytest.raises(Missing):
            trusted_target(asked, VERSION, 1000)
        assert theirs.repo.add_software(VERSION, b'{"version": "1.2.0"}', [OFFLINE["software"]], theirs.now)
        assert trusted_target(asked, VERSION, 1000) == b'{"version": "1.2.0"}'


def test_who_has_the_servers_key_publishes_no_software(theirs: OnDisk, tmp_path: Path) -> None:
    evil = TargetFile.from_data(VERSION, b"evil", ["sha256"])
    theirs.repo.files.write_target(evil, b"evil")
    theirs.repo.add(VERSION, b"evil", theirs.now)
    with ReleaseServer(theirs).serving() as server, pytest.raises(Missing):  # type: ignore[arg-type]
        trusted_target(job(server, theirs, tmp_path / "tuf"), VERSION, 1000)


class PowerCut(OSError):
    pass


@pytest.mark.parametrize("apart", [5, pytest.param(1, marks=pytest.mark.soak)])
def test_a_power_cut_at_any_write_leaves_what_the_next_look_goes_on_from(
    theirs: OnDisk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, apart: int
) -> None:
    """The N-th step on the disk fails, over a first look and one that follows a new root and lists.

    A write takes six steps: positions five apart come by each of them, and by every file in turn.
    """
    fresh = theirs.repo.online.make("1")
    genuine = set(theirs.files.values())
    steps = ("open", "write", "fsync", "replace", "mkdir")
    real = {name: getattr(os, name) for name in steps}
    left = [10**9]

    def counted(name: str) -> Any:
        def step(*given: Any, **named: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                raise PowerCut(name)
            return real[name](*given, **named)

        return step

    for name in steps:
        monkeypatch.setattr(disk.os, name, counted(name))
    with ReleaseServer(theirs).serving() as server:  # type: ignore[arg-type]
        first = tmp_path / "first"
        trusted_target(job(server, theirs, first), f"releases/{AUTUMN.id}.json", 10**6)
        left[0] = 10**9
        assert theirs.change(lambda draft: draft.exchange_online(fresh), [OFFLINE["root"], OFFLINE["targets"]])
        theirs.publish(WINTER)
        genuine |= set(theirs.files.values())
        later = theirs.now + timedelta(minutes=1)
        pool = connections(job(server, theirs, first))  # reading the system's certificates takes a while
        for start in (None, first):
            cuts = 0
            for number in range(1, 500, apart):
                folder = tmp_path / f"{'again' if start else 'anew'}-{number}"
                if start:
                    shutil.copytree(start, folder)
                asked = job(server, theirs, folder, now=later)
                left[0] = number
                try:
                    trusted_target(asked, f"releases/{WINTER.id}.json", 10**6, pool)
                    if left[0] > 0:
                        break
                except PowerCut:
                    cuts += 1
                finally:
                    left[0] = 10**9
                for kept in folder.rglob("*.json"):
                    assert kept.name.startswith(".") or kept.read_bytes() in genuine, kept
                assert trusted_target(asked, f"releases/{WINTER.id}.json", 10**6, pool) == WINTER.raw
            assert cuts > 20 // apart, cuts
