"""The one place that spells the topics: `balise/v1/{terminal}/{up|down}/{channel}`."""

from dataclasses import dataclass
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from wire.message import TerminalId

ROOT = "balise/v1"
Channel = Literal["presence", "reported", "batch", "desired", "command", "ack"]
_UP = ("presence", "reported", "batch")
_DOWN = ("desired", "command", "ack")
_terminal = TypeAdapter(TerminalId)


def presence(terminal: str) -> str:
    return f"{ROOT}/{terminal}/up/presence"


def reported(terminal: str) -> str:
    return f"{ROOT}/{terminal}/up/reported"


def batch(terminal: str) -> str:
    return f"{ROOT}/{terminal}/up/batch"


def desired(terminal: str) -> str:
    return f"{ROOT}/{terminal}/down/desired"


def command(terminal: str) -> str:
    return f"{ROOT}/{terminal}/down/command"


def ack(terminal: str) -> str:
    return f"{ROOT}/{terminal}/down/ack"


def all_down(terminal: str) -> str:
    """The filter a terminal subscribes to."""
    return f"{ROOT}/{terminal}/down/+"


def all_up(channel: str = "+") -> str:
    """The filter the server subscribes to."""
    return f"{ROOT}/+/up/{channel}"


@dataclass(frozen=True, slots=True)
class Topic:
    terminal: str
    channel: str


def parse(raw: str) -> Topic | None:
    """The terminal and channel of a topic of ours; None for any other."""
    parts = raw.split("/")
    if len(parts) != 5 or parts[0] != "balise" or parts[1] != "v1":
        return None
    terminal, direction, channel = parts[2:]
    if channel not in (_UP if direction == "up" else _DOWN if direction == "down" else ()):
        return None
    try:
        _terminal.validate_python(terminal)
    except ValidationError:
        return None
    return Topic(terminal, channel)
