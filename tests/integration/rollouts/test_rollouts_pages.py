"""Déploiements in the back-office, by HTTP and in a browser: prepare, foresee, approve, launch, pause, stop."""

import re

import pytest

from fleet_server.rollouts.plan import Wave
from tests.back_office import post, served
from tests.browser import DESKTOP, PHONE, chromium, close, sideways_scroll, violations
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
        page = browser.new_page(viewport=size)
        page.context.add_cookies(
            [{"name": name, "value": value, "url": fleet.office.url} for name, value in yanis.cookies.items()]
        )
        for path in ("/deploiements", "/deploiements/nouveau", made, f"/deploiements/{number}",
                     f"/deploiements/{number}/arreter", f"/deploiements/{number}/forcer"):  # fmt: skip
            page.goto(fleet.office.url + path)
            assert violations(page) == [], path
            assert sideways_scroll(page) == 0, path
        close(page.context)


def test_the_page_follows_by_itself(fleet):
    number = fleet.roll_out()
    fleet.turn()
    yanis = fleet.office.signed_in("yanis")
    with chromium() as browser:
        page = browser.new_page(viewport=DESKTOP)
        page.context.add_cookies(
            [{"name": name, "value": value, "url": fleet.office.url} for name, value in yanis.cookies.items()]
        )
        page.goto(f"{fleet.office.url}/deploiements/{number}")
        page.wait_for_selector("[data-live]")
        fleet.shows(NEW, "Cholet")
        fleet.turn()
        page.wait_for_selector("text=1 réussie")
        close(page.context)
