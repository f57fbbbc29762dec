"""A server made by `balise server init`, whose offline keys have been carried away, and the commands of ceremonies."""

from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine
from sqlmodel import col, select
from typer.testing import CliRunner

from balise.cli import app
from fleet_server.access.models import AuditEntry
from fleet_server.db import connect, reading, transaction
from fleet_server.settings import Settings
from fleet_server.terminals.registry import add_terminal
from wire.state import Place as Standing

PHRASE = "correct horse battery staple"


class Place:
    def __init__(self, directory: Path) -> None:
        self.server, self.usb, self.phrase = directory / "server", directory / "usb", directory / "phrase"
        self.phrase.write_text(PHRASE)
        self.file = directory / "ceremony.json"
        self.run("server", "init", "--passphrase-file", str(self.phrase))
        (self.server / "keys-offline").rename(self.usb)

    def run(self, *words: str, ok: bool = True) -> str:
        done = CliRunner().invoke(app, words, env={"BALISE_DATA_DIR": str(self.server)})
        assert (done.exit_code == 0) == ok, done.output
        return done.output

    def keys(self, *words: str, ok: bool = True) -> str:
        return self.run("release", "keys", *words, ok=ok)

    def make(self, name: str, role: str) -> str:
        self.keys("make", str(self.usb), "--role", role, "--name", name, "--passphrase-file", str(self.phrase))
        return str(self.usb / f"{name}.pub.json")

    def sign(self, folder: Path | None = None) -> str:
        return self.keys("sign", str(self.file), str(folder or self.usb), "--passphrase-file", str(self.phrase))

    def audited(self, beginning: str) -> list[AuditEntry]:
        with reading(connect(Settings(data_dir=self.server).database_url)) as session:
            return list(session.exec(select(AuditEntry).where(col(AuditEntry.act).startswith(beginning))))

    def state(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (self.server / "releases").rglob("*.json")}

    def with_terminal(self, name: str, at: Standing) -> tuple[Engine, str]:
        """One that was let in, as after an enrolment. The database, and its id."""
        engine = connect(Settings(data_dir=self.server).database_url)
        with transaction(engine) as session:
            one = add_terminal(session, name, at, [], datetime.now(UTC))
            one.status, one.generation = "accepted", 1
            session.add(one)
            return engine, one.id
