"""With which edition a terminal that is added later starts, and who is told."""

import re

import pytest

from fleet_server.db import transaction
from fleet_server.terminals.desired import wish_release
from fleet_server.terminals.enrolment import put_out
from fleet_server.terminals.registry import get_terminal
from tests.back_office import post
from wire.state import Release

EDITIONS = {label: Release(id=digit * 64, label=label) for digit, label in zip(
    "abc", ("2026.48", "2026.48-9", "2026.48-10"), strict=True)}  # fmt: skip
SEGRE = {
    "name": "Segré", "place": "Mairie de Segré", "kind": "mairie", "commune": "Segré", "code": "49331",
    "position": "47.6866, -0.8700", "groups": "",
}  # fmt: skip


def wish(fleet, label, *names):
    with transaction(fleet.office.context.engine) as session:
        wish_release(session, fleet.office.context, EDITIONS[label], [fleet[name].id for name in names])


def first_of(fleet, name="Segré"):
    """What the terminal that is added now is told once it is in."""
    release = fleet.enrolled(name).state().desired.release
    return release and release.label


@pytest.mark.parametrize(
    ("wished", "first"),
    [
        ({}, None),
        ({"2026.48": ("Laval", "Cholet"), "2026.48-10": ("Saint-Nazaire",)}, "2026.48"),
        ({"2026.48-10": ("Laval",), "2026.48-9": ("Cholet",)}, "2026.48-10"),
        ({"2026.48": ("Laval",)}, "2026.48"),
    ],
)
def test_a_terminal_starts_with_the_edition_of_most_others_and_the_last_on_a_tie(fleet, wished, first):
    for name in ("Laval", "Cholet", "Saint-Nazaire"):
        fleet.enrolled(name)
    for label, names in wished.items():
        wish(fleet, label, *names)
    assert first_of(fleet) == first


def test_terminals_that_are_expected_or_retired_have_no_say(fleet):
    fleet.enrolled("Laval")
    wish(fleet, "2026.48", "Laval")
    for name in ("Cholet", "Saint-Nazaire"):
        fleet.enrolled(name)
    wish(fleet, "2026.48-9", "Cholet", "Saint-Nazaire")
    assert first_of(fleet, "Sablé-sur-Sarthe") == "2026.48-9"
    with transaction(fleet.office.context.engine) as session:
        for name in ("Cholet", "Saint-Nazaire", "Sablé-sur-Sarthe"):
            put_out(session, fleet.office.context, get_terminal(session, fleet[name].id), "decommissioned", None)
    assert first_of(fleet) == "2026.48"


def test_whoever_adds_a_terminal_is_told_with_what_it_will_start(fleet):
    client = fleet.office.signed_in("yanis")
    assert "Aucune édition ne lui est encore demandée" in post(client, "/enrolement", **SEGRE).text
    fleet.enrolled("Laval")
    wish(fleet, "2026.48", "Laval")
    page = post(client, "/enrolement", **SEGRE | {"name": "Mayenne"}).text
    assert 'par <a href="/editions/2026.48">l’édition 2026.48</a>, celle de la plupart des bornes.' in page


def test_the_page_of_an_expected_terminal_says_with_what_it_will_start(fleet):
    client = fleet.office.signed_in("yanis")
    before, _ = fleet.add("Cholet")
    assert "Aucune édition ne lui est demandée" in client.get(f"/bornes/{before}").text
    fleet.enrolled("Laval")
    wish(fleet, "2026.48", "Laval")
    after, _ = fleet.add("Segré")
    page = client.get(f"/bornes/{after}").text
    assert re.search(r"Elle commencera par <a [^>]+>l’édition 2026.48</a>", page)
    assert "Elle commencera" not in client.get(f"/bornes/{fleet['Laval'].id}").text
