"""A paho client as the server's, that does nothing with what it receives: `python -m benchmarks.bare_receiver PORT N`.

Prints `ready`, then the seconds from the first message to the last, and those of CPU they cost this process.
"""

import socket
import sys
import threading
import time
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from wire import topics


def main(port: int, wanted: int) -> None:
    moments, spent = [0.0, 0.0], [0.0, 0.0]
    seen = 0
    done = threading.Event()

    def received(client: paho.Client, userdata: Any, message: paho.MQTTMessage) -> None:
        nonlocal seen
        if seen == 0:
            moments[0], spent[0] = time.perf_counter(), time.process_time()
        seen += 1
        if seen == wanted:
            moments[1], spent[1] = time.perf_counter(), time.process_time()
            done.set()

    def at_once(client: paho.Client, userdata: Any, connection: Any) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="bare", protocol=paho.MQTTv5)
    client.on_message = received
    client.on_socket_open = at_once
    client.on_subscribe = lambda *args: print("ready", flush=True)
    client.on_connect = lambda client, *args: client.subscribe(topics.all_up("batch"), qos=1)
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.ReceiveMaximum = 65535
    client.connect("127.0.0.1", port, clean_start=True, properties=properties)
    client.loop_start()
    done.wait(120)
    print(moments[1] - moments[0], spent[1] - spent[0], flush=True)
    client.loop_stop()


main(int(sys.argv[1]), int(sys.argv[2]))
