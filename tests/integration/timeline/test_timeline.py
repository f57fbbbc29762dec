"""What happened to one terminal, told in one order by pages, programs and the command line."""

import dataclasses
import re
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from sqlalchemy import event as event_api
from sqlmodel import Session, SQLModel, select
from typer.testing import CliRunner

from fleet_server.db import transaction
from fleet_server.evaluation.models import TABLE
from fleet_server.terminals.cli import app as terminal_app
from fleet_server.terminals.inbound import Said, heard, take
from fleet_server.terminals.models import TerminalPlace
from fleet_server.terminals.registry import move, place_of
from fleet_server.terminals.upkeep.acts import Wanted, call_off, end, plan
from fleet_server.terminals.upkeep.models import Maintenance
from fleet_server.terminals.words import EVENTS
from fleet_server.timeline.api import Kind
from fleet_server.timeline.keys import Key, read_key
from fleet_server.timeline.kinds import KINDS, kind_of
from fleet_server.timeline.lines import Asked, lines
from tests.browser import DESKTOP, PHONE, chromium, close, sideways_scroll, violations
from tests.integration.terminals.test_terminals_fleet_api import client
from tests.integration.terminals.test_terminals_pages import questions
from tests.integration.timeline.cast import command, event, eventful, visit

MANY = 100_000


def told(fleet, kiosk, **asked):
    with Session(fleet.office.context.engine) as session:
        found, _ = lines(session, Asked(kiosk.id, **asked), fleet.office.clock(), 200)
    return [(line.kind, line.name, line.words) for line in found]


def words(answer):
    assert answer.status_code == 200, answer.text
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text)).replace("\u00a0", " ")


def test_everything_that_happened_is_told_once_newest_first(fleet):
    assert told(fleet, eventful(fleet)) == [
        ("materiel", "inventory.package", "Paquet changé"),
        ("contenu", "content.activated", "Édition active"),
        ("reglages", "settings.applied", "Réglages appliqués"),
        ("incidents", "window.renderer_killed", "Page bloquée, arrêtée et relancée"),
        ("incidents", "outbox.replaced", "Fichier des événements abîmé, remplacé"),
        ("demarrages", "machine.started", "Machine démarrée"),
        ("logiciel", "software.committed", "Version gardée"),
        ("autres", "tea.brewed", "tea : brewed"),
        ("commandes", "command.window.restart", "Relancer la fenêtre"),
        ("maintenance", "command.maintenance.set", "Mettre en maintenance 30 min"),
        ("visites", "visits.counted", "3 visites"),
        ("incidents", "link.away", "Hors ligne"),
        ("certificat", "certificate.issued", "Certificat délivré"),
    ]


def test_visits_of_today_are_told_when_the_day_is_over_so_that_none_is_seen_going_on(fleet):
    kiosk = eventful(fleet)
    assert told(fleet, kiosk, kind="visites") == [("visites", "visits.counted", "3 visites")]
    fleet.office.clock.at = datetime(2026, 11, 24, 22, 59, tzinfo=UTC)
    assert len(told(fleet, kiosk, kind="visites")) == 1
    fleet.office.clock.at = datetime(2026, 11, 24, 23, 0, tzinfo=UTC)  # midnight in Paris
    assert [words for *_, words in told(fleet, kiosk, kind="visites")] == ["4 visites", "3 visites"]


def planned(fleet, begins, ends, terminals=(), site="", reason="écran"):
    """In hours from now; from in the past as nobody may plan, but as it may have been planned."""
    now, context = fleet.office.clock(), fleet.office.context
    fleet.office.clock.at += timedelta(hours=begins - 1)
    wanted = Wanted(now + timedelta(hours=begins), now + timedelta(hours=ends), reason, terminals, site)
    with transaction(context.engine) as session:
        row = plan(session, context, wanted, None)
    fleet.office.clock.at = now
    return row.id


def test_planned_maintenance_is_told_from_when_it_began_where_the_terminal_stood_then(fleet):
    laval, cholet = fleet.enrolled("Laval"), fleet.enrolled("Cholet")
    now, engine = fleet.office.clock(), fleet.office.context.engine
    with transaction(engine) as session:
        for row in session.exec(select(TerminalPlace)):
            row.since = now - timedelta(days=30)
            session.add(row)
    planned(fleet, -50, -48, site="laval", reason="à Laval")
    planned(fleet, -26, -24, [laval.id, cholet.id], reason="à deux")
    planned(fleet, 1, 2, [laval.id], reason="à venir")
    with transaction(engine) as session:
        called_off = session.get_one(Maintenance, planned(fleet, 3, 4, [laval.id], reason="annulés"))
        call_off(session, fleet.office.context, called_off, None)
        move(session, laval.id, place_of(session, cholet.id), now - timedelta(hours=40))
    planned(fleet, -2, 5, site="cholet", reason="à Cholet")
    fleet.office.clock.at = now + timedelta(hours=6)

    def of(kiosk):
        return [words.replace("\u00a0", " ") for _, name, words in told(fleet, kiosk, kind="maintenance")]

    assert of(laval) == ["Travaux : à venir", "Travaux : à Cholet", "Travaux : à deux", "Travaux : à Laval"]
    assert of(cholet) == ["Travaux : à Cholet", "Travaux : à deux"]


def test_maintenance_that_was_ended_early_says_by_whom_and_pages_go_on_through_it(fleet):
    kiosk, context = fleet.enrolled("Laval"), fleet.office.context
    for hours in (2, 4, 6):
        planned(fleet, -hours, 1, [kiosk.id], reason=f"n° {hours}")
    with transaction(context.engine) as session:
        end(session, context, session.get_one(Maintenance, 1), None)
    with Session(context.engine) as session:
        found, after = [], None
        while True:
            asked = Asked(kiosk.id, "maintenance", before=after)
            page, after = lines(session, asked, fleet.office.clock(), 1)
            found += page
            if after is None:
                break
    assert [line.words.split("\u00a0: ")[1] for line in found] == ["n° 2", "n° 4", "n° 6"]
    assert [line.detail.split(" · ")[1:] for line in found] == [
        ["prévus par Balise", "terminés plus tôt par Balise"], ["prévus par Balise"], ["prévus par Balise"],
    ]  # fmt: skip
    assert found[0].link == "/travaux/1"


def test_each_line_belongs_to_the_kind_that_finds_it_and_to_no_other(fleet):
    kiosk = eventful(fleet)
    everything = told(fleet, kiosk)
    for kind in KINDS:
        assert told(fleet, kiosk, kind=kind) == [line for line in everything if line[0] == kind], kind
    assert {kind for kind, *_ in everything} == set(KINDS), "one of each is in this test"


def test_every_event_that_has_words_has_a_kind():
    assert [name for name in EVENTS if kind_of(name) == "autres"] == ["certificate.renewed"]


def test_programs_may_ask_for_every_kind_that_there_is():
    assert set(get_args(Kind)) == {"", *KINDS}


def test_days_of_paris_bound_a_period_and_are_included(fleet):
    kiosk = eventful(fleet)
    yesterday = fleet.office.clock().date() - timedelta(days=1)
    found = told(fleet, kiosk, first=yesterday, last=yesterday)
    assert [name for _, name, _ in found] == ["visits.counted", "link.away"]


def test_another_terminals_past_is_not_told(fleet):
    eventful(fleet, "Laval")
    cholet = fleet.enrolled("Cholet")
    assert [name for _, name, _ in told(fleet, cholet)] == ["certificate.issued"]


@pytest.mark.parametrize("size", [1, 3, 7])
def test_pages_follow_each_other_without_a_gap_or_a_repeat_even_at_one_moment(fleet, size):
    kiosk, now = eventful(fleet), fleet.office.clock()
    with transaction(fleet.office.context.engine) as session:
        at = now - timedelta(hours=5)
        session.add_all([event(kiosk.id, at) for _ in range(4)] + [command(kiosk.id, at, {"kind": "identify"})])
    whole = told(fleet, kiosk)
    paged, before = [], None
    with Session(fleet.office.context.engine) as session:
        for _ in range(100):
            shown, before = lines(session, Asked(kiosk.id, before=before), now, size)
            paged += [(line.kind, line.name, line.words) for line in shown]
            if before is None:
                break
            assert read_key(str(before)) == before
    assert paged == whole
    assert len(whole) == 18


@pytest.mark.parametrize("text", [
    "", "x", "2026-11-24T10:00:00Z~e~1", "2026-99-24T10:00:00.000000Z~e~1", "2026-11-24T10:00:00.000000Z~v~",
    "9999-12-31T23:59:59.000000Z~e~1", "é" * 100,
])  # fmt: skip
def test_what_is_no_key_of_ours_is_the_first_page(fleet, text):
    kiosk, yanis = eventful(fleet), fleet.office.signed_in("yanis")
    at, yesterday = f"/bornes/{kiosk.id}/chronologie", "2026-11-23T10:00:00.000000Z~e~1"
    first = shown(yanis.get(at))
    assert shown(yanis.get(at, params={"avant": yesterday})) != first
    assert shown(yanis.get(at, params={"avant": text})) == first


@pytest.mark.parametrize("ident", ["zzz", "99999999999999999999"])
def test_a_key_of_no_line_goes_on_from_its_moment(fleet, ident):
    kiosk, yanis = eventful(fleet), fleet.office.signed_in("yanis")
    for source in "ecki":
        key = f"2199-01-01T10:00:00.000000Z~{source}~{ident}"
        assert "3 visites" in shown(yanis.get(f"/bornes/{kiosk.id}/chronologie", params={"avant": key}))


def shown(answer):
    """The list, as it reads."""
    return re.search(r"Chronologie(.*)lignes?", words(answer))[1]


@pytest.mark.parametrize("days", [{"au": "9999-12-31"}, {"du": "0001-01-01"}, {"du": "hier"}])
def test_days_that_no_database_holds_are_left_out(fleet, days):
    kiosk = eventful(fleet)
    answer = fleet.office.signed_in("yanis").get(f"/bornes/{kiosk.id}/chronologie", params=days)
    assert answer.status_code == 200
    api = client(fleet, "terminals:read", "commands:read")
    given = {{"du": "since", "au": "until"}[name]: day for name, day in days.items()}
    assert api.get(f"/terminals/{kiosk.id}/timeline", params=given).status_code == 422


def test_who_may_not_read_commands_does_not_read_them_here(fleet):
    kiosk = eventful(fleet)
    answer = client(fleet, "terminals:read").get(f"/terminals/{kiosk.id}/timeline")
    assert (answer.status_code, "commands:read" in answer.text) == (403, True)


def test_visits_are_counted_by_day_and_never_lie_beside_an_hour(fleet):
    """A contact request has a day and an hour: an hour of visits would lie beside it."""
    kiosk = eventful(fleet)
    with Session(fleet.office.context.engine) as session:
        found, _ = lines(session, Asked(kiosk.id, "visites"), fleet.office.clock())
    assert [line.at.astimezone().strftime("%M:%S.%f") for line in found] == ["59:59.999999"]
    page = fleet.office.signed_in("yanis").get(f"/bornes/{kiosk.id}/chronologie?genre=visites").text
    assert "3 visites" in page
    assert not re.search(r"<time[^>]*>\d", page)


def test_a_terminals_visits_are_found_without_those_of_the_others(fleet):
    kiosk, asked = eventful(fleet), []
    engine = fleet.office.context.engine

    def hear(_connection, _cursor, statement, given, *_rest):
        asked.append((statement, given))

    event_api.listen(engine, "before_cursor_execute", hear)
    try:
        told(fleet, kiosk, kind="visites")
    finally:
        event_api.remove(engine, "before_cursor_execute", hear)
    ((statement, given),) = [one for one in asked if "usage_event" in one[0]]
    with engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given).fetchall()
    assert "USING COVERING INDEX ix_usage_event_visits (terminal=? AND kind=? AND day>? AND day<?)" in str(plan)


def test_staff_visits_never_count_and_simulated_ones_only_in_a_demonstration(fleet):
    kiosk, now = fleet.enrolled("Laval"), fleet.office.clock()
    with transaction(fleet.office.context.engine) as session:
        rows = [visit(kiosk.id, now - timedelta(hours=25), audience) for audience in ("public", "staff", "demo")]
        session.connection().execute(TABLE.insert(), rows)
    assert [said for *_, said in told(fleet, kiosk, kind="visites")] == ["1 visite"]
    assert [said for *_, said in told(fleet, kiosk, kind="visites", simulated=True)] == ["2 visites"]


def test_a_silence_is_told_when_the_terminal_is_heard_again_by_whatever_comes_first(fleet):
    laval, cholet, segre = (fleet.enrolled(name) for name in ("Laval", "Cholet", "Segré"))
    context = fleet.office.context
    for kiosk in (laval, cholet, segre):
        kiosk.connects()
        kiosk.reports()
    fleet.office.clock.pass_by(timedelta(minutes=1))
    laval.reports()
    assert told(fleet, laval, kind="incidents") == [], "a minute is nothing"
    fleet.office.clock.pass_by(timedelta(hours=2))
    take(context, [Said("presence", laval.id, laval.presence("1", online=False))])
    yanis = fleet.office.signed_in("yanis")
    assert "Sans nouvelles depuis 2 h" in words(yanis.get(f"/bornes/{laval.id}/chronologie"))
    assert told(fleet, laval, kind="incidents") == [], "a will is not its word"
    laval.connects("2")
    heard(context, {laval.id, cholet.id})
    laval.reports()
    cholet.reports()
    segre.reports()
    for kiosk in (laval, cholet, segre):
        assert told(fleet, kiosk, kind="incidents") == [("incidents", "link.away", "Hors ligne")], kiosk.id
    page = words(yanis.get(f"/bornes/{laval.id}/chronologie?genre=incidents"))
    assert ("pendant 2 h" in page, "Sans nouvelles" in page) == (True, False)


def test_a_silence_in_which_the_server_was_down_is_not_held_against_the_terminal(fleet):
    laval = fleet.enrolled("Laval")
    laval.connects()
    fleet.office.clock.pass_by(timedelta(hours=2))
    restarted = dataclasses.replace(fleet.office.context, server_start=fleet.office.clock() - timedelta(seconds=5))
    take(restarted, [Said("presence", laval.id, laval.presence("2"))])
    assert [name for _, name, _ in told(fleet, laval, kind="incidents")] == ["link.unheard"]


def test_the_page_filters_follows_on_and_says_when_there_is_nothing(fleet):
    kiosk, yanis = eventful(fleet), fleet.office.signed_in("yanis")
    at = f"/bornes/{kiosk.id}/chronologie"
    said = words(yanis.get(at))
    assert re.search(r"Paquet changé openssl 3.0.14 devient 3.0.15", said)
    assert re.search(r"version 0.2.0, avant 0.1.0", said)
    assert "Édition active" not in words(yanis.get(f"{at}?genre=incidents"))
    assert "Rien ne correspond" in words(yanis.get(f"{at}?du=2020-01-01&au=2020-01-02"))
    assert "tea : brewed" in words(yanis.get(f"{at}?genre=nimporte&du=hier"))
    assert yanis.get("/bornes/nulle-part/chronologie").status_code == 404
    assert fleet.office.signed_in("maelle").get(at).status_code == 403


def test_a_page_asks_the_same_number_of_questions_however_much_happened(fleet):
    kiosk, yanis = eventful(fleet), fleet.office.signed_in("yanis")
    at = f"/bornes/{kiosk.id}/chronologie"
    few = questions(fleet, yanis, at)
    with transaction(fleet.office.context.engine) as session:
        now = fleet.office.clock()
        session.add_all(event(kiosk.id, now - timedelta(minutes=n)) for n in range(300))
    assert questions(fleet, yanis, at) == few


def test_programs_read_it_by_key(fleet):
    kiosk, api = eventful(fleet), client(fleet, "terminals:read", "commands:read")
    at = f"/terminals/{kiosk.id}/timeline"
    first = api.get(at, params={"size": 2}).json()
    assert [one["name"] for one in first["lines"]] == ["inventory.package", "content.activated"]
    assert first["lines"][0]["changed"] == [["openssl", "3.0.14", "3.0.15"]]
    rest = api.get(at, params={"before": first["next"], "size": 200}).json()
    assert (len(rest["lines"]), rest["next"]) == (11, None)
    assert [one["kind"] for one in api.get(at, params={"kind": "maintenance"}).json()["lines"]] == ["maintenance"]
    assert api.get(at, params={"before": "hier"}).status_code == 422
    assert api.get(at, params={"kind": "the"}).status_code == 422
    assert api.get("/terminals/nulle-part/timeline").status_code == 404


def test_the_command_line_tells_it_from_elsewhere(fleet, monkeypatch):
    kiosk = eventful(fleet)
    token = client(fleet, "terminals:read", "commands:read").headers["authorization"].removeprefix("Bearer ")
    monkeypatch.setenv("BALISE_URL", fleet.office.url)
    monkeypatch.setenv("BALISE_TOKEN", token)
    done = CliRunner().invoke(terminal_app, ["timeline", kiosk.id, "--size", "1"])
    assert (done.exit_code, done.output.count("\n")) == (0, 2), done.output
    assert "openssl 3.0.14 → 3.0.15" in done.output
    key = done.output.split("--before ")[1].strip()
    done = CliRunner().invoke(terminal_app, ["timeline", kiosk.id, "--before", key, "--kind", "contenu"])
    assert (done.exit_code, "Édition active" in done.output) == (0, True), done.output
    done = CliRunner().invoke(terminal_app, ["timeline", kiosk.id, "--kind", "the"])
    assert (done.exit_code, "n’est pas un genre" in done.output) == (1, True)


def test_a_hundred_thousand_events_are_paged_within_a_moment(fleet):
    kiosk, now = eventful(fleet), fleet.office.clock()
    table = SQLModel.metadata.tables["terminal_event"]
    with fleet.office.context.engine.begin() as connection:
        connection.execute(table.insert(), [
            {"id": str(uuid.UUID(int=n)), "terminal": kiosk.id, "at": now - timedelta(minutes=5 * n),
             "kind": "state.changed", "what": "settings.applied", "detail": {"revision": n}}
            for n in range(MANY)
        ])  # fmt: skip
    yanis, deep = fleet.office.signed_in("yanis"), str(Key(now - timedelta(days=300), "e", "f"))
    took = {}
    for kind in ("", "certificat", "autres", "demarrages"):  # the last three find next to nothing among so many
        for before in ("", deep):
            began = time.perf_counter()
            answer = yanis.get(f"/bornes/{kiosk.id}/chronologie", params={"genre": kind, "avant": before})
            took[kind, bool(before)] = time.perf_counter() - began
            assert answer.status_code == 200
    assert max(took.values()) < 1, took


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_no_page_breaks_a_rule_of_axe_or_scrolls_sideways(fleet, browser, size):
    kiosk = eventful(fleet)
    context = browser.new_context(viewport=size, base_url=fleet.office.url)
    token = fleet.office.signed_in("yanis").cookies["balise_session"]
    context.add_cookies([{"name": "balise_session", "value": token, "url": fleet.office.url}])
    page = context.new_page()
    for path in ("", "?genre=incidents", "?du=2020-01-01&au=2020-01-02"):
        page.goto(f"/bornes/{kiosk.id}/chronologie{path}")
        assert (path, violations(page), sideways_scroll(page)) == (path, [], 0)
    close(context)


def test_a_key_orders_lines_of_one_moment_by_source_then_id():
    at = datetime(2026, 11, 24, tzinfo=UTC)
    keys = [Key(at, "e", "a"), Key(at, "e", "b"), Key(at, "k", "0"), Key(at + timedelta(seconds=1), "c", "0")]
    assert sorted(keys) == keys
    assert [read_key(str(one)) for one in keys] == keys
