"""A rollout over the shipped processes: the command line prepares and starts it, real agents bring it and answer."""

import os
import subprocess
from datetime import datetime, timedelta

import pytest

from tests.fleet import BALISE, Fleet, eventually
from tests.packs import write_pack


@pytest.fixture
def fleet(tmp_path):
    with Fleet(tmp_path) as fleet:
        yield fleet


def balise(fleet, *words):
    env = os.environ | {"BALISE_DATA_DIR": str(fleet.data_dir)}
    command = [*BALISE, "rollout", *words]
    return subprocess.run(command, check=True, env=env, stdout=subprocess.PIPE, text=True).stdout


def states(fleet):
    return dict(fleet.rows("select terminal, state from rollout_terminal"))


def test_a_canary_shows_an_edition_first_and_the_rest_once_it_was_watched(fleet, tmp_path):
    canary, other = kiosks = [fleet.add(name) for name in ("Cholet", "Laval")]
    fleet.publish(write_pack(tmp_path / "first"), "2026.47")
    for kiosk in kiosks:
        kiosk.start().shows("2026.47")
    fleet.publish(write_pack(tmp_path / "second"), "2026.48", wished=False)
    plan = tmp_path / "plan.json"
    plan.write_text('{"waves": [{"count": 1, "soak_s": 3}, {}]}')
    content = ("content", "2026.48", "--plan", str(plan))
    assert "préparé. 2 bornes : " in balise(fleet, *content, "--whom", "release=2026.47")
    for act in ("submit", "start"):
        balise(fleet, "act", act, "1")
    eventually(lambda: states(fleet)[canary.terminal] == "succeeded", what="the canary has it")
    assert states(fleet)[other.terminal] == "queued"
    assert (canary.release(), other.release()) == ("2026.48", "2026.47")
    eventually(lambda: fleet.rows("select state from rollout") == [("finished",)], what="it is finished")
    assert set(states(fleet).values()) == {"succeeded"}
    assert other.release() == "2026.48"
    [(ended,)] = fleet.rows("select ended_at from rollout_terminal where terminal = ?", canary.terminal)
    [(begun,)] = fleet.rows("select started_at from rollout_terminal where terminal = ?", other.terminal)
    assert datetime.fromisoformat(begun) - datetime.fromisoformat(ended) >= timedelta(seconds=3), "it was watched"
