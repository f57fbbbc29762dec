"""Planned maintenance by pages, programs and the command line: what it changes of what is shown, and who did it."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from fleet_server.access.audit_models import AuditEntry
from fleet_server.db import reading, transaction
from fleet_server.retention import forget_past
from fleet_server.terminals.models import SettingLayer
from fleet_server.terminals.registry import move, place_of
from fleet_server.terminals.upkeep import acts
from fleet_server.terminals.upkeep.edges import Edges
from fleet_server.terminals.upkeep.models import MaintenanceOf
from tests.back_office import post
from tests.browser import PHONE, chromium, close, sideways_scroll, violations
from tests.integration.terminals.test_terminals_fleet_api import balise, client
from tests.integration.terminals.test_terminals_pages import questions
from tests.trust import with_repository
from wire.state import ContentState, Release

NOON = datetime(2026, 12, 1, 11, 0, tzinfo=UTC)
SOON = {"begins_at": "2026-12-01T14:00", "ends_at": "2026-12-01T16:00", "reason": "Remplacement du routeur"}


@pytest.fixture
def at_noon(fleet):
    fleet.office.clock.at = NOON
    for name in ("Laval", "Cholet"):
        fleet.enrolled(name).connects()
        fleet[name].reports()
    return fleet


def words(answer, status=200):
    assert answer.status_code == status, answer.text
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text)).replace("\u00a0", " ")


def audit(fleet):
    with reading(fleet.office.context.engine) as session:
        rows = session.exec(select(AuditEntry).where(AuditEntry.act.startswith("maintenance.")).order_by(AuditEntry.id))
        return [(row.act, row.who, row.terminals) for row in rows]


def planned(fleet, api=None, **asked):
    api = api or client(fleet, "terminals:write")
    given = SOON | ({"terminals": [fleet["Laval"].id]} if "place" not in asked else {}) | asked
    answer = api.post("/maintenance", json=given)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_an_operator_plans_changes_calls_off_and_takes_that_back_each_told_in_the_log(at_noon):
    laval, yanis = at_noon["Laval"].id, at_noon.office.signed_in("yanis")
    answer = post(yanis, "/travaux", form_at=f"/travaux/nouveau?borne={laval}", terminals=laval, **SOON)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/bornes/{laval}")
    shown = words(yanis.get(f"/bornes/{laval}"))
    assert "Travaux aujourd’hui de 14:00 à 16:00 : Remplacement du routeur." in shown
    assert "Prévus aujourd’hui de 14:00 à 16:00 · Yanis Belkacem" in shown
    later = SOON | {"ends_at": "2026-12-01T17:00", "revision": "1"}
    assert post(yanis, "/travaux/1", **later).headers["location"] == "/travaux"
    assert "aujourd’hui de 14:00 à 17:00" in words(yanis.get("/travaux"))
    assert post(yanis, "/travaux/1/annuler", form_at="/travaux").status_code == 303
    assert "Annulés" in words(yanis.get("/travaux"))
    assert "Rien n’est prévu." in words(yanis.get(f"/bornes/{laval}"))
    assert post(yanis, "/travaux/1/retablir", form_at="/travaux").status_code == 303
    assert "0 en cours, 1 à venir." in words(yanis.get("/travaux"))
    acts_told = ["planned", "changed", "called_off", "reopened"]
    assert audit(at_noon) == [(f"maintenance.{act}", "Yanis Belkacem", [laval]) for act in acts_told]
    with reading(at_noon.office.context.engine) as session:
        changed = session.exec(select(AuditEntry).where(AuditEntry.act == "maintenance.changed")).one()
    assert (changed.before, changed.after) == (
        {"ends_at": "2026-12-01T16:00:00+01:00"}, {"ends_at": "2026-12-01T17:00:00+01:00"},
    )  # fmt: skip


def test_while_it_lasts_a_silent_terminal_is_in_maintenance_and_afterwards_it_is_offline(at_noon):
    laval, yanis, api = at_noon["Laval"].id, at_noon.office.signed_in("yanis"), client(at_noon, "terminals:write")
    planned(at_noon, api)
    states = []
    for hour in (13, 14, 15):
        at_noon.office.clock.at = datetime(2026, 12, 1, hour, 30, tzinfo=UTC)
        seen = api.get(f"/terminals/{laval}").json()
        states.append((seen["state"], seen["maintenance_until"], seen["next_maintenance_at"]))
    ends = "2026-12-01T15:00:00Z"
    assert states == [("maintenance", ends, None), ("maintenance", ends, None), ("offline", None, None)]
    at_noon.office.clock.at = datetime(2026, 12, 1, 13, 30, tzinfo=UTC)
    shown = words(yanis.get(f"/bornes/{laval}"))
    assert "En maintenance" in shown
    assert "Travaux jusqu’à 16:00 : Remplacement du routeur. Son silence n’est pas une panne" in shown
    assert "jusqu’à 16:00, Remplacement du routeur" in words(yanis.get("/flotte"))
    assert "En maintenance : Laval." in words(yanis.get("/flotte"))


def test_ending_it_now_brings_the_silence_back_and_can_be_undone(at_noon):
    laval, yanis, api = at_noon["Laval"].id, at_noon.office.signed_in("yanis"), client(at_noon, "terminals:write")
    planned(at_noon, api)
    at_noon.office.clock.at = datetime(2026, 12, 1, 13, 30, tzinfo=UTC)
    ended = post(yanis, f"/travaux/1/terminer?vers={laval}", form_at="/travaux")
    assert ended.headers["location"] == f"/bornes/{laval}"
    assert api.get(f"/terminals/{laval}").json()["state"] == "offline"
    past = api.get("/maintenance", params={"past": True, "terminal": laval}).json()
    assert [(one["state"], one["ends_at"], one["closed_by"]) for one in past] == [
        ("ended", "2026-12-01T13:30:00Z", "Yanis Belkacem"),
    ]  # fmt: skip
    assert 'action="/travaux/1/retablir?vers=' in yanis.get(f"/bornes/{laval}").text
    assert post(yanis, f"/travaux/1/retablir?vers={laval}", form_at="/travaux").status_code == 303
    assert api.get(f"/terminals/{laval}").json()["state"] == "maintenance"


def test_what_ended_more_than_a_day_ago_is_not_taken_back_over_an_outage(at_noon):
    api, clock = client(at_noon, "terminals:write"), at_noon.office.clock
    planned(at_noon, api, ends_at="2026-12-30T16:00")
    clock.at = datetime(2026, 12, 1, 13, 30, tzinfo=UTC)
    assert api.post("/maintenance/1/end").status_code == 200
    clock.at += timedelta(days=1, minutes=1)
    refused = api.post("/maintenance/1/reopen")
    assert (refused.status_code, "depuis plus d’un jour" in refused.json()["message"]) == (409, True)
    yanis = at_noon.office.signed_in("yanis")
    assert "/travaux/1/retablir" not in yanis.get("/travaux/1").text
    clock.at -= timedelta(minutes=1)
    assert "/travaux/1/retablir" in yanis.get("/travaux/1").text
    assert api.post("/maintenance/1/reopen").status_code == 200


def test_what_was_called_off_before_it_began_may_be_taken_back_until_a_day_after_it_should_have(at_noon):
    api, clock = client(at_noon, "terminals:write"), at_noon.office.clock
    planned(at_noon, api, begins_at="2026-12-10T14:00", ends_at="2026-12-30T16:00")
    assert api.post("/maintenance/1/call-off").status_code == 200
    clock.at = datetime(2026, 12, 11, 13, 0, tzinfo=UTC)
    assert api.post("/maintenance/1/reopen").status_code == 200
    clock.at = datetime(2026, 12, 10, 12, 0, tzinfo=UTC)
    assert api.post("/maintenance/1/call-off").status_code == 200
    clock.at = datetime(2026, 12, 11, 13, 1, tzinfo=UTC)
    assert api.post("/maintenance/1/reopen").status_code == 409


def test_a_place_is_about_whichever_terminals_stand_there_then(at_noon):
    api = client(at_noon, "terminals:write")
    row = planned(at_noon, api, place="laval", begins_at="2026-12-01T12:00")
    assert (row["state"], row["terminals"], row["place"]) == ("in_force", [at_noon["Laval"].id], "laval")

    def states():
        return [api.get(f"/terminals/{at_noon[name].id}").json()["state"] for name in ("Laval", "Cholet")]

    assert states() == ["maintenance", "online"]
    with transaction(at_noon.office.context.engine) as session:
        here, there = (place_of(session, at_noon[name].id) for name in ("Laval", "Cholet"))
        move(session, at_noon["Cholet"].id, here, NOON)
        move(session, at_noon["Laval"].id, there, NOON)
    assert states() == ["online", "maintenance"]


def test_the_clock_is_that_of_the_place_and_terminals_on_two_clocks_are_planned_apart(at_noon):
    api = client(at_noon, "terminals:write")
    with transaction(at_noon.office.context.engine) as session:
        session.add(SettingLayer(scope="terminal", target=at_noon["Cholet"].id, changed_at=NOON,
                                 values={"timezone": "Indian/Reunion"}))  # fmt: skip
    wall = {"begins_at": "2026-12-01T16:00", "ends_at": "2026-12-01T18:00"}
    far = planned(at_noon, api, terminals=[at_noon["Cholet"].id], **wall)
    assert (far["begins_at"], far["timezone"]) == ("2026-12-01T12:00:00Z", "Indian/Reunion")
    both = SOON | {"terminals": [at_noon[name].id for name in ("Laval", "Cholet")]}
    refused = api.post("/maintenance", json=both)
    assert (refused.status_code, "n’ont pas toutes la même heure" in refused.json()["message"]) == (422, True)
    exact = {"begins_at": "2026-12-01T14:00:00Z", "ends_at": "2026-12-01T15:00:00Z"}
    assert api.post("/maintenance", json=both | exact).status_code == 201
    shown = words(at_noon.office.signed_in("yanis").get(f"/travaux/{far['id']}"))
    assert "de 16:00 à 18:00, heure du lieu" in shown
    assert "À l’heure du lieu (Indian/Reunion)." in shown


@pytest.mark.parametrize(("asked", "said"), [
    ({"reason": "  "}, "Dites pourquoi"),
    ({"ends_at": "2026-12-01T14:00"}, "La fin vient après le début"),
    ({"begins_at": "2026-11-30T11:59", "ends_at": "2026-12-01T13:00"}, "passé depuis plus d’un jour"),
    ({"begins_at": "2026-12-01T10:00", "ends_at": "2026-12-01T12:00"}, "La fin est déjà passée"),
    ({"begins_at": "2029-01-01T10:00", "ends_at": "2029-01-01T12:00"}, "plus de deux ans"),
    ({"ends_at": "2027-03-02T14:01"}, "90 jours au plus"),
    ({"begins_at": "2027-03-28T02:30", "ends_at": "2027-03-28T05:00"}, "Il n’est jamais 2:30"),
    ({"begins_at": "0001-01-01T00:00"}, "L’année 1 ne convient pas"),
    ({"terminals": []}, "Choisissez des bornes, ou un lieu"),
    ({"terminals": ["b-nowhere"]}, "« b-nowhere » n’est pas une borne du parc"),
    ({"place": "nantes"}, "Choisissez des bornes, ou un lieu"),
    ({"place": "nantes", "terminals": []}, "Aucune borne n’est à ce lieu"),
])  # fmt: skip
def test_what_makes_no_sense_is_refused_in_words_and_changes_nothing(at_noon, asked, said):
    api = client(at_noon, "terminals:write")
    answer = api.post("/maintenance", json=SOON | {"terminals": [at_noon["Laval"].id]} | asked)
    assert (answer.status_code, said in answer.json()["message"]) == (422, True), answer.text
    assert api.get("/maintenance").json() == []
    assert audit(at_noon) == []


def test_a_form_that_is_refused_keeps_what_was_typed_and_names_the_field(at_noon):
    yanis, laval = at_noon.office.signed_in("yanis"), at_noon["Laval"].id
    asked = SOON | {"ends_at": "", "reason": "Peinture <b>du hall</b>"}
    answer = post(yanis, "/travaux", form_at="/travaux/nouveau", terminals=laval, **asked)
    assert "Donnez un jour et une heure." in words(answer, 422)
    assert 'href="#f-ends_at"' in answer.text
    assert 'value="Peinture &lt;b&gt;du hall&lt;/b&gt;"' in answer.text
    assert f'value="{laval}" checked' in answer.text


def test_what_has_begun_keeps_its_beginning_and_what_is_over_is_left_alone(at_noon):
    api = client(at_noon, "terminals:write")
    planned(at_noon, api)
    at_noon.office.clock.at = datetime(2026, 12, 1, 13, 30, tzinfo=UTC)
    assert api.post("/maintenance/1/call-off").status_code == 409
    moved = api.patch("/maintenance/1", json={"revision": 1, "begins_at": "2026-12-01T15:00"})
    assert (moved.status_code, "leur début ne change plus" in moved.json()["message"]) == (422, True)
    longer = api.patch("/maintenance/1", json={"revision": 1, "ends_at": "2026-12-01T20:00"}).json()
    assert (longer["begins_at"], longer["ends_at"]) == ("2026-12-01T13:00:00Z", "2026-12-01T19:00:00Z")
    at_noon.office.clock.at = datetime(2026, 12, 1, 20, 0, tzinfo=UTC)
    for answer in (
        api.patch("/maintenance/1", json={"revision": 2, "reason": "autre"}),
        api.post("/maintenance/1/end"),
        api.post("/maintenance/1/call-off"),
        api.post("/maintenance/1/reopen"),
    ):
        assert answer.status_code == 409, answer.text
    assert [act for act, *_ in audit(at_noon)] == ["maintenance.planned", "maintenance.changed"]


def test_two_people_who_change_it_at_once_do_not_undo_each_other(at_noon):
    planned(at_noon)
    yanis, anne = (at_noon.office.signed_in(login) for login in ("yanis", "anne"))
    assert post(yanis, "/travaux/1", **SOON | {"reason": "Routeur et écran", "revision": "1"}).status_code == 303
    answer = post(anne, "/travaux/1", **SOON | {"reason": "Routeur seul", "revision": "1"})
    said = words(answer, 409)
    assert "Une autre personne vient de changer ces travaux" in said
    assert "Routeur et écran" in said
    assert 'value="Routeur seul"' in answer.text


def test_an_hour_that_comes_twice_stays_the_one_it_was_when_only_the_reason_changes(at_noon):
    api = client(at_noon, "terminals:write")
    at_noon.office.clock.at = datetime(2026, 10, 20, 12, tzinfo=UTC)
    second, end = "2026-10-25T01:30:00Z", "2026-10-25T04:00:00Z"
    planned(at_noon, api, begins_at=second, ends_at=end)
    yanis = at_noon.office.signed_in("yanis")
    page = yanis.get("/travaux/1").text
    asked = {name: re.search(rf'name="{name}"[^>]* value="([^"]*)"', page)[1] for name in ("begins_at", "ends_at")}
    assert asked == {"begins_at": "2026-10-25T02:30", "ends_at": "2026-10-25T05:00"}
    assert post(yanis, "/travaux/1", reason="Autre motif", revision="1", **asked).status_code == 303
    kept = api.get("/maintenance/1").json()
    assert (kept["begins_at"], kept["ends_at"], kept["reason"]) == (second, end, "Autre motif")


def test_who_may_only_read_plans_nothing_and_a_counsellor_sees_none_of_it(at_noon):
    reader = client(at_noon, "terminals:read")
    with transaction(at_noon.office.context.engine) as session:
        wanted = acts.Wanted(datetime(2026, 12, 1, 14), datetime(2026, 12, 1, 16), "écran", [at_noon["Laval"].id])
        acts.plan(session, at_noon.office.context, wanted, None)
    assert [one["id"] for one in reader.get("/maintenance").json()] == [1]
    asked = SOON | {"terminals": [at_noon["Laval"].id]}
    refused = [
        reader.post("/maintenance", json=asked),
        reader.patch("/maintenance/1", json={"revision": 1, "reason": "x"}),
        reader.post("/maintenance/1/end"),
    ]
    assert [answer.status_code for answer in refused] == [403, 403, 403]
    maelle = at_noon.office.signed_in("maelle")
    assert [maelle.get(path).status_code for path in ("/travaux", "/travaux/1", "/travaux/nouveau")] == [403, 403, 403]
    assert reader.get("/maintenance/2").status_code == 404


def test_the_command_line_does_the_same_here_and_by_a_token_from_elsewhere(at_noon):
    with_repository(at_noon.office)
    laval = at_noon["Laval"].id
    token = client(at_noon, "terminals:write").headers["authorization"].removeprefix("Bearer ")
    begins = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT%H:%M}"
    ends = f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%dT%H:%M}"
    spans = ("--from", begins, "--to", ends)
    at_noon.office.clock.at = datetime.now(UTC)
    for where in ({"token": token}, {"local": True}):
        code, said = balise(at_noon, "maintenance", "plan", laval, *spans, "--reason", "Peinture du hall", **where)
        assert (code, "Prévus" in said, "Peinture du hall" in said, laval in said) == (0, True, True, True), said
        number = said.split()[0]
        assert balise(at_noon, "maintenance", "change", number, "--reason", "Peinture", **where)[0] == 0
        assert "Peinture  (" in balise(at_noon, "maintenance", "list", laval, **where)[1]
        code, said = balise(at_noon, "maintenance", "end", number, **where)
        assert (code, said) == (1, "Ces travaux n’ont pas commencé : annulez-les.\n")
        assert "Annulés" in balise(at_noon, "maintenance", "call-off", number, **where)[1]
        assert balise(at_noon, "maintenance", "list", **where) == (0, "")
        assert "Annulés" in balise(at_noon, "maintenance", "list", "--past", **where)[1]
    wrong = ("--from", "demain", "--to", ends, "--reason", "x")
    assert balise(at_noon, "maintenance", "plan", laval, *wrong, local=True) == (
        1, "« --from demain » ne se lit pas : un jour et une heure, par exemple 2026-12-01T09:00, à l’heure du lieu.\n",
    )  # fmt: skip
    assert {who for _, who, _ in audit(at_noon)} == {"veille, jeton de Yanis Belkacem", "Balise"}


def test_pages_ask_the_same_number_of_questions_however_much_is_planned(at_noon):
    yanis, api = at_noon.office.signed_in("yanis"), client(at_noon, "terminals:write")
    planned(at_noon, api)
    planned(at_noon, api, place="laval")
    paths = ["/travaux", "/flotte", f"/bornes/{at_noon['Laval'].id}"]
    for path in paths:
        yanis.get(path)
    few = [questions(at_noon, yanis, path) for path in paths]
    for number in range(10):
        at_noon.enrolled(f"Segré {number}")
        planned(at_noon, api, reason=f"motif {number}", terminals=[kiosk.id for kiosk in at_noon.kiosks.values()])
    assert [questions(at_noon, yanis, path) for path in paths] == few


def test_no_more_than_so_many_wait_at_once(at_noon, monkeypatch):
    monkeypatch.setattr(acts, "MOST_OPEN", 2)
    api = client(at_noon, "terminals:write")
    first = planned(at_noon, api)
    planned(at_noon, api)
    asked = SOON | {"terminals": [at_noon["Laval"].id]}
    assert api.post("/maintenance", json=asked).status_code == 422
    assert api.post(f"/maintenance/{first['id']}/call-off").status_code == 200
    assert api.post("/maintenance", json=asked).status_code == 201


def test_the_pages_hold_on_a_phone_and_to_their_readers(at_noon):
    api = client(at_noon, "terminals:write")
    planned(at_noon, api, reason="Remplacement de l’écran tactile et de son support mural, porte de service fermée")
    planned(at_noon, api, place="laval", begins_at="2026-12-01T11:30")
    called_off = planned(at_noon, api)["id"]
    api.post(f"/maintenance/{called_off}/call-off")
    office = at_noon.office
    with chromium() as browser:
        context = browser.new_context(viewport=PHONE, base_url=office.url)
        page = context.new_page()
        page.goto("/connexion")
        page.get_by_label("Identifiant").fill("yanis")
        page.get_by_label("Mot de passe", exact=True).fill(office.passwords["yanis"])
        page.get_by_role("button", name="Se connecter").click()
        paths = [
            "/travaux",
            "/travaux/nouveau",
            "/travaux/1",
            f"/travaux/{called_off}",
            f"/bornes/{at_noon['Laval'].id}",
        ]
        for path in paths:
            page.goto(path)
            assert violations(page) == [], path
            assert sideways_scroll(page) == 0, path
        close(context)


def test_pages_are_told_when_it_begins_and_ends_by_the_clock_and_once(at_noon):
    laval, context = at_noon["Laval"].id, at_noon.office.context
    planned(at_noon)
    edges = Edges(context)

    def told(minutes):
        at_noon.office.clock.at = NOON + timedelta(minutes=minutes)
        before = context.live.version(f"borne:{laval}")
        return edges.turn(), context.live.version(f"borne:{laval}") != before

    assert [told(minutes) for minutes in (60, 119, 120, 121, 239, 240, 600)] == [
        (0, False), (0, False), (1, True), (0, False), (0, False), (1, True), (0, False),
    ]  # fmt: skip


def test_what_is_long_past_is_forgotten_with_the_terminals_it_named(at_noon):
    api = client(at_noon, "terminals:write")
    planned(at_noon, api)
    planned(at_noon, api, begins_at="2026-12-02T14:00", ends_at="2026-12-02T16:00")
    at_noon.office.clock.at = datetime(2027, 1, 1, 0, 0, tzinfo=UTC)
    context = at_noon.office.context
    a_month = context.settings.model_copy(update={"kept_events_days": 30})
    assert forget_past(replace(context, settings=a_month))["terminal_maintenance"] == 1
    with reading(at_noon.office.context.engine) as session:
        assert [row.maintenance for row in session.exec(select(MaintenanceOf))] == [2]


def test_the_page_says_which_edition_and_certificate_the_terminal_holds(at_noon):
    yanis, laval = at_noon.office.signed_in("yanis"), at_noon["Laval"].id
    release = Release(id="a" * 64, label="2026.47")
    at_noon["Laval"].reports(content=ContentState(active=release, previous=Release(id="c" * 64, label="2026.46")))
    shown = words(yanis.get(f"/bornes/{laval}"))
    assert re.search(r"Contenu .*À l’écran 2026.47 .*Édition gardée 2026.46", shown)
    assert re.search(r"Certificat jusqu’au [^.]*? délivré le 1er déc\., enrôlement n° 1, n° [0-9a-f]{8}…", shown)
