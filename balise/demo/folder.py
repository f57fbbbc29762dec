"""`DEMO_DIR`: what the demonstration keeps from one start to the next, in one folder, read by its owner alone.

demo.json    ports, accounts and terminals (0600)     server/       the server's data
ready.json   while all is up (0600)                   terminals/…   each terminal's state
lock         held while it runs                       logs/…        what each process says
"""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from balise.demo.refusal import Refused


@dataclass
class Account:
    role: str
    login: str
    name: str
    password: str


@dataclass
class Saved:
    """`enrolled_at`: the address terminals know their server by; another one makes them enrol again."""

    port: int
    mqtt_port: int
    kiosk_ports: dict[str, int] = field(default_factory=dict)
    accounts: list[Account] = field(default_factory=list)
    terminals: dict[str, str] = field(default_factory=dict)
    """Demonstration key → terminal id."""
    content: str = ""
    """Digest of the pack that was last published, and the label of its edition."""
    runs_with_visits: int = 0
    """Simulated visits are never the same twice: each run draws from a seed of its own."""


class Folder:
    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.server = self.path / "server"
        self.logs = self.path / "logs"
        self.ready = self.path / "ready.json"
        self._saved = self.path / "demo.json"

    def terminal(self, key: str) -> Path:
        return self.path / "terminals" / key

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    @contextmanager
    def ours(self) -> Iterator[None]:
        """The folder exists, is private, and no other demonstration runs in it. Raises `Refused`."""
        try:
            self.logs.mkdir(parents=True, exist_ok=True)
            self.path.chmod(0o700)
            lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise Refused(
                f"Pas le droit d’écrire dans {self.path} ({error.strerror}) : choisissez un autre dossier, "
                "par exemple DEMO_DIR=~/balise-demo."
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(lock)
            raise Refused(
                f"Une démonstration tourne déjà dans {self.path} : arrêtez-la (Ctrl-C), ou prenez un autre DEMO_DIR."
            ) from error
        try:
            self.ready.unlink(missing_ok=True)
            yield
        finally:
            self.ready.unlink(missing_ok=True)
            os.close(lock)

    def load(self) -> Saved | None:
        """None at the first start. Raises `Refused` when the file is damaged."""
        if not self._saved.exists():
            return None
        try:
            kept = json.loads(self._saved.read_text())
            return Saved(**kept | {"accounts": [Account(**account) for account in kept["accounts"]]})
        except (ValueError, TypeError, KeyError) as error:
            raise Refused(
                f"{self._saved} est abîmé : supprimez le dossier {self.path} pour repartir à neuf."
            ) from error

    def save(self, saved: Saved) -> None:
        fields = vars(saved) | {"accounts": [vars(account) for account in saved.accounts]}
        write_private(self._saved, fields)


def write_private(path: Path, value: Any) -> None:
    """Whole or not at all, and for its owner only: it holds passwords."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(value, file, ensure_ascii=False, indent=2)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
