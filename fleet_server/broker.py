"""The server's connection to the broker: up messages to whoever takes them, down messages published and forgotten.

Nothing relies on the broker remembering: clean start, no retained message, and a lost answer is asked for again.
"""

import queue
import random
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, cast

import paho.mqtt.client as paho
import structlog
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from fleet_server.buffered import BufferedSocket, Client
from fleet_server.settings import Settings
from wire import topics
from wire.batch import MAX_BATCH_BYTES

log = structlog.get_logger()
_MAX_PACKET_BYTES = MAX_BATCH_BYTES + 8192
_MAX_STATES_WAITING = 10_000
_STATES_AT_ONCE = 100
_MAX_DOWN_WAITING = 100_000
_KEEPALIVE_S = 30
_CHORES_EVERY_S = 1.0
_LONGEST_PAUSE_S = 15.0
_CHANNELS = ("presence", "reported", "batch")
Take = Callable[[str, bytes], None]
"""(terminal, payload)"""
States = Callable[[Sequence[tuple[str, str, bytes]]], None]
"""(channel, terminal, payload), as they came"""


class BrokerLink:
    """`batch` is called on the network thread and must return at once; `states`, what terminals say of themselves, has
    a thread apart, and gets all that has come meanwhile.

    `group`: the name of a shared subscription, so that several workers divide the batches among them.
    """

    def __init__(self, settings: Settings, batch: Take, states: States, group: str = "") -> None:
        self._settings = settings
        self._batch = batch
        self._states = states
        self._queue: queue.Queue[tuple[str, str, bytes] | None] = queue.Queue(_MAX_STATES_WAITING)
        self._share = f"$share/{group}/" if group else ""
        self._down: deque[tuple[str, bytes]] = deque(maxlen=_MAX_DOWN_WAITING)
        self._wake, self._woken = socket.socketpair()
        self._wake.setblocking(False)
        self._awake = False
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._stay_connected, name="broker", daemon=True),
            threading.Thread(target=self._take_states, name="terminal-state", daemon=True),
        ]
        self._subscribed = False
        self.ignored = 0

    @property
    def connected(self) -> bool:
        """Connected, and subscribed to what terminals say."""
        return self._subscribed

    def start(self) -> None:
        """Returns at once; connects, and connects again for ever, in the background."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """What was sent before is on its way."""
        self._over.set()
        self._nudge()
        self._queue.put(None)
        for thread in self._threads:
            thread.join(10)
        self._wake.close()
        self._woken.close()

    def send(self, topic: str, payload: bytes) -> None:
        """At most once, from any thread: what is lost is asked for again, by a resent batch or by a pull."""
        self._down.append((topic, payload))
        if not self._awake:
            self._nudge()

    def _nudge(self) -> None:
        self._awake = True
        try:
            self._wake.send(b"\0")
        except BlockingIOError:
            return  # it has been told more than enough

    # ---- the network thread ------------------------------------------------------------------------------------------

    def _stay_connected(self) -> None:
        pause = 0.25
        while not self._over.is_set():
            client = self._new_client()
            try:
                self._connect(client)
                while self._turn(client):
                    if self._subscribed:
                        pause = 0.25
            except (OSError, ValueError) as error:
                log.warning("broker.unreachable", host=self._settings.mqtt_host, port=self._settings.mqtt_port,
                            reason=str(error)[:200])  # fmt: skip
            finally:
                self._subscribed = False
                self._leave(client)
            self._over.wait(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
            pause = min(pause * 2, _LONGEST_PAUSE_S)

    def _new_client(self) -> Client:
        client = Client(CallbackAPIVersion.VERSION2, client_id="", protocol=paho.MQTTv5, reconnect_on_failure=False)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        if self._settings.mqtt_tls_ca:
            client.tls_set(str(self._settings.mqtt_tls_ca), _path(self._settings.mqtt_tls_certificate),
                           _path(self._settings.mqtt_tls_key))  # fmt: skip
        self._chores_at = 0.0
        return client

    def _connect(self, client: Client) -> None:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.MaximumPacketSize = _MAX_PACKET_BYTES
        properties.ReceiveMaximum = 65535
        client.connect(
            self._settings.mqtt_host, self._settings.mqtt_port, _KEEPALIVE_S, clean_start=True, properties=properties
        )

    def _turn(self, client: Client) -> bool:
        """Wait for something to do, and do it: read, publish what waits, write. False when the connection is over."""
        link = cast("BufferedSocket | None", client.socket())
        if link is None or self._over.is_set():
            return False
        writers = [link] if link.waiting or client.want_write() else []
        readers: list[Any] = [link, self._woken]
        readable, _, _ = select.select(readers, writers, [], _CHORES_EVERY_S)
        if self._woken in readable:
            self._woken.recv(4096)
        if link in readable:
            client.loop_read()
            while client.socket() is not None and link.pending():
                client.loop_read()
        self._publish(client)
        if client.want_write():
            client.loop_write()
        link.flush()
        if time.monotonic() >= self._chores_at:
            self._chores_at = time.monotonic() + _CHORES_EVERY_S
            client.loop_misc()  # keep-alive
        return client.socket() is not None

    def _publish(self, client: Client) -> None:
        # First the flag: what is appended from now on nudges again.
        self._awake = False
        if not self._subscribed:
            self._down.clear()  # to whom nobody can be told now: they ask again
        while self._down:
            client.publish(*self._down.popleft(), qos=0)

    def _leave(self, client: Client) -> None:
        """Say goodbye where that is still possible."""
        link = cast("BufferedSocket | None", client.socket())
        if link is None:
            return
        try:
            self._publish(client)
            client.disconnect()
            client.loop_write()
            link.flush()
            link.close()
        except OSError:
            link.close()

    def _on_connect(self, client: paho.Client, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            log.error("broker.refused", reason=str(reason))
            return
        client.subscribe([(self._share + topics.all_up(one), SubscribeOptions(qos=1)) for one in _CHANNELS])

    def _on_subscribe(self, client: paho.Client, userdata: Any, mid: int, reasons: Any, properties: Any) -> None:
        if any(reason.is_failure for reason in reasons):
            log.error("broker.subscription_refused", reasons=[str(reason) for reason in reasons])
            return
        self._subscribed = True
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

    # ---- the thread of states ----------------------------------------------------------------------------------------

    def _take_states(self) -> None:
        while came := self._waiting_states():
            try:
                self._states(came)
            except Exception as error:
                # One supervisor for the loop: one of them must not cost the others; what can't be taken comes again.
                log.error("states.failed", states=len(came), exc_info=error)
                for one in came if len(came) > 1 else ():
                    self._take_state(one)

    def _take_state(self, one: tuple[str, str, bytes]) -> None:
        try:
            self._states([one])
        except Exception as error:
            log.error("state.failed", channel=one[0], terminal=one[1], exc_info=error)

    def _waiting_states(self) -> list[tuple[str, str, bytes]]:
        """Waits for one, and takes what is behind it; none when it is over."""
        came: list[tuple[str, str, bytes]] = []
        while (one := self._queue.get()) is not None:
            came.append(one)
            if len(came) == _STATES_AT_ONCE or self._queue.empty():
                return came
        if came:
            self._queue.put(None)  # met again once these are taken
        return came


def _path(path: object) -> str | None:
    return str(path) if path else None
