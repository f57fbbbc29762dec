"""A shipped agent tells a shipped server what this very machine is made of, once."""

import json
import os
import platform
import subprocess

import pytest

from tests.fleet import BALISE, Fleet, eventually


@pytest.fixture
def real(tmp_path):
    with Fleet(tmp_path) as fleet:
        yield fleet


def test_an_agent_tells_what_its_machine_is_made_of_at_start_and_nothing_while_that_stays(real):
    laval = real.add("Laval").start()
    asked = "select digest, kernel, package_count, came_at from inventory_terminal where terminal = ?"
    first = eventually(lambda: real.rows(asked, laval.terminal), what="the inventory is kept")
    (digest, kernel, packages, _) = first[0]
    assert (kernel, packages > 100) == (platform.release(), True)

    def reported():
        found = real.rows("select report from terminal_live where terminal = ?", laval.terminal)
        return json.loads(found[0][0])["inventory"] if found and found[0][0] else None

    eventually(lambda: reported() == digest, what="the report names it")
    for command in (["terminal", "inventory", laval.terminal], ["inventory", "counts"]):
        env = os.environ | real.environment | {"BALISE_URL": "http://elsewhere.invalid"}
        said = subprocess.run([*BALISE, *command], env=env, capture_output=True, text=True, check=True).stdout
        assert platform.release() in said, "the command line on the server's own machine"
    laval.stop()
    laval.start()
    starts = "select what, detail from terminal_event where what like '%.started' order by at, id"
    eventually(lambda: len(real.rows(starts)) == 2, what="both starts are told")
    assert [what for what, _ in real.rows(starts)] == ["machine.started", "agent.started"]
    assert real.rows(asked, laval.terminal) == first, "the same document is not sent again"
