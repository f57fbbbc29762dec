"""The bench on pages, for programs and on the command line: the newest report, those before, and what was never run."""

import uuid
from datetime import timedelta

import pytest

from tests.browser import DESKTOP, PHONE, sideways_scroll, violations
from tests.integration.terminals.test_terminals_contract import answers, given
from tests.integration.terminals.test_terminals_fleet_api import client
from tests.integration.terminals.test_terminals_pages import questions, text_of
from tests.unit.terminals.test_terminals_bench_report import FINE


def benched(fleet, kiosk, **page):
    """A receipt, as a terminal sends it."""
    command = given(fleet, kiosk, "bench.run")
    fleet.office.clock.pass_by(timedelta(minutes=2))
    answers(fleet, kiosk, command, "succeeded", result={"page": FINE["page"] | page, "host": FINE["host"]})


@pytest.fixture
def laval(fleet):
    kiosk = fleet.enrolled("Laval")
    benched(fleet, kiosk)
    benched(fleet, kiosk, texture=2048)
    answers(fleet, kiosk, given(fleet, kiosk, "logs.fetch"), "succeeded", result={"disk_mb_s": 3})  # no bench
    return kiosk


def test_the_newest_report_is_read_line_by_line_and_those_before_are_kept(fleet, laval):
    yanis = fleet.office.signed_in("yanis")
    at = f"/bornes/{laval.id}"
    said = text_of(yanis.get(f"{at}/banc"))
    assert "14 bons, 1 mauvais" in said
    assert "Texture, au plus Mauvais 2 048 pixels Une image 360° M demande 2880 pixels" in said
    before = yanis.get(f"{at}/banc").text.split("banc?le=")[1].split('"')[0]
    assert "Texture, au plus Bon 16 384 pixels" in text_of(yanis.get(f"{at}/banc?le={before}"))
    assert "14 bons, 1 mauvais" in text_of(yanis.get(f"{at}/banc?le={uuid.uuid4()}")), "one that is gone: the newest"
    assert "Banc de mise en service Lire Mauvais" in text_of(yanis.get(at))
    assert yanis.get("/bornes/b-nobody12/banc").status_code == 404
    assert fleet.office.signed_in("maelle").get(f"{at}/banc").status_code == 403


def test_a_terminal_that_was_never_benched_says_what_would_do_it(fleet):
    cholet = fleet.enrolled("Cholet")
    yanis = fleet.office.signed_in("yanis")
    page = yanis.get(f"/bornes/{cholet.id}/banc")
    assert "Pas encore de banc" in page.text
    assert f'href="/commandes/nouvelle?terminal={cholet.id}&amp;order=bench.run"' in page.text
    few = questions(fleet, yanis, f"/bornes/{cholet.id}/banc")
    for _ in range(12):
        benched(fleet, cholet)
    shown = yanis.get(f"/bornes/{cholet.id}/banc").text
    assert shown.count("banc?le=") == 9, "the last ten, this one among them"
    assert questions(fleet, yanis, f"/bornes/{cholet.id}/banc") == few


def test_programs_read_the_verdicts(fleet, laval):
    api = client(fleet, "commands:read")
    newest, before = api.get(f"/commands/benches/{laval.id}").json()
    assert (newest["worst"], before["worst"], len(newest["lines"])) == ("bad", "good", 15)
    assert next(one for one in newest["lines"] if one["verdict"] == "bad")["what"] == "Texture, au plus"
    assert api.get("/commands/benches/b-nobody12").status_code == 404


def test_the_report_is_without_violation_at_a_desk_and_on_a_phone(fleet, laval, yanis):
    for scheme, size in (("light", DESKTOP), ("dark", PHONE)):
        yanis.emulate_media(color_scheme=scheme)
        yanis.set_viewport_size(size)
        yanis.goto(f"{fleet.office.url}/bornes/{laval.id}/banc")
        assert (violations(yanis), sideways_scroll(yanis)) == ([], 0)
