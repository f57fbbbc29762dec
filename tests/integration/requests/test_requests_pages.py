"""/demandes, read and acted upon without JavaScript, then in a real browser."""

import re

import pytest
from sqlmodel import select

from fleet_server.access.audit import record_act
from fleet_server.access.models import AuditEntry
from fleet_server.db import reading, transaction
from fleet_server.requests import pages
from fleet_server.requests.models import ContactRequest
from tests.back_office import token_in
from tests.browser import DESKTOP, PHONE, chromium, sideways_scroll, violations
from tests.integration.requests.sealing import request_id, sealed_by

SYLVIE = f"/demandes/{request_id('sylvie')}"


def revision(page: str) -> str:
    return re.search(r'name="revision" value="(\d+)"', page)[1]


def act(client, name, what, query="", **fields):
    path = f"/demandes/{request_id(name)}"
    shown = client.get(path).text
    values = {"csrf": token_in(client, path), "revision": revision(shown), "vue": query, **fields}
    return client.post(f"{path}/{what}", data=values)


def stored(office, name):
    with reading(office.context.engine) as session:
        return session.get_one(ContactRequest, request_id(name))


def audited(office):
    with reading(office.context.engine) as session:
        entries = session.exec(select(AuditEntry).where(AuditEntry.act.startswith("request."))).all()
    return [(entry.who, entry.act, entry.subject) for entry in entries]


def test_a_counsellor_reads_what_was_sealed_on_the_kiosk(inbox):
    page = inbox.signed_in("maelle").get(SYLVIE).text
    for said in ("Sylvie Grimault", "06 00 00 00 12", "usine de nuit", "France services, Laval", "après 17"):
        assert said in page
    assert "mercredi 18 novembre, entre 17" in page


@pytest.mark.parametrize("login", ["yanis", "anne"])
def test_operators_and_administrators_may_not_read_requests(inbox, login):
    client = inbox.signed_in(login)
    for path in ("/demandes", SYLVIE, "/demandes/liste"):
        answer = client.get(path)
        assert answer.status_code == 403
        assert "Sylvie" not in answer.text


def test_each_reading_is_in_the_audit_log_without_a_word_of_it(inbox):
    client = inbox.signed_in("maelle")
    client.get("/demandes")
    client.get(SYLVIE)
    assert audited(inbox) == [
        ("Maëlle Riou", "request.listed", ""),
        ("Maëlle Riou", "request.opened", request_id("sylvie")),
        ("Maëlle Riou", "request.listed", ""),
    ]
    with reading(inbox.context.engine) as session:
        assert "Sylvie" not in str([entry.model_dump() for entry in session.exec(select(AuditEntry)).all()])


@pytest.mark.parametrize(
    ("path", "headers"), [("/demandes", {}), (SYLVIE, {}), (SYLVIE, {"hx-request": "true", "hx-target": "lecture"})]
)
def test_nobody_waits_to_write_while_a_page_is_opened_and_drawn(inbox, monkeypatch, path, headers):
    drawn = []

    def drawing(real):
        def draw(*said, **more):
            """From another connection, as ingest would: it would wait for this very page, in vain."""
            with transaction(inbox.context.engine) as session:
                record_act(session, None, "meanwhile", now=inbox.clock())
            drawn.append(real)
            return real(*said, **more)

        return draw

    for name in ("page", "fragment"):
        monkeypatch.setattr(pages, name, drawing(getattr(pages, name)))
    answer = inbox.signed_in("maelle").get(path, headers=headers)
    assert (answer.status_code, len(drawn)) == (200, 1)
    assert "Sylvie Grimault" in answer.text


def test_what_can_not_be_logged_is_not_shown(inbox):
    client = inbox.signed_in("maelle")
    with inbox.context.engine.begin() as connection:
        refuse = "BEFORE INSERT ON access_audit_entry BEGIN SELECT RAISE(ABORT, 'no'); END"
        connection.exec_driver_sql(f"CREATE TRIGGER full {refuse}")
    for path in ("/demandes", SYLVIE):
        answer = client.get(path)
        assert answer.status_code == 500
        assert "Sylvie" not in answer.text


def test_what_people_wrote_is_nowhere_on_the_server_s_disk_even_once_read_and_acted_upon(inbox, tmp_path):
    client = inbox.signed_in("maelle")
    act(client, "sylvie", "take")
    act(client, "sylvie", "answered")
    inbox.context.engine.dispose()
    for path in tmp_path.rglob("*"):
        held = path.read_bytes() if path.is_file() else b""
        for word in ("Sylvie", "Grimault", "06 00 00 00 12", "usine de nuit", "Chloé", "thierry.lucas"):
            assert word.encode() not in held, path


def test_taking_answers_at_once_can_be_undone_and_stays_in_the_view(inbox):
    client = inbox.signed_in("maelle")
    answer = act(client, "sylvie", "take", query="?etat=nouvelle&lieu=laval-fs")
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{SYLVIE}?etat=nouvelle&lieu=laval-fs"
    assert stored(inbox, "sylvie").taken_by == "maelle"
    page = client.get(answer.headers["location"]).text
    assert "Vous suivez maintenant cette demande." in page
    undo = re.search(r'action="(/demandes/[^"]+/annuler[^"]*)"', page)[1].replace("&amp;", "&")
    client.post(undo, data={"csrf": token_in(client, SYLVIE)})
    assert stored(inbox, "sylvie").state == "new"
    assert [entry[1] for entry in audited(inbox) if "listed" not in entry[1] and "opened" not in entry[1]] == [
        "request.taken",
        "request.undone",
    ]


def test_two_counsellors_act_on_one_page_and_the_second_is_told(inbox):
    client = inbox.signed_in("maelle")
    old = client.get(SYLVIE).text
    act(client, "sylvie", "take")
    values = {"csrf": token_in(client, SYLVIE), "revision": revision(old)}
    answer = client.post(f"{SYLVIE}/spam", data=values)
    assert answer.status_code == 303
    assert "changé entre-temps" in client.get(SYLVIE).text
    assert stored(inbox, "sylvie").state == "taken"


def test_the_whole_way_to_a_pathway_leaves_its_traces(inbox):
    client = inbox.signed_in("maelle")
    act(client, "sylvie", "take")
    act(client, "sylvie", "no_answer", rappel="matin")
    assert "rappel demain à 9:00" in client.get("/demandes").text
    act(client, "sylvie", "answered")
    act(client, "sylvie", "converted")
    page = client.get(SYLVIE).text
    assert "première réponse en 27 h ouvrées" in page.replace("\u00a0", " ")
    assert [word for word in ("Prise", "Essai sans réponse", "A répondu", "Devenue parcours") if word not in page] == []


def test_redirecting_needs_an_organisation_and_keeps_it(inbox):
    client = inbox.signed_in("maelle")
    act(client, "sylvie", "redirected", organisme="  ")
    assert stored(inbox, "sylvie").state == "new"
    act(client, "sylvie", "redirected", organisme="Transitions Pro")
    assert (stored(inbox, "sylvie").state, stored(inbox, "sylvie").redirected_to) == ("redirected", "Transitions Pro")


def test_an_unreadable_request_waits_with_the_others_and_says_why(inbox):
    client = inbox.signed_in("maelle")
    assert "Demande illisible" in client.get("/demandes").text
    page = client.get(f"/demandes/{request_id('spoilt')}").text
    assert "2024-01" in page
    assert request_id("spoilt") in page


def test_an_act_that_does_not_exist_or_comes_without_the_form_s_token_is_refused(inbox):
    client = inbox.signed_in("maelle")
    assert act(client, "sylvie", "delete").status_code == 404
    assert client.post(f"{SYLVIE}/take", data={"revision": 0}).status_code == 403
    assert client.get("/demandes/nobody").status_code == 404
    assert stored(inbox, "sylvie").revision == 0


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/demandes", "Aucune demande pour le moment"),
        ("/demandes?etat=close", "Aucune demande close"),
        ("/demandes?retard=oui", "Personne n’attend depuis plus de 24"),
        ("/demandes?etat=rappel&lieu=laval-fs", "Rien ne correspond"),
    ],
)
def test_nothing_yet_nothing_left_and_nothing_matching_are_not_the_same(office, path, said):
    assert said in office.signed_in("maelle").get(path).text.replace("\u00a0", " ")


def test_the_rail_says_how_many_wait_and_for_whom(inbox):
    page = inbox.signed_in("maelle").get("/demandes").text
    assert re.search(r"Demandes<span class=\"bl-count\" data-you[^>]*>5</span>", page)


@pytest.fixture
def browser():
    with chromium() as browser:
        yield browser


def sign_in(browser, office, viewport):
    page = browser.new_page(viewport=viewport)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(f"{office.url}/connexion")
    page.fill("[name=login]", "maelle")
    page.fill("[name=password]", office.passwords["maelle"])
    page.click("form[action='/connexion'] button, main form button")
    page.wait_for_url("**/demandes**")
    return page, errors


def test_keys_move_take_and_undo_in_a_browser(inbox, browser):
    page, errors = sign_in(browser, inbox, DESKTOP)
    page.keyboard.press("j")
    page.wait_for_selector("#lecture h2:has-text('Sylvie Grimault')")
    page.keyboard.press("j")
    page.wait_for_selector("#lecture h2:has-text('Thierry Lucas')")
    page.keyboard.press("k")
    page.wait_for_selector("#lecture h2:has-text('Sylvie Grimault')")
    assert page.url.endswith(SYLVIE)
    assert page.locator(".req-list a[aria-current]").count() == 1
    page.keyboard.press("p")
    page.wait_for_selector("text=Vous suivez maintenant cette demande.")
    assert stored(inbox, "sylvie").taken_by == "maelle"
    page.keyboard.press("z")
    page.wait_for_selector("text=C’est annulé.")
    assert stored(inbox, "sylvie").state == "new"
    page.keyboard.press("r")
    page.fill("#organisme", "Apec")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Demande close")
    assert stored(inbox, "sylvie").redirected_to == "Apec"
    assert page.locator(".req-list a[data-done]").inner_text().startswith("Sylvie Grimault")
    assert errors == []


def test_a_place_is_chosen_and_left_without_losing_the_other_filters(inbox, browser):
    page, errors = sign_in(browser, inbox, DESKTOP)
    page.goto(f"{inbox.url}/demandes?etat=nouvelle")
    page.select_option("select[name=lieu]", label="Segré")
    page.wait_for_url("**/demandes?etat=nouvelle&lieu=segre")
    assert page.locator(".req-list a").count() == 3
    page.click("a.bl-filter")
    page.wait_for_url("**/demandes?etat=nouvelle")
    assert page.locator(".req-list a").count() == 5
    assert errors == []


def test_a_new_request_appears_by_itself(inbox, browser):
    page, errors = sign_in(browser, inbox, DESKTOP)
    page.wait_for_selector(".bl-live:not([data-late]) >> text=En direct")
    late = sealed_by("thierry")
    late.id = request_id("a second one")
    with transaction(inbox.context.engine) as session:
        session.add(late)
    inbox.context.live.touch("demandes")
    page.wait_for_selector("#compteurs a[data-tone=you] b:has-text('6')")
    assert page.locator(".req-list a[data-you]").count() == 6
    assert errors == []


def test_the_first_request_fills_the_empty_page(office, browser):
    page, _ = sign_in(browser, office, DESKTOP)
    page.wait_for_selector("text=Aucune demande pour le moment")
    page.wait_for_selector(".bl-live:not([data-late]) >> text=En direct")
    with transaction(office.context.engine) as session:
        session.add(sealed_by("sylvie"))
    office.context.live.touch("demandes")
    page.wait_for_selector(".req-list >> text=Sylvie Grimault")


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_scrolls_sideways(inbox, browser, viewport, scheme, tmp_path):
    page, _ = sign_in(browser, inbox, viewport)
    page.emulate_media(color_scheme=scheme)
    for path in (
        "/demandes",
        SYLVIE,
        f"/demandes/{request_id('spoilt')}",
        f"/demandes/{request_id('omar')}",
        "/demandes?etat=close",
    ):
        page.goto(inbox.url + path)
        page.wait_for_selector("h1")
        page.screenshot(path=tmp_path / f"{scheme}-{path.replace('/', '_')}.png", full_page=False)
        assert violations(page) == []
        assert sideways_scroll(page) == 0
