"""Configuration of the fleet server: environment (`BALISE_…`) over a TOML file, read once, frozen, refused by name.

    BALISE_DATA_DIR=/var/lib/balise   BALISE_DATABASE=sqlite:////var/lib/balise/fleet.db   BALISE_PORT=8080
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource


class WrongSettings(ValueError):
    """Start refused: the message names each setting, its value and what is accepted."""


class Settings(BaseSettings):
    """Frozen. Paths are absolute once read; durations are in seconds."""

    model_config = SettingsConfigDict(env_prefix="BALISE_", frozen=True, extra="forbid", toml_file="balise.toml")

    data_dir: Path = Path("var/server")
    """Keys, blobs, TUF repository, quarantine, and the SQLite database."""
    database: str = ""
    """SQLAlchemy URL; empty: SQLite in `data_dir`."""
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    public_url: str = ""
    """How terminals and browsers reach this server; empty: `http://{host}:{port}`."""
    broker: Literal["embedded", "external"] = "embedded"
    mqtt_host: str = "127.0.0.1"
    mqtt_port: Annotated[int, Field(ge=1, le=65535)] = 1883
    mqtt_public_host: str = ""
    """What terminals are told; empty: `mqtt_host`."""
    mqtt_tls_ca: Path | None = None
    mqtt_tls_certificate: Path | None = None
    mqtt_tls_key: Path | None = None
    ingest: Literal["in_process", "workers"] = "in_process"
    demo: bool = False
    """Marks every page as a demonstration."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite:///{(self.data_dir / 'fleet.db').resolve()}"

    @property
    def url(self) -> str:
        return self.public_url.rstrip("/") or f"http://{self.host}:{self.port}"


def read_settings(**given: object) -> Settings:
    """Raises `WrongSettings`."""
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        lines = [
            f"BALISE_{'_'.join(str(part) for part in problem['loc']).upper()} = {problem['input']!r}: {problem['msg']}"
            for problem in error.errors()
        ]
        raise WrongSettings("\n".join(lines)) from error
