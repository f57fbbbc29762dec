"""Terminals ticked in /flotte: their tags, their lines in a spreadsheet, a rollout for them; without a script, and in a
browser whose list is drawn again under the ticks."""

import re

import pytest
from sqlalchemy import event
from sqlmodel import select

from fleet_server.access.models import AuditEntry
from fleet_server.db import reading, transaction
from fleet_server.terminals.models import Terminal
from fleet_server.terminals.registry import get_terminal
from tests.back_office import post
from tests.browser import PHONE, sideways_scroll, violations
from tests.integration.terminals.cast import in_every_state
from tests.integration.terminals.test_terminals_fleet_api import client
from tests.integration.terminals.test_terminals_fleet_list import crowd, lines_of
from tests.integration.terminals.test_terminals_pages import text_of
from wire.state import WindowState


def tags(fleet):
    with reading(fleet.office.context.engine) as session:
        return {one.name: one.tags for one in session.exec(select(Terminal)) if one.tags}


def ids_of(fleet, *names):
    return ",".join(fleet[name].id for name in names)


def test_tags_are_put_and_taken_away_on_all_that_were_ticked_and_each_is_audited(fleet):
    in_every_state(fleet)
    client = fleet.office.signed_in("yanis")
    ticked = {"terminal": [fleet["Laval"].id, fleet["Cholet"].id], "retour": "genre=mairie&tri=-nom"}
    asked = post(client, "/flotte/etiquettes", form_at="/flotte", **ticked)
    assert "Étiqueter 2 bornes" in text_of(asked)
    assert "Cholet, Laval." in text_of(asked), "named before anything is done"
    assert tags(fleet) == {}
    to = {"terminals": ids_of(fleet, "Laval", "Cholet"), "retour": "genre=mairie&tri=-nom"}
    done = post(client, "/flotte/etiquettes/changer", form_at="/flotte", mettre="Pilote, écran  NEUF", **to)
    assert (done.status_code, done.headers["location"]) == (303, "/flotte?genre=mairie&tri=-nom")
    assert tags(fleet) == {name: ["pilote", "écran neuf"] for name in ("Laval", "Cholet")}
    again = post(client, "/flotte/etiquettes", form_at="/flotte", terminals=ids_of(fleet, "Laval", "Cholet", "Segré"))
    assert "pilote 2 sur 3" in text_of(again)
    post(client, "/flotte/etiquettes/changer", form_at="/flotte", enlever="pilote", mettre="",
         terminals=ids_of(fleet, "Laval", "Segré"))  # fmt: skip
    assert tags(fleet) == {"Laval": ["écran neuf"], "Cholet": ["pilote", "écran neuf"]}
    with reading(fleet.office.context.engine) as session:
        lines = session.exec(select(AuditEntry).where(AuditEntry.act == "terminal.tagged")).all()
    assert [(line.who, line.terminals) for line in lines] == [
        ("Yanis Belkacem", [fleet[name].id]) for name in ("Cholet", "Laval", "Laval")
    ]


@pytest.mark.parametrize(("put", "taken", "said"), [
    ("<b>", "", "de 1 à 40 lettres"),
    ("", "", "Donnez une étiquette"),
    ("wifi", "wifi", "à la fois à mettre et à enlever"),
    ("une de trop", "", "Cholet : 21 étiquettes, c’est trop : 20 au plus. Rien n’a changé."),
])  # fmt: skip
def test_what_one_of_them_can_not_have_changes_none_and_is_said_with_what_was_typed(fleet, put, taken, said):
    in_every_state(fleet)
    full = [f"t{number:02}" for number in range(20)]
    with transaction(fleet.office.context.engine) as session:
        session.add(get_terminal(session, fleet["Cholet"].id).sqlmodel_update({"tags": full}))
    client = fleet.office.signed_in("yanis")
    answer = post(client, "/flotte/etiquettes/changer", form_at="/flotte", mettre=put, enlever=taken,
                  terminals=ids_of(fleet, "Laval", "Cholet"))  # fmt: skip
    assert (answer.status_code, said in text_of(answer)) == (422, True), text_of(answer)
    assert f'value="{put}"'.replace("<b>", "&lt;b&gt;") in answer.text
    assert tags(fleet) == {"Cholet": full}


def test_who_was_retired_meanwhile_is_left_out_and_nobody_ticked_is_told(fleet):
    in_every_state(fleet)
    client = fleet.office.signed_in("yanis")
    with transaction(fleet.office.context.engine) as session:
        session.add(get_terminal(session, fleet["Cholet"].id).sqlmodel_update({"status": "decommissioned"}))
    asked = post(client, "/flotte/etiquettes", form_at="/flotte", terminals=ids_of(fleet, "Laval", "Cholet"))
    assert "Étiqueter 1 borne" in text_of(asked)
    for path in ("/flotte/etiquettes", "/flotte/etiquettes/changer"):
        nobody = post(client, path, form_at="/flotte", terminals="b-nobody", mettre="x", retour="//ailleurs.example")
        assert (nobody.status_code, nobody.headers["location"]) == (303, "/flotte")


def test_two_thousand_are_taken_in_one_field_and_no_more(fleet):
    in_every_state(fleet)
    client = fleet.office.signed_in("yanis")
    many = [f"b-{number:08}" for number in range(1999)]
    for path in ("/flotte/etiquettes", "/deploiements/nouveau", "/commandes/nouvelle"):
        asked = post(client, path, form_at="/flotte", terminals=",".join([fleet["Laval"].id, *many]))
        assert asked.status_code == 200, path
    for path in ("/flotte/etiquettes", "/deploiements/nouveau"):
        refused = post(client, path, form_at="/flotte", terminals=",".join([*many, "b-a", "b-b"]))
        assert (refused.status_code, "2000 bornes au plus à la fois" in text_of(refused)) == (422, True), path


def test_a_spreadsheet_of_those_that_were_ticked_says_so(fleet):
    in_every_state(fleet)
    client = fleet.office.signed_in("yanis")
    answer = post(client, "/flotte.csv", form_at="/flotte", terminals=ids_of(fleet, "Segré", "Laval"))
    title, columns, *found = lines_of(answer.text)
    assert title == ["Bornes : 2 bornes choisies"]
    assert [row[columns.index("nom")] for row in found] == ["Laval", "Segré"]


def test_a_rollout_is_prepared_for_those_that_were_ticked(fleet):
    in_every_state(fleet)
    client = fleet.office.signed_in("yanis")
    form = post(client, "/deploiements/nouveau", form_at="/flotte", terminals=ids_of(fleet, "Segré", "Laval")).text
    ticked = re.findall(r'name="terminals" value="([^"]+)" checked', form)
    assert sorted(ticked) == sorted([fleet["Segré"].id, fleet["Laval"].id])
    assert 'value="certaines" checked' in form
    crowd(fleet, 220)
    with reading(fleet.office.context.engine) as session:
        everybody = [one.id for one in session.exec(select(Terminal))]
    form = post(client, "/deploiements/nouveau", form_at="/flotte", terminals=",".join(everybody)).text
    assert sorted(re.findall(r'name="terminals" value="([^"]+)" checked', form)) == sorted(everybody)
    made = post(client, "/deploiements", form_at="/flotte", kind="settings", idle_end_s="120", qui="certaines",
                terminals=",".join(everybody), vagues="1, le reste")  # fmt: skip
    assert made.status_code == 303, text_of(made)
    assert "227" in text_of(client.get(made.headers["location"]))


def test_tags_of_300_are_changed_by_as_many_questions_as_those_of_7(fleet):
    in_every_state(fleet)
    client = fleet.office.signed_in("yanis")
    few = asked_by(fleet, client, "sept")
    crowd(fleet, 293)
    assert asked_by(fleet, client, "trois cents") == few
    assert len(tags(fleet)) == 300


def asked_by(fleet, client, tag):
    """Of the terminals: the log is chained by lines, in portions."""
    with reading(fleet.office.context.engine) as session:
        ids = ",".join(session.exec(select(Terminal.id)))
    form, asked = client.get("/flotte"), []
    csrf = form.text.split('name="csrf" content="')[1].split('"')[0]

    def count(connection, cursor, statement, *rest):
        asked.append(statement.split("(")[0])

    event.listen(fleet.office.context.engine, "before_cursor_execute", count)
    try:
        answer = client.post("/flotte/etiquettes/changer", data={"csrf": csrf, "terminals": ids, "mettre": tag})
        assert answer.status_code == 303
    finally:
        event.remove(fleet.office.context.engine, "before_cursor_execute", count)
    return len(asked)


def test_a_program_tags_many_at_once_all_or_none(fleet):
    in_every_state(fleet)
    both, api = [fleet["Laval"].id, fleet["Segré"].id], client(fleet, "terminals:write")
    done = api.post("/terminals/tagging", json={"terminals": both, "put": ["Wifi", "4g"]})
    assert (done.status_code, done.json()) == (200, {"changed": 2})
    assert api.post("/terminals/tagging", json={"terminals": both, "take": ["4G"]}).json() == {"changed": 2}
    for body, status in (
        ({"terminals": [*both, "b-nobody"], "put": ["x"]}, 404), ({"terminals": both, "put": ["<b>"]}, 422),
        ({"terminals": []}, 422), ({"terminals": ["b-a"] * 2001}, 422),
    ):  # fmt: skip
        assert api.post("/terminals/tagging", json=body).status_code == status, body
    assert tags(fleet) == {"Laval": ["wifi"], "Segré": ["wifi"]}
    with reading(fleet.office.context.engine) as session:
        lines = session.exec(select(AuditEntry).where(AuditEntry.act == "terminal.tagged")).all()
    assert {line.who for line in lines} == {"veille, jeton de Yanis Belkacem"}


# ---- in a browser ----------------------------------------------------------------------------------------------------


def test_what_is_ticked_stays_ticked_when_the_list_is_drawn_again(fleet, yanis):
    in_every_state(fleet)
    yanis.goto(fleet.office.url + "/flotte")
    bar = yanis.locator("#choix")
    assert bar.is_hidden()
    yanis.keyboard.press("j")
    yanis.keyboard.press("x")
    yanis.keyboard.press("j")
    yanis.keyboard.press("x")
    assert bar.locator("[data-count]").inner_text() == "2 bornes choisies"
    yanis.evaluate("document.activeElement.blur(); window.drawn = document.querySelector('#flotte table')")
    fleet["Cholet"].reports(window=WindowState(status="out_of_service"))
    yanis.locator("#flotte td").filter(has_text="écran hors service").wait_for()
    assert yanis.evaluate("!window.drawn.isConnected"), "the list was drawn again"
    ticked = yanis.locator("#flotte [name=terminal]:checked").evaluate_all("all => all.map((one) => one.value)")
    assert sorted(ticked) == sorted([fleet["Laval"].id, fleet["La Roche-sur-Yon"].id])
    crowd(fleet, 60)
    yanis.reload()
    assert bar.locator("[data-count]").inner_text() == "2 bornes choisies", "one of them on another page of this list"
    yanis.get_by_role("button", name="Tout sélectionner (67)").click()
    assert bar.locator("[data-count]").inner_text() == "67 bornes choisies"
    yanis.goto(fleet.office.url + "/flotte?page=2")
    assert yanis.locator("#flotte [name=terminal]:not(:checked)").count() == 0, "on every page of the list"
    yanis.goto(fleet.office.url + "/flotte?q=saint")
    assert bar.locator("[data-count]").inner_text() == "67 bornes choisies, dont 65 hors de cette liste"
    yanis.locator("#flotte [name=terminal]").first.uncheck()
    bar.get_by_role("button", name="Étiqueter").click()
    yanis.get_by_role("heading", name="Étiqueter 66 bornes").wait_for()
    assert violations(yanis) == []
    yanis.locator("#f-mettre").fill("pilote")
    yanis.keyboard.press("Enter")
    yanis.wait_for_url("**/flotte?q=saint")
    assert len(tags(fleet)) == 66
    yanis.set_viewport_size(PHONE)
    assert (violations(yanis), sideways_scroll(yanis)) == ([], 0)
    yanis.keyboard.press("Escape")
    assert bar.is_hidden()
