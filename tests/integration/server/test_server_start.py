"""`balise server init|run`: once, readable, and every refusal with its remedy."""

import json
import os
import socket
import sqlite3
import stat
import subprocess
from contextlib import closing

import httpx
import psutil
import pytest

from tests.fleet import BALISE, Process, eventually, free_port
from tests.sending import told

NOON = "2026-11-24 12:00:00.000000"


def balise(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*BALISE, "server", *arguments], env=os.environ | env, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A server that was initialised, and what that printed."""
    directory = tmp_path_factory.mktemp("server")
    return directory, balise("init", "--data-dir", str(directory)).stdout


@pytest.fixture(scope="module")
def running(made):
    directory, _ = made
    env = {"BALISE_DATA_DIR": str(directory), "BALISE_PORT": str(free_port()), "BALISE_MQTT_PORT": str(free_port())}
    server = Process("server", [*BALISE, "server", "run"], directory / "server.log", env)
    url = f"http://127.0.0.1:{env['BALISE_PORT']}"
    eventually(lambda: ready(url) or not server.alive)
    yield url, env, server
    server.stop()


def ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz").status_code == 200
    except httpx.TransportError:
        return False


def test_init_makes_keys_database_and_one_invitation(made):
    directory, said = made
    invitation = next(line.strip() for line in said.splitlines() if "/invitation/" in line)
    token = invitation.rpartition("/")[2]
    assert len(token) >= 32
    with closing(sqlite3.connect(directory / "fleet.db")) as db:
        ((login, roles),) = db.execute("SELECT login, roles FROM access_account").fetchall()
        assert (login, roles) == ("admin", "admin")
        assert token not in "".join(db.iterdump())
    for path in (directory / "keys").rglob("*"):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, f"others can read {path.name}"


def test_init_refuses_to_run_twice_and_changes_nothing(made):
    directory, _ = made
    before = {path: path.read_bytes() for path in (directory / "keys").rglob("*") if path.is_file()}
    again = balise("init", "--data-dir", str(directory))
    assert again.returncode == 1
    assert "existe déjà" in again.stderr
    assert "/invitation/" not in again.stdout
    assert {path: path.read_bytes() for path in (directory / "keys").rglob("*") if path.is_file()} == before


def test_run_without_init_says_what_to_type(tmp_path):
    refused = balise("run", BALISE_DATA_DIR=str(tmp_path))
    assert refused.returncode == 1
    assert "balise server init" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("setting", ["BALISE_PORT", "BALISE_MQTT_PORT"])
def test_a_busy_port_is_one_sentence_naming_the_setting(made, setting):
    directory, _ = made
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        env = {"BALISE_PORT": str(free_port()), "BALISE_MQTT_PORT": str(free_port())}
        refused = balise("run", "--data-dir", str(directory), **env | {setting: str(taken.getsockname()[1])})
    assert refused.returncode == 1
    assert f"déjà pris : arrêtez ce qui l’occupe, ou choisissez-en un autre ({setting}=…)" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    refused = balise("init", "--data-dir", str(tmp_path / "file" / "below"))
    assert refused.returncode == 1
    assert str(tmp_path / "file") in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


EXTERNAL = {"BALISE_BROKER": "external"}


@pytest.mark.parametrize(("env", "named"), [
    ({"BALISE_PORT": "eighty"}, "BALISE_PORT = 'eighty'"),
    ({"BALISE_PORT": "70000"}, "BALISE_PORT = '70000'"),
    ({"BALISE_BROKER": "kafka"}, "BALISE_BROKER = 'kafka'"),
    ({"BALISE_PROT": "80"}, "BALISE_PROT: no such setting; BALISE_PORT?"),
    ({"BALISE_MQTT_HOST": "broker.example"}, "mqtt_host"),
    ({"BALISE_MQTT_TLS_KEY": "key.pem"}, "mqtt_tls_certificate and mqtt_tls_key go together"),
    (EXTERNAL | {"BALISE_MQTT_HOST": "192.0.2.7"}, "give mqtt_tls_ca, mqtt_tls_certificate and mqtt_tls_key"),
    (EXTERNAL | {"BALISE_MQTT_HOST": "broker.example", "BALISE_MQTT_TLS_CA": "ca.crt"}, "mqtt_host = 'broker.example'"),
    (EXTERNAL | {"BALISE_MQTT_PUBLIC_HOST": "broker.example"}, "set mqtt_public_tls = true"),
])  # fmt: skip
def test_a_wrong_setting_is_refused_by_its_name(tmp_path, env, named):
    refused = balise("run", BALISE_DATA_DIR=str(tmp_path), **env)
    assert refused.returncode == 1
    assert named in refused.stderr
    assert "Traceback" not in refused.stderr


def test_settings_come_from_a_file_and_the_environment_wins(tmp_path):
    (tmp_path / "balise.toml").write_text(f'data_dir = "{tmp_path / "data"}"\nport = 70000\n')
    wrong = balise("run", BALISE_CONFIG=str(tmp_path / "balise.toml"))
    assert "BALISE_PORT = 70000" in wrong.stderr
    right = balise("run", BALISE_CONFIG=str(tmp_path / "balise.toml"), BALISE_PORT="8080")
    assert f"Pas encore de serveur dans {tmp_path / 'data'}" in right.stderr


def test_a_running_server_is_alive_ready_and_measured(running):
    url, _, _ = running
    assert httpx.get(f"{url}/healthz").json() == {"status": "ok"}
    assert httpx.get(f"{url}/readyz").json() == {"ready": True, "database": True, "broker": True}
    metrics = httpx.get(f"{url}/metrics").text
    for name in ("balise_broker_connected 1.0", "balise_ingest_commits_total 0.0", "process_resident_memory_bytes"):
        assert name in metrics
    assert "_age" not in metrics


def test_every_answer_carries_the_security_headers(running):
    url, _, _ = running
    for path in ("/healthz", "/connexion", "/no-such-page", "/api/v1/nothing"):
        headers = httpx.get(f"{url}{path}").headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "server" not in headers


def test_the_description_of_the_interface_is_complete(running):
    url, _, _ = running
    described = httpx.get(f"{url}/api/v1/openapi.json").json()["paths"]
    for path in ("/api/v1/enrol", "/api/v1/pairing", "/api/v1/terminal/state", "/api/v1/terminal/renew",
                 "/api/v1/terminal/files/{sha256}", "/api/v1/terminal/requests", "/blobs/{sha256}", "/metrics",
                 "/healthz", "/readyz"):  # fmt: skip
        assert path in described
    assert not any(path.startswith(("/flotte", "/demandes", "/connexion")) for path in described)


def test_the_log_is_json_without_addresses_or_secrets(made, running):
    _, said = made
    url, _, server = running
    token = next(line for line in said.splitlines() if "/invitation/" in line).rpartition("/")[2].strip()
    httpx.get(f"{url}/invitation/{token}")
    httpx.get(f"{url}/demandes?q=Martin")
    lines = [json.loads(line) for line in server.said().splitlines()]
    assert {"broker.connected"} <= {line["event"] for line in lines}
    assert token not in server.said()
    assert "Martin" not in server.said()


def test_a_second_server_on_the_same_port_is_refused_and_the_first_goes_on(running):
    url, env, _ = running
    refused = balise("run", **env)
    assert refused.returncode == 1
    assert "déjà pris" in refused.stderr
    assert ready(url)


def test_it_stops_cleanly_on_sigterm_and_leaves_no_broker(made):
    directory, _ = made
    env = {"BALISE_DATA_DIR": str(directory), "BALISE_PORT": str(free_port()), "BALISE_MQTT_PORT": str(free_port())}
    server = Process("server", [*BALISE, "server", "run"], directory / "second.log", env)
    eventually(lambda: ready(f"http://127.0.0.1:{env['BALISE_PORT']}") or not server.alive)
    server.stop()
    assert server.child.returncode in (0, -15)
    assert "Traceback" not in server.said()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(env["BALISE_MQTT_PORT"]))) != 0


def test_what_an_older_version_could_not_read_is_read_at_start_and_said(tmp_path):
    balise("init", "--data-dir", str(tmp_path))
    understood, unknown = told(), told("hologram.shown")
    with closing(sqlite3.connect(tmp_path / "fleet.db")) as db:
        for place, event in enumerate((understood, unknown)):
            row = (event["id"], "laval-01", 1, "o", place, event["kind"], "?", json.dumps(event).encode(), NOON)
            db.execute("INSERT INTO ingest_quarantine VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        db.commit()
    env = {"BALISE_DATA_DIR": str(tmp_path), "BALISE_PORT": str(free_port()), "BALISE_MQTT_PORT": str(free_port())}
    for start in ("first", "second"):
        server = Process("server", [*BALISE, "server", "run"], tmp_path / f"{start}.log", env)
        eventually(lambda: ready(f"http://127.0.0.1:{env['BALISE_PORT']}"))
        server.stop()
        (said,) = [line for line in map(json.loads, server.said().splitlines()) if line["event"].startswith("quaran")]
        assert (said["event"], said["read"], said["kept"]) == ("quarantine.read_again", int(start == "first"), 1)
        with closing(sqlite3.connect(tmp_path / "fleet.db")) as db:
            assert db.execute("SELECT id FROM usage_event").fetchall() == [(understood["id"],)]
            assert db.execute("SELECT id FROM ingest_quarantine").fetchall() == [(unknown["id"],)]


def test_an_embedded_broker_that_was_killed_is_brought_back(running):
    url, _, server = running
    (broker,) = psutil.Process(server.pid).children()
    broker.kill()
    eventually(lambda: not ready(url))
    eventually(lambda: ready(url))


def test_a_database_newer_than_the_server_is_refused(tmp_path):
    balise("init", "--data-dir", str(tmp_path))
    with closing(sqlite3.connect(tmp_path / "fleet.db")) as db:
        db.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
        db.commit()
    env = {"BALISE_PORT": str(free_port()), "BALISE_MQTT_PORT": str(free_port())}
    refused = balise("run", "--data-dir", str(tmp_path), **env)
    assert refused.returncode == 1
    assert "plus récente que ce serveur" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_the_agents_settings_are_not_taken_for_the_servers(tmp_path):
    refused = balise("run", BALISE_DATA_DIR=str(tmp_path), BALISE_AGENT_PORT="1")
    assert "Pas encore de serveur" in refused.stderr
