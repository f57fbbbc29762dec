"""A back-office on a real socket, and the fleet it runs."""

import pytest

from tests.back_office import build, served
from tests.browser import DESKTOP, chromium
from tests.integration.terminals.cast import Fleet


@pytest.fixture
def fleet(tmp_path):
    office = build(tmp_path, demo=True, whole=True)
    with served(office):
        fleet = Fleet(office)
        fleet.listen()
        yield fleet


@pytest.fixture
def yanis(fleet):
    """Yanis at a desk, signed in."""
    with chromium() as browser:
        page = browser.new_context(viewport=DESKTOP).new_page()
        page.goto(fleet.office.url + "/connexion")
        page.locator("[name=login]").fill("yanis")
        page.locator("[name=password]").fill(fleet.office.passwords["yanis"])
        page.keyboard.press("Enter")
        page.wait_for_url("**/flotte")
        yield page
