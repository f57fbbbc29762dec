"""The same pages in a real Chromium: axe-core, keyboard, phones, live stream, charts."""

import re
from datetime import timedelta

import pytest
from sqlmodel import Session, select

from fleet_server.access.models import AuditEntry
from fleet_server.evaluation.models import TABLE
from tests.back_office import post, wait_until
from tests.browser import DESKTOP, PHONE, chromium, close, sideways_scroll, violations
from tests.integration.web.conftest import visits

PAGES = [
    "/frequentation",
    "/frequentation?borne=segre-01&periode=7",
    "/frequentation?du=2020-01-01&au=2020-01-02",
    "/comptes",
    "/comptes/1",
    "/journal",
    "/journal?sujet=rien-de-tel",
    "/a-propos",
    "/mot-de-passe",
    "/nulle-part",
]


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def open_page(office, browser):
    """Signed in as Anne, or as whom it says; no script may fail, nothing may break the policy."""
    contexts, complaints = [], []

    def opened(path, login="anne", size=DESKTOP, **options):
        context = browser.new_context(viewport=size, base_url=office.url, **options)
        contexts.append(context)
        if login:
            token = office.signed_in(login).cookies["balise_session"]
            context.add_cookies([{"name": "balise_session", "value": token, "url": office.url}])
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
        page.goto(path)
        return page

    yield opened
    for context in contexts:
        close(context)
    assert complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_no_page_breaks_a_rule_of_axe_or_scrolls_sideways(open_page, scheme, size):
    page = open_page(PAGES[0], size=size, color_scheme=scheme)
    for path in PAGES:
        page.goto(path)
        page.wait_for_load_state("networkidle") if "frequentation" not in path else page.wait_for_selector(
            "#chiffres > *"
        )
        assert violations(page) == [], path
        assert sideways_scroll(page) == 0, path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_chosen_scheme_has_no_violation_either(open_page, scheme):
    page = open_page("/frequentation", color_scheme="light")
    page.get_by_role("button", name="Sombre" if scheme == "dark" else "Clair").click()
    page.wait_for_selector(f"html[data-bs-theme={scheme}]")
    assert violations(page) == []


def test_one_signs_in_with_the_keyboard_alone(open_page, office):
    page = open_page("/", login="")
    assert violations(page) == []
    page.keyboard.type("yanis")
    page.keyboard.press("Tab")
    page.keyboard.type(office.passwords["yanis"])
    page.keyboard.press("Enter")
    page.wait_for_url("**/flotte")


def test_a_refused_sign_in_takes_the_focus_and_keeps_the_login(open_page, office):
    page = open_page("/connexion", login="")
    page.get_by_label("Identifiant").fill("yanis")
    page.get_by_label("Mot de passe").fill("faux")
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=alert]")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "alert"
    assert page.get_by_label("Identifiant").input_value() == "yanis"
    assert violations(page) == []


def test_the_palette_opens_a_page_in_three_keys(open_page):
    page = open_page("/frequentation")
    page.keyboard.press("Control+k")
    page.wait_for_selector("#palette [role=option]")
    assert violations(page) == []
    page.keyboard.type("journa")
    assert page.locator("#palette [role=option]:visible").count() == 1
    page.keyboard.press("Enter")
    page.wait_for_url("**/journal")


def test_the_palette_finds_without_accents_and_says_when_nothing_fits(open_page):
    page = open_page("/journal")
    page.keyboard.press("Control+k")
    page.wait_for_selector("#palette [role=option]")
    page.keyboard.type("frequ")
    assert page.locator("#palette [role=option]:visible").all_inner_texts() == ["Fréquentation"]
    page.keyboard.type("zzz")
    assert page.get_by_text("Rien ne correspond à ces lettres.").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#palette").is_visible()


def test_the_keys_of_a_page_are_listed_and_rows_are_walked(open_page):
    page = open_page("/comptes")
    page.keyboard.press("?")
    assert page.get_by_role("heading", name="Au clavier").is_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    assert page.evaluate("document.activeElement.textContent") == page.locator("a.bl-row").first.inner_text()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/comptes/\d+$"))


def test_letters_typed_in_a_field_are_letters(open_page):
    page = open_page("/journal")
    page.get_by_label("Sujet").click()
    page.keyboard.type("jk?")
    assert page.get_by_label("Sujet").input_value() == "jk?"
    assert not page.locator("#touches").is_visible()


def test_the_skip_link_leads_to_the_content(open_page):
    page = open_page("/comptes")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Aller au contenu"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "contenu"


def test_an_act_is_undone_with_z(open_page, office):
    anne = office.signed_in("anne")
    post(anne, "/comptes", name="Hugo Petit", login="hugo", roles=["operator"])
    page = open_page("/comptes")
    page.get_by_role("link", name="Hugo Petit").click()
    page.get_by_role("button", name="Fermer le compte").click()
    page.wait_for_selector("[data-toast]")
    assert violations(page) == []
    page.keyboard.press("z")
    page.wait_for_url(re.compile(r"/comptes/\d+$"))
    assert page.get_by_text("Compte de Hugo Petit rouvert.").is_visible()
    with Session(office.context.engine) as session:
        assert session.exec(select(AuditEntry.act).order_by(AuditEntry.id.desc())).first() == "account.reopened"


def test_charts_are_drawn_and_their_numbers_are_behind_them(open_page):
    page = open_page("/frequentation")
    page.wait_for_selector("#visites svg path", state="attached")
    page.wait_for_selector("#pages svg path", state="attached")
    page.get_by_text("Voir les chiffres").first.click()
    assert page.get_by_role("region", name="Visites par jour, en chiffres").is_visible()
    assert violations(page) == []


def test_charts_follow_the_scheme(open_page):
    page = open_page("/frequentation", color_scheme="light")
    page.wait_for_selector("#visites svg path", state="attached")
    light = page.locator("#visites svg").inner_html()
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("(light) => document.querySelector('#visites svg').innerHTML !== light", arg=light)


def test_a_visit_shows_up_on_an_open_page_without_a_reload(open_page, office):
    page = open_page("/frequentation?periode=7")
    page.get_by_text("En direct").wait_for()
    page.mouse.move(5, 5)
    before = page.locator(".bl-figure b").first.inner_text()
    with office.context.engine.begin() as connection:
        connection.execute(TABLE.insert(), visits(office.clock.at, seed=99))
    office.context.live.touch("frequentation")
    page.wait_for_function("(before) => document.querySelector('.bl-figure b').textContent !== before", arg=before)
    page.wait_for_selector("#visites svg path", state="attached")


def test_nothing_moves_under_a_hand(open_page, office):
    page = open_page("/frequentation?periode=7")
    page.get_by_text("En direct").wait_for()
    page.locator("#chiffres").hover()
    before = page.locator(".bl-figure b").first.inner_text()
    with office.context.engine.begin() as connection:
        connection.execute(TABLE.insert(), visits(office.clock.at, seed=100))
    office.context.live.touch("frequentation")
    page.get_by_text("Des changements attendent.").wait_for()
    assert page.locator(".bl-figure b").first.inner_text() == before
    page.keyboard.press(".")
    page.wait_for_function("(before) => document.querySelector('.bl-figure b').textContent !== before", arg=before)


def test_an_interrupted_stream_says_so_and_comes_back_by_itself(open_page, office):
    page = open_page("/frequentation")
    page.get_by_text("En direct").wait_for()
    page.context.set_offline(True)
    # Chromium keeps an open stream when it goes offline: cut it as a proxy would.
    page.evaluate(
        "htmx.find('[data-live-stream]')['htmx-internal-data'].sseEventSource.dispatchEvent(new Event('error'))"
    )
    page.get_by_text("Direct interrompu depuis").wait_for()
    assert page.locator("[data-live][data-late]").count() == 1
    page.context.set_offline(False)
    page.get_by_text("En direct").wait_for()


def test_filters_change_the_address_and_work_without_script(office, browser):
    context = browser.new_context(viewport=DESKTOP, base_url=office.url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/connexion")
    page.get_by_label("Identifiant").fill("yanis")
    page.get_by_label("Mot de passe").fill(office.passwords["yanis"])
    page.get_by_role("button", name="Se connecter").click()
    page.goto("/frequentation")
    page.locator("select[name=borne]").select_option("laval-01")
    page.get_by_role("button", name="Filtrer").click()
    assert "borne=laval-01" in page.url
    assert "à Laval" in page.locator("header p").inner_text()
    page.get_by_role("button", name="Se déconnecter").click()
    assert page.url.endswith("/connexion")
    close(context)


def test_filters_apply_as_soon_as_they_are_chosen(open_page):
    page = open_page("/frequentation")
    page.locator("select[name=borne]").select_option("laval-01")
    page.wait_for_url("**borne=laval-01**")
    page.get_by_role("link", name="Retirer ce filtre").click()
    page.wait_for_url(lambda url: "borne" not in url)


def test_a_session_that_ended_sends_an_open_page_to_sign_in(open_page, office):
    page = open_page("/frequentation")
    page.get_by_text("En direct").wait_for()
    page.mouse.move(5, 5)
    office.clock.pass_by(timedelta(hours=13))
    office.context.live.touch("frequentation")
    page.wait_for_url("**/connexion**")
    wait_until(lambda: page.get_by_label("Identifiant").is_visible())
