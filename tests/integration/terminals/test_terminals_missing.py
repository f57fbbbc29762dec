"""What a terminal told that is in no figure, on its page: lost, or set aside. By the real ingest, batch by batch."""

import re
from datetime import datetime

import pytest

from fleet_server import rooms
from fleet_server.ingest.consumer import Consumer
from fleet_server.terminals.known import terminals_known
from tests.browser import DESKTOP, PHONE, chromium, close, sideways_scroll, violations
from tests.integration.terminals.test_terminals_pages import questions, text_of
from tests.sending import Sender, dropped, told


@pytest.fixture
def laval(fleet):
    """Sends as Laval; `laval.at` is the day it is received."""
    kiosk = fleet.enrolled("Laval")
    office = fleet.office
    office.clock.at = datetime.fromisoformat("2026-11-03T10:00:00+01:00")
    heard = []
    consumer = Consumer(
        office.context.engine, rooms.recorders(), terminals_known, lambda topic, body: heard.append(body),
        office.clock, office.clock(),
    )  # fmt: skip
    sender = Sender(kiosk.id, kiosk.enrolment["generation"])
    sender.send = lambda **more: consumer.turn([(kiosk.id, sender.batch(**more))])
    return sender


def page_of(fleet, laval):
    return text_of(fleet.office.signed_in("yanis").get(f"/bornes/{laval.terminal}"))


def test_nothing_is_said_where_nothing_is_missing(fleet, laval):
    laval.tell(3)
    laval.send()
    assert "Ce qui manque" not in page_of(fleet, laval)


def test_losses_are_counted_by_cause_with_when_they_were_found(fleet, laval):
    laval.tell(1)
    laval.send(first=1)
    laval.kept += [dropped(2, 13)]
    laval.send(first=2)
    fleet.office.clock.at = datetime.fromisoformat("2026-11-05T10:00:00+01:00")
    laval.kept += [laval.kept[-1]] * 11 + [dropped(14, 14)]
    laval.send(first=14)
    laval.kept += [*([laval.kept[-1]] * 6), told()]
    laval.send(first=21, oldest=21)
    said = page_of(fleet, laval)
    assert "13 événements perdus Constaté entre le 3 nov. et le 5 nov. : file pleine sur la borne" in said
    assert "6 événements perdus Constaté le 5 nov. : effacés sur la borne avant d’avoir pu partir." in said
    assert "mis de côté" not in said


def test_what_is_set_aside_is_named_by_kind_with_the_reason(fleet, laval):
    laval.kept = [told("hologram.shown"), told(page="Not A Page"), told("hologram.shown")]
    laval.send()
    said = page_of(fleet, laval)
    assert "2 événements mis de côté hologram.shown , reçus le 3 nov. : ce serveur ne connaît pas ce genre." in said
    assert "1 événement mis de côté page.viewed , reçu le 3 nov. : une valeur n’est pas celle attendue." in said
    assert "page: String should match pattern" in said
    assert "perdu" not in re.sub("Mesures perdues", "", said)


def test_a_terminal_gone_mad_lengthens_neither_the_page_nor_the_questions(fleet, laval):
    client = fleet.office.signed_in("yanis")
    at = f"/bornes/{laval.terminal}"
    client.get(at)
    few = questions(fleet, client, at)
    laval.kept = [told(f"invented.{number}") for number in range(40)]
    laval.send()
    assert questions(fleet, client, at) == few
    assert "Et 34 autres genres." in page_of(fleet, laval)
    other = fleet.enrolled("Cholet")
    assert "Ce qui manque" not in text_of(client.get(f"/bornes/{other.id}"))


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_section_breaks_no_rule_and_fits(fleet, laval, size, tmp_path_factory):
    laval.kept = [told("hologram.shown"), told(page="Not A Page"), dropped(3, 14)]
    laval.send()
    with chromium() as browser:
        page = browser.new_context(viewport=size, color_scheme="light").new_page()
        page.goto(fleet.office.url + "/connexion")
        page.fill("[name=login]", "yanis")
        page.fill("[name=password]", fleet.office.passwords["yanis"])
        page.keyboard.press("Enter")
        page.wait_for_url("**/flotte")
        page.goto(f"{fleet.office.url}/bornes/{laval.terminal}")
        page.locator("#manque").scroll_into_view_if_needed()
        page.screenshot(path=tmp_path_factory.getbasetemp() / f"manque-{size['width']}.png")
        assert violations(page) == []
        assert sideways_scroll(page) == 0
        close(page.context)
