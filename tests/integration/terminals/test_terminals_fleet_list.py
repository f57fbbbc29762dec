"""/flotte as a list: searched, filtered and sorted by its address, the same by the API and the command line."""

import csv
import io
import re

import pytest
from sqlmodel import select

from fleet_server.access.models import AuditEntry
from fleet_server.db import reading, transaction
from fleet_server.terminals.registry import add_terminal, get_terminal
from tests.browser import PHONE, sideways_scroll, violations
from tests.integration.terminals.cast import PLACES, in_every_state
from tests.integration.terminals.test_terminals_fleet_api import balise, client
from tests.integration.terminals.test_terminals_pages import questions, rows, text_of
from wire.state import Place, WindowState


def crowd(fleet, many):
    """So many more terminals, accepted and never heard."""
    with transaction(fleet.office.context.engine) as session:
        for number in range(many):
            kind, commune, latitude, longitude = list(PLACES.values())[number % len(PLACES)]
            place = Place(site=f"s{number}", name=f"Mairie {number}", kind=kind, commune=commune, commune_name="Ville",
                          department=commune[:2], latitude=latitude, longitude=longitude)  # fmt: skip
            add_terminal(session, f"Ville {number:03}", place, ["ville"], fleet.office.clock()).status = "accepted"


def token_of(api):
    return api.headers["authorization"].removeprefix("Bearer ")


def isolated(fleet, name):
    with transaction(fleet.office.context.engine) as session:
        row = get_terminal(session, fleet[name].id)
        row.isolated = "Deux machines se servent de sa clé."
        session.add(row)


@pytest.mark.parametrize(("query", "shown"), [
    ("q=sable+sur", ["Sablé-sur-Sarthe"]),
    ("groupe=vend%C3%A9e", ["La Roche-sur-Yon"]),
    ("genre=campus-connecte", ["Cholet", "Sablé-sur-Sarthe"]),
    ("genre=campus-connecte&etat=en-ligne", ["Sablé-sur-Sarthe"]),
    ("departement=44&tri=-nom", ["Saint-Nazaire", "Saint-Herblain"]),
    ("edition=2026.46&tri=nom", ["Cholet", "Laval"]),
    ("logiciel=0.2.0", []),
    ("etiquette=inconnue", []),
])  # fmt: skip
def test_every_filter_is_in_the_address_and_shown_with_what_takes_it_away(fleet, query, shown):
    in_every_state(fleet)
    page = fleet.office.signed_in("yanis").get(f"/flotte?{query}")
    assert rows(page) == shown
    chips = re.findall(r'class="bl-filter"[^>]* href="([^"]+)"', page.text)
    facts = [one for one in query.split("&") if not one.startswith("tri=")]
    assert len(chips) == len(facts)
    assert all(fact not in chip for fact, chip in zip(facts, chips, strict=False) if len(facts) == len(chips) == 1)
    if not shown:
        assert "Aucune borne ne correspond" in page.text
        assert '<a class="btn btn-primary" href="/flotte">' in page.text


def test_counters_count_what_the_other_filters_leave_and_keep_them(fleet):
    in_every_state(fleet)
    page = fleet.office.signed_in("yanis").get("/flotte?genre=campus-connecte&etat=en-ligne")
    said = text_of(page)
    assert "2 toutes" in said
    assert "0 hors ligne" in said
    assert "1 mise à jour" in said
    assert 'href="/flotte?etat=mise-a-jour&amp;genre=campus-connecte"' in page.text


def test_the_isolated_are_offline_for_the_page_the_api_and_the_command_line(fleet):
    in_every_state(fleet)
    isolated(fleet, "Segré")
    page = fleet.office.signed_in("yanis").get("/flotte?etat=hors-ligne")
    api = client(fleet, "terminals:read")
    told = [one["name"] for one in api.get("/terminals", params={"state": "offline"}).json()["terminals"]]
    code, said = balise(fleet, "list", "--state", "offline", token=token_of(api))
    assert rows(page) == told == ["Segré", "Laval"]
    assert (code, re.findall(r"^b-\S+ +(\S+)", said, re.M)) == (0, ["Segré", "Laval"])
    assert "2 bornes, qui demande quelqu’un d’abord." in said


@pytest.mark.parametrize(("query", "said"), [
    ("etat=inconnu", "« etat=inconnu » n’existe pas. Il y a : hors-ligne"),
    ("tri=taille", "« tri=taille » n’existe pas. Il y a : nom"),
    (f"q={'x' * 81}", "Texte : 80 caractères au plus"),
    ("etat=en-ligne&ecart=non", "« ecart=non » n’existe pas"),
])  # fmt: skip
def test_an_address_that_asks_for_what_does_not_exist_is_told_so_and_shows_nothing_else(fleet, query, said):
    in_every_state(fleet)
    page = fleet.office.signed_in("yanis").get(f"/flotte?{query}")
    assert (page.status_code, rows(page)) == (422, [])
    assert said in text_of(page)
    assert '<a class="btn btn-primary" href="/flotte">' in page.text


@pytest.mark.parametrize("asked", [{"state": "hors-ligne"}, {"kind": "gare"}, {"sort": "size"}, {"text": "x" * 81}])
def test_a_program_that_asks_for_what_does_not_exist_gets_422_and_the_command_line_a_sentence(fleet, asked):
    fleet.enrolled("Laval")
    answer = client(fleet, "terminals:read").get("/terminals", params=asked)
    assert (answer.status_code, answer.json()["error"]) == (422, "invalid")
    (name, value), *_ = asked.items()
    code, said = balise(fleet, "list", f"--{name}", value)
    assert code == 1
    assert "Il y a :" in said or "80 caractères au plus" in said, said


def test_the_sort_is_said_above_the_list_and_its_column_turns_it_round(fleet):
    in_every_state(fleet)
    client = fleet.office.signed_in("yanis")
    page = client.get("/flotte?tri=-vue&genre=campus-connecte")
    assert "2 bornes ; vue le plus récemment d’abord" in text_of(page)
    assert re.search(
        r'<th class="r" aria-sort="descending"><a [^>]*href="/flotte\?genre=campus-connecte&amp;tri=vue"', page.text
    )
    assert "7 bornes ; qui demande quelqu’un d’abord" in text_of(client.get("/flotte"))
    api = [one["name"] for one in _api_sorted(fleet, "-name")]
    assert rows(client.get("/flotte?tri=-nom")) == api
    assert api == sorted(api, reverse=True)


def _api_sorted(fleet, sort):
    return client(fleet, "terminals:read").get("/terminals", params={"sort": sort}).json()["terminals"]


def test_a_form_that_sends_its_empty_fields_is_led_to_the_short_address(fleet):
    in_every_state(fleet)
    client = fleet.office.signed_in("yanis")
    sent = client.get("/flotte?q=laval&groupe=&etiquette=&tri=")
    assert (sent.status_code, sent.headers["location"]) == (303, "/flotte?q=laval")
    typed = client.get("/flotte/lignes?q=laval&groupe=&tri=&page=", headers={"HX-Request": "true"})
    assert (rows(typed), typed.headers["hx-replace-url"]) == (["Laval"], "/flotte?q=laval")


def test_pages_are_of_fifty_and_keep_what_is_asked(fleet):
    crowd(fleet, 120)
    client = fleet.office.signed_in("yanis")
    first, last = client.get("/flotte?groupe=ville&tri=nom"), client.get("/flotte?groupe=ville&tri=nom&page=3")
    assert rows(first) == [f"Ville {number:03}" for number in range(50)]
    assert 'href="/flotte?groupe=ville&amp;tri=nom&amp;page=2" rel="next"' in first.text
    assert rows(last) == [f"Ville {number:03}" for number in range(100, 120)]
    assert "120 bornes, 101 à 120" in text_of(last)
    assert 'rel="next"' not in last.text
    assert rows(client.get("/flotte?groupe=ville&tri=nom&page=9999")) == rows(last)


@pytest.mark.parametrize(
    "path", ["/flotte", "/flotte?groupe=ville&tri=-visites&page=2", "/flotte/lignes?etat=hors-ligne"]
)
def test_the_list_asks_as_many_questions_of_300_terminals_as_of_7(fleet, path):
    in_every_state(fleet)
    client = fleet.office.signed_in("yanis")
    few = questions(fleet, client, path)
    crowd(fleet, 293)
    assert questions(fleet, client, path) == few


def test_typing_filters_without_loading_the_page_and_the_address_follows(fleet, yanis):
    in_every_state(fleet)
    yanis.goto(fleet.office.url + "/flotte?genre=centre-commercial")
    yanis.evaluate("window.stayed = true")
    yanis.keyboard.press("/")
    yanis.keyboard.type("herb")
    yanis.wait_for_url("**/flotte?q=herb&genre=centre-commercial")
    assert yanis.locator("#flotte a.bl-row").all_inner_texts() == ["Saint-Herblain"]
    assert yanis.locator("#c-toutes").inner_text().split() == ["1", "toute"]
    fleet["Saint-Herblain"].reports(window=WindowState(status="out_of_service"))
    yanis.locator("#flotte td").filter(has_text="écran hors service").wait_for()
    assert yanis.locator("#flotte a.bl-row").all_inner_texts() == ["Saint-Herblain"], "the stream asks what was typed"
    assert yanis.evaluate("window.stayed && document.activeElement.id") == "f-q"
    yanis.set_viewport_size(PHONE)
    yanis.locator("summary").filter(has_text="Filtrer").click()
    assert (violations(yanis), sideways_scroll(yanis)) == ([], 0)


# ---- for spreadsheets ------------------------------------------------------------------------------------------------


def lines_of(text):
    return list(csv.reader(io.StringIO(text.lstrip("\ufeff")), delimiter=";"))


def test_what_is_filtered_goes_to_a_spreadsheet_in_its_order_with_what_it_is_and_is_audited(fleet):
    in_every_state(fleet)
    answer = fleet.office.signed_in("yanis").get("/flotte.csv?genre=campus-connecte&tri=-nom")
    title, columns, *found = lines_of(answer.text)
    assert answer.text.startswith("\ufeff"), "spreadsheets read the accents"
    assert title == ["Bornes : Type de lieu : Campus connecté"]
    assert [dict(zip(columns, row, strict=True))["nom"] for row in found] == ["Sablé-sur-Sarthe", "Cholet"]
    cholet = dict(zip(columns, found[1], strict=True))
    assert (cholet["état"], cholet["en écart"], cholet["édition"], cholet["édition souhaitée"]) == (
        "Mise à jour", "oui", "2026.46", "2026.47",
    )  # fmt: skip
    with reading(fleet.office.context.engine) as session:
        line = session.exec(select(AuditEntry).where(AuditEntry.act == "terminal.list_exported")).one()
    assert (line.who, line.detail) == ("Yanis Belkacem", {"asked": "Type de lieu : Campus connecté", "count": 2})


def test_a_name_that_looks_like_a_formula_is_no_formula_in_a_spreadsheet(fleet):
    fleet.enrolled('=HYPERLINK("http://mal.example")')
    _, _, row = lines_of(fleet.office.signed_in("yanis").get("/flotte.csv").text)
    assert '\'=HYPERLINK("http://mal.example")' in row


def test_a_spreadsheet_has_every_page_and_none_of_what_does_not_exist(fleet):
    crowd(fleet, 60)
    client = fleet.office.signed_in("yanis")
    assert len(lines_of(client.get("/flotte.csv?page=2").text)) == 2 + 60
    assert client.get("/flotte.csv?etat=inconnu").status_code == 422


def test_the_command_line_writes_the_same_file(fleet):
    in_every_state(fleet)
    page = fleet.office.signed_in("yanis").get("/flotte.csv?departement=44")
    code, said = balise(fleet, "list", "--department", "44", "--csv", token=token_of(client(fleet, "terminals:read")))
    assert (code, lines_of(said)) == (0, lines_of(page.text))
