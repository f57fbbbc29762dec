"""The ladder, decided purely; then the watchdog with a window that is simulated."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from agent.page import Heartbeat, Page
from agent.watchdog import BUDGET, BUDGET_SPAN_S, REST_S, SHOWN_AGAIN_S, Ladder, Seen, Watchdog, browser_state, climb
from tests.unit.agent.screen_neighbours import Hand, Told

FINE = Seen(alive=True, renderer_died=False, painted_age=1.0, graced=False)
HUNG = Seen(alive=True, renderer_died=False, painted_age=11.0, graced=False)
DEAD_RENDERER = Seen(alive=True, renderer_died=True, painted_age=1.0, graced=False)
NO_WINDOW = Seen(alive=False, renderer_died=False, painted_age=1.0, graced=False)
FRESH = Ladder()
NO_RELOADS = Ladder(reloads=(0.0,) * BUDGET)
NOTHING_LEFT = Ladder(reloads=(0.0,) * BUDGET, restarts=(0.0,) * BUDGET)
OUT = Ladder(out_since=0.0)


@pytest.mark.parametrize(
    ("ladder", "seen", "now", "rung"),
    [
        (FRESH, FINE, 1, None),
        (FRESH, HUNG, 1, "kill"),
        (FRESH, DEAD_RENDERER, 1, "reload"),
        (FRESH, NO_WINDOW, 1, "restart"),
        (FRESH, Seen(True, False, 11.0, True), 1, None),  # just loaded: it may need a moment
        (FRESH, Seen(True, True, 1.0, True), 1, "reload"),  # a death is known, whatever else is not
        (NO_RELOADS, HUNG, 1, "restart"),
        (NO_RELOADS, DEAD_RENDERER, 1, "restart"),
        (NO_RELOADS, HUNG, BUDGET_SPAN_S + 1, "kill"),  # the budget comes back
        (NOTHING_LEFT, HUNG, 1, "out_of_service"),
        (NOTHING_LEFT, NO_WINDOW, 1, "out_of_service"),
        (OUT, HUNG, 1, None),  # it rests
        (OUT, NO_WINDOW, 1, "out_of_service"),  # but the page that says so must be there
        (OUT, HUNG, REST_S + 1, "restart"),
        (OUT, FINE, REST_S + 1, None),
    ],
)
def test_the_rung_follows_from_what_is_seen(ladder: Ladder, seen: Seen, now: float, rung: str | None) -> None:
    assert climb(ladder, seen, now) == rung


def test_a_page_that_never_paints_costs_a_bounded_number_of_steps_an_hour() -> None:
    ladder, taken = FRESH, []
    for now in range(3600):
        if rung := climb(ladder, HUNG, float(now)):
            ladder = ladder.taken(rung, float(now))
            taken.append(rung)
    assert taken[:7] == ["kill"] * 3 + ["restart"] * 3 + ["out_of_service"]
    assert len(taken) <= 6 * 8


def test_a_window_that_always_dies_is_opened_a_bounded_number_of_times_and_tried_anew_after_a_rest() -> None:
    ladder, taken = FRESH, []
    for now in range(3600):
        if rung := climb(ladder, NO_WINDOW, float(now)):
            ladder = ladder.taken(rung, float(now))
            taken.append((now, rung))
    out = [now for now, rung in taken if rung == "out_of_service"]
    assert len(taken) <= 3600 / SHOWN_AGAIN_S + 6 * (BUDGET + 1)
    assert all(later - earlier >= SHOWN_AGAIN_S for earlier, later in pairwise(out))
    assert any(rung == "restart" for now, rung in taken if now > REST_S)


class SimulatedWindow:
    def __init__(self) -> None:
        self.alive = False
        self.did: list[str] = []
        self.heard: Callable[[dict[str, Any]], None] = lambda event: None

    async def start(self) -> None:
        self.alive = True
        self.did.append("start")

    async def stop(self) -> None:
        self.alive = False

    def load(self) -> None:
        self.did.append("load")

    def kill_renderer(self) -> None:
        self.did.append("kill")

    def out_of_service(self, html: str) -> None:
        self.did.append("out" + (" 02 43" if "02 43 00 00 53" in html else ""))


class Watched:
    """A watchdog, its window, its page and the hand of the clock."""

    def __init__(self, path: Path, boot: str = "boot-1") -> None:
        self.hand = Hand()
        self.window = SimulatedWindow()
        self.page = Page(self.hand.monotonic, self.hand.now)
        self.told = Told()
        self.ended: list[str] = []

        async def end(reason: str) -> None:
            self.ended.append(reason)

        self.dog = Watchdog(
            self.window, self.page, path, boot, end, self.told, lambda: "02 43 00 00 53", self.hand.monotonic
        )

    async def live(self, seconds: int, paints: bool) -> list[str]:
        """Second by second; the rungs taken."""
        taken = []
        for second in range(seconds):
            self.hand.pass_s(1)
            if second % 2 == 0:
                self.page.hear(Heartbeat(frames=10 if paints else 0))
            if rung := await self.dog.turn():
                taken.append(rung)
        return taken


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "watchdog.json"


async def test_a_page_that_paints_is_left_alone(path: Path) -> None:
    watched = Watched(path)
    await watched.dog.open()
    assert await watched.live(600, paints=True) == []
    assert watched.dog.state().status == "painting"


async def test_a_page_that_has_not_painted_yet_is_unknown_and_left_alone_for_a_minute(path: Path) -> None:
    watched = Watched(path)
    await watched.dog.open()
    watched.hand.pass_s(59)
    assert watched.dog.state().status == "unknown"
    assert await watched.dog.turn() is None


async def test_a_window_that_is_not_there_is_told_with_the_moment_since_when(path: Path) -> None:
    watched = Watched(path)
    gone_at = watched.hand.now()
    assert (watched.dog.state().status, watched.dog.state().absent_since) == ("absent", gone_at)
    watched.hand.pass_s(90)
    assert watched.dog.state().absent_since == gone_at, "the same at each report, so that nothing changes by itself"
    await watched.dog.open()
    assert (watched.dog.state().status, watched.dog.state().absent_since) == ("unknown", None)
    watched.window.alive = False
    assert watched.dog.state().absent_since == watched.hand.now()


@pytest.mark.parametrize("beats", [False, True])
async def test_a_page_that_never_paints_climbs_the_whole_ladder_slowly(path: Path, beats: bool) -> None:
    watched = Watched(path)
    await watched.dog.open()
    taken = {}
    for second in range(300):
        watched.hand.pass_s(1)
        if beats:
            watched.page.hear(Heartbeat(frames=0))
        if rung := await watched.dog.turn():
            taken[second + 1] = rung
        expected = "unknown" if second < 59 else "out_of_service" if "out_of_service" in taken.values() else "stalled"
        assert watched.dog.state().status == expected
    assert list(taken.values()) == ["kill"] * 3 + ["restart"] * 3 + ["out_of_service"]
    at = list(taken)
    assert min(after - before for before, after in pairwise(at)) >= 30
    assert watched.dog.state().painted_at is None


async def test_a_first_frame_that_comes_late_ends_the_climb(path: Path) -> None:
    watched = Watched(path)
    await watched.dog.open()
    assert await watched.live(65, paints=False) == ["kill"]
    assert await watched.live(100, paints=True) == []
    assert watched.dog.state().status == "painting"


async def test_out_of_service_is_tried_again_by_an_agent_that_has_seen_no_page(path: Path) -> None:
    watched = Watched(path)
    await watched.dog.open()
    await watched.live(300, paints=False)
    again = Watched(path)
    again.hand.at = watched.hand.at
    await again.dog.open()
    assert again.window.did == ["start", "out 02 43"]
    assert (await again.live(int(REST_S) + 10, paints=False))[0] == "restart"


def test_a_browser_that_somebody_has_closed_is_no_fault(path: Path) -> None:
    watched = Watched(path)
    assert browser_state(watched.page).status == "unknown"
    watched.page.hear(Heartbeat(frames=10))
    assert browser_state(watched.page).status == "painting"
    watched.hand.pass_s(3600)
    assert browser_state(watched.page).status == "unknown"


async def test_a_page_that_beats_without_painting_is_killed_and_told(path: Path) -> None:
    watched = Watched(path)
    await watched.dog.open()
    await watched.live(40, paints=True)
    assert await watched.live(15, paints=False) == ["kill"]
    assert watched.window.did == ["start", "kill"]
    assert watched.told.whats == ["window.renderer_killed"]
    assert watched.ended == ["crash"]


async def test_a_page_that_hangs_right_after_it_painted_gets_no_grace(path: Path) -> None:
    watched = Watched(path)
    await watched.dog.open()
    await watched.live(3, paints=True)
    assert await watched.live(12, paints=False) == ["kill"]


async def test_the_whole_ladder_to_out_of_service_and_back(path: Path) -> None:
    watched = Watched(path)
    await watched.dog.open()
    await watched.live(40, paints=True)
    taken = await watched.live(200, paints=False)
    assert taken == ["kill"] * 3 + ["restart"] * 3 + ["out_of_service"]
    assert watched.window.did[-1] == "out 02 43"
    assert watched.dog.state().status == "out_of_service"
    assert await watched.live(700, paints=True) == []
    assert (await watched.live(200, paints=False))[0] == "restart"


async def test_the_death_of_a_renderer_is_answered_by_loading_the_page(path: Path) -> None:
    watched = Watched(path)
    await watched.dog.open()
    watched.window.heard({"event": "renderer_terminated", "expected": False})
    assert await watched.dog.turn() == "reload"
    assert await watched.dog.turn() is None


async def test_a_renderer_killed_on_purpose_is_not_counted_twice(path: Path) -> None:
    watched = Watched(path)
    await watched.dog.open()
    await watched.live(40, paints=True)
    await watched.live(15, paints=False)
    watched.window.heard({"event": "renderer_terminated", "expected": True})
    assert await watched.live(5, paints=True) == []
    assert watched.dog.state().reloads == 1


async def test_the_budget_outlives_a_restart_of_the_agent(path: Path) -> None:
    watched = Watched(path)
    await watched.dog.open()
    for _ in range(BUDGET):
        watched.window.heard({"event": "renderer_terminated", "expected": False})
        assert await watched.dog.turn() == "reload"
    again = Watched(path)
    again.hand.at = watched.hand.at
    await again.dog.open()
    again.window.heard({"event": "renderer_terminated", "expected": False})
    assert await again.dog.turn() == "restart"
    assert again.dog.state().reloads == BUDGET


async def test_another_boot_of_the_machine_begins_with_a_full_budget(path: Path) -> None:
    watched = Watched(path)
    await watched.dog.open()
    for _ in range(BUDGET):
        watched.window.heard({"event": "renderer_terminated", "expected": False})
        await watched.dog.turn()
    rebooted = Watched(path, boot="boot-2")
    await rebooted.dog.open()
    rebooted.window.heard({"event": "renderer_terminated", "expected": False})
    assert await rebooted.dog.turn() == "reload"


async def test_an_operators_restart_ends_the_visit_and_costs_no_budget(path: Path) -> None:
    watched = Watched(path)
    await watched.dog.open()
    for _ in range(BUDGET + 2):
        await watched.dog.restart()
    assert watched.ended == ["restart"] * (BUDGET + 2)
    watched.window.alive = False
    assert await watched.dog.turn() == "restart"


async def test_a_full_disk_does_not_stop_the_watchdog(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "no such folder" / "watchdog.json")
    await watched.dog.open()
    watched.window.heard({"event": "renderer_terminated", "expected": False})
    assert await watched.dog.turn() == "reload"
