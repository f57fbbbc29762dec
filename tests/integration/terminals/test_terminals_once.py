"""A command sent 50 times around disconnects runs once: a real broker, server and agent, and the host's own tool."""

import os
import signal
import time

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.fleet import Fleet, eventually
from wire.command import Command, orders
from wire.sign import seal
from wire.topics import command as topic_of

AT = "/api/v1/commands"


@pytest.fixture(scope="module", params=["embedded", "mosquitto"])
def real(request, tmp_path_factory):
    with Fleet(tmp_path_factory.mktemp("fleet"), broker=request.param) as fleet:
        yield fleet


@pytest.fixture(scope="module")
def api(real):
    """What a program of the operator's may do."""
    with real.program("commands:write") as client:
        yield client


@pytest.fixture
def tool(tmp_path):
    """A host's tool that takes its time, and leaves a line each time it is run."""
    path = tmp_path / "volume"
    path.write_text(f'#!/bin/sh\necho "$1" >> {tmp_path}/runs\nsleep 0.4\n')
    path.chmod(0o755)
    return f"{path} {{percent}}"


def runs(tmp_path):
    path = tmp_path / "runs"
    return path.read_text().split() if path.exists() else []


def connected(real, kiosk):
    asked = "select 1 from terminal_live where connected and terminal = ?"
    eventually(lambda: real.rows(asked, kiosk.terminal), what=f"{kiosk.name} is connected")


def goes_away(real, kiosk):
    """Killed, and known to be away: what is given from then on is not sent."""
    kiosk.kill()
    asked = "select 1 from terminal_live where connected and terminal = ?"
    eventually(lambda: not real.rows(asked, kiosk.terminal), what=f"{kiosk.name} is away")


def give(api, terminal, order, **more):
    answer = api.post(AT, json={"terminals": [terminal], "order": order} | more)
    assert answer.status_code == 201, answer.text
    return answer.json()["commands"][0]


def ended(api, command):
    found = api.get(f"{AT}/{command}").json()
    return found if found["state"] in ("succeeded", "failed", "rejected", "expired") else None


def signed(real, terminal, command, order):
    """By the server's own key, as it signs an order each time that it sends it."""
    message = Command(id=command["id"], execution=command["execution"], issued_at=command["queued_at"],
                      expires_at=command["expires_at"], order=orders.validate_python(order))  # fmt: skip
    with real.offline() as ctx:
        return seal("command", message, terminal, 1, ctx.keys.signing)


def sent_again(broker, terminal, payload):
    """Five times, as if the server had."""
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.connect("127.0.0.1", broker)
    client.loop_start()
    try:
        for _ in range(5):
            client.publish(topic_of(terminal), payload, qos=1).wait_for_publish(10)
    finally:
        client.disconnect()
        client.loop_stop()


def test_a_command_sent_fifty_times_around_disconnects_runs_once(real, api, tool, tmp_path):
    laval = real.add("Laval").start(volume_command=tool)
    connected(real, laval)
    order = {"kind": "volume.set", "percent": 40}
    command = give(api, laval.terminal, order)
    payload = signed(real, laval.terminal, command, order)
    for round_ in range(10):
        match round_:
            case 2 | 6:  # the terminal's power is cut, in the middle at the first
                laval.kill()
                laval.start(volume_command=tool)
            case 4:  # the server's
                real.server.kill()
                real.start_server()
            case 8:  # neither hears the other for a while
                os.kill(laval.pid, signal.SIGSTOP)
                time.sleep(0.5)
                os.kill(laval.pid, signal.SIGCONT)
        sent_again(real.mqtt_port, laval.terminal, payload)
    found = eventually(lambda: ended(api, command["id"]), what="it is answered")
    assert runs(tmp_path) == ["40"]
    # Cut off in the middle it is not known how it ended, and that is said; it is not begun again.
    assert (found["state"], found["execution"]) in (("succeeded", 1), ("failed", 1))

    # Asked for once more it is another execution, of which there is one too.
    again = api.post(f"{AT}/{command['id']}/again").json()
    assert again["execution"] == 2
    sent_again(real.mqtt_port, laval.terminal, signed(real, laval.terminal, again, order))
    sent_again(real.mqtt_port, laval.terminal, payload)  # and the first has not been forgotten
    found = eventually(lambda: ended(api, command["id"]), what="the second execution is answered")
    assert (found["state"], found["execution"], runs(tmp_path)) == ("succeeded", 2, ["40", "40"])


def test_what_waits_for_a_terminal_stands_in_line_and_is_carried_out_in_that_order(real, api, tool, tmp_path):
    angers = real.add("Angers").start(volume_command=tool)
    connected(real, angers)
    goes_away(real, angers)
    given = [
        give(api, angers.terminal, {"kind": "volume.set", "percent": n}, lifetime_s=28800) for n in range(10, 60, 10)
    ]
    assert [one["position"] for one in given] == [1, 2, 3, 4, 5]
    assert api.post(f"{AT}/{given[1]['id']}/cancel").json()["state"] == "cancelled"
    assert api.get(f"{AT}/{given[4]['id']}").json()["position"] == 4
    angers.start(volume_command=tool)
    eventually(lambda: ended(api, given[-1]["id"]), what="the last is answered")
    assert runs(tmp_path) == ["10", "30", "40", "50"]
    assert api.post(f"{AT}/{given[1]['id']}/cancel").status_code == 409
    goes_away(real, angers)
    for n in (1, 2):
        give(api, angers.terminal, {"kind": "volume.set", "percent": n})
    assert api.post(f"{AT}/purge/{angers.terminal}").json() == {"cancelled": 2, "asked": 0}
    assert {one["state"] for one in api.get(AT, params={"terminal": angers.terminal}).json()} == {
        "succeeded",
        "cancelled",
    }
