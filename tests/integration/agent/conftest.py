import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

sys.path.insert(0, str(Path(__file__).parents[2] / "unit" / "agent"))
sys.path.insert(0, str(Path(__file__).parent))

from agent_server import Authority, Server, free_port

from agent.clock import Clock
from agent.core import Terminal
from agent.enrol import enrol_with_token
from agent.identity import load_identity
from agent.settings import read_settings
from fleet_server.broker_files import ACL, configuration
from fleet_server.embedded_broker import embedded_broker

MIB = 2**20


class Mosquitto:
    """Mutual TLS and ACL, as on any network. Started and killed by the test that owns it."""

    def __init__(self, directory, authority):
        self.directory = directory
        self.port = free_port()
        authority.pair("broker", directory, server=True)
        ca = directory / "ca.crt"
        ca.write_bytes(authority.certificate.public_bytes(Encoding.PEM))
        (directory / "revoked.crl").write_bytes(authority.revoked())
        (directory / "acl").write_text(ACL)
        as_root = "user root\n" if os.geteuid() == 0 else ""
        (directory / "mosquitto.conf").write_text(configuration(directory, self.port, "127.0.0.1") + as_root)
        fleet_key, fleet_certificate = authority.pair("fleet", directory)
        self.tls = ssl.create_default_context(cafile=str(ca))
        self.tls.load_cert_chain(fleet_certificate, fleet_key)

    def start(self):
        log = (self.directory / "log").open("ab")
        command = [shutil.which("mosquitto") or "/usr/sbin/mosquitto", "-c", self.directory / "mosquitto.conf"]
        self.process = subprocess.Popen(command, stderr=log, stdout=log)
        wait_for_port(self.port)

    def kill(self):
        self.process.kill()
        self.process.wait()


class Embedded:
    tls = None

    def __init__(self, directory, authority):
        self.directory = directory
        self.port = free_port()

    def start(self):
        self.broker = embedded_broker(self.port, self.directory)
        self.broker.start()
        wait_for_port(self.port)

    def kill(self):
        self.broker.stop()


def wait_for_port(port):
    for _ in range(500):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError("the broker did not start")


@pytest.fixture(scope="session")
def authority():
    return Authority()


@pytest.fixture(params=["embedded", "mosquitto"])
def broker(request, tmp_path, authority):
    kind = {"embedded": Embedded, "mosquitto": Mosquitto}[request.param]
    directory = tmp_path / "broker"
    directory.mkdir()
    broker = kind(directory, authority)
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture
def server(broker, authority):
    with Server(broker.port, authority, broker.tls) as server:
        yield server


@pytest.fixture
def make_terminal(tmp_path, server):
    """`make_terminal()` enrols laval-01 the first time, then starts it again from the same disk."""

    def make(name="laval", clock=None, **given):
        fast = {"health_every_s": 3600, "answer_within_s": 0.3, "request_bytes": MIB, "pull_every_s": 3600}
        settings = read_settings(state_dir=tmp_path / name, **(fast | given))
        settings.state_dir.mkdir(exist_ok=True)
        clock = clock or Clock(settings.state_dir / "clock")
        directory = settings.state_dir / "identity"
        identity = load_identity(directory) or enrol_with_token(server.token(), directory, clock.now)
        return Terminal(settings, identity, clock)

    return make
