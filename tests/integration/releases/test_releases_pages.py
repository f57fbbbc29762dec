"""Contenus in the back-office: what is where, asking terminals for an edition, going back; by HTTP and in a browser."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from fleet_server.access.models import AuditEntry
from fleet_server.contents.build import build as build_release
from fleet_server.contents.check import checked
from fleet_server.db import reading, transaction
from fleet_server.releases.blobs import blob_path
from fleet_server.releases.publish import publish, wish
from fleet_server.terminals.models import TerminalDesired, TerminalLive
from fleet_server.terminals.registry import add_terminal
from tests.back_office import build, post, served
from tests.browser import DESKTOP, PHONE, chromium, close, sideways_scroll, violations
from tests.packs import FILES, change, write_pack
from tests.trust import with_repository as with_keys
from wire.state import ContentState, Place, Release, Reported

NAMES = ("Laval", "Cholet", "Segré")


@pytest.fixture
def pack(tmp_path):
    return write_pack(tmp_path / "pack")


@pytest.fixture
def office(tmp_path):
    directory = tmp_path / "server"
    directory.mkdir()
    office = build(directory, whole=True)
    with_keys(office)
    with served(office):
        yield office


def terminals(office):
    with transaction(office.context.engine) as session:
        made = {}
        for name in NAMES:
            place = Place(
                site=name.lower(), name=f"Mairie de {name}", kind="mairie", commune="53130", commune_name="Laval",
                department="53", latitude=48.07, longitude=-0.77, demo=True,
            )  # fmt: skip
            made[name] = add_terminal(session, name, place, [], office.clock()).id
        return made


def published(office, pack, label):
    office.clock.pass_by(timedelta(minutes=1))
    release = build_release(checked(pack, office.clock().date()), label, office.clock())
    publish(office.context, release, None)
    return release.release


def wished(office, release, terminal_ids=None):
    with transaction(office.context.engine) as session:
        from fleet_server.releases.models import ContentRelease

        row = session.get(ContentRelease, release.id)
        wish(session, office.context, row, terminal_ids, None)


def reports(office, terminal, content):
    report = Reported(
        number=1, generation=1, boot="b0000000-0000-4000-8000-000000000001", software="0.1.0", at=office.clock(),
        clock_trusted=True, revision=1, content=content,
    )  # fmt: skip
    with transaction(office.context.engine) as session:
        live = session.get(TerminalLive, terminal)
        live.report, live.heard_at = report.model_dump(mode="json"), office.clock()
        session.add(live)


def wanted(office):
    with reading(office.context.engine) as session:
        return dict(session.exec(select(TerminalDesired.terminal, TerminalDesired.release_label)).all())


def acts(office):
    with reading(office.context.engine) as session:
        return [(entry.act, entry.subject) for entry in session.exec(select(AuditEntry).order_by(AuditEntry.id))]


def text(answer):
    bare = re.sub(r"<(script|style|svg).*?</\1>|<[^>]+>", " ", answer.text, flags=re.S)
    return re.sub(r"[\s\u00a0\u202f]+", " ", bare)


@pytest.fixture
def ids(office):
    return terminals(office)


@pytest.fixture
def yanis(office):
    return office.signed_in("yanis")


def test_an_empty_server_says_what_to_do_first(office, yanis):
    assert "Aucune édition pour l’instant" in text(yanis.get("/contenus"))


def test_what_is_wanted_and_what_is_shown_are_told_apart(office, pack, ids, yanis):
    first = published(office, pack, "2026.47")
    second = published(office, pack, "2026.48")
    wished(office, second)
    reports(office, ids["Laval"], ContentState(active=second, previous=first, phase="committed"))
    reports(office, ids["Cholet"], ContentState(active=first, target=second, phase="downloading", progress=0.4))
    said = text(yanis.get("/contenus"))
    assert "Sur 1 borne, 2 en route" in said
    assert "Encore sur 1 borne" in said
    assert "À jour" in said
    assert "Télécharge 40 %" in said
    assert "Cholet et Segré n’ont pas encore l’édition souhaitée." in said
    assert "Demander 2026.48" not in said
    assert "Revenir à 2026.47" in said


def test_a_terminal_that_rolled_back_says_why(office, pack, ids, yanis):
    first, second = published(office, pack, "2026.47"), published(office, pack, "2026.48")
    wished(office, second)
    reports(
        office, ids["Segré"],
        ContentState(active=first, target=second, phase="rolled_back", reason="la page n’a pas dessiné"),
    )  # fmt: skip
    said = text(yanis.get("/contenus"))
    assert "Revenue en arrière la page n’a pas dessiné" in said


def test_an_edition_is_asked_of_the_terminals_that_are_ticked_and_no_other(office, pack, ids, yanis):
    published(office, pack, "2026.48")
    page = yanis.get("/editions/2026.48/demander")
    assert page.text.count(" checked") == 3
    assert all(name in page.text for name in NAMES)
    path = "/editions/2026.48/demander"
    answer = post(yanis, path, terminal=[ids["Laval"], ids["Segré"], "inconnue"])
    assert (answer.status_code, answer.headers["location"]) == (303, "/contenus")
    assert wanted(office) == {ids["Laval"]: "2026.48", ids["Segré"]: "2026.48", ids["Cholet"]: ""}
    assert acts(office)[-1] == ("release.wished", "2026.48")
    assert "Édition 2026.48 demandée à 2 bornes." in text(yanis.get("/contenus"))


def test_none_ticked_is_refused_in_words_and_changes_nothing(office, pack, ids, yanis):
    published(office, pack, "2026.48")
    answer = post(yanis, "/editions/2026.48/demander")
    assert answer.status_code == 422
    assert "Cochez au moins une borne" in text(answer)
    assert set(wanted(office).values()) == {""}


def test_where_a_second_person_approves_all_an_edition_leaves_by_a_rollout_alone(office, pack, ids, yanis, monkeypatch):
    published(office, pack, "2026.48")
    path = "/editions/2026.48/demander"
    post(yanis, path, terminal=[ids["Laval"]])
    monkeypatch.setitem(office.context.settings.__dict__, "rollout_approval", "all")  # frozen, as it should be
    assert yanis.get(path).headers["location"] == "/deploiements/nouveau"
    answer = post(yanis, path, form_at="/frequentation", terminal=list(ids.values()))
    assert (answer.status_code, answer.headers["location"]) == (303, "/deploiements/nouveau")
    assert "Rien n’est parti. Ici une seconde personne approuve" in text(yanis.get("/deploiements/nouveau"))
    assert wanted(office)[ids["Segré"]] == ""


def test_going_back_is_named_as_such_and_in_the_audit_log(office, pack, ids, yanis):
    published(office, pack, "2026.47")
    wished(office, published(office, pack, "2026.48"))
    page = text(yanis.get("/editions/2026.47/demander"))
    assert "Revenir à l’édition 2026.47 ?" in page
    assert "ce qui a été ajouté depuis disparaît" in page
    post(yanis, "/editions/2026.47/demander", terminal=list(ids.values()))
    assert set(wanted(office).values()) == {"2026.47"}
    assert acts(office)[-1] == ("release.rolled_back", "2026.47")


def test_an_edition_with_a_file_missing_on_the_server_is_not_asked_for(office, pack, ids, yanis):
    from fleet_server.releases.publish import manifest_of

    release = published(office, pack, "2026.48")
    manifest = manifest_of(office.context, release.id)
    blob_path(office.context.settings.data_dir / "blobs", manifest.files[0].sha256).unlink()
    answer = post(yanis, "/editions/2026.48/demander", terminal=list(ids.values()))
    assert answer.status_code == 409
    assert "publiez-la de nouveau" in text(answer)
    assert set(wanted(office).values()) == {""}


def test_an_edition_tells_what_it_changes_for_visitors(office, pack, ids, yanis):
    published(office, pack, "2026.47")
    change(pack, "texts.yml", "Bonjour", "Bonsoir")
    change(pack, "acteurs/phare.yml", "name: Le Phare", "name: Le Grand Phare\nexpires_on: 2026-12-31")
    (pack / "acteurs/tour.yml").write_text(FILES["acteurs/phare.yml"].replace("phare", "tour").replace("Phare", "Tour"))
    change(pack, "contact.yml", '"2026-11"', '"2026-12"')
    published(office, pack, "2026.48")
    said = text(yanis.get("/editions/2026.48"))
    for part in (
        "4 changements depuis 2026.47", "Ajouté Le Tour source : Un journal", "Modifié Le Grand Phare",
        "texte de l’accord, version 2026-12", "Modifié 1 texte", "Le Grand Phare 31 déc.",
    ):  # fmt: skip
        assert part in said, part
    first = text(yanis.get("/editions/2026.47"))
    assert "Ce qu’elle apporte" in first
    assert "2 métiers" in first


def test_an_edition_that_does_not_exist_is_said_not_to(office, yanis):
    answer = yanis.get("/editions/2020.01")
    assert answer.status_code == 404


def test_a_counsellor_is_told_who_may(office, pack, ids):
    published(office, pack, "2026.48")
    maelle = office.signed_in("maelle")
    assert maelle.get("/contenus").status_code == 403
    answer = post(maelle, "/editions/2026.48/demander", form_at="/frequentation", terminal=list(ids.values()))
    assert answer.status_code == 403
    assert set(wanted(office).values()) == {""}


def test_pages_ask_the_database_as_many_questions_for_ten_editions_as_for_two(office, pack, ids, yanis):
    from sqlalchemy import event

    asked = []
    event.listen(office.context.engine, "before_cursor_execute", lambda *said: asked.append(said[2]))

    def count(path):
        asked.clear()
        yanis.get(path)
        return len(asked)

    published(office, pack, "2026.40")
    published(office, pack, "2026.41")
    count("/contenus")  # the first one also notes that the session is in use
    before = count("/contenus"), count("/editions/2026.41")
    for number in range(42, 50):
        published(office, pack, f"2026.{number}")
    count("/contenus")
    assert (count("/contenus"), count("/editions/2026.41")) == before


# ---- in a browser ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def alive(office, pack, ids):
    first = published(office, pack, "2026.47")
    change(pack, "texts.yml", "Bonjour", "Bonsoir")
    change(pack, "acteurs/phare.yml", "certain: true", "certain: true\nexpires_on: 2026-12-31")
    second = published(office, pack, "2026.48")
    wished(office, second)
    reports(office, ids["Laval"], ContentState(active=second, previous=first, phase="committed"))
    reports(office, ids["Cholet"], ContentState(active=first, target=second, phase="downloading", progress=0.4))
    return office


def open_page(browser, office, path, size, scheme="light"):
    context = browser.new_context(viewport=size, color_scheme=scheme)
    page = context.new_page()
    page.goto(f"{office.url}/connexion")
    page.fill("[name=login]", "yanis")
    page.fill("[name=password]", office.passwords["yanis"])
    page.click("button[type=submit], .btn-primary")
    page.wait_for_url("**/flotte")
    page.goto(office.url + path)
    return page


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/contenus", "/editions/2026.48", "/editions/2026.47/demander"])
def test_no_page_breaks_a_rule_of_axe_or_scrolls_sideways(browser, alive, path, size, scheme, request):
    page = open_page(browser, alive, path, size, scheme)
    if where := request.config.cache.makedir("screens"):
        page.screenshot(path=Path(where) / f"{path[1:].replace('/', '-')}-{size['width']}-{scheme}.png")
    assert violations(page) == []
    assert sideways_scroll(page) == 0
    close(page.context)


def test_an_edition_is_asked_for_by_keyboard_and_seen_to_arrive_without_a_reload(browser, alive, ids):
    page = open_page(browser, alive, "/editions/2026.47/demander", DESKTOP)
    assert page.evaluate("document.activeElement.textContent").strip() == "Ne rien faire"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/contenus")
    assert set(wanted(alive).values()) == {"2026.47"}
    assert "À jour" in page.text_content(f"tr:has(a[href='/bornes/{ids['Cholet']}'])")
    release = Release.model_validate(alive_release(alive))
    reports(alive, ids["Laval"], ContentState(active=release, phase="committed"))
    alive.context.live.touch("flotte")
    page.locator(f"tr:has(a[href='/bornes/{ids['Laval']}'])").filter(has_text="À jour").wait_for()
    page.locator("#phrase").filter(has_text="Segré n’a pas encore").wait_for()
    close(page.context)


def alive_release(office):
    with reading(office.context.engine) as session:
        row = session.exec(select(TerminalDesired)).first()
        return {"id": row.release_id, "label": row.release_label}
