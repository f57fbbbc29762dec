"""One order to many terminals: told before it is given, given once, in as many statements for two as for 2,000."""

import re
import threading
import uuid
from datetime import datetime, timedelta

import pytest
from sqlalchemy import event, update
from sqlmodel import select

from fleet_server.access.models import AuditEntry
from fleet_server.db import reading, transaction
from fleet_server.ingest import Received
from fleet_server.rooms import Hearing, recorders
from fleet_server.terminals import batches
from fleet_server.terminals.models import CommandBatch, Terminal, TerminalCommand, TerminalLive
from fleet_server.web.french import hour
from tests.back_office import post, token_in
from tests.browser import DESKTOP, PHONE, sideways_scroll, violations
from tests.integration.terminals.cast import in_every_state
from tests.integration.terminals.test_terminals_contract import answers, ordered, stamped
from tests.integration.terminals.test_terminals_fleet_api import client
from tests.integration.terminals.test_terminals_pages import text_of
from wire.events import CommandAnswered

NEW = "/commandes/nouvelle"
ASKED = {"order": "host.reboot", "wait": "8 h"}
FINE: tuple[list[str], int] = ([], 0)


@pytest.fixture
def seven(fleet):
    """Five at work, one of them in a visit; Laval and Segré silent; Ancenis expected."""
    in_every_state(fleet)
    fleet.ancenis = fleet.add("Ancenis")[0]
    fleet.office.clock.at = datetime.fromisoformat("2026-11-23T10:42:10+01:00")
    return fleet


def ids(fleet, *names):
    return ",".join(fleet[name].id for name in names)


def told(client, fleet, **fields):
    return post(client, NEW, **ASKED | {"terminals": ids(fleet, *fleet.kiosks), "key": "k1"} | fields)


def hidden(page):
    """The fields that a page's form goes on with."""
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text)
    return {name: value.replace("&#39;", "’") for name, value in found if name != "csrf"}


def rows(fleet, table=TerminalCommand):
    with reading(fleet.office.context.engine) as session:
        return session.exec(select(table)).all()


# ---- what is asked, what will happen -----------------------------------------------------------------------------


def test_what_will_happen_is_told_by_name_before_anything_is_given(seven):
    yanis = seven.office.signed_in("yanis")
    seven.kiosks["Ancenis"] = type(seven["Laval"])(seven.office, enrolment={"terminal": seven.ancenis})
    page = told(yanis, seven)
    said = text_of(page)
    assert "Redémarrer la machine sur 8 bornes ?" in said
    assert (
        "8 bornes : 4 maintenant, 1 à la fin de la visite ; Laval et Segré sont hors ligne : elles l’auront si elles "
        "reviennent avant 18:42 ; 1 ne peut pas : pas encore enrôlée."
    ) in said
    assert "Saint-Herblain : à la fin de la visite en cours." in said
    assert "Redémarrer la machine sur 7 bornes" in re.findall(r"<button[^>]*>([^<]+)</button>", page.text)[-2]
    assert rows(seven) == []
    given = post(yanis, "/commandes/lots", form_at=NEW, **hidden(page))
    assert given.status_code == 303
    [batch] = rows(seven, CommandBatch)
    assert given.headers["location"] == f"/commandes/lots/{batch.id}"
    assert (batch.by, batch.skipped) == ("Yanis Belkacem", {seven.ancenis: "pas encore enrôlée"})
    assert {one.terminal for one in rows(seven)} == {one.id for one in seven.kiosks.values()} - {seven.ancenis}
    assert {one.expires_at - one.queued_at for one in rows(seven)} == {timedelta(hours=8)}


def test_a_state_that_none_can_have_is_refused(seven):
    yanis = seven.office.signed_in("yanis")
    assert [yanis.get(f"/commandes?etat={etat}").status_code for etat in ("sent", "%00", "x" * 41)] == [200, 422, 422]
    api = client(seven, "commands:read")
    for name in ("terminal", "state", "bulk"):
        said = [api.get(f"/commands?{name}={text}").status_code for text in ("sent", "%00", "x" * 65)]
        assert said == [200, 422, 422]


def test_one_terminal_is_called_by_its_name(seven):
    page = told(seven.office.signed_in("yanis"), seven, order="message.show", message_show_text="Fermé à 17 h",
                message_show_seconds="10", terminals=ids(seven, "Cholet"))  # fmt: skip
    assert "Afficher un message : « Fermé à 17 h » sur Cholet ?" in text_of(page)


def test_the_page_lists_those_it_was_opened_for_or_all_there_are(seven):
    yanis = seven.office.signed_in("yanis")
    one = yanis.get(f"{NEW}?terminal={seven['Cholet'].id}&order=volume.set")
    assert re.findall(r'name="terminal" value="([^"]+)" checked', one.text) == [seven["Cholet"].id]
    assert 'value="volume.set" checked' in one.text
    everyone = yanis.get(NEW)
    assert (everyone.text.count('name="terminal"'), 'name="terminal" checked' in everyone.text) == (8, False)
    posted = post(yanis, NEW, terminal=seven["Cholet"].id)  # ticked in a list of terminals
    assert (posted.status_code, posted.text.count('name="terminal"')) == (200, 1)
    link = re.search(r'href="([^"]+)">Une autre commande', yanis.get(f"/bornes/{seven['Laval'].id}").text)[1]
    assert yanis.get(link).text.count('name="terminal"') == 1


def test_the_way_back_shows_the_form_as_it_was_typed(seven):
    yanis = seven.office.signed_in("yanis")
    typed = {"order": "message.show", "message_show_text": "Fermé à 17 h", "message_show_seconds": "15",
             "page_reload_force": "oui", "wait": "7 j"}  # fmt: skip
    page = told(yanis, seven, **typed, terminals=ids(seven, "Laval", "Cholet"))
    at, name = re.search(r'<button[^>]*name="(retour)"[^>]*formaction="([^"]+)"', page.text).group(2, 1)
    assert seven["Laval"].id not in "".join(re.findall(r'href="([^"]+)"', page.text)), "2,000 would not fit an address"
    form = post(yanis, at, form_at=NEW, **hidden(page), **{name: "oui"}, reason="travaux")
    assert form.status_code == 200
    for line in (
        'value="message.show" checked', 'name="message_show_text" type="text" value="Fermé à 17 h"',
        'name="message_show_seconds" type="text" value="15"', 'name="page_reload_force" value="oui" checked',
        '<option value="7 j" selected>', 'name="key" value="k1"', 'name="reason" value="travaux"',
    ):  # fmt: skip
        assert line in form.text
    ticked = re.findall(r'name="terminal" value="([^"]+)" checked', form.text)
    assert ticked == [seven["Cholet"].id, seven["Laval"].id]
    assert rows(seven) == []


WRONG = [
    ({"order": ""}, "order", "Choisissez une commande."),
    ({"order": "disk.format"}, "order", "n’est pas une commande"),
    ({"order": "volume.set", "volume_set_percent": "140"}, "volume_set_percent", "entre 0 et 100 %"),
    ({"order": "message.show", "message_show_text": "x" * 300}, "message_show_text", "il y en a 300"),
    ({"wait": "7 ans"}, "wait", "l’une des durées"),
    ({"terminals": ""}, "terminal", "au moins une borne"),
    ({"terminals": "b-nobody12"}, "terminal", "n’existe pas"),
    ({"terminals": ",".join(f"b-{n}" for n in range(2001))}, "terminal", "2000 bornes au plus"),
]


def test_what_is_wrong_is_said_beside_its_field_with_what_was_typed(seven):
    yanis = seven.office.signed_in("yanis")
    asked = ASKED | {"terminals": ids(seven, "Cholet"), "key": "k1", "message_show_text": "Bonjour"}
    for fields, name, sentence in WRONG:
        for path in (NEW, "/commandes/lots"):
            answer = post(yanis, path, form_at=NEW, **asked | fields)
            assert answer.status_code == 422
            said = re.search(rf'id="e-{name}">(.*?)</div>', answer.text, re.S)
            assert said, (path, fields)
            assert sentence in said[1].replace("\xa0", " ")
            for typed in {fields.get("volume_set_percent"), fields.get("message_show_text", "Bonjour")} - {None}:
                assert f'value="{typed}"' in answer.text
    assert rows(seven) == rows(seven, CommandBatch) == []


# ---- once for each key -------------------------------------------------------------------------------------------


def test_a_double_click_and_the_way_back_give_nothing_twice(seven):
    yanis = seven.office.signed_in("yanis")
    fields = hidden(told(yanis, seven))
    first = post(yanis, "/commandes/lots", form_at=NEW, **fields)
    again = post(yanis, "/commandes/lots", form_at=NEW, **fields)
    back = told(yanis, seven)  # the form is sent once more from the browser's memory
    assert {one.headers["location"] for one in (first, again, back)} == {first.headers["location"]}
    assert (len(rows(seven)), len(rows(seven, CommandBatch))) == (7, 1)
    other = told(yanis, seven, wait="24 h")  # something else, from the same form: a new key
    assert hidden(other)["key"] != fields["key"]
    assert post(yanis, "/commandes/lots", form_at=NEW, **fields | {"wait": "24 h"}).status_code == 409
    assert post(yanis, "/commandes/lots", form_at=NEW, **hidden(other)).status_code == 303
    assert len(rows(seven)) == 14


def test_clicks_at_the_same_moment_are_one(seven):
    yanis = seven.office.signed_in("yanis")
    fields = hidden(told(yanis, seven)) | {"csrf": token_in(yanis, NEW)}
    where = []

    def click():
        with seven.office.client(cookies=dict(yanis.cookies)) as browser:
            where.append(browser.post("/commandes/lots", data=fields).headers["location"])

    clicks = [threading.Thread(target=click) for _ in range(6)]
    for one in clicks:
        one.start()
    for one in clicks:
        one.join()
    assert (len(where), len(set(where)), len(rows(seven))) == (6, 1, 7)


def test_a_program_repeats_its_key_and_gets_the_same_batch_as_it_stands(seven):
    api = client(seven, "commands:write", "commands:read")
    body = {"terminals": [seven["Cholet"].id, seven.ancenis], "order": {"kind": "identify", "seconds": 30}}
    key = {"Idempotency-Key": "essai-1"}
    first = api.post("/commands", json=body, headers=key)
    assert (first.status_code, first.json()["skipped"]) == (201, {seven.ancenis: "pas encore enrôlée"})
    answers(seven, seven["Cholet"], first.json()["commands"][0]["id"], "succeeded")
    again = api.post("/commands", json=body | {"terminals": body["terminals"][::-1]}, headers=key)
    assert (again.status_code, again.json()["bulk"]) == (200, first.json()["bulk"])
    assert [one["state"] for one in again.json()["commands"]] == ["succeeded"]
    assert api.post("/commands", json=body | {"lifetime_s": 90}, headers=key).status_code == 409
    assert api.post("/commands", json=body, headers={"Idempotency-Key": "x" * 65}).status_code == 422
    assert api.post("/commands", json=body).json()["bulk"] != first.json()["bulk"], "without a key each is its own"
    anne = seven.office.signed_in("anne")  # the same key of another person is another key
    fields = ASKED | {"terminals": ids(seven, "Cholet"), "key": "essai-1"}
    assert post(anne, "/commandes/lots", form_at=NEW, **fields).status_code == 303
    assert len(rows(seven)) == 3


def test_programs_are_told_what_would_happen_and_which_orders_there_are(seven):
    api = client(seven, "commands:read")
    body = {"terminals": [seven[name].id for name in ("Cholet", "Laval", "Saint-Herblain")] + [seven.ancenis],
            "order": {"kind": "page.reload"}}  # fmt: skip
    said = api.post("/commands/preview", json=body).json()
    assert (said["now"], said["after_visit"], said["away"], said["refused"]) == (
        [seven["Cholet"].id], [seven["Saint-Herblain"].id], [seven["Laval"].id],
        {"pas encore enrôlée": [seven.ancenis]},
    )  # fmt: skip
    assert said["words"].startswith("4 bornes : 1 maintenant, 1 à la fin de la visite ; Laval est hors ligne")
    assert rows(seven) == []
    assert api.post("/commands/preview", json=body | {"terminals": ["b-nobody12"]}).status_code == 404
    assert api.post("/commands", json=body).status_code == 403, "reading is not giving"
    assert {one["kind"] for one in api.get("/commands/orders").json()} >= {"host.reboot", "message.show"}


# ---- in bulk -----------------------------------------------------------------------------------------------------


def with_many(fleet, count):
    """Accepted, connected, all at once: what a door each would take minutes for."""
    now, made = fleet.office.clock(), [f"b-many{n:04}" for n in range(count)]
    with transaction(fleet.office.context.engine) as session:
        session.add_all(
            Terminal(id=one, name=f"Borne {one}", status="accepted", generation=1, created_at=now) for one in made
        )
        session.flush()
        session.add_all(TerminalLive(terminal=one, connected=True, heard_at=now) for one in made)
    return made


def statements(fleet, act):
    asked = []

    def count(connection, cursor, statement, *rest):
        asked.append(statement)

    event.listen(fleet.office.context.engine, "before_cursor_execute", count)
    try:
        act()
    finally:
        event.remove(fleet.office.context.engine, "before_cursor_execute", count)
    return len(asked)


def test_two_thousand_are_told_given_and_shown_in_as_many_statements_as_two(fleet):
    many = with_many(fleet, 2002)
    yanis = fleet.office.signed_in("yanis")
    fleet.sent.clear()
    took = []
    for chosen in (many[:2], many[2:]):
        fields = ASKED | {"key": f"k{len(chosen)}", "terminals": ",".join(chosen)}
        form = {"csrf": token_in(yanis, NEW)} | fields
        where = []
        took.append([
            statements(fleet, lambda form=form: yanis.post(NEW, data=form)),
            statements(fleet, lambda form=form, to=where: to.append(yanis.post("/commandes/lots", data=form))),
            statements(fleet, lambda to=where: yanis.get(to[0].headers["location"])),
        ])  # fmt: skip
    few, all_of_them = took
    assert few == all_of_them
    assert len(rows(fleet)) == len(fleet.sent) == 2002
    [line] = [one for one in rows(fleet, AuditEntry) if one.act == "terminal.commands_given"][1:]
    assert (len(line.terminals), line.detail["count"], line.who) == (2000, 2000, "Yanis Belkacem")


def only(fleet):
    [batch] = rows(fleet, CommandBatch)
    return batch.id


def test_what_waits_already_is_sent_before_what_many_are_given(fleet):
    laval, cholet = fleet.enrolled("Laval"), fleet.enrolled("Cholet")
    for one in (laval, cholet):
        one.connects()
    api = client(fleet, "commands:write")
    [first] = give(api, [laval], "identify")
    fleet.sent.clear()
    second = dict(zip((laval.id, cholet.id), give(api, [laval, cholet], "message.clear"), strict=True))
    assert (ordered(fleet, laval), ordered(fleet, cholet)) == ([first, second[laval.id]], [second[cholet.id]])


def test_who_has_too_many_already_is_passed_over(fleet):
    laval, cholet = fleet.enrolled("Laval"), fleet.enrolled("Cholet")
    api = client(fleet, "commands:write")
    for _ in range(20):
        give(api, [laval], "identify")
    said = api.post("/commands", json={"terminals": [laval.id, cholet.id], "order": {"kind": "identify"}}).json()
    assert ([one["terminal"] for one in said["commands"]], said["skipped"]) == (
        [cholet.id], {laval.id: "trop de commandes l’attendent déjà"},
    )  # fmt: skip


def give(api, kiosks, kind):
    said = api.post("/commands", json={"terminals": [one.id for one in kiosks], "order": {"kind": kind}})
    assert said.status_code == 201, said.text
    return [one["id"] for one in said.json()["commands"]]


def test_no_command_is_given_where_the_batch_is_not_kept(fleet, monkeypatch):
    laval = fleet.enrolled("Laval")
    laval.connects()
    fleet.sent.clear()
    monkeypatch.setattr(batches, "record_act", lambda *_, **__: 1 / 0)
    api = client(fleet, "commands:write")
    assert api.post("/commands", json={"terminals": [laval.id], "order": {"kind": "identify"}}).status_code == 500
    assert (rows(fleet), rows(fleet, CommandBatch), fleet.sent) == ([], [], [])


# ---- how it goes -------------------------------------------------------------------------------------------------


def kiosks_with(fleet, count=4):
    made = [fleet.enrolled(f"Borne {n}") for n in range(count)]
    for one in made[:-1]:
        one.connects()
    return made


def states(fleet):
    return {one.terminal: (one.state, one.execution) for one in rows(fleet)}


def test_a_batch_is_followed_called_off_and_given_again_where_it_failed(fleet):
    one, two, three, four = made = kiosks_with(fleet)
    yanis, api = fleet.office.signed_in("yanis"), client(fleet, "commands:write", "commands:read")
    given = dict(zip((kiosk.id for kiosk in made), give(api, made, "identify"), strict=True))
    at = f"/commandes/lots/{only(fleet)}"
    answers(fleet, one, given[one.id], "succeeded")
    answers(fleet, two, given[two.id], "failed", reason="no page is open")
    answers(fleet, three, given[three.id], "rejected", reason="this terminal has no window")
    said = text_of(yanis.get(at))
    assert "1 réponse à venir" in said
    assert "4 en tout 1 en file 0 envoyée 0 acceptée 1 réussie 1 échouée 1 refusée 0 expirée 0 annulée" in said
    failed = text_of(yanis.get(f"{at}?etat=failed"))
    assert ("aucune page n’est ouverte" in failed, "Borne 0" in failed) == (True, False)

    confirm = text_of(yanis.get(f"{at}/annuler"))
    assert ("Borne 3 : n’aura pas lieu." in confirm, "Annuler pour 1 borne" in confirm) == (True, True)
    assert post(yanis, f"{at}/annuler", form_at=at).status_code == 303
    assert states(fleet)[four.id] == ("cancelled", 1)
    assert "Rien n’attend plus" in text_of(yanis.get(f"{at}/annuler"))

    assert "Borne 1 : maintenant." in text_of(yanis.get(f"{at}/relancer"))
    fleet.sent.clear()
    assert post(yanis, f"{at}/relancer", form_at=at).status_code == 303
    assert states(fleet) == {one.id: ("succeeded", 1), two.id: ("sent", 2), three.id: ("rejected", 1),
                             four.id: ("cancelled", 1)}  # fmt: skip
    assert ordered(fleet, two) == [given[two.id]]
    assert post(yanis, f"{at}/relancer", form_at=at).status_code == 303, "and nothing more: it has not failed again"
    assert (states(fleet)[two.id], len(fleet.sent)) == (("sent", 2), 1)
    told = [(line.act, line.terminals) for line in rows(fleet, AuditEntry) if line.act.startswith("terminal.commands_")]
    assert told == [
        ("terminal.commands_given", sorted(kiosk.id for kiosk in made)),
        ("terminal.commands_cancelled", [four.id]), ("terminal.commands_given_again", [two.id]),
    ]  # fmt: skip
    for path in ("/commandes/lots/nobody", f"{at}/danser", "/commandes/lots/nobody/annuler"):
        assert yanis.get(path).status_code == 404
    assert fleet.office.signed_in("maelle").get(at).status_code == 403


def test_who_was_enrolled_anew_is_told_before_it_is_given_again_and_how_long_the_others_have(fleet):
    one, two, *_ = made = kiosks_with(fleet)
    api, yanis = client(fleet, "commands:write"), fleet.office.signed_in("yanis")
    given = dict(zip((kiosk.id for kiosk in made), give(api, made, "identify"), strict=True))
    for kiosk in made:
        answers(fleet, kiosk, given[kiosk.id], "failed" if kiosk in (one, two) else "succeeded")
    with transaction(fleet.office.context.engine) as session:
        session.get_one(Terminal, two.id).generation = 2
    at, first = f"/commandes/lots/{only(fleet)}", rows(fleet, CommandBatch)[0].expires_at
    confirm = text_of(yanis.get(f"{at}/relancer"))
    assert "Borne 1 : rien, enrôlée de nouveau depuis." in confirm
    assert "Relancer pour 1 borne" in confirm
    fleet.office.clock.pass_by(timedelta(minutes=40))
    assert post(yanis, f"{at}/relancer", form_at=at).status_code == 303
    shown, now = text_of(yanis.get(at)), fleet.office.clock()
    assert f"1 réponse à venir, jusqu’à {hour(now + timedelta(hours=1))}." in shown
    assert hour(first) not in shown.split("En direct")[0]


def test_programs_follow_a_batch_too(fleet):
    one, two, three, _ = made = kiosks_with(fleet)
    api = client(fleet, "commands:write", "commands:read")
    given = give(api, made, "identify")
    answers(fleet, one, given[0], "failed")
    answers(fleet, two, given[1], "failed")
    with transaction(fleet.office.context.engine) as session:
        session.get_one(Terminal, two.id).generation = 2  # enrolled anew since
    at = f"/commands/batches/{only(fleet)}"
    assert api.get(at).json()["counts"] == {"failed": 2, "queued": 1, "sent": 1}
    assert api.post(f"{at}/again").json() == {"terminals": [one.id], "skipped": {two.id: "enrôlée de nouveau depuis"}}
    called = api.post(f"{at}/cancel").json()["terminals"]
    assert (sorted(called), api.get(at).json()["counts"]) == (
        sorted({one.id, three.id, made[3].id}), {"failed": 1, "sent": 2, "cancelled": 1},
    )  # fmt: skip
    assert api.get("/commands/batches/nobody").status_code == 404


def test_two_thousand_are_called_off_and_given_again_in_as_many_statements_as_two(fleet):
    many = with_many(fleet, 2002)
    api = client(fleet, "commands:write")
    took = []
    for chosen in (many[:2], many[2:]):
        said = api.post("/commands", json={"terminals": chosen, "order": {"kind": "identify"}})
        at = f"/commands/batches/{said.json()['bulk']}"
        with transaction(fleet.office.context.engine) as session:
            session.execute(update(TerminalCommand).where(TerminalCommand.terminal.in_(chosen)).values(state="failed"))
        took.append([
            statements(fleet, lambda at=at: api.post(f"{at}/again")),
            statements(fleet, lambda at=at: api.post(f"{at}/cancel")),
        ])  # fmt: skip
    assert took[0] == took[1]
    assert {(one.state, one.execution) for one in rows(fleet)} == {("sent", 2)}


def test_pages_of_commands_look_again_once_answers_are_committed_and_only_then(fleet):
    ctx = fleet.office.context
    hearing, laval = Hearing(ctx), fleet.enrolled("Laval")
    before = ctx.live.version("commandes")
    with ctx.engine.begin() as connection:
        answer = CommandAnswered(**stamped(fleet, command=str(uuid.uuid4()), execution=1, outcome="succeeded"))
        received = Received(laval.id, 1, fleet.office.clock(), "o", 1, answer)
        recorders(hearing.answered)["command.answered"](connection, [received])
        assert ctx.live.version("commandes") == before
    hearing.batches({laval.id})
    hearing.batches({laval.id})  # without an answer
    assert ctx.live.version("commandes") == before + 1


# ---- in a browser ------------------------------------------------------------------------------------------------


def test_an_order_is_given_step_by_step_without_violation_at_a_desk_and_on_a_phone(seven, yanis):
    for number, (scheme, size) in enumerate((("light", DESKTOP), ("dark", PHONE)), 1):
        yanis.emulate_media(color_scheme=scheme)
        yanis.set_viewport_size(size)
        yanis.goto(f"{seven.office.url}{NEW}?terminal={seven['Cholet'].id}&terminal={seven['Laval'].id}")
        assert not yanis.locator("[name=message_show_text]").is_visible(), "only the chosen order is asked about"
        yanis.get_by_label("Afficher un message").check()
        yanis.locator("[name=message_show_seconds]").fill("0")
        assert fine(yanis) == FINE
        yanis.get_by_role("button", name="Voir ce qui va se passer").click()
        yanis.locator("#e-message_show_text").wait_for()
        assert fine(yanis) == FINE
        yanis.locator("[name=message_show_text]").fill("Fermé à 17 h")
        yanis.locator("[name=message_show_seconds]").fill("10")
        yanis.get_by_role("button", name="Voir ce qui va se passer").click()
        yanis.get_by_text("Laval : hors ligne").wait_for()
        assert fine(yanis) == FINE
        yanis.get_by_role("button", name="Revenir").click()
        assert yanis.locator("[name=message_show_text]").input_value() == "Fermé à 17 h"
        yanis.get_by_role("button", name="Voir ce qui va se passer").click()
        yanis.get_by_role("button", name="Afficher un message").dblclick()
        yanis.wait_for_url("**/commandes/lots/*")
        assert fine(yanis) == FINE
        assert len(rows(seven)) == 2 * number
        yanis.get_by_role("link", name="Annuler le reste").click()
        yanis.get_by_text("Ce qui est fait").wait_for()
        assert fine(yanis) == FINE


def fine(page):
    return violations(page), sideways_scroll(page)
