"""The pack that kiosks really show: whole, sourced, without a fault."""

from datetime import date
from pathlib import Path

import pytest

from fleet_server.contents.check import checked
from fleet_server.contents.schema import SECTION_IDS

PACK = Path(__file__).parents[3] / "content" / "pays-de-la-loire"
UI = Path(__file__).parents[3] / "kiosk_ui" / "src"


@pytest.fixture(scope="module")
def pack():
    return checked(PACK, date(2026, 11, 24), UI)


def test_it_can_be_published_and_every_text_the_kiosk_shows_is_there(pack):
    assert [str(problem) for problem in pack.problems] == []


def test_it_holds_the_occupations_and_the_territory_as_a_whole(pack):
    assert len(pack.occupations.root) == 1584
    assert [domain.code for domain in pack.domains.root] == list("ABCDEFGHIJKLMN")
    assert len(pack.communes.root) == 1228
    assert {commune.department for commune in pack.communes.root} == {"44", "49", "53", "72", "85"}
    attached = {code for epci in pack.epcis.root for code in epci.communes}
    # L'Île-d'Yeu belongs to no intercommunality.
    assert {commune.code for commune in pack.communes.root} - attached == {"85113"}


def test_it_names_at_least_twelve_actors_each_with_its_source(pack):
    assert len(pack.actors) >= 12
    assert all(actor.source.title and actor.source.url and actor.checked_on for actor in pack.actors.values())
    assert {file.removeprefix("acteurs/").removesuffix(".yml") for file in pack.actors} == {
        actor.id for actor in pack.actors.values()
    }


def test_what_is_not_certain_says_so_in_words(pack):
    unsure = [actor for actor in pack.actors.values() if not actor.certain]
    assert unsure
    assert all(actor.note for actor in unsure)


def test_every_public_has_its_words(pack):
    used = {code for actor in pack.actors.values() for code in actor.publics}
    assert {f"publics.{code}" for code in used} - pack.texts.root.keys() == set()


def test_every_section_is_told_and_three_are_open(pack):
    sections = {section.id: section.available for section in pack.head.sections}
    assert set(sections) == set(SECTION_IDS)
    assert [name for name, available in sections.items() if available] == ["metiers", "acteurs", "rappel"]


def test_every_data_file_has_its_source(pack):
    told = {file for source in pack.sources.root for file in source.files}
    there = {str(path.relative_to(PACK)) for path in [*PACK.rglob("metiers/*"), *PACK.rglob("territoire/*")]}
    assert told == there
