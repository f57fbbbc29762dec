"""What a bench measured, judged: a verdict for each line, its reason where it is not good; nothing breaks it."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fleet_server.terminals.bench_report import WORDS, counted, report, worst


def rung(name, dropped, width=1280, height=720, fps=120.0):
    return {"rung": name, "width": width, "height": height, "codec": "vp8", "fps": fps, "dropped": dropped}


FINE = {
    "page": {
        "video": [rung("720p", 0.0), rung("S", 0.01, 1920, 960), rung("M", 0.02, 2880, 1440)],
        "webgl": 2, "texture": 16384, "renderer": "Mesa Intel UHD", "ratio": 1, "touch_points": 10, "cells": 24,
        "touched": 24, "audio": "running", "audio_level": 0.3, "frames": 60.0,
    },
    "host": {
        "disk_mb_s": 210.5, "disk_sync_ms": 2.0, "network_ms": 40.0, "network_worst_ms": 90.0, "clock_trusted": True,
        "clock_offset_ms": -300, "sound_cards": 1,
        "screens": [{"output": "HDMI-A-1", "px": [1920, 1080], "mm": [597, 336], "mm_per_px": 0.3109}],
    },
}  # fmt: skip


def verdicts(changed_page=None, changed_host=None):
    page, host = FINE["page"] | (changed_page or {}), FINE["host"] | (changed_host or {})
    return {line.what: (line.verdict, line.said, line.why) for line in report({"page": page, "host": host})}


def test_a_machine_that_is_good_enough_is_good_in_every_line():
    lines = report(FINE)
    assert ({line.verdict for line in lines}, {line.why for line in lines}) == ({"good"}, {""})
    assert (counted(lines), worst(lines)) == (f"{len(lines)} bons", "good")
    said = {line.what: line.said.replace("\u00a0", " ") for line in lines}
    assert said["Vidéo M, 2880 × 1440"] == "2,0 % d’images perdues, décode 120 images par seconde"
    assert said["Taille de l’écran"] == "0,311 mm par pixel, HDMI-A-1 : un bouton fait 20 mm"
    assert said["Horloge"] == "à 0,3 s de celle du serveur"


@pytest.mark.parametrize("odd", [10**400, -(10**400), float("inf"), float("nan"), 1e16],
                         ids=["huge", "deep", "infinite", "nan", "beyond"])  # fmt: skip
def test_a_number_that_nothing_measures_is_none(odd):
    screens = [{"output": "HDMI-A-1", "mm_per_px": odd}]
    assert verdicts({}, {"screens": screens})["Taille de l’écran"][1] == "l’écran ne la dit pas"


@pytest.mark.parametrize(("page", "host", "line", "verdict"), [
    ({"video": [rung("720p", 0.11)]}, {}, "Vidéo 720p, 1280 × 720", "bad"),
    ({"video": [rung("720p", 0.05)]}, {}, "Vidéo 720p, 1280 × 720", "look"),
    ({"video": [rung("S", None)]}, {}, "Vidéo S, 1280 × 720", "bad"),
    ({"video": [rung("M", 0.4)]}, {}, "Vidéo M, 1280 × 720", "look"),
    ({"video": [rung("L", 0.4)]}, {}, "Vidéo L, 1280 × 720", "none"),
    ({"video": [rung("L", None)]}, {}, "Vidéo L, 1280 × 720", "none"),
    ({"webgl": 1}, {}, "Dessin", "look"),
    ({"webgl": 0}, {}, "Dessin", "bad"),
    ({"renderer": "Google SwiftShader"}, {}, "Dessin", "look"),
    ({"texture": 4096}, {}, "Texture, au plus", "good"),
    ({"texture": 3000}, {}, "Texture, au plus", "look"),
    ({"texture": 2048}, {}, "Texture, au plus", "bad"),
    ({"frames": 31}, {}, "Images de la page", "look"),
    ({"frames": 12}, {}, "Images de la page", "bad"),
    ({"touch_points": 0}, {}, "Écran tactile", "bad"),
    ({"touched": 23}, {}, "Grille à toucher", "look"),
    ({"touched": 12}, {}, "Grille à toucher", "bad"),
    ({"cells": 0, "touched": 0}, {}, "Grille à toucher", "none"),
    ({"audio": "suspended"}, {}, "Son de la page", "bad"),
    ({"audio_level": 0}, {}, "Son de la page", "bad"),
    ({}, {"sound_cards": 0}, "Cartes son", "bad"),
    ({}, {"disk_mb_s": 8}, "Disque, débit", "look"),
    ({}, {"disk_mb_s": 2}, "Disque, débit", "bad"),
    ({}, {"disk_sync_ms": 50}, "Disque, écriture sûre", "look"),
    ({}, {"disk_sync_ms": 300}, "Disque, écriture sûre", "bad"),
    ({}, {"network_ms": None, "network_why": "no route"}, "Réseau", "bad"),
    ({}, {"network_ms": 900}, "Réseau", "look"),
    ({}, {"network_ms": 5000}, "Réseau", "bad"),
    ({}, {"clock_trusted": False}, "Horloge", "look"),
    ({}, {"clock_offset_ms": 31_000}, "Horloge", "bad"),
    ({}, {"clock_offset_ms": None}, "Horloge", "good"),
    ({}, {"screens": []}, "Taille de l’écran", "look"),
    ({}, {"screens": [{"output": "DP-1", "mm_per_px": 0.2}]}, "Taille de l’écran", "look"),
    ({"ratio": 2}, {"screens": [{"output": "DP-1", "mm_per_px": 0.2}]}, "Taille de l’écran", "good"),
])  # fmt: skip
def test_each_threshold_is_where_it_is_said_to_be(page, host, line, verdict):
    found, said, why = verdicts(page, host)[line]
    assert found == verdict, said
    assert bool(why) == (verdict != "good"), "what is not good says what that means"


def test_a_page_that_did_not_answer_is_the_worst_of_it_and_the_rest_is_judged_all_the_same():
    lines = report({"page": None, "host": FINE["host"]})
    assert (lines[0].said, lines[0].verdict, worst(lines)) == ("n’a pas répondu", "bad", "bad")
    assert len(lines) == 7
    assert counted(lines) == "6 bons, 1 mauvais"
    assert counted([]) == "rien de mesuré"


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
names = st.sampled_from([*FINE["page"], *FINE["host"]])


@given(st.fixed_dictionaries({"page": st.dictionaries(names, anything) | anything,
                              "host": st.dictionaries(names, anything) | anything}))  # fmt: skip
@example({"page": {"video": 5, "cells": 3, "touched": "x"}, "host": {"screens": 3}})
@example({"page": {"video": [{"rung": [1], "width": "x"}]}, "host": {"screens": [{"mm_per_px": float("nan")}, 1]}})
def test_whatever_a_terminal_says_is_judged_or_passed_over(result):
    for line in report(result):
        assert line.verdict in WORDS
        assert len(line.said) + len(line.why) < 600
