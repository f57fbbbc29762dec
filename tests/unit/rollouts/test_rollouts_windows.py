"""Maintenance hours on the place's own clock: over midnight, on both nights when the hour changes, outside opening."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_server.rollouts.plan import Window
from fleet_server.rollouts.windows import ANYWHERE, Stand, effect_at, is_within
from wire.state import Hours, OpeningHours

PARIS = ZoneInfo("Europe/Paris")
NIGHT = Window(hours=(Hours(begins=time(23), ends=time(5)),))
TWO = Window(hours=(Hours(begins=time(2), ends=time(3)),))
WEEK = Stand(opening=tuple(OpeningHours(day=day, opens=time(9), closes=time(17, 30)) for day in range(5)))


def paris(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS, fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("window", "stand", "now", "at"),
    [
        (Window(), ANYWHERE, paris("2026-11-24T12:00"), paris("2026-11-24T12:00")),
        (NIGHT, ANYWHERE, paris("2026-11-24T12:00"), paris("2026-11-24T23:00")),
        (NIGHT, ANYWHERE, paris("2026-11-25T00:10"), paris("2026-11-25T00:10")),
        (NIGHT, ANYWHERE, paris("2026-11-25T05:00"), paris("2026-11-25T23:00")),
        # 2:00 to 3:00 does not exist on that night of March: the next one is a day later.
        (TWO, ANYWHERE, paris("2027-03-28T00:00"), paris("2027-03-29T02:00")),
        # In October it comes twice, and both are open.
        (TWO, ANYWHERE, paris("2026-10-25T00:00"), paris("2026-10-25T02:00", fold=0)),
        (TWO, ANYWHERE, paris("2026-10-25T02:30", fold=1), paris("2026-10-25T02:30", fold=1)),
        (TWO, ANYWHERE, paris("2026-10-25T03:00"), paris("2026-10-26T02:00")),
        # Over midnight through the night in March that is an hour shorter.
        (NIGHT, ANYWHERE, paris("2027-03-28T03:30"), paris("2027-03-28T03:30")),
        (Window(closed=True), WEEK, paris("2026-11-24T12:00"), paris("2026-11-24T17:30")),
        (Window(closed=True), WEEK, paris("2026-11-28T12:00"), paris("2026-11-28T12:00")),
        (Window(closed=True), ANYWHERE, paris("2026-11-24T12:00"), paris("2026-11-24T12:00")),
        (Window(hours=NIGHT.hours, closed=True), WEEK, paris("2026-11-24T18:00"), paris("2026-11-24T23:00")),
        (TWO, Stand("Indian/Reunion"), datetime(2026, 11, 24, 12, tzinfo=UTC), datetime(2026, 11, 24, 22, tzinfo=UTC)),
        (Window(hours=NIGHT.hours, latest_s=3600), ANYWHERE, paris("2026-11-24T12:00"), paris("2026-11-24T13:00")),
    ],
)
def test_when_it_may_take_effect(window, stand, now, at):
    assert effect_at(window, stand, now) == at


def test_a_window_that_never_opens_is_said_to_be_so():
    always = Stand(opening=tuple(OpeningHours(day=day, opens=time(0), closes=time(23, 59, 59)) for day in range(7)))
    noon = Window(hours=(Hours(begins=time(12), ends=time(13)),), closed=True)
    assert effect_at(noon, always, paris("2026-11-24T09:00")) is None


@given(
    now=st.datetimes(datetime(2026, 3, 1), datetime(2027, 4, 30), timezones=st.just(UTC)),
    begins=st.times(), ends=st.times(), closed=st.booleans(),
)  # fmt: skip
def test_the_moment_found_is_within_and_no_quarter_before_it_is(now, begins, ends, closed):
    window = Window(
        hours=(Hours(begins=begins.replace(microsecond=0), ends=ends.replace(microsecond=0)),), closed=closed
    )
    at = effect_at(window, WEEK, now)
    if at is None or at == now:
        return
    assert is_within(window, WEEK, at)
    quarter = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    while quarter < at:
        assert not is_within(window, WEEK, quarter)
        quarter += timedelta(minutes=15)
