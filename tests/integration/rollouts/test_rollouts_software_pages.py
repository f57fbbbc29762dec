"""Software on the pages: chosen in the form, followed on the way, and a drift that nobody has to look for."""

import re

import pytest

from tests.back_office import served
from tests.browser import DESKTOP, PHONE, chromium, close, opened_by, sideways_scroll, violations
from tests.integration.rollouts.software_cast import LATER, SoftwareCast


@pytest.fixture
def fleet(tmp_path):
    made = SoftwareCast(tmp_path)
    made.add("Laval", "Mayenne", "Segré", "Cholet")
    with served(made.office):
        yield made


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_version_is_chosen_rolled_out_and_its_drift_is_told(fleet, size, tmp_path):
    yanis = fleet.office.signed_in("yanis")
    with chromium() as browser:
        page = opened_by(browser, yanis, fleet.office.url, size)

        def opened(path: str, name: str) -> str:
            page.goto(fleet.office.url + path)
            page.screenshot(path=tmp_path / f"{name}-{size['width']}.png", full_page=True)
            assert violations(page) == [], path
            assert sideways_scroll(page) == 0, path
            return re.sub(r"\s+", " ", page.inner_text("main"))

        opened("/deploiements/nouveau?genre=logiciel", "form")
        page.get_by_role("button", name="Vérifier avant de lancer").click()
        assert "Choisissez la version à déployer." in page.inner_text("main")
        page.get_by_label("Version du logiciel", exact=True).select_option("1.5.0")
        page.get_by_role("button", name="Vérifier avant de lancer").click()
        page.wait_for_url(re.compile(r"/deploiements/\d+$"))
        assert "Logiciel 1.5.0" in page.inner_text("main")
        number = int(page.url.rsplit("/", 1)[1])
        fleet.act("submit", number)
        fleet.act("start", number)
        fleet.turn()
        fleet.updates("Cholet", "downloading", progress=0.42, previous="1.4.1")
        [first] = [name for name, state in fleet.states(number).items() if state == "in_progress"]
        assert first == "Cholet"
        assert "Télécharge" in opened(f"/deploiements/{number}", "rollout")
        said = opened(f"/bornes/{fleet.ids['Cholet']}", "downloading")
        assert "En service 1.4.2 Souhaité 1.5.0 État Télécharge reçoit, 42 %" in said
        fleet.commits("Cholet")
        fleet.turn()
        assert fleet.states(number)["Cholet"] == "succeeded"
        assert "Version gardée 1.4.2" in opened(f"/bornes/{fleet.ids['Cholet']}", "current")
        fleet.wait(minutes=1)
        fleet.updates("Cholet", "committed", runs="1.3.0", release=fleet.released["1.5.0"], committed_boot=LATER)
        fleet.turn()
        assert "Arrêté" in opened(f"/deploiements/{number}", "stopped")
        said = opened(f"/bornes/{fleet.ids['Cholet']}", "drift")
        assert "Dérive exécute 1.3.0, alors qu’elle avait gardé 1.5.0" in said
        assert "Dérive" in opened("/flotte", "fleet")
        said = opened("/contenus", "versions")
        assert "Logiciel des bornes" in said
        assert "1 borne exécute autre chose" in said
        close(page.context)
