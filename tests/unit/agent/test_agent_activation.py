"""`may_activate`, `may_download`: tables over hours, midnight, both changes of the clock, visits and bad clocks."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.activation import NOW, Verdict, WaitsFor, may_activate, may_download, zone_of
from wire.state import Activation, Hours, OpeningHours

PARIS = "Europe/Paris"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def hours(*spans: str) -> tuple[Hours, ...]:
    ends = [span.split("-") for span in spans]
    return tuple(Hours(begins=time.fromisoformat(a), ends=time.fromisoformat(b)) for a, b in ends)


NIGHT, LATE, LUNCH = hours("02:00-05:00"), hours("22:00-04:00"), hours("12:00-14:00", "02:00-03:00")
WINTER = utc("2026-11-24T12:00")  # 13:00 in Paris

# spans, UTC now, open?, else the next moment (UTC)
CLOCK = [
    ((), "2026-11-24T12:00", True, None),
    (NIGHT, "2026-11-24T00:59:59", False, "2026-11-24T01:00"),
    (NIGHT, "2026-11-24T01:00", True, None),
    (NIGHT, "2026-11-24T03:59:59", True, None),
    (NIGHT, "2026-11-24T04:00", False, "2026-11-25T01:00"),
    # Over midnight, from both of its sides.
    (LATE, "2026-11-24T20:59", False, "2026-11-24T21:00"),
    (LATE, "2026-11-24T22:30", True, None),
    (LATE, "2026-11-24T23:00", True, None),
    (LATE, "2026-11-25T02:59", True, None),
    (LATE, "2026-11-25T03:00", False, "2026-11-25T21:00"),
    (hours("00:00-00:00"), "2026-11-24T12:00", True, None),
    (hours("23:00-00:00"), "2026-11-24T23:00", False, "2026-11-25T22:00"),
    (LUNCH, "2026-11-24T10:00", False, "2026-11-24T11:00"),
    (LUNCH, "2026-11-24T13:00", False, "2026-11-25T01:00"),
    (hours("02:07-02:09"), "2026-11-24T12:00", False, "2026-11-25T01:07"),
    # Spring: on 28 March 2027, 02:00 is 03:00 at once (01:00 UTC).
    (NIGHT, "2027-03-28T00:59", False, "2027-03-28T01:00"),
    (NIGHT, "2027-03-28T02:59", True, None),
    (NIGHT, "2027-03-28T03:00", False, "2027-03-29T00:00"),
    (hours("02:30-04:00"), "2027-03-28T00:30", False, "2027-03-28T01:00"),
    (hours("02:10-02:50"), "2027-03-28T00:30", False, "2027-03-29T00:10"),
    (hours("02:00-03:00"), "2027-03-28T01:00", False, "2027-03-29T00:00"),
    (LATE, "2027-03-28T01:59", True, None),
    (LATE, "2027-03-28T02:00", False, "2027-03-28T20:00"),
    # Autumn: on 25 October 2026, 03:00 is 02:00 once more (01:00 UTC).
    (hours("02:00-03:00"), "2026-10-24T23:59", False, "2026-10-25T00:00"),
    (hours("02:00-03:00"), "2026-10-25T00:30", True, None),
    (hours("02:00-03:00"), "2026-10-25T01:30", True, None),
    (hours("02:00-03:00"), "2026-10-25T02:00", False, "2026-10-26T01:00"),
    (hours("02:15-02:45"), "2026-10-25T00:50", False, "2026-10-25T01:15"),
    (hours("01:30-02:30"), "2026-10-25T00:45", False, "2026-10-25T01:00"),
    (hours("02:30-04:00"), "2026-10-25T01:10", False, "2026-10-25T01:30"),
]


@pytest.mark.parametrize(("spans", "now", "is_open", "opens"), CLOCK)
def test_the_hours_of_a_place(spans: tuple[Hours, ...], now: str, is_open: bool, opens: str | None) -> None:
    then = utc(opens) if opens else None
    expected = NOW if is_open else Verdict("hours", then)
    assert may_activate(Activation(hours=spans), PARIS, utc(now), in_visit=False, clock_trusted=True) == expected
    expected = NOW if is_open else Verdict("download_hours", then)
    assert may_download(Activation(), spans, PARIS, utc(now), clock_trusted=True) == expected


WEEK = tuple(OpeningHours(day=day, opens=time(9), closes=time(17, 30)) for day in range(5))


@pytest.mark.parametrize(("spans", "now", "trusted", "expected"), [
    ((), "2026-11-24T12:00", True, Verdict("hours", utc("2026-11-24T16:30"))),
    ((), "2026-11-24T16:30", True, NOW),
    ((), "2026-11-28T12:00", True, NOW),  # a Saturday
    (LUNCH, "2026-11-24T11:30", True, Verdict("hours", utc("2026-11-25T01:00"))),
    (LUNCH, "2026-11-28T11:30", True, NOW),
    ((), "2026-11-24T20:00", False, Verdict("clock")),
])  # fmt: skip
def test_outside_of_the_place_s_opening_hours(spans, now, trusted, expected) -> None:
    quiet = Activation(hours=spans, closed=True)
    assert may_activate(quiet, PARIS, utc(now), False, trusted, WEEK) == expected
    assert may_activate(quiet.model_copy(update={"hours": ()}), PARIS, utc(now), False, True, ()) == NOW, "none known"
    assert may_activate(Activation(), PARIS, utc(now), False, trusted, WEEK) == NOW, "not asked for"
    overdue = quiet.model_copy(update={"by": utc("2026-11-24T00:00")})
    assert may_activate(overdue, PARIS, utc(now), True, True, WEEK) == NOW


def test_the_same_moment_in_another_time_zone() -> None:
    night = Activation(hours=NIGHT)
    assert may_activate(night, "Indian/Reunion", utc("2026-11-24T22:30"), False, True) == NOW
    assert may_activate(night, "Nowhere/Atlantis", utc("2026-11-24T01:00"), False, True) == NOW
    assert zone_of("../etc/passwd") == ZoneInfo(PARIS)


DAY = timedelta(days=1)
EVERY: list[tuple[Activation, bool, bool, WaitsFor, datetime | None]] = [
    # activation, visitor, trusted clock → what it waits for, until when
    (Activation(), False, True, "", None),
    (Activation(), False, False, "", None),
    (Activation(), True, True, "visit", None),
    (Activation(), True, False, "visit", None),
    (Activation(not_before=WINTER), False, True, "", None),
    (Activation(not_before=WINTER + DAY), False, True, "not_before", WINTER + DAY),
    (Activation(not_before=WINTER + DAY), True, True, "not_before", WINTER + DAY),
    (Activation(not_before=WINTER - DAY), False, False, "clock", None),
    (Activation(not_before=WINTER + DAY, hours=NIGHT), False, True, "not_before", utc("2026-11-26T01:00")),
    (Activation(not_before=utc("2026-11-26T02:00"), hours=NIGHT), False, True, "not_before", utc("2026-11-26T02:00")),
    (Activation(hours=NIGHT), False, False, "clock", None),
    (Activation(hours=LUNCH), False, True, "", None),
    (Activation(hours=LUNCH), True, True, "visit", None),
    # Overdue: neither hours nor a visitor hold it back. A bad clock can't say so.
    (Activation(by=WINTER), True, True, "", None),
    (Activation(by=WINTER, hours=NIGHT), True, True, "", None),
    (Activation(by=WINTER), True, False, "visit", None),
    (Activation(by=WINTER, hours=NIGHT), False, False, "clock", None),
    (Activation(by=WINTER + DAY), True, True, "visit", WINTER + DAY),
    (Activation(by=WINTER + timedelta(hours=1), hours=NIGHT), True, True, "hours", WINTER + timedelta(hours=1)),
    (Activation(by=WINTER + DAY, hours=NIGHT), False, True, "hours", utc("2026-11-25T01:00")),
    # Forced: at once, whatever the rest says.
    (Activation(force=True), True, True, "", None),
    (Activation(force=True, hours=NIGHT, not_before=WINTER + DAY), True, False, "", None),
]


@pytest.mark.parametrize(("activation", "in_visit", "trusted", "waits_for", "again_at"), EVERY)
def test_when_a_wish_may_take_effect(
    activation: Activation, in_visit: bool, trusted: bool, waits_for: WaitsFor, again_at: datetime | None
) -> None:
    assert may_activate(activation, PARIS, WINTER, in_visit, trusted) == Verdict(waits_for, again_at)


def test_downloads_wait_for_their_hours_alone_unless_forced_or_overdue() -> None:
    def asked(activation: Activation, trusted: bool = True) -> Verdict:
        return may_download(activation, NIGHT, PARIS, WINTER, trusted)

    tonight = utc("2026-11-25T01:00")
    assert asked(Activation(not_before=WINTER - DAY)) == Verdict("download_hours", tonight)
    assert may_download(Activation(not_before=WINTER + DAY, hours=LATE), (), PARIS, WINTER, False) == NOW
    assert asked(Activation(), trusted=False) == Verdict("clock")
    assert asked(Activation(force=True), trusted=False) == NOW
    assert asked(Activation(by=WINTER)) == NOW
    assert asked(Activation(by=WINTER + timedelta(hours=1))) == Verdict("download_hours", WINTER + timedelta(hours=1))


clocks = st.times().map(lambda at: at.replace(microsecond=0))
moments = st.datetimes(datetime(2026, 10, 24), datetime(2026, 10, 27)) | st.datetimes(
    datetime(2027, 3, 27), datetime(2027, 3, 30)
)


@given(st.lists(st.builds(Hours, begins=clocks, ends=clocks), max_size=2), moments)
def test_the_moment_told_is_the_first_at_which_it_may(spans: list[Hours], naive: datetime) -> None:
    """Around both changes of the clock: not before it, minute by minute, and then at once."""
    now = naive.replace(tzinfo=UTC)
    activation = Activation(hours=tuple(spans))
    verdict = may_activate(activation, PARIS, now, False, True)
    if verdict.may:
        return
    assert verdict.again_at
    assert may_activate(activation, PARIS, verdict.again_at, False, True).may
    minutes = int((verdict.again_at - now) / timedelta(minutes=1))
    for passed in range(0, minutes, 7):
        assert not may_activate(activation, PARIS, now + timedelta(minutes=passed), False, True).may
