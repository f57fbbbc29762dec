"""What is foreseen, in words: to the minute where one reads it, to the day in the sentence."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from fleet_server.rollouts.forecast import forecast, sentence, when
from fleet_server.rollouts.models import Rollout
from fleet_server.rollouts.plan import Plan, Wave, Window
from fleet_server.rollouts.terms import terms
from fleet_server.rollouts.windows import Stand
from tests.unit.rollouts.test_rollouts_whom import HALL, one
from tests.unit.rollouts.test_rollouts_windows import paris
from wire.state import Hours, OpeningHours

NOON = paris("2026-11-24T12:00")  # a Tuesday
NIGHT = Window(hours=(Hours(begins=time(2), ends=time(5)),))


@pytest.mark.parametrize(
    ("at", "now", "words"),
    [
        ("2026-11-24T12:00", "2026-11-24T12:00", "maintenant"),
        ("2026-11-24T11:00", "2026-11-24T12:00", "maintenant"),
        ("2026-11-24T16:00", "2026-11-24T12:00", "à 16:00"),
        ("2026-11-24T02:00", "2026-11-24T00:30", "à 2:00"),
        ("2026-11-25T02:00", "2026-11-24T12:00", "cette nuit à 2:00"),
        ("2026-11-25T02:00", "2026-11-24T03:00", "demain à 2:00"),  # 23 h away, and not in this night
        ("2026-11-25T09:00", "2026-11-24T12:00", "demain à 9:00"),
        ("2026-11-26T02:00", "2026-11-24T12:00", "jeudi à 2:00"),
        ("2026-11-30T02:00", "2026-11-24T12:00", "lundi à 2:00"),
        ("2026-12-01T02:00", "2026-11-24T12:00", "le 1er\u00a0déc. à 2:00"),
        ("2026-10-25T02:30", "2026-10-24T22:00", "cette nuit à 2:30 (été)"),
        ("2027-03-28T03:00", "2027-03-27T22:00", "cette nuit à 3:00"),
    ],
)
def test_a_moment_is_told_to_the_minute_and_on_which_day(at, now, words):
    assert when(paris(at), paris(now)) == words


def seven(away=("Laval",), **given):
    names = ("Laval", "Cholet", "Segré", "Sablé", "Nantes", "Angers", "Saumur")
    heard = {name: None if name in away else NOON for name in names}
    return [replace(one(name, HALL, **given), heard_at=heard[name]) for name in names]


def told(plan, found, sizes, now=NOON):
    waves = [number for number, size in enumerate(sizes) for _ in range(size)]
    expected = forecast(plan, found, {seen.id: wave for seen, wave in zip(found, waves, strict=True)}, now)
    return expected, sentence(expected, found, now, plan)


def test_seven_one_now_three_in_the_night_three_tomorrow_and_who_is_away():
    found = seven()
    plan = Plan(waves=(Wave(count=1, soak_s=14 * 3600), Wave(count=3, soak_s=8 * 3600), Wave()))
    expected, said = told(plan, found, (1, 3, 3))
    assert said == "7 bornes : 1 maintenant, 3 cette nuit à 2:00, 3 demain ; Laval est hors ligne."
    assert [one.said for one in expected] == ["maintenant", "cette nuit à 2:00", "demain à 10:00"]


def test_every_wave_waits_for_the_hours_of_each_place():
    found = seven(away=())
    found[6] = replace(found[6], stand=Stand("Indian/Reunion"))
    expected, said = told(Plan(waves=(Wave(count=6, soak_s=4 * 3600), Wave()), window=NIGHT), found, (6, 1))
    assert said == "7 bornes : 6 cette nuit à 2:00, 1 demain."
    assert [one.said for one in expected] == ["cette nuit à 2:00", "demain à 23:00"], "the clock of Paris"


def test_a_rate_is_spread_over_the_hours_and_many_moments_are_summed_up():
    _, said = told(Plan(per_hour=1), seven(away=()), (7,))
    assert said == "7 bornes : 1 maintenant, 1 à 13:00, 1 à 14:00, 1 à 15:00, 3 ensuite, la dernière à 18:00."
    _, said = told(Plan(at_once=2), seven(away=()), (7,))
    assert said == "7 bornes : 7 maintenant ; 2 à la fois au plus."


def test_hours_that_never_come_are_said_so():
    always = Stand(opening=tuple(OpeningHours(day=day, opens=time(0), closes=time.max) for day in range(7)))
    found = seven(away=())
    found[0] = replace(found[0], stand=always)
    noon = Window(hours=(Hours(begins=time(12), ends=time(13)),), closed=True)
    _, said = told(Plan(window=noon), found, (7,))
    assert said == "7 bornes : 6 maintenant, 1 jamais, leurs heures ne le permettent pas."


def test_what_a_second_person_approves_is_all_there_in_words():
    plan = Plan(
        waves=(Wave(count=1, soak_s=3600), Wave(percent=25), Wave()), canaries=("b-laval",), at_once=2,
        window=Window(hours=NIGHT.hours, closed=True, latest_s=24 * 3600), not_before=datetime(2026, 12, 1, tzinfo=UTC),
        timeout_s=int(timedelta(hours=24).total_seconds()), silent_s=3600,
    )  # fmt: skip
    made = Rollout(kind="settings", title="", what={"values": {"idle_end_s": 120, "welcome": {"fr": "Bonjour"}}},
                   target={}, plan={}, made_at=NOON)  # fmt: skip
    assert list(terms(made, plan, {"b-laval": "Laval"})) == [
        ("Fin de visite après, en secondes", "120"), ("Accueil (fr)", "Bonjour"),
        ("Vagues", "1 borne (1 h d’observation), puis 25 %, puis le reste"), ("En premier", "Laval"),
        ("Pas avant", "le 1er\u00a0déc.\u00a02026 à 1:00"),
        ("Prend effet", "entre 2:00 et 5:00, à l’heure du lieu, quand le lieu est fermé ; "
                        "au plus tard 24 h après son tour, à toute heure"),
        ("Rythme", "2 à la fois, au plus"),
        ("Une borne a", "24 h pour finir ; 1 h sans nouvelle comptent comme un échec"),
    ]  # fmt: skip
