"""Which terminals are looked for, and in which order."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from urllib.parse import parse_qsl

import pytest

from fleet_server.terminals.cards import ORDER
from fleet_server.terminals.search import CRITERIA, SORTS, STATES, BadSearch, Search, from_page, search
from fleet_server.web.vocabulary import STATES as VOCABULARY

NOW = datetime(2026, 11, 23, 9, 42, tzinfo=UTC)


@dataclass
class Kiosk:
    """What a search reads of a card."""

    name: str
    state: str = "online"
    kind: str = "mairie"
    department: str = "53"
    groups: list = field(default_factory=list)
    tags: list = field(default_factory=list)
    software: str | None = "0.1.0"
    release: str = "2026.47"
    differs: bool = False
    open: str = "open"
    today: int = 0
    heard: int | None = 0

    def card(self):
        place = SimpleNamespace(name=f"Mairie de {self.name}", commune_name=self.name, kind=self.kind,
                                department=self.department)  # fmt: skip
        drawn = None if self.heard is None else NOW - timedelta(seconds=self.heard)
        report = SimpleNamespace(software=self.software, window=SimpleNamespace(painted_at=drawn))
        return SimpleNamespace(
            terminal=SimpleNamespace(id=f"b-{self.name.lower()}", name=self.name, groups=self.groups, tags=self.tags),
            want=SimpleNamespace(place=place), report=report if self.software else None, release=self.release,
            condition=SimpleNamespace(key=self.state), opening=SimpleNamespace(state=self.open), differs=self.differs,
            visits=[3, self.today], heard_at=drawn,
        )  # fmt: skip


def found(wanted, *kiosks):
    return [card.terminal.name for card in wanted.among([one.card() for one in kiosks])]


LAVAL = Kiosk("Laval", "offline", groups=["ville"], tags=["écran neuf"], heard=900, differs=True, today=2)
ANGERS = Kiosk("Angers", "isolated", department="49", software=None, release="–", heard=None, open="unknown")
SABLE = Kiosk("Sablé-sur-Sarthe", "drift", "campus_connecte", "72", software="0.10.0", release="2026.48-10", heard=3,
              open="closed", today=9)  # fmt: skip
CHOLET = Kiosk("Cholet", "updating", department="49", software="0.9.2", release="2026.48-9", heard=5)
CAST = (ANGERS, LAVAL, SABLE, CHOLET)


@pytest.mark.parametrize(("asked", "names"), [
    ({}, ["Angers", "Laval", "Sablé-sur-Sarthe", "Cholet"]),
    ({"text": "SABLE sur"}, ["Sablé-sur-Sarthe"]),
    ({"text": "b-chol"}, ["Cholet"]),
    ({"state": "offline"}, ["Angers", "Laval"]),
    ({"state": "isolated"}, ["Angers"]),
    ({"state": "degraded"}, ["Sablé-sur-Sarthe"]),
    ({"group": "Ville"}, ["Laval"]),
    ({"tag": "écran  neuf"}, ["Laval"]),
    ({"kind": "campus_connecte"}, ["Sablé-sur-Sarthe"]),
    ({"department": "49"}, ["Angers", "Cholet"]),
    ({"software": "0.9.2"}, ["Cholet"]),
    ({"release": "2026.47"}, ["Laval"]),
    ({"drift": True}, ["Laval"]),
    ({"drift": False, "state": ""}, ["Angers", "Laval", "Sablé-sur-Sarthe", "Cholet"]),
    ({"department": "49", "state": "updating"}, ["Cholet"]),
])  # fmt: skip
def test_what_is_asked_is_met_all_together_in_the_order_of_need(asked, names):
    assert found(search(asked), *CAST) == names


@pytest.mark.parametrize(("sort", "names"), [
    ("name", ["Angers", "Cholet", "Laval", "Sablé-sur-Sarthe"]),
    ("-name", ["Sablé-sur-Sarthe", "Laval", "Cholet", "Angers"]),
    ("software", ["Laval", "Cholet", "Sablé-sur-Sarthe", "Angers"]),
    ("-software", ["Sablé-sur-Sarthe", "Cholet", "Laval", "Angers"]),
    ("release", ["Laval", "Cholet", "Sablé-sur-Sarthe", "Angers"]),
    ("heard", ["Laval", "Cholet", "Sablé-sur-Sarthe", "Angers"]),
    ("-heard", ["Sablé-sur-Sarthe", "Cholet", "Laval", "Angers"]),
    ("-screen", ["Sablé-sur-Sarthe", "Cholet", "Laval", "Angers"]),
    ("opening", ["Laval", "Cholet", "Sablé-sur-Sarthe", "Angers"]),
    ("-visits", ["Sablé-sur-Sarthe", "Laval", "Angers", "Cholet"]),
])  # fmt: skip
def test_a_sort_puts_what_is_not_known_last_and_keeps_the_order_of_need_among_equals(sort, names):
    assert found(search({}, sort), *CAST) == names


@pytest.mark.parametrize(("asked", "sort", "wrong", "said"), [
    ({"state": "hors"}, "", "state", "« hors » n’existe pas. Il y a : offline, degraded"),
    ({"kind": "gare"}, "", "kind", "centre_commercial"),
    ({"text": "x" * 81}, "", "text", "80 caractères au plus"),
    ({"text": "-"}, "", "text", "ne cherche rien"),
    ({"text": "’ '", "group": "ville"}, "", "text", "ne cherche rien"),
    ({"department": "5300"}, "", "department", "3 caractères au plus"),
    ({"group": "ville"}, "size", "sort", "n’est pas un ordre. Il y a : name, opening"),
    ({"group": "ville"}, "-", "sort", "n’est pas un ordre"),
])  # fmt: skip
def test_what_no_terminal_could_have_is_refused_in_words_and_the_rest_is_kept(asked, sort, wrong, said):
    with pytest.raises(BadSearch) as bad:
        search(asked, sort)
    assert list(bad.value.problems) == [wrong]
    assert said in str(bad.value)
    assert bad.value.rest == Search({"group": "ville"} if "group" in asked else {})


@pytest.mark.parametrize(("address", "wanted"), [
    ({"etat": "hors-ligne", "ecart": "oui", "tri": "-vue"}, search({"state": "offline", "drift": True}, "-heard")),
    ({"q": " la  roche ", "genre": "centre-commercial"}, search({"text": "la roche", "kind": "centre_commercial"})),
    ({"groupe": "", "logiciel": "0.1.0", "page": "3", "ailleurs": "x"}, search({"software": "0.1.0"})),
])  # fmt: skip
def test_the_address_of_a_page_says_the_same_in_its_own_words(address, wanted):
    assert from_page(address) == wanted
    meant = {key for key, value in address.items() if value and key not in ("page", "ailleurs")}
    assert {pair.split("=")[0] for pair in wanted.query().split("&")} == meant


@pytest.mark.parametrize(("address", "said"), [
    ({"etat": "offline"}, "« etat=offline » n’existe pas. Il y a : hors-ligne, degradee"),
    ({"ecart": "non"}, "« ecart=non » n’existe pas. Il y a : oui"),
    ({"tri": "-taille"}, "« tri=-taille » n’existe pas. Il y a : nom, lieu"),
    ({"q": "x" * 81}, "80 caractères au plus"),
])  # fmt: skip
def test_an_address_with_what_does_not_exist_is_refused_in_its_own_words(address, said):
    with pytest.raises(BadSearch, match=said.replace("?", r"\?")):
        from_page({"groupe": "ville", **address})


def test_every_search_is_read_back_from_its_own_address():
    for name, one in CRITERIA.items():
        for value in one.values or ("x&é =%",):
            if one.most >= len(value):
                wanted = search({name: value}, "-name")
                assert from_page(dict(parse_qsl(wanted.query()))) == wanted, name


def test_every_condition_a_terminal_can_have_has_a_word_and_a_counter_or_a_family():
    shown = {key for one in STATES.values() if one.counted for key in one.keys}
    assert shown | {"rejected", "decommissioned"} == set(ORDER)
    assert all(key in VOCABULARY["terminal"] for one in STATES.values() for key in one.keys)
    assert len({one.word for one in CRITERIA.values()}) == len(CRITERIA)
    assert len({one.word for one in SORTS.values()}) == len(SORTS)
