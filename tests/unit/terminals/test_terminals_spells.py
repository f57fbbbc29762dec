"""Planned maintenance: what is in force, what comes next, what may be held against a silence, on clocks that change."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_server.terminals.states import Vitals, condition, fleet_sentence
from fleet_server.terminals.upkeep.local_time import NoSuchTime, instant
from fleet_server.terminals.upkeep.spells import NOTHING, Spell, Upkeep, outside, upkeep_at
from fleet_server.terminals.upkeep.words import in_short, span_words, until_words
from tests.unit.terminals.test_terminals_states import NOW, OPEN, WANT, report

PARIS, REUNION = ZoneInfo("Europe/Paris"), ZoneInfo("Indian/Reunion")
NOON = datetime(2026, 12, 1, 11, 0, tzinfo=UTC)


def hours(first, last, reason="écran"):
    return Spell(NOON + timedelta(hours=first), NOON + timedelta(hours=last), reason)


@pytest.mark.parametrize(("spells", "in_force", "until", "following"), [
    ([], [], None, None),
    ([(0, 1)], [(0, 1)], 1, None),
    ([(-1, 0)], [], None, None),
    ([(1, 2)], [], None, (1, 2)),
    ([(-2, 1), (-1, 3)], [(-2, 1), (-1, 3)], 3, None),
    ([(-1, 4), (-1, 2)], [(-1, 2), (-1, 4)], 4, None),
    ([(-1, 1), (1, 2)], [(-1, 1)], 2, None),
    ([(-1, 1), (0.5, 3), (3, 4), (5, 6)], [(-1, 1)], 4, (5, 6)),
    ([(5, 6), (2, 3)], [], None, (2, 3)),
    ([(1, 2), (1.5, 4)], [], None, (1, 2)),
])  # fmt: skip
def test_what_overlaps_or_follows_at_once_is_one_maintenance(spells, in_force, until, following):
    found = upkeep_at([hours(*one) for one in spells], NOON)
    assert found == Upkeep(
        tuple(hours(*one) for one in in_force), None if until is None else NOON + timedelta(hours=until),
        hours(*following) if following else None,
    )  # fmt: skip


@pytest.mark.parametrize(("spells", "left"), [
    ([], 6), ([(1, 2)], 5), ([(-5, 1)], 5), ([(5, 9)], 5), ([(-1, 7)], 0), ([(1, 3), (2, 4)], 3), ([(1, 4), (2, 3)], 3),
    ([(1, 2), (2, 3)], 4), ([(7, 9), (-3, -1)], 6), ([(0, 6)], 0),
])  # fmt: skip
def test_time_under_maintenance_is_held_against_nobody_and_counted_once(spells, left):
    assert outside([hours(*one) for one in spells], NOON, NOON + timedelta(hours=6)) == timedelta(hours=left)


@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(1, 30)), max_size=8), st.integers(0, 60))
def test_it_is_the_sum_of_the_minutes_that_no_spell_covers(spans, length):
    spells = [Spell(NOON + timedelta(minutes=at), NOON + timedelta(minutes=at + long)) for at, long in spans]
    minutes = [NOON + timedelta(minutes=n) for n in range(length)]
    free = sum(not upkeep_at(spells, minute).current for minute in minutes)
    assert outside(spells, NOON, NOON + timedelta(minutes=length)) == timedelta(minutes=free)


@pytest.mark.parametrize(("wall", "late", "moment"), [
    ("2026-12-01T09:00", False, "2026-12-01T08:00"),
    ("2026-07-01T09:00", False, "2026-07-01T07:00"),
    ("2026-10-25T02:30", False, "2026-10-25T00:30"),
    ("2026-10-25T02:30", True, "2026-10-25T01:30"),
    ("2026-10-25T03:00", True, "2026-10-25T02:00"),
    ("2026-03-29T01:59", True, "2026-03-29T00:59"),
    ("2026-03-29T03:00", False, "2026-03-29T01:00"),
    ("2026-10-25T02:30:00+01:00", False, "2026-10-25T01:30"),
])  # fmt: skip
def test_an_hour_is_read_on_the_clock_of_the_place_also_on_the_days_it_changes(wall, late, moment):
    found = instant(datetime.fromisoformat(wall), PARIS, late=late)
    assert found == datetime.fromisoformat(moment).replace(tzinfo=UTC)


def test_the_hour_that_the_clock_jumps_over_is_refused_where_it_is_jumped_over():
    lost = datetime(2026, 3, 29, 2, 30)
    for late in (False, True):
        with pytest.raises(NoSuchTime, match="2:30"):
            instant(lost, PARIS, late=late)
    assert instant(lost, REUNION, late=False) == datetime(2026, 3, 28, 22, 30, tzinfo=UTC)


@pytest.mark.parametrize("year", [1, 1999, 2200, 9999])
def test_a_year_that_no_calendar_of_ours_has_is_refused(year):
    for given_at in (datetime(year, 1, 1), datetime(year, 1, 1, tzinfo=UTC)):
        with pytest.raises(NoSuchTime, match=str(year)):
            instant(given_at, PARIS, late=False)


def test_a_night_from_22_to_6_lasts_an_hour_less_in_spring_and_more_in_autumn():
    def night(day):
        begins, ends = datetime.fromisoformat(f"{day}T22:00"), datetime.fromisoformat(f"{day}T22:00")
        ends = (ends + timedelta(days=1)).replace(hour=6)
        return instant(ends, PARIS, late=True) - instant(begins, PARIS, late=False)

    nights = ["2026-03-28", "2026-06-10", "2026-10-24"]
    assert [night(day) for day in nights] == [timedelta(hours=7), timedelta(hours=8), timedelta(hours=9)]
    spells = [
        Spell(
            instant(datetime(2026, 10, 24, 22), PARIS, late=False), instant(datetime(2026, 10, 25, 6), PARIS, late=True)
        )
    ]
    quarters = [datetime(2026, 10, 24, 19, tzinfo=UTC) + n * timedelta(minutes=15) for n in range(60)]
    changes = [now for before, now in pairwise(quarters)
               if bool(upkeep_at(spells, before).current) != bool(upkeep_at(spells, now).current)]  # fmt: skip
    assert [f"{at.astimezone(PARIS):%d %H:%M}" for at in changes] == ["24 22:00", "25 06:00"]


def of(upkeep, ago=timedelta(hours=3), status="accepted", isolated="", said=None):
    return condition(status, isolated, NOW - ago, said or report(), WANT, NOW, Vitals(), OPEN, NOW, upkeep)


def test_a_terminal_is_in_maintenance_before_its_silence_is_judged_and_offline_when_that_ends_in_silence():
    spell = Spell(NOW - timedelta(hours=1), NOW + timedelta(hours=2), "Changement du routeur")
    during = of(upkeep_at([spell], NOW))
    assert (during.key, during.detail, during.problems) == (
        "maintenance", "jusqu’à 12:42, Changement du routeur", (),
    )  # fmt: skip
    assert of(upkeep_at([spell], NOW), ago=timedelta(seconds=3)).key == "maintenance"
    assert of(upkeep_at([spell], spell.ends_at)).key == "offline"
    assert of(upkeep_at([spell], spell.begins_at - timedelta(seconds=1))).key == "offline"


def test_what_a_terminal_may_not_do_at_all_is_said_first():
    upkeep = upkeep_at([Spell(NOW, NOW + timedelta(hours=1), "écran")], NOW)
    assert of(upkeep, status="decommissioned").key == "decommissioned"
    assert of(upkeep, isolated="deux machines.").key == "isolated"
    ordered = report(maintenance_until=NOW + timedelta(minutes=1))
    assert of(upkeep, said=ordered).detail == "jusqu’à 11:42, écran"
    assert of(NOTHING, said=ordered).detail == "ordonnée d’ici"


def test_the_fleet_names_what_is_being_worked_on_apart_from_what_is_silent():
    spell = Spell(NOW, NOW + timedelta(hours=1), "écran")
    conditions = {"a": of(upkeep_at([spell], NOW)), "b": of(NOTHING)}
    said = fleet_sentence(conditions, {"a": "Laval", "b": "Cholet"})
    assert said == "0 borne sur 2 en service. Cholet ne répond plus. En maintenance : Laval."


@pytest.mark.parametrize(("ends", "said"), [
    ("2026-12-01T17:00", "jusqu’à 18:00"),
    ("2026-12-02T08:00", "jusqu’à demain à 9:00"),
    ("2026-12-04T08:00", "jusqu’à vendredi à 9:00"),
    ("2026-12-24T08:00", "jusqu’au 24/12 à 9:00"),
])  # fmt: skip
def test_until_when_is_said_in_words(ends, said):
    assert until_words(datetime.fromisoformat(ends).replace(tzinfo=UTC), "Europe/Paris", NOON) == said


def test_the_hour_that_comes_twice_says_which_one_is_meant():
    now = datetime(2026, 10, 24, 12, tzinfo=UTC)
    first, second = (datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1))
    assert until_words(first, "Europe/Paris", now) == "jusqu’à demain à 2:30 (été)"
    assert span_words(first, second, "Europe/Paris", now) == "demain de 2:30 (été) à 2:30 (hiver)"


@pytest.mark.parametrize(("begins", "ends", "zone", "said"), [
    ("2026-12-01T08:00", "2026-12-01T10:00", "Europe/Paris", "aujourd’hui de 9:00 à 11:00"),
    ("2026-12-02T08:00", "2026-12-02T10:00", "Europe/Paris", "demain de 9:00 à 11:00"),
    ("2026-11-30T08:00", "2026-11-30T10:00", "Europe/Paris", "hier de 9:00 à 11:00"),
    ("2026-12-09T08:00", "2026-12-09T10:00", "Europe/Paris", "le 9 déc. 2026 de 9:00 à 11:00"),
    ("2026-12-09T21:00", "2026-12-10T05:00", "Europe/Paris", "du 9 déc. 2026 à 22:00 au 10 déc. 2026 à 6:00"),
    ("2026-12-01T08:00", "2026-12-01T10:00", "Indian/Reunion", "aujourd’hui de 12:00 à 14:00, heure du lieu"),
])  # fmt: skip
def test_a_span_is_told_on_the_clock_of_its_place(begins, ends, zone, said):
    from fleet_server.web.french import rendering_at

    marker = rendering_at.set(datetime(2027, 1, 1, tzinfo=UTC))
    moments = (datetime.fromisoformat(one).replace(tzinfo=UTC) for one in (begins, ends))
    try:
        assert span_words(*moments, zone, NOON).replace("\u00a0", " ") == said
    finally:
        rendering_at.reset(marker)


def test_a_list_shows_a_long_reason_shortened_and_two_reasons_once_each():
    long = "Remplacement de l’écran et de son support mural"
    shown = in_short(upkeep_at([hours(-1, 1, long), hours(-1, 2, long), hours(0, 1, "réseau")], NOON), NOON)
    assert shown == "jusqu’à 14:00, Remplacement de l’écran et de s…"
    assert in_short(upkeep_at([hours(-1, 1, "a"), hours(-1, 1, "b")], NOON), NOON) == "jusqu’à 13:00, a ; b"
