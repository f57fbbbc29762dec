"""The reconciler with a real store: what it does turn by turn, and after a crash at any point of it."""

import asyncio
import json
import os
from collections.abc import Callable
from datetime import time, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent import disk
from agent.effects import Effects, Times
from agent.fetching import NotFetched
from agent.notebook import Notebook
from agent.page import Heartbeat, Page
from agent.reconcile import Reconciler
from agent.spool import CannotKeep
from agent.store import Store
from tests.releases import AUTUMN, BROKEN, WINTER, Made, make, put
from tests.unit.agent.screen_neighbours import START, Hand, Told
from tests.unit.agent.test_agent_plan import wish
from wire.events import StateChanged
from wire.state import Activation, Desired, Hours, Release

ALL = {made.id: made for made in (AUTUMN, WINTER, BROKEN)}


class Crash(BaseException):
    pass


class Somebody:
    in_visit = False


class World:
    """A terminal without network or window: `bring` puts releases in the store, `page` is moved by the test."""

    def __init__(self, root: Path, page: bool = True) -> None:
        self.root = root
        self.hand = Hand()
        self.visitor = Somebody()
        self.told = Told()
        self.shown: list[str | None] = []
        self.applied: list[int] = []
        self.reloads = 0
        self.brought: list[str] = []
        self.reports: list[tuple[int, list[str]]] = []
        """At each call for a report: the revision reached, and what had been told by then."""
        self.trouble: list[NotFetched] = []
        self.has_page = page
        self.trusted = True
        self.deaf = False
        self.limits: list[int] = []
        self.ids: list[str] = []
        self.begin()

    def begin(self) -> None:
        """(Again) from what the disk holds."""
        disk.make_dir(self.root)
        self.store = Store(self.root / "content")
        self.page = Page(self.hand.monotonic, self.hand.now)
        effects = Effects(
            bring=self.bring, apply=self.apply, show=self.show, reload=self.reload, event=self.event,
            tell=self.tell, changed=lambda: self.reports.append((self.reconciler.reached_revision(), self.told.whats)),
        )  # fmt: skip
        times = Times(self.hand.monotonic, self.hand.now, lambda: self.trusted)
        notes = Notebook(self.root / "phase.json")
        self.reconciler = Reconciler(self.store, notes, self.page, self.visitor, effects, times)

    def event(self, what: str, detail: dict[str, Any]) -> StateChanged:
        return StateChanged(**self.hand.stamp(), what=what, detail=detail)

    async def tell(self, event: StateChanged) -> None:
        if self.deaf:
            raise CannotKeep("no space left")
        self.ids.append(event.id)
        await self.told(event.what, event.detail)

    async def bring(self, release: str, kbit_s: int, progress: Callable[[float], None]) -> None:
        self.brought.append(release)
        self.limits.append(kbit_s)
        if self.trouble:
            raise self.trouble.pop(0)
        progress(0.5)
        await asyncio.sleep(0)
        try:
            put(self.store, ALL[release])
        except Crash:
            raise asyncio.CancelledError from None  # the process is gone; the disk refuses what is still tried

    def apply(self, desired: Desired) -> None:
        self.applied.append(desired.revision)

    def show(self, release: Release | None) -> None:
        self.shown.append(release.label if release else None)

    def reload(self) -> None:
        self.reloads += 1

    def paint(self, release: Release | None = None, failed: str = "") -> None:
        shown = release or self.store.active
        self.page.hear(Heartbeat(frames=10, release=shown.id if shown else None, failed=failed))

    async def settle(self, paints: bool = True, turns: int = 200) -> None:
        """Turn until nothing is left to do, a second passing each time there was nothing."""
        idle = 0
        for _ in range(turns):
            if self.has_page and paints:
                self.paint()
            if await self.reconciler.turn():
                idle = 0
            else:
                idle += 1
                self.hand.pass_s(1)
                await asyncio.sleep(0)
            if idle > 70:
                return
        raise AssertionError(f"never settles: {self.reconciler.phase}")

    @property
    def active(self) -> str | None:
        return self.store.active.label if self.store.active else None


async def with_autumn(world: World) -> World:
    world.reconciler.wish(wish(AUTUMN.release, 1))
    await world.settle()
    assert world.active == AUTUMN.label
    world.told.all.clear()
    world.ids.clear()
    return world


@pytest.fixture
async def world(tmp_path: Path) -> World:
    return await with_autumn(World(tmp_path / "terminal"))


async def test_a_first_wish_is_fetched_activated_confirmed_and_reached(tmp_path: Path) -> None:
    world = World(tmp_path / "terminal")
    world.reconciler.wish(wish(AUTUMN.release, 3))
    assert world.reconciler.reached_revision() == 0
    await world.settle()
    assert world.told.whats == ["settings.applied", "content.activated", "content.committed"]
    assert world.reconciler.reached_revision() == 3
    assert world.reconciler.content_state().phase == "committed"


async def test_settings_alone_are_reported_at_once_and_once_before_anything_is_told_of_them(world: World) -> None:
    world.reports.clear()
    world.reconciler.wish(wish(AUTUMN.release, 2, idle_end_s=120))
    await world.settle()
    assert world.reports == [(2, [])]
    assert world.told.whats == ["settings.applied"]


async def test_a_wish_that_asks_for_nothing_new_is_reported_as_reached(world: World) -> None:
    world.reports.clear()
    world.reconciler.wish(wish(AUTUMN.release, 2))
    await world.settle()
    assert world.reports == [(2, [])]
    assert world.told.whats == []


async def test_a_new_release_waits_while_a_visitor_is_there(world: World) -> None:
    world.visitor.in_visit = True
    world.reconciler.wish(wish(WINTER.release, 2))
    await world.settle()
    assert world.active == AUTUMN.label
    assert world.reconciler.content_state().phase == "waiting"
    world.visitor.in_visit = False
    await world.settle()
    assert world.active == WINTER.label


async def test_a_release_that_no_page_paints_is_rolled_back_within_a_minute_or_so(world: World) -> None:
    world.paint()
    world.reconciler.wish(wish(WINTER.release, 2))
    for _ in range(90):
        world.paint(AUTUMN.release)  # the page stays with what it had
        if not await world.reconciler.turn():
            world.hand.pass_s(1)
        await asyncio.sleep(0)
    state = world.reconciler.content_state()
    assert (world.active, state.phase) == (AUTUMN.label, "rolled_back")
    assert "did not paint" in state.reason
    assert state.target == WINTER.release
    assert world.told.whats[-1] == "content.rolled_back"
    assert world.reloads == 1
    assert world.reconciler.reached_revision() == 0


async def test_a_page_that_says_it_failed_rolls_back_at_once(world: World) -> None:
    world.paint()
    world.reconciler.wish(wish(WINTER.release, 2))
    while world.active != WINTER.label:
        await world.reconciler.turn()
        await asyncio.sleep(0)
    world.hand.pass_s(1)
    # It keeps showing the old release, and names the one it could not read.
    world.paint(AUTUMN.release, failed=f"release {WINTER.id[:12]}: texts.json is unreadable")
    await world.reconciler.turn()
    assert world.active == AUTUMN.label
    assert "texts.json" in world.reconciler.content_state().reason


async def test_a_rolled_back_release_is_tried_again_only_by_another_wish(world: World) -> None:
    world.paint()
    world.reconciler.wish(wish(WINTER.release, 2))
    for _ in range(90):
        world.paint(AUTUMN.release)
        if not await world.reconciler.turn():
            world.hand.pass_s(1)
        await asyncio.sleep(0)
    brought, told = len(world.brought), len(world.told.all)
    await world.settle()
    assert (len(world.brought), len(world.told.all)) == (brought, told)
    world.reconciler.wish(wish(WINTER.release, 3))
    await world.settle()
    assert world.active == WINTER.label


async def test_time_in_a_visit_does_not_count_against_a_release(world: World) -> None:
    world.paint()
    world.reconciler.wish(wish(WINTER.release, 2))
    while world.active != WINTER.label:
        await world.reconciler.turn()
        await asyncio.sleep(0)
    world.visitor.in_visit = True
    for _ in range(300):
        world.hand.pass_s(1)
        world.paint(AUTUMN.release)
        await world.reconciler.turn()
    assert world.active == WINTER.label
    world.visitor.in_visit = False
    await world.settle()
    assert world.reconciler.content_state().phase == "committed"


async def test_without_a_page_a_release_is_kept(tmp_path: Path) -> None:
    world = await with_autumn(World(tmp_path / "terminal", page=False))
    world.reconciler.wish(wish(WINTER.release, 2))
    await world.settle()
    assert (world.active, world.reconciler.content_state().phase) == (WINTER.label, "committed")


async def test_a_release_without_its_index_is_never_switched_to(world: World) -> None:
    world.reconciler.wish(wish(BROKEN.release, 2))
    await world.settle()
    state = world.reconciler.content_state()
    assert (world.active, state.phase, state.reason) == (AUTUMN.label, "failed", "index.json is missing")
    assert world.brought.count(BROKEN.id) == 1


async def test_what_was_damaged_on_the_disk_is_fetched_again(world: World) -> None:
    put(world.store, WINTER)
    found = world.store.locate(WINTER.id, "acteurs/actors.json")
    assert found
    found[0].write_bytes(b'["wintEr"]')
    world.reconciler.wish(wish(WINTER.release, 2))
    await world.settle()
    assert world.active == WINTER.label
    assert WINTER.id in world.brought
    world.store.verify(WINTER.id)


async def test_a_server_that_is_away_is_asked_again_later_and_later(world: World) -> None:
    world.trouble = [NotFetched("unreachable", "no answer")] * 4
    world.reconciler.wish(wish(WINTER.release, 2))
    for _ in range(10):
        await world.reconciler.turn()
        await asyncio.sleep(0)
    assert len(world.brought) == 2  # autumn, and one try: it rests
    assert "unreachable" in world.reconciler.content_state().reason
    await world.settle(turns=400)
    assert world.active == WINTER.label
    assert world.brought.count(WINTER.id) == 5


async def test_what_is_not_trusted_is_not_asked_for_again(world: World) -> None:
    world.trouble = [NotFetched("untrusted", "signed by another")]
    world.reconciler.wish(wish(WINTER.release, 2))
    await world.settle()
    assert world.brought.count(WINTER.id) == 1
    assert world.reconciler.content_state().phase == "failed"
    assert "content.failed" in world.told.whats
    world.reconciler.wish(wish(WINTER.release, 3))
    await world.settle()
    assert world.active == WINTER.label


async def test_another_wish_ends_the_download_of_the_first(world: World) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def for_ever(release: str, kbit_s: int, progress: Callable[[float], None]) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    world.reconciler._bringing._bring = for_ever
    world.reconciler.wish(wish(WINTER.release, 2))
    await world.reconciler.turn()
    await begun.wait()
    world.reconciler.wish(wish(AUTUMN.release, 3))
    await world.settle()
    assert ended.is_set()
    assert world.reconciler.reached_revision() == 3


async def test_two_releases_are_kept_and_no_more(world: World, tmp_path: Path) -> None:
    spring = make("2027.12", {"acteurs/actors.json": b'["spring"]'})
    ALL[spring.id] = spring
    for revision, made in enumerate((WINTER, spring), 2):
        world.reconciler.wish(wish(made.release, revision))
        await world.settle()
    assert world.store.stored() == {WINTER.id, spring.id}


def hours(begins: str, ends: str) -> tuple[Hours, ...]:
    return (Hours(begins=time.fromisoformat(begins), ends=time.fromisoformat(ends)),)


async def pass_minutes(world: World, minutes: int) -> None:
    for _ in range(minutes):
        world.hand.pass_s(60)
        for _ in range(6):
            world.paint()
            await world.reconciler.turn()
            await asyncio.sleep(0)


async def test_a_release_is_brought_at_once_and_shown_in_its_hours(world: World) -> None:
    """It is a little after 10:00 in Paris."""
    wanted = wish(WINTER.release, 2).model_copy(update={"activation": Activation(hours=hours("10:30", "11:00"))})
    world.reconciler.wish(wanted)
    await pass_minutes(world, 5)
    state = world.reconciler.content_state()
    assert (world.active, state.phase, state.waits_for) == (AUTUMN.label, "waiting", "hours")
    assert state.waits_until == START + timedelta(minutes=30)
    assert WINTER.id in world.brought
    assert world.reconciler._pause() == 60
    await pass_minutes(world, 22)
    assert world.active == AUTUMN.label
    world.visitor.in_visit = True
    await pass_minutes(world, 10)
    assert (world.active, world.reconciler.content_state().waits_for) == (AUTUMN.label, "visit")
    world.visitor.in_visit = False
    await pass_minutes(world, 1)
    assert (world.active, world.reconciler.content_state().waits_for) == (WINTER.label, "")


async def test_a_visitor_who_comes_while_the_bytes_are_checked_is_not_interrupted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify = world.store.verify

    def somebody_comes(release: str) -> None:
        verify(release)
        world.visitor.in_visit = True

    monkeypatch.setattr(world.store, "verify", somebody_comes)
    world.reconciler.wish(wish(WINTER.release, 2))
    await pass_minutes(world, 3)
    assert (world.active, world.reconciler.content_state().phase) == (AUTUMN.label, "waiting")


async def test_what_it_waits_for_is_reported_when_it_changes(world: World) -> None:
    later = Activation(hours=hours("10:04", "11:00"))
    world.visitor.in_visit = True
    world.reconciler.wish(wish(WINTER.release, 2).model_copy(update={"activation": later}))
    await pass_minutes(world, 1)
    world.reports.clear()
    await pass_minutes(world, 5)
    assert len(world.reports) == 1
    assert world.reconciler.content_state().waits_for == "visit"


async def test_a_visitor_who_stays_past_the_last_moment_holds_nothing_back(world: World) -> None:
    world.visitor.in_visit = True
    by = Activation(by=START + timedelta(minutes=10))
    world.reconciler.wish(wish(WINTER.release, 2).model_copy(update={"activation": by}))
    await pass_minutes(world, 8)
    assert world.reconciler.content_state().waits_until == by.by
    assert world.active == AUTUMN.label
    await pass_minutes(world, 4)
    assert world.active == WINTER.label


async def test_a_forced_wish_waits_for_nothing(world: World) -> None:
    world.visitor.in_visit, world.trusted = True, False
    forced = Activation(hours=hours("02:00", "03:00"), force=True)
    world.reconciler.wish(wish(WINTER.release, 2).model_copy(update={"activation": forced}))
    await pass_minutes(world, 1)
    assert world.active == WINTER.label


async def test_a_clock_that_is_not_trusted_opens_no_window(world: World) -> None:
    world.trusted = False
    within = Activation(hours=hours("09:00", "20:00"))
    world.reconciler.wish(wish(WINTER.release, 2).model_copy(update={"activation": within}))
    await pass_minutes(world, 3)
    assert (world.active, world.reconciler.content_state().waits_for) == (AUTUMN.label, "clock")
    world.trusted = True
    await pass_minutes(world, 1)
    assert world.active == WINTER.label


def with_settings(desired: Desired, **settings: object) -> Desired:
    return desired.model_copy(update={"settings": desired.settings.model_copy(update=settings)})


async def test_a_download_stops_outside_of_its_hours_and_goes_on_in_them(world: World) -> None:
    begun: list[int] = []

    async def slow(release: str, kbit_s: int, progress: Callable[[float], None]) -> None:
        begun.append(kbit_s)
        progress(0.25 * len(begun))
        await asyncio.Event().wait()

    world.reconciler._bringing._bring = slow
    world.reconciler.wish(with_settings(wish(WINTER.release, 2), download_hours=hours("09:30", "10:10")))
    await pass_minutes(world, 2)
    assert world.reconciler.content_state().waits_for == ""
    await pass_minutes(world, 9)
    state = world.reconciler.content_state()
    assert (state.phase, state.progress, state.waits_for) == ("downloading", 0.25, "download_hours")
    assert state.waits_until == START + timedelta(hours=23, minutes=30)
    assert begun == [0]
    await pass_minutes(world, 60 * 23 + 30)
    assert begun == [0, 0]
    # Another limit takes effect at once, on what is under way too.
    wanted = with_settings(wish(WINTER.release, 3), download_kbit_s=800)
    world.reconciler.wish(wanted)
    await pass_minutes(world, 1)
    assert begun == [0, 0, 800]
    assert world.reconciler.content_state().waits_for == ""


async def test_a_disk_without_room_says_how_much_lacks_and_what_nobody_needs_makes_room(world: World) -> None:
    put(world.store, ALL[BROKEN.id])  # wished once, then withdrawn
    world.trouble = [NotFetched("disk", "no room", lacks=5000)]
    world.reconciler.wish(wish(WINTER.release, 2))
    for _ in range(4):
        await world.reconciler.turn()
        await asyncio.sleep(0)
    assert world.reconciler.content_state().lacks_bytes == 5000
    assert world.store.stored() == {AUTUMN.id}
    await world.settle()
    assert (world.active, world.reconciler.content_state().lacks_bytes) == (WINTER.label, 0)


async def test_what_was_withdrawn_is_removed_and_what_a_page_still_shows_is_kept(world: World) -> None:
    world.reconciler.wish(wish(WINTER.release, 2))
    await world.settle()
    spring = make("2027.12", {"acteurs/actors.json": b'["spring"]'})
    ALL[spring.id] = spring
    world.has_page, world.visitor.in_visit = False, True
    world.paint(AUTUMN.release)  # a visit that began before all this
    forced = wish(spring.release, 3).model_copy(update={"activation": Activation(force=True)})
    world.reconciler.wish(forced)
    await world.settle()
    world.visitor.in_visit = False
    await world.settle()
    assert world.store.stored() >= {AUTUMN.id, WINTER.id, spring.id}
    world.paint(spring.release)
    world.begin()
    world.reconciler.wish(forced)
    await world.settle()
    assert world.store.stored() == {WINTER.id, spring.id}


async def test_what_could_not_be_told_is_told_once_it_can_over_a_restart_too(world: World) -> None:
    world.deaf = True
    world.reconciler.wish(wish(WINTER.release, 2))
    await world.settle()
    assert world.told.whats == []
    world.begin()
    world.reconciler.wish(wish(WINTER.release, 2))
    world.deaf = False
    await world.settle()
    assert world.told.whats == ["content.activated", "content.committed"]


async def test_settings_in_force_are_known_after_a_restart(world: World) -> None:
    world.reconciler.wish(wish(AUTUMN.release, 2, idle_end_s=120))
    await world.settle()
    world.begin()
    assert world.reconciler.applied
    assert world.reconciler.applied.settings.idle_end_s == 120


# ---- a crash at every point -----------------------------------------------------------------------------------------


class CrashingDisk:
    """Stands for `os` in `agent.disk`; the process dies at the `fatal`-th change."""

    CHANGES = ("replace", "unlink", "mkdir", "fsync")

    def __init__(self, fatal: int) -> None:
        self.left = fatal

    def __getattr__(self, name: str) -> object:
        real = getattr(os, name)
        if name not in self.CHANGES:
            return real

        def call(*args: object, **kwargs: object) -> object:
            self.left -= 1
            if self.left <= 0:
                raise Crash
            return real(*args, **kwargs)

        return call


async def _wander(world: World, good: Made, paints: bool) -> None:
    world.reconciler.wish(wish(good.release, 2))
    for _ in range(150):
        world.paint(None if paints else AUTUMN.release)
        if not await world.reconciler.turn():
            world.hand.pass_s(1)
        await asyncio.sleep(0)


@pytest.mark.parametrize("paints", [True, False], ids=["kept", "rolled back"])
async def test_a_crash_at_any_change_of_the_disk_ends_where_no_crash_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, paints: bool
) -> None:
    for fatal in range(1, 200):
        world = await with_autumn(World(tmp_path / f"terminal-{fatal}"))
        put(world.store, WINTER)
        crashing = CrashingDisk(fatal)
        monkeypatch.setattr(disk, "os", crashing)
        crashed = False
        try:
            await _wander(world, WINTER, paints)
        except Crash:
            crashed = True
        monkeypatch.setattr(disk, "os", os)
        world.begin()
        if world.store.active:
            world.store.verify(world.store.active.id)
        world.paint(AUTUMN.release)
        await _wander(world, WINTER, paints)
        expected = (WINTER.label, "committed") if paints else (AUTUMN.label, "rolled_back")
        assert (world.active, world.reconciler.phase.name) == expected, f"crash at change {fatal}"
        kept = json.loads((world.root / "phase.json").read_text())
        assert (kept["phase"]["name"], kept["untold"]) == (expected[1], [])
        told = dict(zip(world.ids, world.told.whats, strict=True))  # the server knows repeats by their ids
        assert list(told.values()) == ["content.activated", f"content.{expected[1]}"], f"crash at change {fatal}"
        assert world.store.stored() >= {world.store.active.id if world.store.active else ""}
        if not crashed:
            assert fatal > 5
            return
    raise AssertionError("the run never ends without a crash")
