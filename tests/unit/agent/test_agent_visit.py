"""A visit as the agent follows it: begun, ended, left open by a page that crashed, events kept once."""

from typing import Any

import pytest

from agent.page import Heartbeat
from agent.visit import GONE_AFTER_S, Visit
from tests.unit.agent.screen_neighbours import Hand
from wire.events import SessionEnded, UsageEvent, usage_events
from wire.ids import uuid7

ALICE, BOB = uuid7(1, 1), uuid7(2, 2)


class Seen:
    """A visit, the hand of its clock, and what the outbox holds of earlier sessions."""

    def __init__(self) -> None:
        self.hand = Hand()
        self.held: dict[str, int] = {}
        self.ended = 0
        self.visit = Visit(self.hand.monotonic, self.hand.now, lambda session: self.held.get(session, -1))
        self.visit.ended = self._count

    def _count(self) -> None:
        self.ended += 1

    def event(self, kind: str, session: str | None = ALICE, n: int = 0, **more: Any) -> UsageEvent:
        said = {"kind": kind, "session": session, "n": n} | self.hand.stamp() | more
        return usage_events.validate_python(said)

    def start(self, session: str = ALICE) -> None:
        self.visit.follow(self.event("session.started", session, 1, idle_warning_s=60, idle_end_s=90))

    def beat(self, in_visit: bool) -> None:
        self.visit.hear(Heartbeat(frames=1, in_visit=in_visit))


@pytest.fixture
def seen() -> Seen:
    return Seen()


def test_nobody_is_there_at_first(seen: Seen) -> None:
    assert not seen.visit.in_visit
    assert not seen.visit.left_open()


def test_a_session_is_a_visit_until_it_ends(seen: Seen) -> None:
    seen.start()
    assert seen.visit.in_visit
    ended = seen.event("session.ended", n=2, reason="user_exit", interactions=2, active_ms=1, dwell_ms=1)
    seen.visit.follow(ended)
    assert not seen.visit.in_visit
    assert (seen.ended, seen.visit.last_visit_at) == (1, seen.hand.now())


def test_a_visitor_who_is_not_measured_is_there_by_the_heartbeat(seen: Seen) -> None:
    seen.beat(in_visit=True)
    assert seen.visit.in_visit
    first = seen.visit.unmeasured
    seen.beat(in_visit=False)
    assert not seen.visit.in_visit
    assert seen.visit.unmeasured != first


def test_events_outside_of_a_session_begin_none(seen: Seen) -> None:
    seen.visit.follow(seen.event("attract.started", session=None))
    assert not seen.visit.in_visit


def test_a_page_that_falls_silent_leaves_its_visit_open(seen: Seen) -> None:
    seen.start()
    for _ in range(20):
        seen.hand.pass_s(2)
        seen.beat(in_visit=True)
    assert not seen.visit.left_open()
    seen.hand.pass_s(GONE_AFTER_S + 1)
    assert seen.visit.left_open()


def test_a_fresh_page_without_visitor_leaves_it_open_too(seen: Seen) -> None:
    seen.start()
    for _ in range(20):
        seen.hand.pass_s(2)
        seen.beat(in_visit=False)
    assert seen.visit.left_open()


def test_the_end_that_the_page_could_not_tell_is_told_for_it(seen: Seen) -> None:
    seen.start()
    seen.hand.pass_s(5)
    seen.visit.follow(seen.event("page.viewed", n=2, page="home", language="en", accessibility=("zoom",)))
    seen.hand.pass_s(40)
    ended = seen.visit.end(seen.hand.stamp, "crash")
    assert isinstance(ended, SessionEnded)
    assert (ended.session, ended.n, ended.reason, ended.language) == (ALICE, 3, "crash", "en")
    assert (ended.interactions, ended.active_ms, ended.dwell_ms) == (1, 5000, 45000)
    assert not seen.visit.in_visit
    assert seen.visit.end(seen.hand.stamp, "crash") is None


def test_another_session_begins_while_one_is_open_the_first_has_crashed(seen: Seen) -> None:
    seen.start(ALICE)
    begun = seen.event("session.started", BOB, 1, idle_warning_s=60, idle_end_s=90)
    assert seen.visit.left_open(begun)
    again = seen.event("session.started", ALICE, 1, idle_warning_s=60, idle_end_s=90)
    assert not seen.visit.left_open(again)


def test_what_is_repeated_is_known(seen: Seen) -> None:
    seen.start()
    viewed = seen.event("page.viewed", n=2, page="home")
    assert not seen.visit.is_known(viewed)
    seen.visit.follow(viewed)
    assert seen.visit.is_known(viewed)
    assert not seen.visit.is_known(seen.event("page.viewed", n=3, page="metiers"))


def test_what_the_outbox_holds_from_before_a_restart_is_known(seen: Seen) -> None:
    seen.held[ALICE] = 7
    assert seen.visit.is_known(seen.event("page.viewed", n=7, page="home"))
    assert not seen.visit.is_known(seen.event("page.viewed", n=8, page="home"))


def test_after_the_end_told_for_it_a_late_page_repeats_nothing(seen: Seen) -> None:
    seen.start()
    seen.visit.end(seen.hand.stamp, "crash")
    assert seen.visit.is_known(seen.event("page.viewed", n=2, page="home"))
    assert not seen.visit.is_known(seen.event("page.viewed", n=3, page="home"))
