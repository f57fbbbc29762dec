"""The server's connection to the broker: up messages to whoever takes them, down messages published and forgotten.

Nothing relies on the broker remembering: clean start, no retained message, and a lost answer is asked for again.
"""

import queue
import socket
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

import paho.mqtt.client as paho
import structlog
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from fleet_server.settings import Settings
from wire import topics
from wire.batch import MAX_BATCH_BYTES

log = structlog.get_logger()
_MAX_PACKET_BYTES = MAX_BATCH_BYTES + 8192
_MAX_STATES_WAITING = 10_000
Take = Callable[[str, bytes], None]
"""(terminal, payload)"""


class BrokerLink:
    """`batch` is called on the network thread and must return at once; `presence` and `reported` have a thread apart.

    `group`: the name of a shared subscription, so that several workers divide the batches among them.
    """

    def __init__(self, settings: Settings, batch: Take, presence: Take, reported: Take, group: str = "") -> None:
        self._settings = settings
        self._batch = batch
        self._states: dict[str, Take] = {"presence": presence, "reported": reported}
        self._queue: queue.Queue[tuple[str, str, bytes] | None] = queue.Queue(_MAX_STATES_WAITING)
        self._group = group
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="", protocol=paho.MQTTv5)
        self._client.reconnect_delay_set(1, 30)
        self._client.max_queued_messages_set(20_000)
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.on_socket_open = self._on_socket_open
        if settings.mqtt_tls_ca:
            self._client.tls_set(str(settings.mqtt_tls_ca), _path(settings.mqtt_tls_certificate),
                                 _path(settings.mqtt_tls_key))  # fmt: skip
        self._worker = threading.Thread(target=self._take_states, name="terminal-state", daemon=True)
        self.connected_since: datetime | None = None
        self.ignored = 0

    @property
    def connected(self) -> bool:
        return self._client.is_connected()

    def start(self) -> None:
        """Returns at once; connects, and connects again for ever, in the background."""
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.MaximumPacketSize = _MAX_PACKET_BYTES
        properties.ReceiveMaximum = 65535
        self._worker.start()
        self._client.connect_async(
            self._settings.mqtt_host, self._settings.mqtt_port, keepalive=30, clean_start=True, properties=properties
        )
        self._client.loop_start()

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self._queue.put(None)
        self._worker.join(10)

    def send(self, topic: str, payload: bytes) -> None:
        """At most once: what is lost is asked for again, by a resent batch or by a pull."""
        self._client.publish(topic, payload, qos=0)

    def _on_connect(self, client: paho.Client, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            log.error("broker.refused", reason=str(reason))
            return
        share = f"$share/{self._group}/" if self._group else ""
        client.subscribe([(share + topics.all_up(channel), SubscribeOptions(qos=1)) for channel in _CHANNELS])
        log.info("broker.connected", host=self._settings.mqtt_host, port=self._settings.mqtt_port)

    def _on_message(self, client: paho.Client, userdata: Any, message: paho.MQTTMessage) -> None:
        topic = topics.parse(message.topic)
        if topic is None:
            self.ignored += 1
        elif topic.channel == "batch":
            self._batch(topic.terminal, bytes(message.payload))
        else:
            try:
                self._queue.put_nowait((topic.channel, topic.terminal, bytes(message.payload)))
            except queue.Full:
                self.ignored += 1  # state is not history: the next report says it all again

    def _take_states(self) -> None:
        while taken := self._queue.get():
            channel, terminal, payload = taken
            try:
                self._states[channel](terminal, payload)
            except Exception as error:
                # One supervisor for the loop: a report that can't be taken now comes again within 5 minutes.
                log.error("state.failed", channel=channel, terminal=terminal, exc_info=error)

    @staticmethod
    def _on_socket_open(client: paho.Client, userdata: Any, connection: Any) -> None:
        # A round trip of small messages takes 41 ms without, 1.5 ms with.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


_CHANNELS = ("presence", "reported", "batch")


def _path(path: object) -> str | None:
    return str(path) if path else None
