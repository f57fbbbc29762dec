"""The loop around an update, with a child that does nothing: what it waits for, and that it rests."""

import asyncio
import json
import threading
from datetime import UTC, datetime

import pytest

from agent.activation import NOW, Verdict
from agent.limit import line_of
from agent.software.child import NotDone
from agent.software.host import TerminalHost
from agent.software.slots import Slots
from agent.software.update import Update
from agent.software.updating import Updating
from wire.software import SoftwareRelease
from wire.state import Desired, Place, SealingKey

SITE = Place(
    site="laval", name="Mairie", kind="mairie", commune="53130", commune_name="Laval", department="53",
    latitude=48, longitude=-0.7,
)  # fmt: skip


class SimulatedChild:
    """`says`: how each run of a module ends; with none left a run goes on until it is ended."""

    def __init__(self, *says):
        self.says = list(says)
        self.ran, self.jobs = [], []
        self._over = threading.Event()

    def run(self, module, job, progress):
        self.jobs.append(job)
        self.ran.append((module.rsplit(".", 1)[1], job["target"]["version"]))
        if not self.says:
            self._over.wait(20)
            raise NotDone("ended", "")
        if said := self.says.pop(0):
            raise NotDone(said, "for some reason")

    def end(self):
        self._over.set()

    def open(self):
        self._over.clear()


class Enrolled:
    server = root = ca = ""


@pytest.fixture
def made(tmp_path):
    def make(*says, **more):
        slots = Slots(tmp_path)
        slots.begin("1")
        slots.finish("1")
        slots.point("1")
        host = TerminalHost(
            tmp_path, tmp_path / "tuf", Enrolled, lambda: datetime(2026, 11, 29, tzinfo=UTC), lambda: None, **more
        )
        host.child = SimulatedChild(*says)
        return host, Updating(Update(tmp_path, "1", "b", host), host, lambda: None)

    return make


def wished(version, revision, **settings):
    key = SealingKey(kid="k", public="A" * 43)
    return Desired(
        revision=revision, software_revision=revision, name="Laval", place=SITE, sealing_key=key,
        software=SoftwareRelease(version=version, id="2" * 64), settings=settings,
    )  # fmt: skip


async def running(updating, seconds=0.4):
    task = asyncio.create_task(updating.run())
    await asyncio.sleep(seconds)
    return task


async def ended(task):
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_another_wish_ends_what_was_on_its_way(made):
    host, updating = made()
    updating.wish(wished("2", 1))
    task = await running(updating)
    updating.wish(wished("3", 2))
    await asyncio.sleep(0.4)
    assert host.child.ran == [("fetch", "2"), ("fetch", "3")]
    await ended(task)


async def test_another_limit_of_the_line_counts_for_what_is_on_its_way(made):
    host, updating = made()
    updating.wish(wished("2", 1))
    task = await running(updating)
    updating.wish(wished("2", 1, download_kbit_s=500))
    await asyncio.sleep(0.4)
    assert len(host.child.ran) == 2
    assert all(job["line"] == str(line_of(host.root.parent)) for job in host.child.jobs), "shared with contents"
    await ended(task)


async def test_hours_that_end_while_it_arrives_stop_it(made, monkeypatch):
    monkeypatch.setattr("agent.software.updating._LOOK_S", 0.1)
    verdicts = [NOW]
    host, updating = made(download=lambda: verdicts[-1])
    updating.wish(wished("2", 1))
    task = await running(updating)
    verdicts.append(Verdict("download_hours"))
    await asyncio.sleep(0.5)
    assert host.child.ran == [("fetch", "2")]
    assert updating.state().waits_for == "download_hours"
    await ended(task)


async def test_a_lost_wheel_outside_the_hours_is_waited_for_at_rest(made):
    verdicts = [NOW]
    host, updating = made("", "missing", download=lambda: verdicts[-1])
    updating.wish(wished("2", 1))
    task = await running(updating)
    verdicts.append(Verdict("download_hours"))
    host.rest_until = 0
    updating.wake()
    saved = updating._update.record
    await asyncio.sleep(0.5)
    assert host.child.ran == [("fetch", "2"), ("install", "2")]
    assert host.rest_until > host.monotonic()
    assert updating._update.record.phase == saved.phase == "installing"
    await ended(task)


async def test_who_signs_is_not_trusted_now_may_be_asked_again(made):
    _, updating = made("untrusted")
    updating.wish(wished("2", 1))
    task = await running(updating)
    state = updating.state()
    assert (state.phase, state.rejected, state.reason) == ("failed", False, "untrusted: for some reason")
    await ended(task)


async def test_one_that_fell_is_brought_again_although_its_slot_has_its_mark(made):
    host, updating = made("", "missing")
    slots = Slots(host.root)
    slots.begin("2")
    slots.finish("2")
    fell = {"version": "2", "to": "1", "deaths": 5, "id": "a fall"}
    (host.root / "starts.json").write_text(json.dumps({"fell": fell}))
    updating.wish(wished("2", 1))
    task = await running(updating)
    assert host.child.ran == [("fetch", "2"), ("install", "2")]
    host.rest_until = 0
    updating.wake()
    await asyncio.sleep(0.4)
    assert host.child.ran[2:] == [("fetch", "2")], "its wheels were lost meanwhile"
    await ended(task)


async def test_a_slot_that_is_whole_and_has_never_fallen_is_taken_as_it_is(made):
    host, updating = made()
    slots = Slots(host.root)
    slots.begin("2")
    slots.finish("2")
    updating.wish(wished("2", 1))
    task = await running(updating)
    assert host.child.ran == []
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
