"""The agent as it runs on a terminal: its own process, its local API, its signals."""

import asyncio
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request

import psutil
import pytest
from agent_server import free_port, until

from wire.ids import uuid7


class Agent:
    """`balise agent`, ended with the test."""

    def __init__(self, state_dir, *arguments, **env):
        self.state_dir = state_dir
        self.known = state_dir / "kiosk.json"
        self.known.unlink(missing_ok=True)
        command = [
            sys.executable,
            "-m",
            "balise",
            "agent",
            "--state-dir",
            str(state_dir),
            "--port",
            str(free_port()),
            *arguments,
        ]
        self.process = subprocess.Popen(
            command, env=os.environ | {"BALISE_AGENT_REQUEST_BYTES": "1048576"} | env,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    async def ready(self):
        await until(lambda: self.known.exists() or self.process.poll() is not None)
        assert self.process.poll() is None, self.process.stdout.read()
        return json.loads(self.known.read_text())

    async def call(self, method, path, body=None):
        known = json.loads(self.known.read_text())
        token = known["url"].partition("#k=")[2]
        request = urllib.request.Request(
            f"http://127.0.0.1:{known['port']}{path}",
            json.dumps(body).encode() if body is not None else None,
            {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            method=method,
        )

        def ask():
            try:
                with urllib.request.urlopen(request) as answer:
                    return answer.status, answer.read()
            except urllib.error.HTTPError as error:
                return error.code, error.read()

        return await asyncio.to_thread(ask)


def viewed(session, n, name="home"):
    return {"kind": "page.viewed", "session": session, "n": n, "language": "fr", "accessibility": [], "ago_ms": 0,
            "page": name}  # fmt: skip


async def test_a_tap_on_the_page_is_a_row_at_the_server_and_a_second_start_needs_no_token(server, tmp_path):
    session = uuid7(0)
    with Agent(tmp_path, "--enrol", server.token()) as agent:
        assert (await agent.ready())["terminal"] == "laval-01"
        status, body = await agent.call("POST", "/api/v1/events", {"events": [viewed(session, 1)]})
        assert (status, body) == (204, b"")
        await until(lambda: server.told("page.viewed"))
        await until(lambda: server.reported and server.reported[-1].revision == 1)
        agent.process.terminate()
        assert await asyncio.to_thread(agent.process.wait) == 0
    with Agent(tmp_path) as agent:
        assert (await agent.ready())["terminal"] == "laval-01"
        await agent.call("POST", "/api/v1/events", {"events": [viewed(session, 2, "metiers")]})
        await until(lambda: len(server.told("page.viewed")) == 2)


async def test_killed_while_it_tells_it_loses_nothing_it_had_promised(server, tmp_path):
    session, promised = uuid7(1), 0
    token = server.token()
    for life in range(4):
        with Agent(tmp_path, "--enrol", token) as agent:
            await agent.ready()
            for _ in range(15):
                body = {"events": [viewed(session, promised * 100 + life + 1)]}
                status, _ = await agent.call("POST", "/api/v1/events", body)
                promised += status == 204
            agent.process.kill()
    with Agent(tmp_path) as agent:
        await agent.ready()
        await until(lambda: len(server.told("page.viewed")) >= promised)
    assert len(server.told("page.viewed")) == promised == 60


async def test_a_pairing_code_is_on_the_screen_until_somebody_accepts_it(server, tmp_path):
    with Agent(tmp_path, "--pair", server.url) as agent:
        await until(lambda: server.pairings.get("p1", {}).get("code"))
        server.pairings["p1"]["status"] = "accepted"
        assert (await agent.ready())["terminal"] == "laval-01"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "pas enrôlée"),
        (("--enrol", "balise-enrol-1.abc"), "Jeton d’enrôlement illisible"),
        (("--port", "70000"), "BALISE_AGENT_PORT = '70000'"),
        (("--pair", "laval"), "BALISE_AGENT_PAIR = 'laval'"),
    ],
)
def test_a_start_that_can_not_work_is_refused_in_words(tmp_path, arguments, sentence):
    with Agent(tmp_path, *arguments) as agent:
        said = agent.process.stdout.read()
        agent.process.wait()
    assert agent.process.returncode == 1
    assert sentence in said
    assert "Traceback" not in said


async def test_a_second_agent_on_the_same_state_and_a_busy_port_are_refused(server, tmp_path):
    with Agent(tmp_path / "one", "--enrol", server.token()) as agent:
        port = (await agent.ready())["port"]
        for arguments, sentence in (((), "tourne déjà"), (("--port", str(port)), "déjà pris")):
            with Agent(tmp_path / ("one" if not arguments else "two"), *arguments) as second:
                said = await asyncio.to_thread(second.process.stdout.read)
            assert sentence in said
            assert "Traceback" not in said


async def test_it_stays_small(server, tmp_path):
    """The bench compares it with node_exporter; here only a bound that a heavy import would break."""
    with Agent(tmp_path, "--enrol", server.token()) as agent:
        await agent.ready()
        await until(lambda: server.reported and server.reported[-1].revision == 1)
        assert psutil.Process(agent.process.pid).memory_info().rss < 80 * 2**20


def test_a_broker_on_the_network_without_tls_is_refused_at_each_start(server, tmp_path):
    server.broker_host, server.tls = "192.0.2.7", None
    for token in (["--enrol", server.token()], []):
        with Agent(tmp_path / "laval", *token) as agent:
            said, _ = agent.process.communicate(timeout=60)
            assert agent.process.returncode == 1
            assert f"courtier sur le réseau sans TLS (192.0.2.7:{server.broker_port})" in said
            assert "BALISE_MQTT_PUBLIC_TLS=1" in said
            assert "Traceback" not in said
