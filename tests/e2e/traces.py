"""Where a person's words can still be read: on disks and on the wire, in any form they could have been written in."""

import base64
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion


def forms_of(words: str) -> set[bytes]:
    """As text (JSON may escape it), in UTF-16, in hex, and in base64 wherever in a longer text it stands."""
    plain = words.encode()
    found = {plain, words.encode("unicode_escape"), words.encode("utf-16-le"), plain.hex().encode()}
    for lead in range(3):
        whole = base64.b64encode(b"\0" * lead + plain)
        inner = whole[(lead * 8 + 5) // 6 : len(whole) // 4 * 4 - 4]
        found |= {inner, inner.translate(bytes.maketrans(b"+/", b"-_"))}
    return found


def traces(needles: Iterable[str], folders: Iterable[Path]) -> list[str]:
    """Files under `folders` (or files themselves) that hold one of these, each as `what in which file`."""
    return [
        f"{needle!r} in {path}"
        for folder in folders
        for path, body in _files(folder)
        for needle in needles
        if any(form in body for form in forms_of(needle))
    ]


def _files(folder: Path) -> Iterator[tuple[Path, bytes]]:
    for path in [folder] if folder.is_file() else sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path, path.read_bytes()


class Sniffer:
    """Hears every message of a broker that lets it, from the moment the block begins."""

    def __init__(self, port: int) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self._port = port
        self._subscribed = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="sniffer", protocol=paho.MQTTv5)
        self._client.on_connect = lambda client, *rest: client.subscribe("#", qos=1)
        self._client.on_subscribe = lambda *rest: self._subscribed.set()
        self._client.on_message = lambda client, data, message: self.heard.append(
            (message.topic, bytes(message.payload))
        )

    def __enter__(self) -> "Sniffer":
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        assert self._subscribed.wait(30), "the broker lets nobody listen to everything"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def channels(self) -> set[str]:
        return {topic.rpartition("/")[2] for topic, _ in self.heard}

    def traces(self, needles: Iterable[str]) -> list[str]:
        return [
            f"{needle!r} on {topic}"
            for topic, payload in self.heard
            for needle in needles
            if any(form in payload for form in forms_of(needle))
        ]
