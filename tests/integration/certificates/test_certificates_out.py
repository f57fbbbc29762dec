"""A terminal that is declared stolen, on the production broker and on the one that comes along: real processes only."""

import os
import subprocess
import threading
from contextlib import contextmanager
from datetime import UTC, datetime

import httpx
from paho.mqtt.client import MQTTv5
from paho.mqtt.publish import single

from agent.identity import load_identity
from fleet_server.certificates.knock import knock
from tests.fleet import BALISE, Fleet, eventually
from tests.sending import Sender, told
from wire import topics
from wire.sign import prove
from wire.state import Presence


@contextmanager
def fetching(fleet, out):
    """What the timer does on the broker's machine, every half second; `systemctl reload` by what it does."""
    over = threading.Event()
    env = os.environ | {"BALISE_SERVER": fleet.url, "BALISE_RELOAD": f"kill -HUP {fleet.mosquitto.pid}"}

    def loop():
        while not over.wait(0.5):
            subprocess.run([out / "fetch-revoked"], env=env, check=False, capture_output=True)

    thread = threading.Thread(target=loop)
    thread.start()
    yield
    over.set()
    thread.join()


def revoke(fleet, kiosk, reason="stolen"):
    """As an operator does at the server's command line, while it runs."""
    env = os.environ | {"BALISE_DATA_DIR": str(fleet.data_dir)}
    done = subprocess.run([*BALISE, "terminal", "revoke", kiosk.terminal, "--reason", reason], env=env,
                          capture_output=True, text=True, timeout=60)  # fmt: skip
    assert done.returncode == 0, done.stderr


def connected(fleet, kiosk):
    return fleet.rows("select connected from terminal_live where terminal = ?", kiosk.terminal) == [(1,)]


def shown(fleet, identity):
    """What the broker answers to the terminal's own key and certificate."""
    with fleet.offline() as ctx:
        return knock(ctx.settings, identity.certificate, identity.key, identity.terminal)


def broker_log(fleet):
    return (fleet.directory / "mosquitto.log").read_text()


def test_a_stolen_terminal_is_out_of_the_production_broker_and_the_others_stay(tmp_path):
    with Fleet(tmp_path, "mosquitto", tls=True) as fleet:
        laval, cholet = fleet.add("Laval").start(), fleet.add("Cholet").start()
        eventually(lambda: connected(fleet, laval) and connected(fleet, cholet), what="both are connected")
        identity = load_identity(laval.state_dir / "identity")
        cholet_joined = broker_log(fleet).count(f"as {cholet.terminal} ")
        revoke(fleet, laval)
        eventually(lambda: broker_log(fleet).count(" as probe ") > 1, what="the broker, which knows no list, is asked")
        assert "already connected" not in broker_log(fleet), "it would come back at once"
        with fetching(fleet, tmp_path / "broker"):
            leaves(fleet, laval, identity)
        assert fleet.rows("select act from access_audit_entry where act in (?, ?)", "terminal.declared_stolen",
                          "terminal.put_out") == [("terminal.declared_stolen",), ("terminal.put_out",)]  # fmt: skip
        assert broker_log(fleet).count(f"as {cholet.terminal} ") == cholet_joined, "nobody else had to connect again"
        assert connected(fleet, cholet)
        laval.stop()
        back_again(fleet, laval, identity)


def leaves(fleet, kiosk, identity):
    out = "select out_at from certificate where kind = 'terminal' and name = ?"
    eventually(lambda: all(row[0] for row in fleet.rows(out, kiosk.terminal)), 60, what="the broker has dropped it")
    assert "already connected" in broker_log(fleet), "its open connection was ended, not waited for"
    eventually(lambda: "verify failed" in broker_log(fleet).split("already connected")[-1], what="it tried again")
    assert shown(fleet, identity) == "revoked"


def back_again(fleet, kiosk, stolen):
    """The terminal was found, or replaced: a new key, a new certificate, and the old one stays out."""
    (kiosk.state_dir / "identity").rename(kiosk.state_dir / "identity-of-before")
    kiosk.start()
    eventually(lambda: connected(fleet, kiosk), what="the new enrolment is connected")
    fresh = load_identity(kiosk.state_dir / "identity")
    assert (fresh.generation, shown(fleet, stolen)) == (stolen.generation + 1, "revoked")
    kiosk.stop()
    assert shown(fleet, fresh) == "let in"


def test_of_a_terminal_revoked_by_another_process_nothing_is_taken_at_once(tmp_path):
    with Fleet(tmp_path, "embedded") as fleet:
        laval = fleet.add("Laval").start()
        eventually(lambda: connected(fleet, laval), what="it is connected")
        identity = load_identity(laval.state_dir / "identity")
        laval.stop()
        eventually(lambda: not connected(fleet, laval), what="it said goodbye")
        sender = Sender(laval.terminal, 1, kept=[told(), told()])

        def say(topic, payload):
            single(topic, payload, qos=1, hostname="127.0.0.1", port=fleet.mqtt_port, protocol=MQTTv5)

        def taken():
            return fleet.rows("select count(*) from usage_event where terminal = ?", laval.terminal)[0][0]

        before = taken()
        say(topics.batch(laval.terminal), sender.batch())
        eventually(lambda: taken() == before + 2, what="what it tells is taken")
        assert ask_state(fleet, identity) == 200
        revoke(fleet, laval)  # ingest has just heard of it, and remembers it
        sender.kept.append(told())
        say(topics.batch(laval.terminal), sender.batch())
        hello = Presence(connection="00000000-0000-7000-8000-000000000001", online=True,
                         boot="00000000-0000-7000-8000-000000000002", software="0.1.0")  # fmt: skip
        say(topics.presence(laval.terminal), hello.model_dump_json().encode())
        assert ask_state(fleet, identity) == 401
        other = fleet.add("Cholet").start()
        eventually(lambda: connected(fleet, other), what="what came after is taken")
        assert (taken(), connected(fleet, laval)) == (before + 2, False)


def ask_state(fleet, identity):
    path, who = "/api/v1/terminal/state?nonce=" + "n" * 22, identity
    proof = prove("GET", path, b"", who.terminal, who.generation, who.key, datetime.now(UTC))
    return httpx.get(fleet.url + path, headers={"Authorization": f"Bearer {proof}"}, timeout=30).status_code
