"""Batches over a real broker: the embedded one, and mosquitto."""

import os
import shutil
import socket
import subprocess
import threading
from contextlib import contextmanager

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from fleet_server.broker import BrokerLink
from fleet_server.embedded_broker import embedded_broker
from fleet_server.settings import Settings
from tests.fleet import eventually, free_port
from tests.sending import Ingest, Sender, told
from wire import topics
from wire.batch import Ack, Refused, answers


@contextmanager
def mosquitto(port, directory):
    """Started and killed by the test that owns it."""
    config = directory / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\nmax_queued_messages 0\n")
    command = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
    assert command, "mosquitto is not installed: apt-get install mosquitto"
    child = subprocess.Popen([command, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    eventually(lambda: listening(port))
    yield
    child.kill()
    child.wait()


def listening(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(params=[embedded_broker, mosquitto], ids=["embedded", "mosquitto"])
def broker(request):
    return request.param


class Terminal:
    """A connection of a terminal's own: what it is told is kept in `heard`."""

    def __init__(self, port, name="laval-01"):
        self.heard = []
        self._name = name
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=paho.MQTTv5)
        self._client.on_message = lambda client, userdata, message: self.heard.append(
            answers.validate_json(message.payload)
        )
        subscribed = threading.Event()
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.connect("127.0.0.1", port, clean_start=True)
        self._client.subscribe(topics.all_down(name), qos=1)
        self._client.loop_start()
        assert subscribed.wait(20)

    def send(self, payload, channel="batch"):
        self._client.publish(f"balise/v1/{self._name}/up/{channel}", payload, qos=1).wait_for_publish(20)

    def leave(self):
        self._client.disconnect()
        self._client.loop_stop()


class Serving:
    """Ingest behind a link to the broker, as the composition root ties them."""

    def __init__(self, ingest, port):
        self.states = []
        self.link = BrokerLink(Settings(mqtt_port=port), ingest.consumer.put, self.states.extend)
        ingest.consumer._send = self.link.send
        self._consumer = ingest.consumer

    def __enter__(self):
        self._consumer.start()
        self.link.start()
        return self

    def __exit__(self, *exc):
        self.link.stop()
        self._consumer.stop()


@pytest.fixture
def ingest(tmp_path):
    return Ingest(f"sqlite:///{tmp_path / 'fleet.db'}")


def test_a_batch_over_the_broker_is_acknowledged_once_its_rows_are_there(broker, ingest, tmp_path):
    port = free_port()
    laval = Sender()
    laval.tell(200)
    with broker(port, tmp_path), Serving(ingest, port) as serving:
        eventually(lambda: serving.link.connected)
        terminal = Terminal(port)
        terminal.send(laval.batch())
        eventually(lambda: terminal.heard)
        assert ingest.count() == 200
        (ack,) = terminal.heard
        assert isinstance(ack, Ack)
        assert (ack.through, ack.desired_revision) == (200, 7)
        terminal.leave()


def test_an_answer_reaches_its_own_terminal_only(broker, ingest, tmp_path):
    port = free_port()
    laval = Sender()
    laval.tell(1)
    with broker(port, tmp_path), Serving(ingest, port) as serving:
        eventually(lambda: serving.link.connected)
        mine, others = Terminal(port), Terminal(port, "cholet-01")
        mine.send(b"not a batch")
        mine.send(laval.batch())
        eventually(lambda: len(mine.heard) == 2)
        assert isinstance(mine.heard[0], Refused)
        assert others.heard == []
        mine.leave()
        others.leave()


def test_presence_and_reports_go_to_the_terminals_room_and_foreign_topics_nowhere(broker, ingest, tmp_path):
    port = free_port()
    with broker(port, tmp_path), Serving(ingest, port) as serving:
        eventually(lambda: serving.link.connected)
        terminal = Terminal(port)
        terminal.send(b"here", "presence")
        terminal.send(b"so it is", "reported")
        terminal.send(b"?", "gossip")
        eventually(lambda: len(serving.states) == 2)
        assert sorted(serving.states) == [("presence", "laval-01", b"here"), ("reported", "laval-01", b"so it is")]
        terminal.leave()


def test_the_server_comes_back_when_the_broker_does(broker, ingest, tmp_path):
    port = free_port()
    laval = Sender()
    laval.tell(2)
    with Serving(ingest, port) as serving:
        with broker(port, tmp_path):
            eventually(lambda: serving.link.connected)
        eventually(lambda: not serving.link.connected)
        serving.link.send(topics.ack("laval-01"), b"to nobody")
        with broker(port, tmp_path):
            eventually(lambda: serving.link.connected)
            terminal = Terminal(port)
            terminal.send(laval.batch())
            eventually(lambda: terminal.heard)
            assert [ack.through for ack in terminal.heard] == [2]
            terminal.leave()
    assert ingest.count() == 2


def test_a_batch_of_the_greatest_size_passes_both_brokers(broker, ingest, tmp_path):
    port = free_port()
    laval = Sender(kept=[told("state.changed", what="big", detail={"x": "y" * 60_000}) for _ in range(4)])
    with broker(port, tmp_path), Serving(ingest, port) as serving:
        eventually(lambda: serving.link.connected)
        terminal = Terminal(port)
        terminal.send(laval.batch())
        eventually(lambda: terminal.heard)
        assert terminal.heard[0].through == 4
        terminal.leave()


def test_workers_that_share_a_subscription_divide_the_batches(tmp_path):
    """Mosquitto only: past one machine the broker is never the embedded one."""
    port = free_port()
    first, second = (Ingest(f"sqlite:///{tmp_path / 'fleet.db'}") for _ in range(2))
    senders = [Sender("laval-01", 2), Sender("cholet-01", 1)]
    with mosquitto(port, tmp_path):
        links = []
        for worker in (first, second):
            link = BrokerLink(Settings(mqtt_port=port), worker.consumer.put, lambda _: None, group="ingest")
            worker.consumer._send = link.send
            worker.consumer.start()
            link.start()
            links.append(link)
        eventually(lambda: all(link.connected for link in links))
        terminals = [Terminal(port, sender.terminal) for sender in senders]
        for turn in range(1, 21):
            for sender, terminal in zip(senders, terminals, strict=True):
                sender.tell(1)
                terminal.send(sender.batch(turn, turn))
                eventually(lambda terminal=terminal, turn=turn: len(terminal.heard) == turn)
        for link, worker in zip(links, (first, second), strict=True):
            link.stop()
            worker.consumer.stop()
        for terminal in terminals:
            assert [ack.through for ack in terminal.heard] == list(range(1, 21))
            terminal.leave()
    assert first.count() == 40
    assert first.consumer.counters.events + second.consumer.counters.events == 40
    assert min(first.consumer.counters.events, second.consumer.counters.events) > 0
