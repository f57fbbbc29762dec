"""`balise simulate`: the agent's real core, many times in one process, against the shipped server."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import httpx
import pytest

from tests.fleet import eventually, free_port

BALISE = [sys.executable, "-m", "balise"]


@pytest.fixture
def server(tmp_path):
    """A server in a process of its own; the environment by which commands find it."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("BALISE_")} | {
        "BALISE_DATA_DIR": str(tmp_path / "server"),
        "BALISE_PORT": str(free_port()),
        "BALISE_MQTT_PORT": str(free_port()),
    }  # fmt: skip
    subprocess.run([*BALISE, "server", "init"], env=env, check=True, capture_output=True)
    with (tmp_path / "server.log").open("wb") as log:
        running = subprocess.Popen([*BALISE, "server", "run"], env=env, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{env['BALISE_PORT']}/readyz"

    def answers():
        assert running.poll() is None, (tmp_path / "server.log").read_text()
        try:
            return httpx.get(url).status_code == 200
        except httpx.HTTPError:
            return False

    eventually(answers)
    yield env
    running.terminate()
    running.wait(30)


def simulate(env, tmp_path, *options):
    command = [*BALISE, "simulate", "--state-dir", str(tmp_path / "terminals"), *options]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=300)


def rows(env, query):
    with closing(sqlite3.connect(f"{env['BALISE_DATA_DIR']}/fleet.db")) as database:
        return database.execute(query).fetchall()


def test_two_hundred_terminals_enrol_and_every_event_they_tell_is_there_once(server, tmp_path):
    ran = simulate(server, tmp_path, "--terminals", "200", "--spread", "6", "--pace", "3", "--lasting", "12")
    assert ran.returncode == 0, ran.stderr
    assert "200 bornes (200 connectées)" in ran.stdout
    told = int(ran.stdout.split(" : ")[1].split(" ")[0])
    assert f"{told} confirmés" in ran.stdout
    assert rows(server, "SELECT count(*), count(DISTINCT id) FROM usage_event") == [(told, told)]
    assert rows(server, "SELECT DISTINCT audience FROM usage_event") == [("demo",)]


def test_a_second_run_goes_on_with_the_same_terminals(server, tmp_path):
    for _ in range(2):
        ran = simulate(server, tmp_path, "--terminals", "3", "--spread", "0", "--pace", "1", "--lasting", "2")
        assert ran.returncode == 0, ran.stderr
    assert rows(server, "SELECT count(*) FROM terminal") == [(3,)]


def test_without_a_server_it_is_refused_in_one_sentence(tmp_path):
    env = os.environ | {"BALISE_DATA_DIR": str(tmp_path / "nowhere")}
    ran = simulate(env, tmp_path, "--terminals", "2")
    assert ran.returncode == 1
    assert "balise server init" in ran.stderr
    assert "Traceback" not in ran.stderr
