"""A new edition from the browser: a pack as a .zip, checked, built, signed and published; by HTTP and in a browser."""

import os
import threading
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlmodel import select

from fleet_server.access.models import AuditEntry
from fleet_server.db import reading, transaction
from fleet_server.ingest.models import IngestCursor
from fleet_server.releases import upload_pages
from fleet_server.releases.models import ContentRelease
from fleet_server.releases.publish import blobs_are_here, manifest_of, target_of
from fleet_server.releases.repository import repository
from tests.back_office import build, post, served, token_in
from tests.browser import DESKTOP, PHONE, chromium, close, sideways_scroll, violations
from tests.integration.releases.test_releases_pages import open_page, terminals, text, wanted
from tests.packs import change, write_pack, zip_of
from tests.trust import with_repository as with_keys

AT = "/contenus/publier"


@pytest.fixture
def pack(tmp_path):
    return write_pack(tmp_path / "pack")


@pytest.fixture
def office(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # away from the kiosk's sources, whose texts a small pack lacks
    directory = tmp_path / "server"
    directory.mkdir()
    office = build(directory, whole=True)
    with_keys(office)
    with served(office):
        yield office


@pytest.fixture
def yanis(office):
    return office.signed_in("yanis")


def published(office):
    with reading(office.context.engine) as session:
        return list(session.exec(select(ContentRelease).order_by(ContentRelease.published_at)))


def left_over(office):
    return list((office.context.settings.data_dir / "incoming").rglob("*"))


def test_a_pack_becomes_an_edition_that_no_terminal_is_asked_for_yet(office, pack, yanis):
    ids = terminals(office)
    answer = post(yanis, AT, paquet=zip_of(pack))
    assert (answer.status_code, answer.headers["location"]) == (303, "/editions/2026.48")
    assert "Édition 2026.48 publiée. Aucune borne ne la demande encore." in text(yanis.get("/editions/2026.48"))
    (row,) = published(office)
    manifest = manifest_of(office.context, row.id)
    assert manifest
    assert blobs_are_here(office.context, manifest)
    assert repository(office.context.settings, office.context.keys).names(target_of(row.id))
    assert (row.published_by, row.pack) == ("Yanis Belkacem", "essai")
    assert wanted(office) == dict.fromkeys(ids.values(), "")
    with reading(office.context.engine) as session:
        act = session.exec(select(AuditEntry).where(AuditEntry.act == "release.published")).one()
    assert (act.who, act.subject, act.detail["id"]) == ("Yanis Belkacem", "2026.48", row.id)
    assert left_over(office) == []


def test_a_name_may_be_given_and_the_next_free_one_is_taken_otherwise(office, pack, yanis):
    for label, called in (("", "2026.48"), ("", "2026.48-2"), ("rentrée", None), ("rentree.1", "rentree.1")):
        office.clock.pass_by(timedelta(minutes=1))
        answer = post(yanis, AT, paquet=zip_of(pack), label=label)
        assert answer.headers.get("location") == (called and f"/editions/{called}"), answer.text
    assert [row.label for row in published(office)] == ["2026.48", "2026.48-2", "rentree.1"]
    again = post(yanis, AT, paquet=zip_of(pack), label="2026.48")
    assert again.status_code == 409
    assert "L’édition 2026.48 existe déjà" in text(again)


def test_what_the_check_finds_is_shown_and_nothing_is_published(office, pack, yanis):
    change(pack, "acteurs/phare.yml", 'commune: "53130"', 'commune: "75056"')
    change(pack, "contact.yml", "title: {fr: Un métier, en: A job}", "title: {fr: Un métier}")
    answer = post(yanis, AT, paquet=zip_of(pack), label="essai")
    said = text(answer)
    assert answer.status_code == 422
    assert "1 erreur : rien n’est publié." in said
    assert (
        "acteurs/phare.yml ligne 11 · erreur La commune 75056 n’est pas des Pays de la Loire. "
        "Voyez territoire/communes.json."
    ) in said
    assert "contact.yml ligne 2 · avertissement La traduction anglaise manque. Ajoutez « en: … »." in said
    assert said.index("75056") < said.index("traduction anglaise"), "what must be mended first"
    assert 'value="essai"' in answer.text, "what was typed stays"
    assert published(office) == []
    assert left_over(office) == []


def test_with_warnings_only_it_is_published_and_they_are_shown_before_any_terminal_is_asked(office, pack, yanis):
    change(pack, "acteurs/phare.yml", "certain: true", "certain: true\nexpires_on: 2026-11-10")
    answer = post(yanis, AT, paquet=zip_of(pack))
    said = text(answer)
    assert answer.status_code == 201
    assert "Édition 2026.48, publiée" in said
    assert "« Le Phare » n’est plus à jour depuis le 10/11/2026." in said
    assert 'href="/editions/2026.48/demander">Demander 2026.48 aux bornes' in answer.text
    assert len(published(office)) == 1


def test_thousands_of_faults_make_a_page_of_a_hundred(office, pack, yanis):
    wrong = ",".join(f'{{"rome":"Z{number}","label":"x","sectors":[]}}' for number in range(5_000))
    (pack / "metiers/occupations.json").write_text(f"[{wrong}]")
    answer = post(yanis, AT, paquet=zip_of(pack))
    assert answer.status_code == 422
    assert answer.text.count("ligne 1 · erreur") == 100
    assert "autres : corrigez d’abord ceux-ci." in text(answer)


@pytest.mark.parametrize(("file", "said"), [
    (b"", "Choisissez le .zip du paquet"),
    (b"%PDF-1.7", "n’est pas un .zip lisible"),
])  # fmt: skip
def test_what_is_no_pack_is_refused_in_a_sentence(office, yanis, file, said):
    answer = post(yanis, AT, paquet=file)
    assert answer.status_code == 422
    assert said in text(answer)
    assert published(office) == []


def test_no_file_at_all_is_refused_too(office, yanis):
    assert "Choisissez le .zip" in text(post(yanis, AT, label="2026.50"))


def test_a_pack_far_larger_than_any_form_is_taken(office, pack, yanis):
    (pack / "media").mkdir()
    (pack / "media/film.webm").write_bytes(os.urandom(3_000_000))
    assert post(yanis, AT, paquet=zip_of(pack)).status_code == 303


@pytest.mark.parametrize("declared", [True, False])
def test_a_file_beyond_the_limit_is_refused_as_it_comes(tmp_path, monkeypatch, declared):
    monkeypatch.setattr("fleet_server.rooms.MOST_SENT", 200_000)
    with served(build(tmp_path, whole=True)) as office:
        yanis = office.signed_in("yanis")
        body = b'--b\r\nContent-Disposition: form-data; name="paquet"; filename="x.zip"\r\n\r\n' + b"x" * 300_000
        pieces = body if declared else (body[at : at + 50_000] for at in range(0, len(body), 50_000))
        answer = yanis.post(AT, content=pieces, headers={"Content-Type": "multipart/form-data; boundary=b"})
        assert answer.status_code == 413
        assert "Trop volumineux" in text(answer)


@pytest.mark.parametrize("login", ["", "maelle"])
def test_nothing_is_read_for_someone_who_may_not_publish(office, login):
    """The answer comes while the file has hardly begun."""
    client = office.signed_in(login) if login else office.client()
    begun = threading.Event()

    def pieces():
        begun.set()
        yield b'--b\r\nContent-Disposition: form-data; name="paquet"; filename="x.zip"\r\n\r\n'
        for _ in range(100_000):
            yield b"x" * 65_536

    try:
        answer = client.post(AT, content=pieces(), headers={"Content-Type": "multipart/form-data; boundary=b"})
        assert answer.status_code == (403 if login else 303)
    except httpx.HTTPError:
        pass  # cut off while still sending, which is as good
    assert begun.is_set()
    assert office.client().get("/connexion").status_code == 200


def test_a_form_that_this_session_did_not_show_publishes_nothing(office, pack, yanis):
    sent = {"paquet": ("x.zip", zip_of(pack))}
    assert yanis.post(AT, data={"csrf": "made.up"}, files=sent).status_code == 403
    other = {"Sec-Fetch-Site": "cross-site"}
    token = token_in(yanis, AT)
    assert yanis.post(AT, data={"csrf": token}, files=sent, headers=other).status_code == 403
    assert published(office) == []


def test_one_edition_is_published_at_a_time_and_pages_and_terminals_do_not_wait(office, pack, yanis, monkeypatch):
    """Held half-way, on the server's own thread: pages answer, what terminals tell is taken, a second is refused."""
    reached, go_on = threading.Event(), threading.Event()
    real = upload_pages.checked

    def slowly(*said):
        reached.set()
        assert go_on.wait(60)
        return real(*said)

    monkeypatch.setattr(upload_pages, "checked", slowly)
    answers = []
    first = threading.Thread(target=lambda: answers.append(post(yanis, AT, paquet=zip_of(pack))))
    first.start()
    try:
        assert reached.wait(60)
        anne = office.signed_in("anne")
        assert anne.get("/contenus").status_code == 200
        with transaction(office.context.engine) as session:
            session.add(IngestCursor(terminal="laval-01", outbox="o", through=1, moved_at=0))
        second = post(anne, AT, paquet=zip_of(pack))
        assert second.status_code == 409
        assert "Une édition est en train d’être publiée" in text(second)
    finally:
        go_on.set()
        first.join()
    assert answers[0].status_code == 303
    assert [row.label for row in published(office)] == ["2026.48"]


def test_what_a_crash_left_half_unpacked_is_gone_after_the_next(office, pack, yanis):
    old = office.context.settings.data_dir / "incoming" / "tmpold"
    old.mkdir(parents=True)
    (old / "pack.yml").write_text("x")
    assert post(yanis, AT, paquet=zip_of(pack)).status_code == 303
    assert left_over(office) == []


def test_a_counsellor_is_told_who_may(office):
    maelle = office.signed_in("maelle")
    assert maelle.get(AT).status_code == 403


# ---- in a browser ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_and_what_it_finds_break_no_rule_and_fit(browser, office, pack, size, scheme, tmp_path, request):
    change(pack, "acteurs/phare.yml", 'commune: "53130"', 'commune: "75056"')
    change(pack, "contact.yml", "title: {fr: Un métier, en: A job}", "title: {fr: Un métier}")
    (tmp_path / "paquet.zip").write_bytes(zip_of(pack))
    where = Path(request.config.cache.makedir("screens"))
    page = open_page(browser, office, AT, size, scheme)
    assert violations(page) == []
    page.screenshot(path=where / f"publier-{size['width']}-{scheme}.png")
    page.set_input_files("[name=paquet]", tmp_path / "paquet.zip")
    page.get_by_role("button", name="Vérifier et publier").click()
    page.locator("#controle").wait_for()
    assert page.evaluate("document.activeElement.textContent") == "Contrôle"
    page.screenshot(path=where / f"publier-erreurs-{size['width']}-{scheme}.png")
    assert violations(page) == []
    assert sideways_scroll(page) == 0
    close(page.context)


def test_from_nothing_to_an_edition_asked_of_all_terminals_by_clicks(browser, office, pack, tmp_path):
    ids = terminals(office)
    (tmp_path / "paquet.zip").write_bytes(zip_of(pack))
    page = open_page(browser, office, "/contenus", DESKTOP)
    page.get_by_role("link", name="Publier une édition").click()
    page.set_input_files("[name=paquet]", tmp_path / "paquet.zip")
    page.get_by_role("button", name="Vérifier et publier").click()
    page.wait_for_url("**/editions/2026.48")
    page.get_by_role("link", name="Demander aux bornes").click()
    page.get_by_role("button", name="Demander 2026.48 pour ces bornes").click()
    page.wait_for_url("**/contenus")
    assert wanted(office) == dict.fromkeys(ids.values(), "2026.48")
    close(page.context)
