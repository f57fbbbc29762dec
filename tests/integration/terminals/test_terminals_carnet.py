"""Tags and notes on a terminal's page: put, taken off, written, corrected, deleted; told to programs and in the log."""

import re

import pytest
from sqlmodel import select

from fleet_server.access.audit_models import AuditEntry
from fleet_server.db import reading
from fleet_server.terminals import labels
from tests.back_office import post
from tests.browser import DESKTOP, PHONE, chromium, close, sideways_scroll, violations
from tests.integration.terminals.test_terminals_fleet_api import balise, client
from tests.integration.terminals.test_terminals_pages import questions, text_of
from tests.trust import with_repository

KEY = "La clé du local est à l’accueil.\nDemander le badge bleu."


@pytest.fixture
def laval(fleet):
    return fleet.enrolled("Laval").id


def told(fleet):
    with reading(fleet.office.context.engine) as session:
        rows = session.exec(select(AuditEntry).where(AuditEntry.subject.startswith("b-")).order_by(AuditEntry.id))
        return [(row.act, row.who, row.detail, row.before, row.after) for row in rows if row.who != "Balise"]


def test_tags_are_put_and_taken_off_from_the_page_and_each_can_be_undone(fleet, laval):
    yanis, here = fleet.office.signed_in("yanis"), f"/bornes/{laval}"
    assert post(yanis, f"{here}/etiquettes", form_at=here, tag="  Écran  NEUF ").headers["location"] == f"{here}#carnet"
    page = yanis.get(here)
    assert "Étiquette « écran neuf » mise." in text_of(page)
    assert page.text.count('<span class="bl-tag">écran neuf</span>') == 1, "said in the head too"
    undo = re.search(r'action="(/bornes/[^"]+/etiquettes/enlever\?tag=[^"]+)"', page.text)[1]
    assert post(yanis, undo, form_at=here).status_code == 303
    page = yanis.get(here)
    assert "Étiquette « écran neuf » enlevée." in text_of(page)
    back = re.search(r'action="(/bornes/[^"]+/etiquettes\?remis=[^"]+)"', page.text)[1]
    assert post(yanis, back, form_at=here).status_code == 303
    assert client(fleet, "terminals:read").get(f"/terminals/{laval}").json()["tags"] == ["écran neuf"]
    assert [act for act, *_ in told(fleet)].count("terminal.tagged") == 3


def test_tags_in_use_elsewhere_are_suggested_the_most_used_first(fleet, laval):
    api = client(fleet, "terminals:write")
    for name, tags in (("Cholet", ["4g", "abri"]), ("Segré", ["4g", "wifi"])):
        api.put(f"/terminals/{fleet.enrolled(name).id}/tags", json={"tags": tags})
    api.put(f"/terminals/{laval}/tags", json={"tags": ["wifi"]})
    page = fleet.office.signed_in("yanis").get(f"/bornes/{laval}").text
    suggested = page.split('<datalist id="etiquettes">')[1].split("</datalist>")[0]
    assert re.findall(r'<option value="([^"]*)">', suggested) == ["4g", "abri"]


@pytest.mark.parametrize("tag", ["", "  ", "<b>", "x" * 41])
def test_a_tag_that_is_not_taken_is_said_beside_its_field_and_stays_typed(fleet, laval, tag):
    yanis, here = fleet.office.signed_in("yanis"), f"/bornes/{laval}"
    answer = post(yanis, f"{here}/etiquettes", form_at=here, tag=tag)
    assert (answer.status_code, 'href="#f-tag"' in answer.text, 'id="e-tag"' in answer.text) == (422, True, True)
    typed = re.search(r'id="f-tag"[^>]* value="([^"]*)"', answer.text)[1]
    assert typed == tag.strip().replace("<b>", "&lt;b&gt;")
    assert told(fleet) == []


def test_a_note_is_written_corrected_and_deleted_and_the_log_never_has_its_words(fleet, laval):
    yanis, anne, here = fleet.office.signed_in("yanis"), fleet.office.signed_in("anne"), f"/bornes/{laval}"
    assert post(yanis, f"{here}/notes", form_at=here, text=KEY.replace("\n", "\r\n")).status_code == 303
    assert f'<pre class="bl-said">{KEY}</pre>' in yanis.get(here).text
    corrected = post(anne, f"{here}/notes/1", form_at=here, text="Badge <rouge> : porte du fond", revision="1")
    assert corrected.status_code == 303
    page = yanis.get(here)
    assert '<pre class="bl-said">Badge &lt;rouge&gt; : porte du fond</pre>' in page.text, "as it was typed"
    assert "Yanis Belkacem · il y a 0 s · corrigée par Anne Delorme, il y a 0 s" in text_of(page)
    assert post(anne, f"{here}/notes/1/supprimer", form_at=here).status_code == 303
    assert "Aucune note encore." in text_of(yanis.get(here))
    acts = [(act, who, detail) for act, who, detail, *_ in told(fleet) if act.startswith("terminal.note")]
    assert acts == [
        ("terminal.noted", "Yanis Belkacem", {"note": 1}),
        ("terminal.note_changed", "Anne Delorme", {"note": 1}),
        ("terminal.note_deleted", "Anne Delorme", {"note": 1}),
    ]
    assert "badge" not in str(told(fleet)).lower()


def test_two_people_who_correct_a_note_at_once_do_not_undo_each_other(fleet, laval):
    yanis, anne, here = fleet.office.signed_in("yanis"), fleet.office.signed_in("anne"), f"/bornes/{laval}"
    post(yanis, f"{here}/notes", form_at=here, text=KEY)
    assert post(yanis, f"{here}/notes/1", form_at=here, text="Badge rouge", revision="1").status_code == 303
    late = post(anne, f"{here}/notes/1", form_at=here, text="Badge vert", revision="1")
    assert (late.status_code, "Une autre personne vient de corriger cette note" in text_of(late)) == (409, True)
    assert '<pre class="bl-said">Badge rouge</pre>' in late.text
    assert re.search(r"<details open>.*?<textarea[^>]*>Badge vert</textarea>", late.text, re.S)
    again = re.search(r'name="revision" value="(\d+)"', late.text)[1]
    assert post(anne, f"{here}/notes/1", form_at=here, text="Badge vert", revision=again).status_code == 303


@pytest.mark.parametrize("text", ["", " \n ", "x" * 2001])
def test_a_note_that_is_not_taken_is_said_and_stays_typed(fleet, laval, text):
    yanis, here = fleet.office.signed_in("yanis"), f"/bornes/{laval}"
    answer = post(yanis, f"{here}/notes", form_at=here, text=text)
    assert (answer.status_code, "Une note a de 1 à 2000 caractères." in text_of(answer)) == (422, True)
    assert text in answer.text
    assert told(fleet) == []


def test_a_terminals_page_shows_the_newest_notes_and_the_notebook_all_of_them(fleet, laval, monkeypatch):
    monkeypatch.setattr(labels, "NOTES", 7)
    yanis, here, api = fleet.office.signed_in("yanis"), f"/bornes/{laval}", client(fleet, "terminals:write")
    for number in range(7):
        assert api.post(f"/terminals/{laval}/notes", json={"text": f"note {number}"}).status_code == 201
    refused = api.post(f"/terminals/{laval}/notes", json={"text": "une de trop"})
    assert (refused.status_code, "Laval a déjà 7 notes" in refused.json()["message"]) == (422, True)

    def shown(path):
        return re.findall(r'<pre class="bl-said">note (\d)</pre>', yanis.get(path).text)

    assert shown(here) == list("65432")
    assert f'href="{here}/carnet">Toutes</a>' in yanis.get(here).text
    assert shown(f"{here}/carnet") == list("6543210")


def test_a_retired_terminal_keeps_its_notebook_and_takes_no_tag(fleet, laval):
    api, yanis = client(fleet, "terminals:write"), fleet.office.signed_in("yanis")
    api.put(f"/terminals/{laval}/tags", json={"tags": ["4g"]})
    assert api.post(f"/terminals/{laval}/retire", json={"confirmed": "Laval"}).status_code == 204
    carnet = f"/bornes/{laval}/carnet"
    assert "4g" in text_of(yanis.get(carnet))
    assert post(yanis, f"/bornes/{laval}/etiquettes", form_at=carnet, tag="wifi").status_code == 409
    assert (
        post(yanis, f"/bornes/{laval}/notes", form_at=carnet, text="Partie en réparation").headers["location"] == carnet
    )


def test_programs_and_the_command_line_correct_and_delete_notes_too(fleet, laval):
    with_repository(fleet.office)
    api = client(fleet, "terminals:write")
    token = api.headers["authorization"].removeprefix("Bearer ")
    made = api.post(f"/terminals/{laval}/notes", json={"text": "Porte du fond"}).json()
    at = f"/terminals/{laval}/notes/{made['id']}"
    assert api.patch(at, json={"text": "Porte de gauche", "revision": 1}).json()["revision"] == 2
    assert api.patch(at, json={"text": "Porte de droite", "revision": 1}).status_code == 409
    cholet = fleet.enrolled("Cholet").id
    assert api.patch(f"/terminals/{cholet}/notes/{made['id']}", json={"text": "x", "revision": 2}).status_code == 404
    number = str(made["id"])
    for where in ({"token": token}, {"local": True}):
        assert balise(fleet, "correct-note", laval, number, "Porte bleue", **where) == (0, "Note corrigée.\n")
        code, said = balise(fleet, "notes", laval, **where)
        assert (code, "Porte bleue" in said, "corrigée par" in said) == (0, True, True), said
    assert balise(fleet, "delete-note", laval, number, token=token) == (0, "Note supprimée.\n")
    assert balise(fleet, "delete-note", laval, number, local=True)[0] == 1
    assert api.delete(at).status_code == 404
    assert api.get(f"/terminals/{laval}/notes").json() == []


def test_who_may_only_read_corrects_and_deletes_nothing(fleet, laval):
    yanis, here = fleet.office.signed_in("yanis"), f"/bornes/{laval}"
    post(yanis, f"{here}/notes", form_at=here, text=KEY)
    api = client(fleet, "terminals:read")
    assert api.patch(f"/terminals/{laval}/notes/1", json={"text": "x", "revision": 1}).status_code == 403
    assert api.delete(f"/terminals/{laval}/notes/1").status_code == 403
    assert fleet.office.signed_in("maelle").get(f"{here}/carnet").status_code == 403
    assert [one["text"] for one in api.get(f"/terminals/{laval}/notes").json()] == [KEY]


def test_the_page_asks_the_same_number_of_questions_whatever_is_attached(fleet, laval):
    yanis, api, here = fleet.office.signed_in("yanis"), client(fleet, "terminals:write"), f"/bornes/{laval}"
    yanis.get(here)
    few = questions(fleet, yanis, here)
    api.put(f"/terminals/{laval}/tags", json={"tags": [f"t{n}" for n in range(20)]})
    for number in range(8):
        api.post(f"/terminals/{laval}/notes", json={"text": f"note {number}"})
        api.put(f"/terminals/{fleet.enrolled(f'Segré {number}').id}/tags", json={"tags": [f"u{number}"]})
    assert questions(fleet, yanis, here) == few


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_by_keyboard_alone_and_on_a_phone(fleet, laval, size):
    office = fleet.office
    client(fleet, "terminals:write").put(f"/terminals/{laval}/tags", json={"tags": ["étiquette " * 3 + "longue", "4g"]})
    with chromium() as browser:
        context = browser.new_context(viewport=size, base_url=office.url)
        page = context.new_page()
        page.goto("/connexion")
        page.get_by_label("Identifiant").fill("yanis")
        page.get_by_label("Mot de passe", exact=True).fill(office.passwords["yanis"])
        page.get_by_role("button", name="Se connecter").click()
        page.goto(f"/bornes/{laval}")
        page.keyboard.press("n")
        page.keyboard.type("Clé à l’accueil, n° 12")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.get_by_text("Note écrite.").wait_for()
        page.get_by_text("Corriger").focus()
        page.keyboard.press("Enter")
        page.get_by_label("Ce que dira la note").fill("Clé à la loge")
        page.get_by_role("button", name="Enregistrer").press("Enter")
        page.get_by_text("Note corrigée.").wait_for()
        assert violations(page) == []
        assert sideways_scroll(page) == 0
        page.get_by_role("button", name="Enlever l’étiquette 4g").press("Enter")
        page.get_by_text("Étiquette « 4g » enlevée.").wait_for()
        page.keyboard.press("z")
        page.get_by_text("Étiquette « 4g » mise.").wait_for()
        page.get_by_text("Supprimer", exact=False).first.click()
        page.get_by_role("button", name="Supprimer cette note").click()
        page.get_by_text("Note supprimée.").wait_for()
        assert page.get_by_text("Aucune note encore.").is_visible()
        close(context)
