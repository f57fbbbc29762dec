"""How a terminal is: from what it last said, its place's hours and the time."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from fleet_server.terminals.inbound import alternates
from fleet_server.terminals.opening import Opening, opening_at
from fleet_server.terminals.states import Condition, Vitals, condition, fleet_sentence
from fleet_server.web.vocabulary import STATES
from wire.state import (  # fmt: skip
    ContentState,
    Desired,
    OpeningHours,
    OutboxState,
    Place,
    Release,
    Reported,
    SealingKey,
    Settings,
    WindowState,
)

NOW = datetime(2026, 11, 23, 9, 42, tzinfo=UTC)
OPEN, CLOSED, UNKNOWN = Opening("open", "jusqu’à 17:30"), Opening("closed", "ouvre à 14:00"), Opening("unknown", "")
PLACE = Place(site="laval", name="Mairie", kind="mairie", commune="53130", commune_name="Laval", department="53",
              latitude=48.07, longitude=-0.77)  # fmt: skip
WINTER = Release(id="b" * 64, label="2026.48")
WANT = Desired(revision=3, name="Laval", place=PLACE, sealing_key=SealingKey(kid="k", public="p" * 43))


def report(**fields):
    values = {"revision": 3, "clock_trusted": True} | fields
    return Reported(number=1, generation=1, boot=str(uuid.UUID(int=1)), at=NOW, software="0.1.0", **values)


def of(report=None, *, status="accepted", isolated="", ago=timedelta(seconds=5), opening=OPEN, vitals=Vitals(),
       wished=timedelta(minutes=1)):  # fmt: skip
    heard = None if ago is None else NOW - ago
    return condition(status, isolated, heard, report, WANT, NOW - wished, vitals, opening, NOW)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"phase": "downloading", "progress": 0.4}, "reçoit, 40 %"),
        ({"phase": "downloading", "progress": 0.4, "waits_for": "download_hours",
          "waits_until": NOW + timedelta(hours=12)}, "40 % reçus, la suite à 22:42"),
        ({"phase": "downloading", "waits_for": "download_hours",
          "waits_until": NOW + timedelta(hours=14)}, "recevra demain à 0:42"),
        ({"phase": "downloading", "waits_for": "clock"}, "attend que son horloge soit sûre"),
        ({"phase": "downloading", "lacks_bytes": 312_400_000}, "il lui manque 312 Mo de place"),
        ({"phase": "waiting"}, "attend la fin de la visite"),
        ({"phase": "waiting", "waits_for": "hours", "waits_until": NOW + timedelta(days=1, hours=-8)},
         "reçue, l’affichera demain à 2:42"),
        ({"phase": "waiting", "waits_for": "not_before", "waits_until": NOW + timedelta(days=3)},
         "reçue, l’affichera jeudi à 10:42"),
        ({"phase": "waiting", "waits_for": "not_before", "waits_until": NOW + timedelta(days=9)},
         "reçue, l’affichera le 02/12 à 10:42"),
        ({"phase": "waiting", "waits_for": "something newer"}, "attend la fin de la visite"),
    ],
)  # fmt: skip
def test_what_an_edition_waits_for_is_said_in_the_hours_of_its_place(content, words):
    assert of(report(content=ContentState(target=WINTER, **content))).detail == words


def test_a_terminal_heard_within_two_minutes_is_online():
    assert of(report(), ago=timedelta(seconds=120)).key == "online"
    assert of(report(), ago=timedelta(seconds=121)).key == "offline"


@pytest.mark.parametrize("ago", [timedelta(seconds=5), timedelta(hours=1)])
def test_a_terminal_in_maintenance_is_not_down_until_its_end(ago):
    assert of(report(maintenance_until=NOW + timedelta(minutes=1)), ago=ago).key == "maintenance"
    assert of(report(maintenance_until=NOW - timedelta(minutes=1)), ago=timedelta(hours=1)).key == "offline"


def test_a_silent_terminal_is_excused_only_when_its_place_is_known_to_be_closed():
    silent = timedelta(hours=3)
    assert of(report(), ago=silent, opening=CLOSED).key == "closed"
    assert of(report(), ago=silent, opening=UNKNOWN).key == "offline"
    assert of(report(), ago=None, opening=OPEN).detail == "jamais vue"


def test_what_is_wrong_with_a_terminal_that_is_there_comes_before_its_closed_place():
    hot = Vitals(temperature=78.0)
    assert of(report(), vitals=hot, opening=CLOSED) == Condition(
        "degraded", "78 °C", ("Processeur à 78 °C, seuil 75 °C.",)
    )
    assert of(report(), opening=CLOSED).key == "closed"


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({"window": WindowState(status="out_of_service")}, "écran hors service"),
        ({"window": WindowState(status="stalled", painted_at=NOW)}, "écran figé"),
        ({"window": WindowState(status="stalled")}, "rien à l’écran"),
        ({"content": ContentState(phase="rolled_back", target=WINTER, reason="index absent")}, "revenue en arrière"),
        ({"content": ContentState(phase="failed", target=WINTER, reason="disque plein")}, "contenu pas arrivé"),
        ({"outbox": OutboxState(requests_overdue=1)}, "demandes retenues"),
        ({"outbox": OutboxState(waiting=7, oldest_at=NOW - timedelta(hours=2))}, "messages en attente"),
        ({"clock_trusted": False}, "horloge non sûre"),
    ],
)
def test_each_problem_that_a_terminal_reports_degrades_it_and_is_said(fields, detail):
    how = of(report(**fields))
    assert (how.key, how.detail) == ("degraded", detail)
    assert [problem[-1] for problem in how.problems] == ["."]


def test_a_window_that_nobody_has_heard_is_no_reason_to_worry():
    assert of(report(window=WindowState(status="unknown"))).key == "online"
    assert of(report(window=WindowState(status="absent"))).key == "online", "an older agent does not say since when"


@pytest.mark.parametrize(("away_s", "key"), [(119, "online"), (121, "degraded"), (3 * 86_400, "degraded")])
@pytest.mark.parametrize("by", ["absent_since", "painted_at"])
def test_a_terminal_long_without_a_window_is_degraded(away_s, key, by):
    window = WindowState(status="absent", **{by: NOW - timedelta(seconds=away_s)})
    assert of(report(window=window), opening=CLOSED if key == "degraded" else OPEN).key == key
    assert ("pas de fenêtre" in of(report(window=window)).detail) == (key == "degraded")


def test_a_window_that_came_back_is_not_held_against_it():
    assert of(report(window=WindowState(status="painting", painted_at=NOW))).key == "online"
    painted = WindowState(status="absent", painted_at=NOW - timedelta(days=1), absent_since=NOW - timedelta(seconds=5))
    assert of(report(window=painted)).key == "online", "frozen for long, then started anew"


def test_a_disk_nearly_full_degrades_a_terminal():
    assert of(report(), vitals=Vitals(disk_free=0.14)).detail == "disque à 86 %"
    assert of(report(), vitals=Vitals(disk_free=0.16)).key == "online"
    # Little of a large disk is still plenty, until it is next to nothing.
    assert of(report(), vitals=Vitals(disk_free=0.14, disk_free_bytes=35 * 10**9)).key == "online"
    assert of(report(), vitals=Vitals(disk_free=0.04, disk_free_bytes=35 * 10**9)).detail == "disque à 96 %"


def test_a_wish_is_given_a_quarter_of_an_hour_before_the_terminal_drifts():
    behind = report(revision=2)
    assert of(behind, wished=timedelta(minutes=15)).key == "online"
    assert of(behind, wished=timedelta(minutes=16)).key == "drift"
    assert of(report(revision=3), wished=timedelta(days=1)).key == "online"


def test_a_terminal_that_fetches_says_how_far_it_is():
    fetching = report(content=ContentState(phase="downloading", target=WINTER, progress=0.4))
    assert of(fetching) == Condition("updating", "reçoit, 40 %")
    assert of(report(content=ContentState(phase="waiting", target=WINTER))).detail == "attend la fin de la visite"


def test_an_isolated_terminal_stays_so_however_well_it_seems():
    assert of(report(), isolated="Deux machines se présentent avec la même clé.").key == "isolated"


def test_a_terminal_not_accepted_is_what_its_enrolment_says():
    assert [of(status=status).key for status in ("pending", "rejected", "decommissioned")] == [
        "pending", "rejected", "decommissioned",
    ]  # fmt: skip


def test_every_condition_has_its_word_and_shape():
    keys = {"online", "offline", "degraded", "drift", "updating", "closed", "isolated", "pending", "rejected"}
    assert keys <= STATES["terminal"].keys()


def test_the_sentence_says_who_is_silent_and_who_is_weak():
    fleet = {"a": Condition("online", ""), "b": Condition("offline", ""), "c": Condition("degraded", "")}
    names = {"a": "Cholet", "b": "Laval", "c": "Segré"}
    assert fleet_sentence(fleet, names) == (
        "2 bornes sur 3 en service. Laval ne répond plus. À regarder : Segré."
    )  # fmt: skip
    assert fleet_sentence({}, {}) == "Aucune borne pour l’instant."


def test_a_sentence_names_six_and_counts_beyond():
    six = {f"Ville {number}": Condition("offline", "") for number in range(1, 7)}
    assert fleet_sentence(six, {name: name for name in six}) == (
        "0 borne sur 6 en service. Ville 1, Ville 2, Ville 3, Ville 4, Ville 5 et Ville 6 ne répondent plus."
    )
    seven = six | {"Ville 7": Condition("offline", "")}
    assert "Ville 4, Ville 5 et 2 autres ne répondent plus." in fleet_sentence(seven, {name: name for name in seven})


def test_opening_hours_are_those_of_the_place_winter_and_summer():
    nine_to_five = Settings(opening=tuple(OpeningHours(day=day, opens="09:00", closes="17:00") for day in range(5)))
    # 7:30 UTC is 8:30 at Laval in winter, 9:30 in summer.
    assert opening_at(nine_to_five, datetime(2026, 11, 23, 7, 30, tzinfo=UTC)) == Opening("closed", "ouvre à 9:00")
    assert opening_at(nine_to_five, datetime(2026, 7, 20, 7, 30, tzinfo=UTC)) == Opening("open", "jusqu’à 17:00")


def test_a_closed_place_says_when_it_opens_next():
    lunch = (OpeningHours(day=0, opens="09:00", closes="12:00"), OpeningHours(day=0, opens="14:00", closes="17:00"))
    settings = Settings(opening=lunch)
    assert opening_at(settings, datetime(2026, 11, 23, 11, 30, tzinfo=UTC)).detail == "ouvre à 14:00"
    assert opening_at(settings, datetime(2026, 11, 23, 18, 0, tzinfo=UTC)).detail == "ouvre lundi à 9:00"
    assert opening_at(settings, datetime(2026, 11, 22, 18, 0, tzinfo=UTC)).detail == "ouvre demain à 9:00"
    assert opening_at(Settings(), NOW).state == "unknown"


@pytest.mark.parametrize(
    ("boots", "two"),
    [("a", False), ("abcd", False), ("aba", False), ("abab", True), ("cabab", True), ("ababc", False), ("aaaa", False)],
)
def test_two_boots_that_alternate_betray_a_second_machine(boots, two):
    assert alternates(list(boots)) is two


def test_hours_in_a_time_zone_that_nobody_knows_are_read_in_the_service_s_own():
    hours = (OpeningHours(day=0, opens="09:00", closes="17:30"),)
    assert opening_at(Settings(opening=hours, timezone="Europe/Atlantide"), NOW) == OPEN
