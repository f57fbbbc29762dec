"""A wish, a command and a pairing all the way: shipped server, broker and agents, on free ports of loopback."""

import re

import pytest

from tests.back_office import post
from tests.fleet import BALISE, Fleet, Process, eventually


@pytest.fixture(params=["embedded", "mosquitto with TLS"])
def real(request, tmp_path):
    external = request.param != "embedded"
    with Fleet(tmp_path, broker="mosquitto" if external else "embedded", tls=external) as fleet:
        yield fleet


def shows(client, path, words):
    return lambda: re.search(words, re.sub(r"<[^>]+>|\s+", " ", client.get(path).text))


def test_a_wish_reaches_the_kiosk_and_its_receipt_comes_back(real):
    laval = real.add("Laval").start()
    client = real.signed_in("yanis")
    eventually(shows(client, "/flotte", r"1 borne sur 1 en service"), what="Laval is online")
    at = f"/bornes/{laval.terminal}/reglages"
    revision = re.search(r'name="revision" value="(\d+)"', client.get(at).text)[1]
    typed = {"revision": revision, "idle_end_s": "150", "welcome_fr": "Bienvenue à Laval"}
    assert post(client, at, **typed).status_code == 303
    eventually(lambda: laval.screen()["settings"]["idle_end_s"] == 150, what="the kiosk's page is told")
    assert laval.screen()["settings"]["welcome"]["fr"] == "Bienvenue à Laval"
    eventually(shows(client, f"/reglages/suivi?borne={laval.terminal}", "Appliqué"), what="the receipt is shown")


def test_commands_are_kept_for_a_terminal_that_is_away_and_answered_at_its_return(real):
    laval = real.add("Laval").start()
    client = real.signed_in("yanis")
    page = f"/bornes/{laval.terminal}"
    eventually(shows(client, "/flotte", r"1 borne sur 1 en service"), what="Laval is online")
    laval.kill()
    assert post(client, f"{page}/commandes", form_at=page, order="identify").status_code == 303
    laval.start()
    eventually(shows(client, page, r"Montrer son nom à l’écran.*Réussie"), what="the command is answered")
    assert laval.screen()["identify_until"]
    # Without a window there is no picture to take: said so, and not tried for ever.
    assert post(client, f"{page}/commandes", form_at=page, order="screenshot.take").status_code == 303
    eventually(shows(client, page, r"Photographier l’écran.*(Refusée|Échouée)"), what="the refusal is shown")


def test_a_terminal_is_paired_by_the_code_that_it_shows(tmp_path):
    with Fleet(tmp_path) as real:
        segre = real.add("Segré-en-Anjou Bleu")
        segre.state_dir.mkdir(parents=True)
        given = {"STATE_DIR": segre.state_dir, "PORT": segre.port, "WINDOW": 0, "PAIR": real.url}
        env = {f"BALISE_AGENT_{name}": str(value) for name, value in given.items()}
        segre.agent = Process("segre", [*BALISE, "agent"], segre.log, env)
        code = eventually(lambda: segre.ended() or re.search(r'"code": "(\d{4}-\d{4})"', segre.agent.said()))[1]
        client = real.signed_in("yanis")
        page = client.get("/enrolement").text
        assert code not in page
        at = re.search(r'action="(/enrolement/demandes/[0-9a-f]+)"', page)[1]
        assert post(client, at, form_at="/enrolement", code=code, terminal=segre.terminal).status_code == 303
        eventually(shows(client, "/flotte", r"1 borne sur 1 en service"), what="the paired terminal is online")
        assert segre.screen()["terminal"] == segre.terminal
