"""`balise server broker`: what it makes lets in who has a certificate of this fleet, under their own name alone."""

import os
import re
import socket
import ssl
import stat
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from paho.mqtt.enums import CallbackAPIVersion

from fleet_server.certificates import ca
from fleet_server.keys import load_keys
from tests.processes import BALISE, Mosquitto, eventually, free_port
from wire import topics


def balise(data_dir: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"BALISE_DATA_DIR": str(data_dir)} | more
    return subprocess.run([*BALISE, "server", *arguments], env=env, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A server, what the command said of its broker, and how it set it up."""
    data_dir = tmp_path_factory.mktemp("server")
    balise(data_dir, "init").check_returncode()
    where = ["--host", "localhost", "--host", "127.0.0.1", "--listen", "127.0.0.1", "--port", str(free_port())]
    done = balise(data_dir, "broker", *where)
    assert done.returncode == 0, done.stderr
    return data_dir, done.stdout, (data_dir / "mosquitto" / "mosquitto.conf").read_text()


@pytest.fixture(scope="module")
def mosquitto(made):
    data_dir, said, configuration = made
    port = int(re.search(r"BALISE_MQTT_PORT=(\d+)", said)[1])
    broker = Mosquitto(data_dir, port, configuration)
    broker.start()
    eventually(lambda: listens(port), what="mosquitto listens")
    yield port
    broker.stop()


class Client:
    """One connection, and what it received."""

    def __init__(self, port: int, data_dir: Path, pair: Path | None, client_id: str = "") -> None:
        self.got: list[str] = []
        self.ended = threading.Event()
        self.subscribed = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id, protocol=paho.MQTTv5)
        self._client.reconnect_delay_set(60, 60)
        context = ssl.create_default_context(cafile=str(data_dir / "keys" / "ca.crt"))
        if pair:
            context.load_cert_chain(pair.with_suffix(".crt"), pair.with_suffix(".key"))
        self._client.tls_set_context(context)
        self._client.on_message = lambda client, userdata, message: self.got.append(message.topic)
        self._client.on_disconnect = lambda *_: self.ended.set()
        self._client.on_subscribe = lambda *_: self.subscribed.set()
        self._client.connect("localhost", port)
        self._client.loop_start()
        eventually(lambda: self.ended.is_set() or self._client.is_connected(), what="the broker answers")

    @property
    def connected(self) -> bool:
        return self._client.is_connected()

    def hear(self, topic: str) -> None:
        self._client.subscribe(topic, qos=1)
        assert self.subscribed.wait(30)
        self.subscribed.clear()

    def say(self, topic: str) -> None:
        self._client.publish(topic, b"?", qos=1)

    def leave(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def join(made, mosquitto, tmp_path):
    """`join("b-laval")`: with a certificate of that name, as an enrolment gives it."""
    keys = load_keys(made[0] / "keys")
    clients = []

    def joined(name: str, ended: bool = False, client_id: str = "") -> Client:
        key = generate_private_key(SECP256R1())
        at = datetime.now(UTC) - timedelta(days=400 if ended else 0)
        pair = tmp_path / name
        pair.with_suffix(".crt").write_text(ca.pem(ca.issue(keys.authority, name, key.public_key(), at)))
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        pair.with_suffix(".key").write_bytes(secret)
        return connect(pair, client_id)

    def connect(pair: Path | None, client_id: str = "") -> Client:
        clients.append(Client(mosquitto, made[0], pair, client_id))
        return clients[-1]

    joined.with_pair = connect
    yield joined
    for client in clients:
        client.leave()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_terminal_speaks_and_listens_under_its_own_name_alone(made, join):
    data_dir = made[0]
    fleet = join.with_pair(data_dir / "keys" / "mqtt")
    laval, nantes = join("b-laval"), join("b-nantes")
    fleet.hear(topics.all_up("+"))
    nantes.hear("balise/v1/#")
    nantes.hear(topics.all_down("b-laval"))
    laval.hear(topics.all_down("b-laval"))
    fleet.say(topics.desired("b-laval"))
    fleet.say(topics.desired("b-nantes"))
    laval.say(topics.batch("b-laval"))
    eventually(lambda: nantes.got and laval.got and fleet.got, what="what is allowed arrives")
    nantes.say(topics.batch("b-laval"))  # in another's name: dropped, and hung up on
    assert nantes.ended.wait(30)
    join("b-cholet").say(topics.batch("b-cholet"))
    eventually(lambda: topics.batch("b-cholet") in fleet.got, what="what came after arrives")
    assert fleet.got == [topics.batch("b-laval"), topics.batch("b-cholet")]
    assert laval.got == [topics.desired("b-laval")]
    assert nantes.got == [topics.desired("b-nantes")]


def test_who_has_no_certificate_of_this_fleet_in_force_does_not_come_in(made, join):
    data_dir = made[0]
    assert join("b-laval").connected
    with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
        assert join.with_pair(None).connected
    with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
        assert join("b-old", ended=True).connected
    # The broker's own certificate is a server's: who steals it is nobody's client.
    with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
        assert join.with_pair(data_dir / "mosquitto" / "broker").connected


def test_another_s_client_id_ends_nobody_s_connection(join):
    laval = join("b-laval")
    nantes = join("b-nantes", client_id="b-laval")
    assert nantes.connected
    laval.hear(topics.all_down("b-laval"))
    assert not laval.ended.is_set()


def test_what_it_made_is_private_and_for_the_names_given(made):
    data_dir, said, _ = made
    for path in [*(data_dir / "mosquitto").iterdir(), *(data_dir / "keys").glob("mqtt.*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.name == "fetch-revoked" else 0o600), path
    certificate = x509.load_pem_x509_certificate((data_dir / "mosquitto" / "broker.crt").read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    assert f"{certificate.not_valid_after_utc:%d/%m/%Y}" in said


def test_it_overwrites_nothing_unless_asked_to_renew(made):
    data_dir = made[0]
    files = [*(data_dir / "mosquitto").iterdir(), *(data_dir / "keys").glob("mqtt.*")]
    before = {path: path.read_bytes() for path in files}
    again = balise(data_dir, "broker", "--host", "broker.example.org")
    assert again.returncode == 1
    assert again.stderr.count("\n") == 1
    assert "--renew" in again.stderr
    assert {path: path.read_bytes() for path in files} == before
    renewed = balise(data_dir, "broker", "--host", "broker.example.org", "--renew")
    assert renewed.returncode == 0
    assert all(path.read_bytes() != before[path] for path in files if path.suffix in (".key", ".conf"))
    assert "BALISE_MQTT_HOST=broker.example.org" in renewed.stdout


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--host", "le courtier"], "ni un nom de machine ni une adresse IP"),
        (["--host", "ok", "--out", "{file}/below"], "file"),
    ],
)
def test_what_can_not_be_made_is_one_sentence(made, tmp_path, arguments, why):
    data_dir = made[0]
    (tmp_path / "file").write_text("")
    given = [one.format(file=tmp_path / "file") for one in arguments]
    refused = balise(data_dir, "broker", "--renew", *given)
    assert refused.returncode == 1
    assert why in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


def test_without_a_server_it_says_what_comes_first(tmp_path):
    refused = balise(tmp_path, "broker", "--host", "localhost")
    assert refused.returncode == 1
    assert "balise server init" in refused.stderr


def test_settings_that_name_a_broker_not_made_yet_stop_the_server_and_not_its_making(tmp_path):
    names = {"CA": "ca.crt", "CERTIFICATE": "mqtt.crt", "KEY": "mqtt.key"}
    away = {"BALISE_BROKER": "external", "BALISE_MQTT_HOST": "broker.example"}
    files = {f"BALISE_MQTT_TLS_{name}": str(tmp_path / "keys" / file) for name, file in names.items()}
    assert balise(tmp_path, "init", **away).returncode == 0
    refused = balise(tmp_path, "run", **away | files)
    assert refused.returncode == 1
    assert f"BALISE_MQTT_TLS_CERTIFICATE = {tmp_path}/keys/mqtt.crt ne peut pas être lu" in refused.stderr
    assert balise(tmp_path, "broker", "--host", "broker.example", **away | files).returncode == 0
