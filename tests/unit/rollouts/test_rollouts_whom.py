"""Whom a rollout is for: every kind of criterion, alone and together, and the words for it."""

from dataclasses import replace

import pytest

from fleet_server.rollouts.plan import Target
from fleet_server.rollouts.seen import Seen
from fleet_server.rollouts.whom import choices, matching, said
from wire.state import Place

HALL = Place(
    site="mairie-laval", name="Mairie de Laval", kind="mairie", commune="53130", commune_name="Laval", department="53",
    latitude=48.07, longitude=-0.77,
)  # fmt: skip
MALL = HALL.model_copy(
    update={"site": "atlantis", "name": "Centre Atlantis", "kind": "centre_commercial", "commune": "44162",
            "commune_name": "Saint-Herblain", "department": "44"}
)  # fmt: skip


def one(name, place, **given):
    made = Seen(
        id=f"b-{name.lower()}", name=name, groups=(), tags=(), place=place, in_service=True, report=None,
        reported_at=None, heard_at=None, release_id=None, release_label="",
    )  # fmt: skip
    return replace(made, **given)


def says(software, edition):
    return {"software": software, "content": {"active": {"id": "a" * 64, "label": edition}}}


FLEET = {
    seen.id: seen
    for seen in (
        one("Laval", HALL, groups=("mairies",), tags=("pilote",), model="NUC 12", report=says("1.4.2", "2026.47")),
        one("Accueil", HALL, tags=("pilote", "écran 32"), model="NUC 12", report=says("1.5.0", "2026.48")),
        one("Atlantis", MALL, model="OptiPlex", report=says("1.4.2", "2026.47")),
        one("Muette", MALL, groups=("mairies",)),
        one("Volée", HALL, groups=("mairies",), tags=("pilote",), in_service=False),
    )
}


@pytest.mark.parametrize(
    ("target", "names"),
    [
        ({"everyone": True}, "Laval Accueil Atlantis Muette"),
        ({"groups": ["mairies"]}, "Laval Muette"),
        ({"tags": ["pilote"]}, "Laval Accueil"),
        ({"tags": ["Pilote"]}, "Laval Accueil"),
        ({"tags": ["écran 32", "jamais mise"]}, "Accueil"),
        ({"kinds": ["mairie"]}, "Laval Accueil"),
        ({"sites": ["atlantis"]}, "Atlantis Muette"),
        ({"departments": ["44", "53"]}, "Laval Accueil Atlantis Muette"),
        ({"models": ["NUC 12"]}, "Laval Accueil"),
        ({"versions": ["1.4.2"]}, "Laval Atlantis"),
        ({"editions": ["2026.47"]}, "Laval Atlantis"),
        ({"text": "saint herblain"}, "Atlantis Muette"),
        ({"text": "LÀVAL"}, "Laval Accueil"),
        ({"terminals": ["b-muette"]}, "Muette"),
        ({"tags": ["pilote"], "versions": ["1.4.2"]}, "Laval"),
        ({"text": "laval", "models": ["OptiPlex"]}, ""),
    ],
)
def test_each_criterion_names_its_own_and_all_that_are_given_must_hold(target, names):
    assert [seen.name for seen in matching(Target.model_validate(target), FLEET)] == names.split()


def test_the_target_is_said_in_words():
    target = Target(text="laval", kinds=("mairie",), tags=("pilote", "essai"), sites=("atlantis",))
    assert said(target, FLEET) == (
        "« laval », étiquette pilote ou essai, genre de lieu Mairie, lieu Centre Atlantis"
    )  # fmt: skip
    assert said(Target(everyone=True), FLEET) == "toutes les bornes en service"
    assert said(Target(versions=tuple(f"1.{n}" for n in range(9))), FLEET).endswith("1.5 ou 3 autres")


def test_what_nobody_in_service_has_is_no_choice():
    found = choices(FLEET)
    assert [value for value, _ in found["tags"]] == ["écran 32", "pilote"]
    assert ("mairie", "Mairie") in found["kinds"]
    assert "b-volée" not in dict(found["terminals"])
    assert [value for value, _ in found["models"]] == ["NUC 12", "OptiPlex"]
