"""Configuration of the fleet server: environment (`BALISE_…`) over a TOML file, read once, frozen, refused by name.

    BALISE_DATA_DIR=/var/lib/balise   BALISE_PORT=8080        or, in `balise.toml`:   data_dir = "/var/lib/balise"

The file is `balise.toml` in the working directory, or what `BALISE_CONFIG` names.
"""

import os
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from wire.enrol import in_the_clear

_PREFIX = "BALISE_"
_OTHERS = ("BALISE_AGENT_", "BALISE_DEMO_")
"""Settings of other programs on the same machine."""
_NAMED_ELSEWHERE = ("CONFIG", "URL", "TOKEN")
"""Where this file is, and what the command line reads to reach a server elsewhere."""


class WrongSettings(ValueError):
    """Start refused: the message names each setting, its value and what is accepted."""


class Settings(BaseSettings):
    """Frozen. Paths are absolute once read; durations are in seconds."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True, extra="forbid")

    data_dir: Path = Path("var/server")
    """Keys, blobs, TUF repository, and the SQLite database."""
    database: str = ""
    """SQLAlchemy URL; empty: SQLite in `data_dir`."""
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    public_url: str = ""
    """How terminals and browsers reach this server; empty: `http://{host}:{port}`."""
    broker: Literal["embedded", "external"] = "embedded"
    mqtt_host: str = "127.0.0.1"
    mqtt_port: Annotated[int, Field(ge=1, le=65535)] = 1883
    mqtt_tls_ca: Path | None = None
    mqtt_tls_certificate: Path | None = None
    mqtt_tls_key: Path | None = None
    mqtt_public_host: str = ""
    """The broker's address as terminals are told it; empty: `mqtt_host`."""
    mqtt_public_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """0: `mqtt_port`."""
    mqtt_public_tls: bool | None = None
    """Unset: as this server itself connects."""
    kept_health_days: Annotated[int, Field(ge=31)] = 90
    """Measurements of the machines; pages show the last 30 days."""
    kept_events_days: Annotated[int, Field(ge=31, le=366)] = 365
    """What happened to the terminals, and the orders they have answered."""
    kept_screenshots_days: Annotated[int, Field(ge=1, le=366)] = 30
    kept_requests_days: Annotated[int, Field(ge=31, le=1095)] = 365
    """Contact requests, after the last contact; never longer than three years."""
    kept_audit_days: Annotated[int, Field(ge=180, le=366)] = 365
    """Who did and read what: a year, and never less than half of one."""
    rollout_approval: Literal["on_request", "all"] = "on_request"
    """Which rollouts a second person approves: those whose author asks for it, or all. With all, nothing is asked of
    terminals but by a rollout, except on the server's own machine."""
    demo: bool = False
    """Marks every page as a demonstration."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_form: Literal["json", "text"] = "json"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = Path(os.environ.get("BALISE_CONFIG", "balise.toml"))
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, file)

    @field_validator("data_dir", "mqtt_tls_ca", "mqtt_tls_certificate", "mqtt_tls_key")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        return path and path.expanduser().absolute()

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        if self.broker == "embedded" and self.mqtt_host not in ("127.0.0.1", "localhost"):
            raise ValueError("mqtt_host: the embedded broker listens on 127.0.0.1 only; elsewhere, broker = external")
        if (self.mqtt_tls_certificate is None) != (self.mqtt_tls_key is None):
            raise ValueError("mqtt_tls_certificate and mqtt_tls_key go together")
        if (self.mqtt_tls_certificate is not None) and self.mqtt_tls_ca is None:
            raise ValueError("mqtt_tls_ca: needed beside mqtt_tls_certificate, to know the broker by")
        if in_the_clear(self.mqtt_host, self.mqtt_tls_certificate is not None):
            raise ValueError(
                f"mqtt_host = {self.mqtt_host!r}: a broker on a network is reached by mutual TLS; give mqtt_tls_ca, "
                "mqtt_tls_certificate and mqtt_tls_key, which « balise server broker » makes"
            )
        host, _, tls = self.broker_for_terminals
        if in_the_clear(host, tls):
            raise ValueError(
                f"mqtt_public_host = {host!r}: terminals reach a broker on a network by TLS; "
                "set mqtt_public_tls = true, with a broker as « balise server broker » prepares it"
            )
        return self

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite:///{self.data_dir / 'fleet.db'}"

    @property
    def keys_dir(self) -> Path:
        return self.data_dir / "keys"

    @property
    def url(self) -> str:
        return self.public_url.rstrip("/") or f"http://{self.host}:{self.port}"

    @property
    def broker_for_terminals(self) -> tuple[str, int, bool]:
        """Host, port, TLS, as an enrolment tells them."""
        tls = self.mqtt_tls_ca is not None if self.mqtt_public_tls is None else self.mqtt_public_tls
        return self.mqtt_public_host or self.mqtt_host, self.mqtt_public_port or self.mqtt_port, tls


def read_settings(**given: object) -> Settings:
    """Raises `WrongSettings`."""
    _refuse_unknown_names()
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        raise WrongSettings("\n".join(_line(problem) for problem in error.errors())) from error
    except tomllib.TOMLDecodeError as error:
        raise WrongSettings(f"{os.environ.get('BALISE_CONFIG', 'balise.toml')}: {error}") from error


def _line(problem: Any) -> str:
    name = "_".join(str(part) for part in problem["loc"])
    if not name:  # of several together: the message names them
        return str(problem["msg"]).removeprefix("Value error, ")
    return f"{_PREFIX}{name.upper()} = {problem['input']!r}: {problem['msg']}"


def _refuse_unknown_names() -> None:
    """A name misspelt in the environment is not a setting that applies silently nowhere."""
    known = {f"{_PREFIX}{name.upper()}" for name in Settings.model_fields} | {
        f"{_PREFIX}{name}" for name in _NAMED_ELSEWHERE
    }
    for name in os.environ:
        if name.startswith(_PREFIX) and not name.startswith(_OTHERS) and name not in known:
            near = get_close_matches(name, known, 1)
            raise WrongSettings(f"{name}: no such setting" + (f"; {near[0]}?" if near else ""))
