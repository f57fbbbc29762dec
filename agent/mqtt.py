"""One MQTT 5 connection on an event loop: paho-mqtt without a thread of its own.

A new connection is a new object: what an old one had not delivered is forgotten here, and kept in the outbox.
"""

import asyncio
import contextlib
import socket
import ssl
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from wire.sign import MAX_DOWN_BYTES

KEEPALIVE_S = 30
_OPEN_WITHIN_S = 15
_CHORES_EVERY_S = 5
_TAKEN_WITHIN_S = 10
"""A broker that has not taken a message by then has lost this connection, whatever the socket says."""
_MAX_PACKET_BYTES = MAX_DOWN_BYTES + 1024


class Disconnected(Exception):
    """The connection could not be made, or is lost: the reason is in the message."""


class Connection:
    """Used from the event loop alone. Received messages come by `receive`, in order."""

    def __init__(self, client_id: str, will: tuple[str, bytes], tls: ssl.SSLContext | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, protocol=paho.MQTTv5, reconnect_on_failure=False
        )
        self._client.connect_timeout = 5
        self._client.will_set(*will, qos=1)
        if tls:
            self._client.tls_set_context(tls)
        self._received: asyncio.Queue[tuple[str, bytes] | Disconnected] = asyncio.Queue()
        self._accepted: asyncio.Future[None] = self._loop.create_future()
        self._subscribed: asyncio.Future[None] = self._loop.create_future()
        self._chores: asyncio.TimerHandle | None = None
        self._untaken: dict[int, float] = {}
        self._socket: Any = None
        client = self._client
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_disconnect = self._on_disconnect
        client.on_socket_open = self._on_socket_open
        client.on_socket_close = self._on_socket_close
        client.on_socket_register_write = self._on_register_write
        client.on_socket_unregister_write = self._on_unregister_write

    async def open(self, host: str, port: int, down: str) -> None:
        """Connect with a clean start and subscribe to `down`. Raises `Disconnected`."""
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.MaximumPacketSize = _MAX_PACKET_BYTES
        try:
            async with asyncio.timeout(_OPEN_WITHIN_S):
                # Name lookup, TCP and TLS block.
                await asyncio.to_thread(
                    self._client.connect, host, port, KEEPALIVE_S, clean_start=True, properties=properties
                )
                self._watch_socket()
                await self._accepted
                self._client.subscribe(down, qos=1)
                await self._subscribed
        except (OSError, TimeoutError, ValueError) as error:
            self.close()
            raise Disconnected(f"{host}:{port}: {error or type(error).__name__}") from error
        except BaseException:
            self.close()
            raise

    def publish(self, topic: str, payload: bytes) -> None:
        """QoS 1, not awaited: only the server's own answer counts. Raises `Disconnected`."""
        sent = self._client.publish(topic, payload, qos=1)
        if sent.rc != paho.MQTT_ERR_SUCCESS:
            raise Disconnected("not connected")
        self._untaken[sent.mid] = self._loop.time()

    async def receive(self) -> tuple[str, bytes]:
        """The next message: topic and payload. Raises `Disconnected` once the connection is over."""
        item = await self._received.get()
        if isinstance(item, Disconnected):
            self._received.put_nowait(item)
            raise item
        return item

    def lose(self) -> None:
        """Break the connection without a goodbye; `receive` finds it over."""
        with contextlib.suppress(OSError):
            if self._socket is not None:
                self._socket.shutdown(socket.SHUT_RDWR)
        self._over("cut")

    def close(self) -> None:
        """Say goodbye, which takes back the last will: publish presence before."""
        if self._chores:
            self._chores.cancel()
        self._client.disconnect()
        with contextlib.suppress(OSError, ValueError):
            self._client.loop_write()
        self._unwatch()
        # Where the goodbye could not be written at once, it is not waited for.
        if left := self._client.socket():
            left.close()
        self._over("closed")

    def _watch_socket(self) -> None:
        self._socket = self._client.socket()
        if self._socket is None:
            raise Disconnected("the broker hung up at once")
        self._loop.add_reader(self._socket.fileno(), self._readable)
        if self._client.want_write():
            self._loop.add_writer(self._socket.fileno(), self._client.loop_write)
        self._do_chores()

    def _unwatch(self) -> None:
        if self._socket is not None and self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
            self._loop.remove_writer(self._socket.fileno())
        self._socket = None

    def _readable(self) -> None:
        connection = self._socket
        self._client.loop_read()
        # TLS may hold more than the socket shows.
        while self._socket is connection and isinstance(connection, ssl.SSLSocket) and connection.pending():
            self._client.loop_read()

    def _do_chores(self) -> None:
        """Keep-alive, and the loss of a peer that fell silent."""
        self._client.loop_misc()
        if self._untaken and self._loop.time() - min(self._untaken.values()) > _TAKEN_WITHIN_S:
            self._over("the broker takes nothing any more")
        elif self._socket is not None:
            self._chores = self._loop.call_later(_CHORES_EVERY_S, self._do_chores)

    def _over(self, reason: str) -> None:
        gone = Disconnected(reason)
        for waited in (self._accepted, self._subscribed):
            if not waited.done():
                waited.set_exception(gone)
                waited.exception()  # seen: nobody may be waiting
        self._received.put_nowait(gone)

    # ---- what paho calls; while connecting, from a thread ------------------------------------------------------------

    def _on_socket_open(self, client: paho.Client, userdata: Any, connection: Any) -> None:
        # A round trip of small messages takes 41 ms without, 1.5 ms with.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _on_socket_close(self, client: paho.Client, userdata: Any, connection: Any) -> None:
        if self._socket is connection:
            self._unwatch()

    def _on_register_write(self, client: paho.Client, userdata: Any, connection: Any) -> None:
        if self._socket is connection:
            self._loop.add_writer(connection.fileno(), self._client.loop_write)

    def _on_unregister_write(self, client: paho.Client, userdata: Any, connection: Any) -> None:
        if self._socket is connection:
            self._loop.remove_writer(connection.fileno())

    def _on_connect(
        self, client: paho.Client, userdata: Any, flags: Any, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self._over(f"the broker refuses: {reason}")
        elif not self._accepted.done():
            self._accepted.set_result(None)

    def _on_subscribe(
        self, client: paho.Client, userdata: Any, mid: int, reasons: list[ReasonCode], properties: Properties | None
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            self._over("the broker refuses the subscription")
        elif not self._subscribed.done():
            self._subscribed.set_result(None)

    def _on_message(self, client: paho.Client, userdata: Any, message: paho.MQTTMessage) -> None:
        self._received.put_nowait((message.topic, bytes(message.payload)))

    def _on_publish(
        self, client: paho.Client, userdata: Any, mid: int, reason: ReasonCode, properties: Properties | None
    ) -> None:
        self._untaken.pop(mid, None)

    def _on_disconnect(
        self, client: paho.Client, userdata: Any, flags: Any, reason: ReasonCode, properties: Properties | None
    ) -> None:
        self._over(f"connection lost: {reason}")
