"""Configuration of the agent: environment (`BALISE_AGENT_…`), read once, frozen, refused by name.

    BALISE_AGENT_STATE_DIR=/var/lib/balise-agent   BALISE_AGENT_PORT=8090   BALISE_AGENT_WINDOW=1

Read without pydantic-settings, which costs a kiosk 6 MB of memory for these few lines.
"""

import os
import shlex
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

_PREFIX = "BALISE_AGENT_"
MIB = 2**20


class WrongSettings(ValueError):
    """Start refused: the message names each setting, its value and what is accepted."""


class AgentSettings(BaseModel):
    """Frozen. Durations are in seconds, sizes in bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    state_dir: Path = Path("var/agent")
    """Key and enrolment, outboxes, content store: everything a terminal keeps."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8090
    """Of the local API on 127.0.0.1; 0 takes a free one."""
    enrol: str = ""
    """One-time token, used when the terminal is not enrolled yet."""
    pair: Annotated[str, Field(pattern=r"^(https?://\S+)?$")] = ""
    """Base URL of the server to pair with when there is no token: a code shows on the screen."""
    window: bool = False
    """Open the kiosk window; without it the page is for any browser."""
    hardware: Annotated[str, Field(max_length=200)] = ""
    volume_command: str = ""
    """`wpctl set-volume @DEFAULT_AUDIO_SINK@ {percent}%`; empty: what this host is found to have."""
    brightness_command: str = ""
    """`brightnessctl -q set {percent}%`; likewise."""
    reboot_command: str = ""
    """`sudo -n systemctl reboot`, which the machine must allow to this user; empty: this host can't be told to."""
    update_steady_s: Annotated[float, Field(gt=0)] = 60
    """How long all must be well with a new version of this software before it stays."""
    update_within_s: Annotated[float, Field(gt=0)] = 900
    """When it is not by then, the one before comes back. Less than the launcher's alarm (BALISE_TRIAL_S, 1200)."""
    health_every_s: Annotated[float, Field(gt=0)] = 60
    reported_every_s: Annotated[float, Field(gt=0)] = 300
    pull_every_s: Annotated[float, Field(gt=0)] = 3600
    answer_within_s: Annotated[float, Field(gt=0)] = 5
    """How long a batch waits for its acknowledgement before it is sent again (doubled each time, up to 60 s)."""
    outbox_bytes: Annotated[int, Field(ge=MIB // 4)] = 256 * MIB
    """Cap of the spool: about a year of a busy terminal."""
    request_bytes: Annotated[int, Field(ge=MIB // 4)] = 64 * MIB
    """Disk reserved for contact requests, so that other data never take their place."""

    @field_validator("volume_command", "brightness_command")
    @classmethod
    def _names_the_value(cls, value: str) -> str:
        if value and "{percent}" not in value:
            raise ValueError("names no {percent}: the value asked for could not be passed on")
        return value

    @field_validator("volume_command", "brightness_command", "reboot_command")
    @classmethod
    def _can_be_split(cls, value: str) -> str:
        shlex.split(value)
        return value

    @field_validator("state_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.resolve()


def read_settings(**given: object) -> AgentSettings:
    """What is `given` (command line) wins over the environment; None counts as not given. Raises `WrongSettings`."""
    found: dict[str, Any] = {
        name.removeprefix(_PREFIX).lower(): value for name, value in os.environ.items() if name.startswith(_PREFIX)
    }
    found |= {name: value for name, value in given.items() if value is not None}
    try:
        return AgentSettings.model_validate(found)
    except ValidationError as error:
        lines = [
            f"{_PREFIX}{str(problem['loc'][0]).upper()} = {problem['input']!r}: {problem['msg']}"
            for problem in error.errors()
        ]
        raise WrongSettings("\n".join(lines)) from error
