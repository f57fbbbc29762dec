"""The broker that comes along (rumqttd, from the `iotcore` wheel), in a process of its own, on loopback only.

It has no persistence, no access control, no client certificates: the contract needs none of them to be safe on
loopback. On any network, `broker=external` points to mosquitto or another MQTT 5 broker with mutual TLS.
"""

from pathlib import Path

from iotcore import Broker

from wire.batch import MAX_BATCH_BYTES

_CONFIG = """\
id = 0
[router]
id = 0
max_connections = 10010
max_outgoing_packet_count = 2000
max_segment_size = 104857600
max_segment_count = 10
[v5.1]
name = "balise"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 0
[v5.1.connections]
connection_timeout_ms = 60000
max_payload_size = {payload}
max_inflight_count = 500
dynamic_filters = true
"""


def embedded_broker(port: int, directory: Path) -> Broker:
    """Not started yet: `with embedded_broker(port, dir): …`, or `.start()` / `.stop()`. Dies with its parent.

    Raises `OSError` at start when the port is taken.
    """
    directory.mkdir(parents=True, exist_ok=True)
    config = directory / f"broker-{port}.toml"
    config.write_text(_CONFIG.format(port=port, payload=MAX_BATCH_BYTES + 8192))
    return Broker(port=port, listen="127.0.0.1", config_path=str(config))
