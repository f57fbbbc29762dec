"""Times, numbers and spaces as BACKOFFICE §8 wants them."""

from datetime import UTC, datetime, timedelta

import pytest

from fleet_server.web import french

NOON = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)  # 12:00 in Paris, a Tuesday


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        (NOON - timedelta(seconds=9), "il y a 9 s"),
        (NOON - timedelta(minutes=18), "il y a 18 min"),
        (NOON - timedelta(hours=2), "10:00"),
        (NOON - timedelta(days=3), "sam. 12:00"),
        (NOON - timedelta(days=5), "jeu. 12:00"),
        (NOON - timedelta(days=40), "15\u00a0oct."),
        (NOON - timedelta(days=400), "20\u00a0oct.\u00a02025"),
    ],
)
def test_a_moment_is_said_by_how_far_it_is(moment, said):
    marker = french.rendering_at.set(NOON)
    assert french.near(moment, NOON) == said
    french.rendering_at.reset(marker)


def test_the_night_the_hour_changes_says_which_half_past_two():
    summer, winter = datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert (french.hour(summer), french.hour(winter)) == ("2:30 (été)", "2:30 (hiver)")
    assert french.hour(NOON) == "12:00"


@pytest.mark.parametrize(
    ("html", "spaced"),
    [
        ("<p>Laval : 99,2 % à 78 °C !</p>", "<p>Laval\u00a0: 99,2\u00a0% à 78\u00a0°C\u00a0!</p>"),
        ("<p>« Quoi ? »</p>", "<p>«\u00a0Quoi\u00a0?\u00a0»</p>"),
        ("1 204 visites", "1\u00a0204 visites"),
        ('<a title="Oui ?" href="/a ?b">x</a>', '<a title="Oui ?" href="/a ?b">x</a>'),
        ("<textarea>Bonjour !</textarea> ici !", "<textarea>Bonjour !</textarea> ici\u00a0!"),
        ("<script>a ? b : c</script>", "<script>a ? b : c</script>"),
        ("12 heures", "12\u00a0heures"),
        ("à 10:42", "à 10:42"),
    ],
)
def test_french_spacing_touches_texts_and_nothing_else(html, spaced):
    assert french.spaced(html) == spaced


def test_numbers_have_a_comma_and_no_break_thousands():
    assert french.num(1234.5, 1) == "1\u00a0234,5"
    assert french.num(None) == "–"
    assert french.percent(0.992, 1) == "99,2\u00a0%"
    assert french.size(8_200_000) == "8,2\u00a0Mo"
    assert french.size(900) == "900\u00a0octets"


def test_zero_and_one_are_singular():
    assert [french.plural(n, "visite") for n in (0, 1, 2)] == ["0 visite", "1 visite", "2 visites"]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(9, "9 s"), (59.6, "1 min"), (18 * 60, "18 min"), (7500, "2 h 05"), (7200, "2 h"), (3 * 86400, "3 jours")],
)
def test_spans_keep_their_largest_units(seconds, said):
    assert french.span(seconds) == said


def test_a_relative_time_carries_its_exact_moment():
    marker = french.rendering_at.set(NOON)
    said = str(french.ago(NOON - timedelta(seconds=9)))
    french.rendering_at.reset(marker)
    assert 'datetime="2026-11-24T10:59:51+00:00"' in said
    assert "mardi 24 novembre 2026 à 11:59:51, heure de Paris" in said
    assert "data-ago" in said
