"""Delays are counted as people at work count them."""

from datetime import date, datetime

import pytest

from fleet_server.requests.working_time import (
    PARIS,
    easter_sunday,
    is_working_day,
    next_working_morning,
    working_hours,
)


def paris(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS)


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("2026-11-19T15:00", "2026-11-19T16:30", 1.5),
        ("2026-11-19T16:00", "2026-11-20T10:00", 2),
        ("2026-11-20T16:00", "2026-11-23T10:00", 2),  # over a week-end
        ("2026-11-21T12:00", "2026-11-22T12:00", 0),  # within one
        ("2026-11-10T16:00", "2026-11-12T10:00", 2),  # over Armistice day
        ("2026-04-03T16:00", "2026-04-07T10:00", 2),  # over Easter Monday
        ("2026-03-27T16:00", "2026-03-30T10:00", 2),  # over the night the hour changes
        ("2026-11-19T15:00", "2026-11-24T15:00", 24),  # three working days
        ("2026-11-19T16:00", "2026-11-19T15:00", 0),
    ],
)
def test_only_the_hours_people_work_count(start, end, hours):
    assert working_hours(paris(start), paris(end)) == hours


@pytest.mark.parametrize(
    ("year", "month", "day"), [(2024, 3, 31), (2025, 4, 20), (2026, 4, 5), (2027, 3, 28), (2038, 4, 25), (2285, 3, 22)]
)
def test_easter_falls_when_the_calendar_says(year, month, day):
    assert easter_sunday(year) == date(year, month, day)


def test_ascension_and_whit_monday_are_not_worked():
    assert not is_working_day(date(2026, 5, 14))
    assert not is_working_day(date(2026, 5, 25))
    assert is_working_day(date(2026, 5, 26))


def test_the_morning_after_friday_is_monday():
    assert next_working_morning(paris("2026-11-20T18:00")) == paris("2026-11-23T09:00")
