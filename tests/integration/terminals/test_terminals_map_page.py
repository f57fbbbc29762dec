"""The map of the fleet in a real browser: by keyboard, on a phone, and without anybody else's server."""

import re

import pytest

from tests.back_office import post
from tests.browser import DESKTOP, PHONE, chromium, close, sideways_scroll, violations
from tests.integration.terminals.cast import in_every_state
from tests.integration.terminals.test_terminals_pages import text_of


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_map_is_ours_alone_says_states_in_words_and_leads_to_each_terminal_by_keyboard(fleet, size):
    in_every_state(fleet)
    office = fleet.office
    with chromium() as browser:
        context = browser.new_context(viewport=size, base_url=office.url)
        token = office.signed_in("yanis").cookies["balise_session"]
        context.add_cookies([{"name": "balise_session", "value": token, "url": office.url}])
        page = context.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto("/flotte")
        carte = page.get_by_role("group", name="Carte des Pays de la Loire")
        links = carte.get_by_role("link")
        assert links.count() == 7
        said = [links.nth(number).get_attribute("aria-label") for number in range(7)]
        assert "Laval, Mairie de Laval : hors ligne, ne répond plus" in said
        legend = page.get_by_label("Ce que disent les formes").get_by_role("listitem").all_inner_texts()
        assert [re.sub(r"\s+", " ", one) for one in legend] == [
            "Hors ligne 1", "Dégradée 1", "Mise à jour 1", "En ligne 3", "Fermée 1",
        ]  # fmt: skip
        assert violations(page) == []
        assert sideways_scroll(page) == 0
        carte.get_by_role("link", name=re.compile("^Laval,")).press("Enter")
        page.wait_for_url(f"**/bornes/{fleet['Laval'].id}")
        close(context)
    assert {url.split("/")[2] for url in asked if url.startswith("http")} == {office.url.split("/")[2]}


def test_a_place_whose_position_nobody_gives_is_said_to_be_missing_rather_than_put_somewhere(fleet):
    yanis = fleet.office.signed_in("yanis")
    expected = {"name": "Segré", "place": "France services", "kind": "france_services", "commune": "Segré",
                "code": "49331", "position": "", "groups": ""}  # fmt: skip
    assert post(yanis, "/enrolement", **expected).status_code in (200, 201, 303)
    assert "Pas sur la carte : Segré (position non donnée)." in text_of(yanis.get("/flotte"))
    terminal = re.search(r"/bornes/(b-[a-z0-9]+)", yanis.get("/flotte").text)[1]
    assert re.search(r'id="f-position"[^>]* value=""', yanis.get(f"/bornes/{terminal}/fiche").text)
    wrong = post(yanis, "/enrolement", **expected | {"name": "Laval", "position": "ici"})
    assert (wrong.status_code, "Deux nombres, latitude puis longitude" in text_of(wrong)) == (422, True)
