"""Where terminals are drawn on the map of the region: none hides another, none is shown where it is not."""

from itertools import combinations
from math import hypot

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_server.terminals.fleet_map import NAMED, TOGETHER, Stand, laid_out
from fleet_server.terminals.place_kinds import DEPARTMENTS
from fleet_server.web.pages import environment
from wire.state import Place

LAVAL, CHOLET = (48.0706, -0.7734), (47.06, -0.8789)


def stand(name, at=LAVAL, key="online", commune="Laval", detail=""):
    place = Place(site=name, name=f"Lieu {name}", kind="mairie", commune="53130", commune_name=commune, department="53",
                  latitude=at[0], longitude=at[1])  # fmt: skip
    return Stand(f"b-{name.lower()}", name, place, key, detail)


def gaps(drawn):
    return [hypot(a.x - b.x, a.y - b.y) for a, b in combinations(drawn.marks, 2)]


def test_a_terminal_stands_where_its_place_is_and_its_words_say_state_and_commune():
    (mark,) = laid_out([stand("Hall", key="offline", detail="ne répond plus")]).marks
    assert (mark.x, mark.y) == (183.5, 193.2)
    assert (mark.shape, mark.tone, mark.link) == ("oct", "bad", "/bornes/b-hall")
    assert mark.said == "Hall, Lieu Hall à Laval : hors ligne, ne répond plus"


@pytest.mark.parametrize("count", range(2, TOGETHER + 1))
def test_terminals_of_one_commune_stand_around_the_spot_they_share(count):
    drawn = laid_out([stand(f"T{number}") for number in range(count)])
    assert len(drawn.marks) == count
    assert min(gaps(drawn)) >= 9, "the size of a mark"
    assert {mark.link for mark in drawn.marks} == {f"/bornes/b-t{number}" for number in range(count)}


def test_two_that_stand_a_street_apart_do_not_cover_each_other_either():
    drawn = laid_out([stand("Mairie"), stand("Gare", at=(48.0762, -0.7608))])
    assert min(gaps(drawn)) >= 9
    assert sorted(mark.name for mark in drawn.marks) == ["Gare", "Mairie"]


def test_more_than_a_ring_holds_are_one_mark_that_says_how_many_and_the_worst_of_them():
    many = [stand(f"T{number}") for number in range(TOGETHER)] + [stand("Zoo", key="degraded"), stand("X", at=CHOLET)]
    drawn = laid_out(many)
    (mark,) = [one for one in drawn.marks if "bornes" in one.name]
    assert (mark.name, mark.shape, mark.link) == ("Laval, 7 bornes", "tri", "/flotte?text=Laval")
    assert mark.said == "Laval, 7 bornes, dont Zoo : dégradée"
    assert [(state.word, count) for state, count in drawn.states] == [("Dégradée", 1), ("En ligne", 7)]


def test_who_has_no_position_or_stands_elsewhere_is_named_beside_the_map_and_shown_nowhere():
    drawn = laid_out([stand("Hall"), stand("Nulle", at=(0, 0)), stand("Mayotte", at=(-12.78, 45.23))])
    assert [mark.name for mark in drawn.marks] == ["Hall"]
    assert [(one.name, why) for one, why in drawn.off] == [
        ("Nulle", "position non donnée"), ("Mayotte", "hors de la région"),
    ]  # fmt: skip
    assert [(state.word, count) for state, count in drawn.states] == [("En ligne", 1)]


def test_of_many_the_first_have_a_name_and_a_link_and_all_have_a_mark():
    spread = [stand(f"T{n}", at=(46.5 + n // 10 * 0.17, -1.9 + n % 10 * 0.2)) for n in range(100)]
    drawn = laid_out(spread)
    assert len(drawn.marks) == 100
    assert {mark.link for mark in drawn.marks if mark.link} == {f"/bornes/b-t{n}" for n in range(NAMED)}
    assert laid_out([]).marks == ()


@given(st.lists(st.tuples(st.floats(46.3, 48.5), st.floats(-2.5, 0.9)), max_size=40))
def test_no_terminal_is_lost_whatever_their_places(at):
    stands = [stand(f"T{n}", at=one) for n, one in enumerate(at)]
    drawn = laid_out(stands)
    assert sum(count for _, count in drawn.states) + len(drawn.off) == len(stands)
    boxes = [mark for mark in drawn.marks if mark.name]
    assert len({(mark.x, mark.y) for mark in boxes}) == len(boxes)


def test_the_departments_have_their_names_and_outlines():
    assert environment().globals["geo"]["paths"].keys() == DEPARTMENTS.keys()
