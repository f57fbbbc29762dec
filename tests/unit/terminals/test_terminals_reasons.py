"""Why something did not go well, in people's words: what the terminal's own code says is what is translated."""

import pytest

from agent.software.gate import Before, Health, lacking
from agent.software.updating import NO_SLOTS
from fleet_server.terminals.reasons import REASONS, reason_words, why


@pytest.mark.parametrize(("told", "words"), [
    ("1.5.0 died 5 times soon after its start", "la version 1.5.0 s’est arrêtée 5 fois peu après son départ"),
    ("tried 3 times, died each time in installing", "essayée 3 fois, arrêtée chaque fois en route (installing)"),
    ("it needs Python >=3.12, this terminal has 3.11.2", "il lui faut Python >=3.12, cette borne a 3.11.2"),
    ("assets/a.webp is missing", "il manque assets/a.webp"),
    ("index.json has format 9, this software reads 1", "l’édition est au format 9, ce logiciel lit le format 1"),
    ("12 bytes lack: 30 to come, 18 free of which 5 stay reserved", "il manque 12 octets sur le disque"),
    ("no page is painting; 1.5.0 died 5 times soon after its start",
     "aucune page ne s’affiche ; la version 1.5.0 s’est arrêtée 5 fois peu après son départ"),
    ("something that nobody foresaw", "something that nobody foresaw"),
    ("", ""),
])  # fmt: skip
def test_what_a_terminal_tells_is_read_in_french(told, words):
    assert reason_words(told) == words


def test_something_stands_where_nothing_was_told():
    assert why("") == "sans dire pourquoi"
    assert why("no page is open") == "aucune page n’est ouverte"


def test_whatever_the_health_gate_says_has_words():
    well = {"painting": True, "content_valid": True, "linked": True, "up_s": 0, "steady_s": 0}
    for wrong in ("painting", "content_valid", "linked"):
        assert lacking(Health(**well | {wrong: False}), Before(linked=True, painting=True)) in REASONS
    assert NO_SLOTS in REASONS
