"""Flotte, Borne, Réglages, Commandes and Enrôlement as their readers meet them: by HTTP, then in a real browser."""

import gzip
import hashlib
import re
from datetime import datetime, timedelta

import pytest
from sqlalchemy import event
from sqlmodel import select

from fleet_server.access.models import AuditEntry
from fleet_server.db import reading, transaction
from fleet_server.terminals.commands import answered
from fleet_server.terminals.files import keep
from fleet_server.terminals.models import SettingLayer, Terminal, TerminalCommand, TerminalPlace
from tests.back_office import post
from tests.browser import DESKTOP, PHONE, sideways_scroll, violations
from tests.integration.terminals.cast import NEW, in_every_state
from wire.state import ContentState, OutboxState, Settings, WindowState


def text_of(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text)).replace("\xa0", " ")


def rows(answer):
    return re.findall(r'<a class="bl-row"[^>]*>([^<]+)</a>', answer.text)


def settings_form(client, at, **typed):
    """The form as it stands on the page, changed here and there."""
    page = client.get(at).text
    fields = dict(re.findall(r'<input class="form-control[^>]*? name="([a-z0-9_-]+)" value="([^"]*)"', page))
    fields["revision"] = re.search(r'name="revision" value="(\d+)"', page)[1]
    return fields | typed


# ---- Flotte ----------------------------------------------------------------------------------------------------------


def test_flotte_says_first_who_needs_something(fleet):
    in_every_state(fleet)
    client = fleet.office.signed_in("yanis")
    page = client.get("/flotte")
    assert "5 bornes sur 7 en service. Laval ne répond plus. À regarder : La Roche-sur-Yon." in text_of(page)
    assert rows(page) == [
        "Laval", "La Roche-sur-Yon", "Cholet", "Sablé-sur-Sarthe", "Saint-Herblain", "Saint-Nazaire", "Segré",
    ]  # fmt: skip
    assert "<s>2026.46</s>" in page.text, "wanted and reported stand side by side where they differ"


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("etat=hors-ligne", ["Laval"]),
        ("etat=degradee", ["La Roche-sur-Yon"]),
        ("etat=mise-a-jour", ["Cholet"]),
        ("etat=fermee", ["Segré"]),
        ("etat=a-accepter", []),
        ("ecart=oui", ["Laval", "Cholet"]),
    ],
)
def test_the_counters_of_flotte_are_its_filters(fleet, query, shown):
    in_every_state(fleet)
    page = fleet.office.signed_in("yanis").get(f"/flotte?{query}")
    assert rows(page) == shown
    if not shown:
        assert "Aucune borne ne correspond" in page.text


@pytest.mark.parametrize("query", ["", "?etat=fermee", "?etat=hors-ligne", "?ecart=oui"])
def test_who_holds_messages_back_is_counted_over_the_whole_fleet_whatever_is_shown(fleet, query):
    in_every_state(fleet)
    long_ago = fleet.office.clock() - timedelta(minutes=61)
    fleet["Saint-Nazaire"].reports(outbox=OutboxState(waiting=5, oldest_at=long_ago))
    stuck = WindowState(status="out_of_service")  # its first trouble, and not the only one
    fleet["Cholet"].reports(window=stuck, outbox=OutboxState(waiting=5, oldest_at=long_ago))
    fleet["Saint-Herblain"].reports(outbox=OutboxState(waiting=5, oldest_at=long_ago + timedelta(minutes=5)))
    shown = text_of(fleet.office.signed_in("yanis").get(f"/flotte{query}"))
    assert "Bornes qui en retiennent depuis plus d’une heure 2 " in shown


def test_an_empty_fleet_says_what_brings_the_first_terminal(fleet):
    assert "Aucune borne pour l’instant" in fleet.office.signed_in("yanis").get("/flotte").text


@pytest.mark.parametrize(
    "path", ["/flotte", "/bornes/{}", "/bornes/{}/reglages", "/reglages", "/commandes", "/enrolement"]
)
def test_a_page_asks_the_same_number_of_questions_whatever_the_size_of_the_fleet(fleet, path):
    fleet.enrolled("Laval")
    client = fleet.office.signed_in("yanis")
    at = path.format(fleet["Laval"].id)
    few = questions(fleet, client, at)
    for number in range(12):
        fleet.enrolled(f"Cholet {number}")
        fleet[f"Cholet {number}"].reports()
    assert questions(fleet, client, at) == few


def questions(fleet, client, path):
    asked = []

    def count(connection, cursor, statement, *rest):
        asked.append(statement)

    event.listen(fleet.office.context.engine, "before_cursor_execute", count)
    try:
        assert client.get(path).status_code == 200
    finally:
        event.remove(fleet.office.context.engine, "before_cursor_execute", count)
    return len(asked)


def test_a_counsellor_is_told_who_can_help(fleet):
    client = fleet.office.signed_in("maelle")
    for path in ("/flotte", "/reglages", "/commandes", "/enrolement", "/bornes/b-1", "/bornes/b-1/fiche"):
        assert client.get(path).status_code == 403, path
    assert fleet.office.client().get("/flotte").headers["location"].startswith("/connexion?vers=")


def test_a_terminal_that_nobody_knows_is_not_found(fleet):
    client = fleet.office.signed_in("yanis")
    for path in (
        "/bornes/b-nobody",
        "/bornes/b-nobody/reglages",
        "/bornes/b-nobody/fiche",
        "/reglages?groupe=personne",
    ):
        assert client.get(path).status_code == 404, path


# ---- Borne -----------------------------------------------------------------------------------------------------------


def test_a_terminals_page_shows_its_problem_its_wishes_and_its_commands(fleet):
    in_every_state(fleet)
    client = fleet.office.signed_in("yanis")
    roche = fleet["La Roche-sur-Yon"].id
    assert post(client, f"/bornes/{roche}/commandes", form_at=f"/bornes/{roche}", order="identify").status_code == 303
    said = text_of(client.get(f"/bornes/{roche}"))
    assert "Processeur à 78 °C, seuil 75 °C." in said
    assert "Montrer son nom à l’écran" in said
    assert "Envoyée" in said
    assert "Contenu 2026.47 2026.47" in said


def test_a_command_can_be_cancelled_until_the_terminal_takes_it_up(fleet):
    kiosk = fleet.enrolled("Laval")
    client = fleet.office.signed_in("yanis")
    at = f"/bornes/{kiosk.id}"
    post(client, f"{at}/commandes", form_at=at, order="window.restart")
    cancel = re.search(rf'action="({at}/commandes/[^"]+/annuler)"', client.get(at).text)[1]
    assert post(client, cancel, form_at=at).status_code == 303
    assert "Annulée" in client.get(at).text
    assert post(client, cancel, form_at=at).status_code == 409


def test_commands_wait_in_line_for_as_long_as_asked_and_are_told_in_french(fleet):
    kiosk = fleet.enrolled("Laval")
    fleet.office.clock.at = datetime.fromisoformat("2026-11-23T10:42:00+01:00")
    client = fleet.office.signed_in("yanis")
    at = f"/bornes/{kiosk.id}"
    assert post(client, f"{at}/commandes", form_at=at, order="window.restart", wait="7 ans").status_code == 422
    for order, wait in (("page.reload", "24 h"), ("identify", "15 min")):
        post(client, f"{at}/commandes", form_at=at, order=order, wait=wait)
        fleet.office.clock.pass_by(timedelta(seconds=1))
    for page in (at, "/commandes"):
        said = text_of(client.get(page))
        assert "n° 1 dans sa file · expire le 24 nov. à 10:42" in said
        assert "n° 2 dans sa file · expire à 10:57" in said
    given = waiting(fleet)
    answers(fleet, given["page.reload"], "accepted", "waits for the end of the visit")
    answers(fleet, given["identify"], "succeeded")
    said = text_of(client.get(at))
    assert "attend la fin de la visite · n° 1 dans sa file" in said
    assert "waits for" not in said + text_of(client.get("/commandes"))
    assert "n° 2" not in said


def test_a_command_that_was_answered_is_given_again_once_and_shows_what_it_brought(fleet):
    kiosk = fleet.enrolled("Laval")
    client = fleet.office.signed_in("yanis")
    at, log = f"/bornes/{kiosk.id}", gzip.compress(b"rien a signaler")
    digest = hashlib.sha256(log).hexdigest()
    keep(fleet.office.context.settings.data_dir / "files", kiosk.id, digest, "application/gzip", log)
    post(client, f"{at}/commandes", form_at=at, order="logs.fetch")
    answers(fleet, waiting(fleet)["logs.fetch"], "succeeded", file=digest,
            result={"disk_mb_s": 210.5, "screens": [{"px": [3840, 2160]}], "clock_trusted": True})  # fmt: skip
    page = client.get(at)
    assert "Pas encore d’image de l’écran" in page.text, "a log is no picture"
    assert "disk_mb_s 210.5 screens.1.px 3840, 2160 clock_trusted oui" in text_of(page)
    file = client.get(re.search(rf'href="({at}/ecran/[^"]+)">Télécharger les journaux', page.text)[1])
    assert file.content == log
    assert file.headers["content-disposition"].startswith("attachment")
    again = re.search(rf'action="({at}/commandes/[^"]+/nouveau)"', page.text)[1]
    assert post(client, again, form_at=at).status_code == 303
    assert "2e exécution" in text_of(client.get(at))
    assert post(client, again, form_at=at).status_code == 409
    assert post(client, again.replace(kiosk.id, "b-nobody12"), form_at=at).status_code == 404


def waiting(fleet):
    """Kind of order → its id."""
    with reading(fleet.office.context.engine) as session:
        return {one.order["kind"]: one.id for one in session.exec(select(TerminalCommand))}


def answers(fleet, command, outcome, reason="", file="", result=None):
    """The terminal's receipt."""
    with transaction(fleet.office.context.engine) as session:
        terminal = session.get_one(TerminalCommand, command).terminal
        answered(session.connection(), terminal, command, 1, outcome, reason, file, result or {}, fleet.office.clock())


def test_a_command_that_does_not_exist_or_cannot_be_received_is_refused(fleet):
    kiosk = fleet.enrolled("Laval")
    expected, _ = fleet.add("Cholet")
    client = fleet.office.signed_in("yanis")
    said = post(client, f"/bornes/{kiosk.id}/commandes", form_at="/flotte", order="disk.format")
    assert said.status_code == 422
    said = post(client, f"/bornes/{expected}/commandes", form_at="/flotte", order="identify")
    assert said.status_code == 409


# ---- Fiche -----------------------------------------------------------------------------------------------------------


def file_of(**changes):
    return {
        "name": "Laval", "place": "Mairie de Laval", "kind": "france_services", "commune": "Laval", "code": "53130",
        "position": "48.0706, -0.7734", "groups": "",
    } | changes  # fmt: skip


def test_a_terminal_that_moves_keeps_its_past_and_is_told(fleet):
    kiosk = fleet.enrolled("Laval")
    client = fleet.office.signed_in("yanis")
    at = f"/bornes/{kiosk.id}/fiche"
    assert post(client, at, **file_of()).status_code == 303
    assert kiosk.state().desired.revision == 1, "the same again is no wish"
    fleet.office.clock.pass_by(timedelta(minutes=5))
    moved = file_of(name="Mayenne", place="Mairie de Mayenne", commune="Mayenne", code="53147", groups="Nord, nord ,53")
    assert post(client, at, **moved).status_code == 303
    want = kiosk.state().desired
    assert (want.name, want.place.name, want.place.demo, want.revision) == ("Mayenne", "Mairie de Mayenne", True, 2)
    with reading(fleet.office.context.engine) as session:
        assert [row.place["name"] for row in session.exec(select(TerminalPlace))] == [
            "Mairie de Laval",
            want.place.name,
        ]
        assert session.get_one(Terminal, kiosk.id).groups == ["53", "nord"]
        acts = [entry.act for entry in session.exec(select(AuditEntry)) if entry.subject == kiosk.id]
    assert acts[-3:] == ["terminal.renamed", "terminal.moved", "terminal.regrouped"]


def test_a_place_that_does_not_read_is_sent_back_with_what_was_typed(fleet):
    kiosk = fleet.enrolled("Laval")
    client = fleet.office.signed_in("yanis")
    answer = post(client, f"/bornes/{kiosk.id}/fiche", **file_of(code="53000 Laval", position="ici", name=""))
    assert answer.status_code == 422
    assert "3 points sont à revoir" in text_of(answer)
    assert 'value="53000 Laval"' in answer.text


def test_a_terminal_is_retired_by_its_name_and_then_nothing_of_it_is_taken(fleet):
    kiosk = fleet.enrolled("Laval")
    client = fleet.office.signed_in("yanis")
    file = f"/bornes/{kiosk.id}/fiche"
    assert post(client, f"/bornes/{kiosk.id}/retirer", form_at=file, confirmed="Cholet").status_code == 422
    assert kiosk.state().desired.revision == 1
    assert post(client, f"/bornes/{kiosk.id}/retirer", form_at=file, confirmed=" laval ").status_code == 303
    assert kiosk.http("GET", "/api/v1/terminal/state?nonce=" + "n" * 22).status_code == 401
    assert client.get(f"/bornes/{kiosk.id}").status_code == 404


# ---- Réglages --------------------------------------------------------------------------------------------------------


def test_a_setting_goes_from_wished_to_applied_by_the_terminals_own_report(fleet):
    kiosk = fleet.enrolled("Laval")
    kiosk.reports()
    client = fleet.office.signed_in("yanis")
    at = f"/bornes/{kiosk.id}/reglages"
    assert post(client, at, **settings_form(client, at, idle_end_s="150")).status_code == 303
    want = kiosk.state().desired
    assert (want.settings.idle_end_s, want.revision) == (150, 2)
    assert "Demandé" in text_of(client.get(at)), "done means a receipt came"
    kiosk.reports(revision=2, settings=want.settings)
    assert "Appliqué" in text_of(client.get(at))
    assert "Fin de visite 150 s 150 s" in text_of(client.get(f"/bornes/{kiosk.id}"))


def test_a_group_and_all_reach_those_they_name(fleet):
    laval, cholet = fleet.enrolled("Laval", ["mairies"]), fleet.enrolled("Cholet")
    client = fleet.office.signed_in("yanis")
    post(client, "/reglages", **settings_form(client, "/reglages", welcome_fr="Bonjour", idle_end_s="120"))
    group = "/reglages?groupe=mairies"
    post(client, group, **settings_form(client, group, welcome_fr="Bienvenue"))
    assert laval.state().desired.settings.welcome == {"fr": "Bienvenue"}
    assert laval.state().desired.settings.idle_end_s == 120
    assert cholet.state().desired.settings.welcome == {"fr": "Bonjour"}
    assert (laval.state().desired.revision, cholet.state().desired.revision) == (3, 2)


def test_what_was_changed_meanwhile_is_asked_about_and_nothing_typed_is_lost(fleet):
    fleet.enrolled("Laval")
    yanis, anne = fleet.office.signed_in("yanis"), fleet.office.signed_in("anne")
    post(yanis, "/reglages", **settings_form(yanis, "/reglages", idle_end_s="100"))
    mine = settings_form(yanis, "/reglages", idle_end_s="150", host_phone="02 00 00 00 53")
    post(anne, "/reglages", **settings_form(anne, "/reglages", idle_end_s="120"))
    answer = post(yanis, "/reglages", **mine)
    assert answer.status_code == 409
    assert "Anne Delorme a changé ces réglages pendant que vous écriviez" in text_of(answer)
    assert "Anne Delorme y a mis « 120 »" in text_of(answer)
    assert 'value="150"' in answer.text
    assert 'value="02 00 00 00 53"' in answer.text
    again = mine | {"revision": re.search(r'name="revision" value="(\d+)"', answer.text)[1]}
    assert post(yanis, "/reglages", **again).status_code == 303
    with reading(fleet.office.context.engine) as session:
        assert session.get_one(SettingLayer, ("all", "")).values["idle_end_s"] == 150


def test_settings_that_two_layers_would_make_absurd_are_refused_by_name(fleet):
    kiosk = fleet.enrolled("Laval")
    client = fleet.office.signed_in("yanis")
    at = f"/bornes/{kiosk.id}/reglages"
    post(client, at, **settings_form(client, at, idle_end_s="100"))
    answer = post(client, "/reglages", **settings_form(client, "/reglages", idle_warning_s="90", idle_end_s="200"))
    assert answer.status_code == 422
    assert "Laval demanderait « Toujours là ? » après 90 s et finirait à 100 s" in text_of(answer)
    assert kiosk.state().desired.settings.idle_warning_s == 60


def test_saving_what_did_not_change_wishes_nothing(fleet):
    kiosk = fleet.enrolled("Laval")
    client = fleet.office.signed_in("yanis")
    post(client, "/reglages", **settings_form(client, "/reglages"))
    assert kiosk.state().desired.revision == 1


# ---- Enrôlement ------------------------------------------------------------------------------------------------------


def test_a_token_is_shown_once(fleet):
    client = fleet.office.signed_in("yanis")
    answer = post(client, "/enrolement", **file_of(name="Segré"))
    token = re.search(r'data-copy="([^"]+)"', answer.text)[1]
    assert answer.status_code == 201
    page = client.get("/enrolement").text
    assert token not in page
    assert "Segré (attendue)" in page


def test_a_terminal_to_come_needs_a_place(fleet):
    client = fleet.office.signed_in("yanis")
    answer = post(client, "/enrolement", name="Segré")
    assert answer.status_code == 422
    assert "Le lieu est nécessaire" in answer.text
    with reading(fleet.office.context.engine) as session:
        assert session.exec(select(Terminal)).all() == []


# ---- in a browser ----------------------------------------------------------------------------------------------------


def test_every_page_is_without_violation_in_both_schemes_and_on_a_phone(fleet, yanis):
    in_every_state(fleet)
    fleet.add("Ancenis")
    roche = f"/bornes/{fleet['La Roche-sur-Yon'].id}"
    commanded(fleet, yanis, roche)
    paths = ("/flotte", roche, f"{roche}/reglages", f"{roche}/fiche", "/reglages", "/commandes", "/enrolement")
    problems = []
    for scheme, size in (("light", DESKTOP), ("dark", PHONE)):
        yanis.emulate_media(color_scheme=scheme)
        yanis.set_viewport_size(size)
        for path in paths:
            yanis.goto(fleet.office.url + path)
            problems += [f"{path} {scheme}: {violation}" for violation in violations(yanis)]
            if wide := sideways_scroll(yanis):
                problems.append(f"{path} {scheme}: {wide} px too wide")
    assert problems == []


def commanded(fleet, yanis, at):
    """One that was answered with figures, one that waits."""
    yanis.goto(fleet.office.url + at)
    for words in ("Relancer", "Désigner"):
        yanis.locator("header").get_by_role("button", name=words).click()
        yanis.locator(".bl-toast, [role=status]").first.wait_for()
    answers(
        fleet, waiting(fleet)["window.restart"], "failed", "the page did not come back", result={"page": {"fps": 60}}
    )


def test_flotte_follows_a_terminal_without_being_reloaded(fleet, yanis):
    kiosk = fleet.enrolled("Laval")
    yanis.goto(fleet.office.url + "/flotte")
    row = yanis.locator(f"#ligne-{kiosk.id}")
    assert "Hors ligne" in row.inner_text()
    yanis.evaluate("window.stayed = true")
    kiosk.connects()
    kiosk.reports(content=ContentState(active=NEW))
    row.filter(has_text="En ligne").wait_for()
    row.filter(has_text="2026.47").wait_for()
    assert yanis.evaluate("window.stayed"), "the page itself was not loaded again"


def test_a_setting_is_changed_by_the_keyboard_and_its_receipt_comes_live(fleet, yanis):
    kiosk = fleet.enrolled("Laval")
    kiosk.connects()
    kiosk.reports()
    yanis.goto(f"{fleet.office.url}/bornes/{kiosk.id}/reglages")
    yanis.locator("#f-idle_end_s").focus()
    yanis.keyboard.type("150")
    assert "90 devient 150" in yanis.locator("#partira").inner_text()
    yanis.keyboard.press("Enter")
    yanis.locator("#suivi").filter(has_text="Demandé").wait_for()
    want = kiosk.state().desired
    kiosk.reports(revision=want.revision, settings=want.settings)
    yanis.locator("#suivi").filter(has_text="Appliqué").wait_for()


def test_what_is_wrong_takes_the_focus_and_leads_to_its_field(fleet, yanis):
    kiosk = fleet.enrolled("Laval")
    yanis.goto(f"{fleet.office.url}/bornes/{kiosk.id}/reglages")
    yanis.locator("#f-idle_end_s").fill("15")
    yanis.keyboard.press("Enter")
    yanis.locator("#f-idle_end_s[aria-invalid]").wait_for()
    assert "15 s est trop court" in yanis.evaluate("document.activeElement.innerText").replace("\xa0", " ")
    yanis.keyboard.press("Tab")
    yanis.keyboard.press("Enter")
    assert yanis.evaluate("document.activeElement.id") == "f-idle_end_s"
    assert violations(yanis) == []


def test_a_terminals_page_lives_and_its_chart_stays(fleet, yanis):
    in_every_state(fleet)
    kiosk = fleet["Cholet"]
    yanis.goto(f"{fleet.office.url}/bornes/{kiosk.id}")
    yanis.locator("#sante svg").wait_for()
    yanis.evaluate("document.querySelector('#sante svg').id = 'drawn'")
    kiosk.reports(content=ContentState(active=NEW), settings=Settings())
    yanis.locator("#puce").filter(has_text="En ligne").wait_for()
    assert yanis.locator("#souhaits tr[data-differs]").count() == 1, "the hours of its report are not the wished ones"
    assert yanis.locator("#drawn").count() == 1
