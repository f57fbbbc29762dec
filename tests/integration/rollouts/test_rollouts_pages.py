"""Déploiements in the back-office, by HTTP and in a browser: prepare, foresee, approve, launch, pause, stop."""

import re

import pytest
from sqlalchemy import insert

from fleet_server.rollouts.models import RolloutEvent
from fleet_server.rollouts.plan import Wave
from tests.back_office import post, served
from tests.browser import DESKTOP, PHONE, chromium, close, opened_by, sideways_scroll, violations
from tests.integration.rollouts.cast import NEW, OLD, Cast

SEVEN = ("Laval", "Cholet", "Segré", "Sablé-sur-Sarthe", "Saint-Nazaire", "Saint-Herblain", "La Roche-sur-Yon")
FORM = {"kind": "content", "edition": NEW.label, "qui": "toutes", "vagues": "1, 2, le reste", "observer": "4"}


@pytest.fixture
def fleet(tmp_path):
    cast = Cast(tmp_path)
    cast.add(*SEVEN)
    cast.quiet("Laval")
    with served(cast.office):
        yield cast


def test_prepared_it_is_foreseen_then_launched_paused_and_stopped_with_a_reason(fleet):
    yanis = fleet.office.signed_in("yanis")
    made = post(yanis, "/deploiements", form_at="/deploiements/nouveau", **FORM)
    at = made.headers["location"]
    foreseen = yanis.get(at).text
    assert "7 bornes" in foreseen
    assert "1 maintenant, 2 à 16:00, 4 à 20:00" in foreseen
    assert "Laval est hors ligne." in foreseen
    assert fleet.wanted("Cholet").release_id == OLD.id
    for gesture, state in (("proposer", "ready"), ("lancer", "running"), ("pause", "paused"), ("reprendre", "running")):
        assert post(yanis, f"{at}/{gesture}", form_at=at).status_code == 303
        assert fleet.rollout(1).state == state
    fleet.turn()
    confirm = yanis.get(f"{at}/arreter").text
    assert "Arrêter pour 7 bornes" in confirm
    assert post(yanis, f"{at}/arreter", form_at=at, reason="son coupé").status_code == 303
    assert "Son coupé." in yanis.get(at).text
    assert post(yanis, f"{at}/lancer", form_at=at).status_code == 409


def test_what_is_wrong_is_said_under_its_field_and_nothing_typed_is_lost(fleet):
    yanis = fleet.office.signed_in("yanis")
    wrong = FORM | {
        "edition": "",
        "vagues": "1000001",
        "debut": "25:00",
        "fin": "5:00",
        "echecs": "300",
        "qui": "certaines",
    }
    answer = post(yanis, "/deploiements", form_at="/deploiements/nouveau", **wrong)
    assert answer.status_code == 422
    assert "5 points sont à revoir" in answer.text
    assert 'value="1000001"' in answer.text
    short = FORM | {"kind": "settings", "idle_warning_s": "89"}
    assert "pour répondre" in post(yanis, "/deploiements", form_at="/deploiements/nouveau", **short).text


def test_a_criterion_that_no_box_offers_is_refused_in_words(fleet):
    yanis = fleet.office.signed_in("yanis")
    made_up = FORM | {"qui": "certaines", "groups": "x" * 81}
    answer = post(yanis, "/deploiements", form_at="/deploiements/nouveau", **made_up)
    assert answer.status_code == 422
    assert "Un de ces critères n’existe pas" in answer.text


@pytest.mark.parametrize("moment", ["9999-12-31T23:59", "0202-01-15T02:00", "demain"])
def test_a_moment_that_is_none_is_refused_and_not_taken_for_now(fleet, moment):
    yanis = fleet.office.signed_in("yanis")
    answer = post(yanis, "/deploiements", form_at="/deploiements/nouveau", **FORM, pas_avant=moment)
    assert answer.status_code == 422
    assert "Donnez un jour et une heure" in answer.text


def test_criteria_are_not_passed_over_in_favour_of_everyone(fleet):
    yanis = fleet.office.signed_in("yanis")
    both = FORM | {"qui": "toutes", "terminals": fleet.ids["Laval"]}
    answer = post(yanis, "/deploiements", form_at="/deploiements/nouveau", **both)
    assert answer.status_code == 422
    assert "Des critères sont donnés" in answer.text


def test_a_filtered_list_is_carried_over_and_who_comes_first_is_chosen(fleet):
    yanis = fleet.office.signed_in("yanis")
    fleet.tag("pilote", "Cholet", "Segré")
    form = yanis.get("/deploiements/nouveau?tag=pilote&tag=partie&text=laval").text
    for ticked in ('name="tags" value="pilote" checked', 'name="tags" value="partie" checked', 'value="laval"',
                   'value="certaines" checked'):  # fmt: skip
        assert ticked in form
    some = FORM | {
        "qui": "certaines",
        "tags": "pilote",
        "canaries": fleet.ids["Segré"],
        "pas_avant": "2026-12-24T05:30",
    }
    made = post(yanis, "/deploiements", form_at="/deploiements/nouveau", **some).headers["location"]
    shown = yanis.get(made).text
    assert "étiquette pilote." in shown
    assert re.search(r"vague 1\W+1\Wborne<p>Segré</p>", shown)
    plan = fleet.rollout(1).plan
    assert plan["not_before"] == "2026-12-24T04:30:00Z", "the clock of Paris"
    nobody = FORM | {"qui": "certaines", "texte": "  ", "pas_avant": "demain"}
    answer = post(yanis, "/deploiements", form_at="/deploiements/nouveau", **nobody)
    assert "Donnez au moins un critère" in answer.text
    assert "Donnez un jour et une heure" in answer.text


def test_contents_and_settings_lead_to_a_rollout_of_theirs(fleet):
    yanis = fleet.office.signed_in("yanis")
    for page, link, chosen in (
        ("/contenus", "/deploiements/nouveau?edition=2026.49", '<option value="2026.49" selected>'),
        ("/reglages", "/deploiements/nouveau?genre=reglages", 'name="kind" value="settings" checked'),
    ):
        assert f'href="{link}"' in yanis.get(page).text
        assert chosen in yanis.get(link).text


def test_a_second_person_finds_it_waiting_and_approves(fleet):
    yanis, anne = fleet.office.signed_in("yanis"), fleet.office.signed_in("anne")
    made = post(yanis, "/deploiements", form_at="/deploiements/nouveau", seconde="oui", **FORM)
    at = made.headers["location"]
    assert post(yanis, f"{at}/proposer", form_at=at).status_code == 303
    assert "ce déploiement est le vôtre" in yanis.get(at).text
    assert post(yanis, f"{at}/approuver", form_at=at).status_code == 409
    assert 'data-you title="Vous attend">1<' in anne.get("/deploiements").text
    assert post(anne, f"{at}/approuver", form_at=at).status_code == 303
    assert "approuvé par Anne Delorme" in yanis.get(at).text


def test_who_counsels_opens_none_of_it(fleet):
    maelle = fleet.office.signed_in("maelle")
    assert {maelle.get(path).status_code for path in ("/deploiements", "/deploiements/nouveau")} == {403}


def test_terminals_named_in_the_address_are_chosen_and_one_that_is_gone_is_said_to_be(fleet):
    yanis = fleet.office.signed_in("yanis")
    laval, cholet = fleet.ids["Laval"], fleet.ids["Cholet"]
    form = yanis.get(f"/deploiements/nouveau?terminal={laval}&terminal={cholet}&terminal=b-partie").text
    ticked = re.findall(r'name="terminals" value="([^"]+)"[^>]* checked', form)
    assert sorted(ticked) == sorted([laval, cholet, "b-partie"])
    assert form.count(f'value="{fleet.ids["Segré"]}"') == 2, (
        "one line a terminal, to choose it and to let it come first"
    )
    assert "n’est pas en service" in form
    assert 'value="certaines" checked' in form
    some = FORM | {"qui": "certaines", "terminals": [laval, cholet], "canaries": cholet}
    made = post(yanis, "/deploiements", form_at="/deploiements/nouveau", **some).headers["location"]
    said = yanis.get(made).text.replace("\u00a0", " ")
    assert "2 bornes : 1 maintenant, 1 à 16:00 ; Laval est hors ligne." in said
    post(yanis, f"{made}/proposer", form_at=made)
    assert "Lancer pour 2 bornes" in yanis.get(made).text


def test_the_plan_and_what_it_brings_are_there_for_who_approves_it(fleet):
    yanis, anne = fleet.office.signed_in("yanis"), fleet.office.signed_in("anne")
    asked = {"kind": "settings", "idle_warning_s": "60", "idle_end_s": "150", "qui": "toutes", "vagues": "1, le reste",
             "debut": "2:00", "fin": "5:00", "seconde": "oui"}  # fmt: skip
    at = post(yanis, "/deploiements", form_at="/deploiements/nouveau", **asked).headers["location"]
    post(yanis, f"{at}/proposer", form_at=at)
    page = anne.get(at).text.replace("\u00a0", " ")
    for words in ("Fin de visite après, en secondes</dt><dd>150", "entre 2:00 et 5:00, à l’heure du lieu",
                  "1 borne, puis le reste"):  # fmt: skip
        assert words in page


@pytest.fixture
def many(fleet):
    """Two hundred and fifty more, of which some have failed, and what happened to all of them told at length."""
    fleet.add(*(f"b{number:03}" for number in range(250)))
    number = fleet.roll_out(min_sample=1000)
    fleet.turn()
    for name in ("b003", "b249"):
        fleet.says(name, target=NEW, phase="failed", reason=f"disque plein de {name}")
    fleet.turn()
    told = [
        {"rollout": number, "terminal": terminal, "at": fleet.clock(), "kind": "queued", "detail": "bavarde", "by": ""}
        for name, terminal in fleet.ids.items() for _ in range(80) if name != "b249"
    ]  # fmt: skip
    with fleet.transaction() as session:
        session.execute(insert(RolloutEvent), told)
    return number


def test_every_terminal_of_a_large_rollout_is_found_with_its_own_reason_and_log(fleet, many):
    yanis = fleet.office.signed_in("yanis")
    at = f"/deploiements/{many}"
    pages = [yanis.get(f"{at}?page={page}").text for page in (1, 2, 3, 99)]
    assert [page.count('<a class="bl-row"') for page in pages] == [100, 100, 57, 57]
    assert "257 bornes, 101 à 200" in pages[1]
    failed = yanis.get(f"{at}?etat=echecs").text.replace("\u00a0", " ")
    assert failed.count('<a class="bl-row"') == 2
    assert failed.count("Échec : disque plein de b249") == 1, "its log, though 20,000 others were told after it"
    assert failed.count("En file : bavarde") == 60, "no more than the last ones of who tells much"
    assert yanis.get(f"{at}/direct?etat=echecs").text.count('<a class="bl-row"') == 2
    assert yanis.get(f"{at}?etat=autres").text.count("Aucune borne n’en est là.") == 1
    assert yanis.get(f"{at}?etat=inventé&page=-1").status_code == 200


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_no_page_breaks_a_rule_of_axe_or_scrolls_sideways(fleet, size):
    number = fleet.roll_out(waves=(Wave(count=2), Wave()), success_percent=0, error_percent=100)
    fleet.turn()
    begun = [name for name, state in fleet.states(number).items() if state == "in_progress"]
    fleet.shows(NEW, begun[0])
    fleet.says(begun[1], target=NEW, phase="failed", reason="disque plein")
    fleet.turn(3)
    yanis = fleet.office.signed_in("yanis")
    made = post(yanis, "/deploiements", form_at="/deploiements/nouveau", **FORM).headers["location"]
    with chromium() as browser:
        page = opened_by(browser, yanis, fleet.office.url, size)
        for path in ("/deploiements", "/deploiements/nouveau", made, f"/deploiements/{number}",
                     f"/deploiements/{number}/arreter", f"/deploiements/{number}/forcer"):  # fmt: skip
            page.goto(fleet.office.url + path)
            assert violations(page) == [], path
            assert sideways_scroll(page) == 0, path
        close(page.context)


def test_in_the_form_one_terminal_is_found_and_who_comes_first_is_of_those_it_is_for(fleet):
    fleet.tag("pilote", "Cholet", "Segré")
    fleet.add(*(f"Borne {number:03}" for number in range(60)))
    yanis = fleet.office.signed_in("yanis")
    with chromium() as browser:
        page = opened_by(browser, yanis, fleet.office.url)
        page.goto(f"{fleet.office.url}/deploiements/nouveau?terminal={fleet.ids['Borne 059']}")
        rows, said = page.locator(".bl-pick tbody tr:visible"), page.locator("[data-pick-said]")
        assert rows.count() == 11, "the one that is chosen, and a few"
        assert "1 choisie, 0 en premier. 56 autres ne sont pas montrées" in said.text_content().replace("\u00a0", " ")
        page.get_by_label("Chercher une borne").fill("saint naz")
        assert rows.count() == 1
        first = page.get_by_label("Saint-Nazaire en premier")
        assert first.is_disabled(), "the rollout is not for it yet"
        page.get_by_label("Choisir Saint-Nazaire").check()
        first.check()
        page.get_by_label("Chercher une borne").fill("")
        page.locator("summary", has_text="Critères").click()
        page.get_by_label("pilote").check()
        assert first.is_disabled(), "it has not that tag"
        page.get_by_label("pilote").uncheck()
        page.get_by_label("Édition", exact=True).select_option(NEW.label)
        page.get_by_role("button", name="Vérifier avant de lancer").click()
        page.wait_for_selector("text=Ce qui va se passer")
        close(page.context)
    target = fleet.rollout(1).target["terminals"]
    assert target == [fleet.ids["Borne 059"], fleet.ids["Saint-Nazaire"]]
    assert fleet.rollout(1).plan["canaries"] == [fleet.ids["Saint-Nazaire"]]


def test_what_changed_under_a_hand_is_shown_once_it_has_left(fleet):
    number = fleet.roll_out()
    fleet.turn()
    yanis = fleet.office.signed_in("yanis")
    with chromium() as browser:
        page = opened_by(browser, yanis, fleet.office.url)
        page.goto(f"{fleet.office.url}/deploiements/{number}")
        page.wait_for_selector("[data-live]")
        page.hover(".bl-wave")
        fleet.shows(NEW, "Cholet")
        fleet.turn()
        page.wait_for_selector("text=Des changements attendent.")
        assert page.locator("text=1 réussie").count() == 0
        page.hover(".bl-brand")
        page.wait_for_selector("text=1 réussie")
        close(page.context)


def test_the_page_follows_by_itself(fleet):
    number = fleet.roll_out()
    fleet.turn()
    yanis = fleet.office.signed_in("yanis")
    with chromium() as browser:
        page = opened_by(browser, yanis, fleet.office.url)
        page.goto(f"{fleet.office.url}/deploiements/{number}")
        page.wait_for_selector("[data-live]")
        fleet.shows(NEW, "Cholet")
        fleet.turn()
        page.wait_for_selector("text=1 réussie")
        close(page.context)
