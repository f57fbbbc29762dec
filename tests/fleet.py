"""A real fleet for tests and benchmarks: the shipped processes, as `balise` starts them, on free loopback ports.

    with Fleet(tmp_path) as fleet:
        laval = fleet.add("Laval")
        fleet.publish()
        laval.start()
        eventually(lambda: fleet.rows("select count(*) from usage_event")[0][0] == 3)

Only what it started is ended, by pid.
"""

import json
import os
import re
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Literal

import httpx
from sqlmodel import Session, select

from balise.demo.places import TERMINALS
from fleet_server.access import tokens
from fleet_server.access.accounts import create_account_with_password
from fleet_server.access.models import Account
from fleet_server.contents.build import Built, build
from fleet_server.contents.pack import read_pack
from fleet_server.context import Context
from fleet_server.db import transaction
from fleet_server.offline import offline
from fleet_server.releases.models import ContentRelease
from fleet_server.releases.offline_keys import open_signers
from fleet_server.releases.publish import publish, wish
from fleet_server.releases.software import publish_software
from fleet_server.settings import Settings
from fleet_server.software.folder import Made
from fleet_server.terminals.enrolment import make_token
from fleet_server.terminals.public import change_settings, wish_software
from fleet_server.terminals.registry import add_terminal, get_terminal
from tests.back_office import CAST, post
from tests.processes import BALISE, Mosquitto, Process, eventually, free_port
from wire.software import SoftwareRelease
from wire.state import Activation, Place

__all__ = ["BALISE", "PACK", "Fleet", "Kiosk", "Process", "eventually", "free_port"]
PACK = Path(__file__).parent.parent / "content" / "pays-de-la-loire"
PHRASE = "correct horse battery staple"
QUICK = {"request_delay_s": [1, 2]}
"""Contact requests leave within seconds: the pause that keeps them apart from visits has tests of its own."""


class Kiosk:
    """One terminal: its state, its port, and its agent while it runs."""

    def __init__(self, fleet: "Fleet", name: str, terminal: str) -> None:
        self._fleet = fleet
        self.name = name
        self.terminal = terminal
        self.state_dir = fleet.directory / "terminals" / terminal
        self.log = fleet.directory / "logs" / f"{terminal}.log"
        self.port = free_port()
        self.agent: Process | None = None
        self.debug_port = 0

    def start(
        self, window: bool = False, env: Mapping[str, str] | None = None, disk: str = "", **settings: Any
    ) -> "Kiosk":
        """`settings`: the agent's own, by name; `env`: a display's, for a window; `disk`: the size of one of its own
        (`12m`), a fresh one, seen from here in `state_dir` while it runs. Returns once its page answers."""
        self.state_dir.mkdir(parents=True, exist_ok=True)
        (self.state_dir / "kiosk.json").unlink(missing_ok=True)
        given = {"state_dir": self.state_dir, "port": self.port, "window": int(window)} | settings
        if not (self.state_dir / "identity").exists():
            given.setdefault("enrol", self._fleet.token(self.terminal))
        named = {f"BALISE_AGENT_{name.upper()}": str(value) for name, value in given.items()}
        mount = f'mount -t tmpfs -o size={disk} none {self.state_dir} && exec "$@"'
        apart = ["unshare", "--map-root-user", "--mount", "sh", "-c", mount, "sh"] if disk else []
        self.agent = Process(self.name, [*apart, *BALISE, "agent"], self.log, named | dict(env or {}))
        if disk:
            self.state_dir = Path(f"/proc/{self.agent.pid}/root{self.state_dir}")
        eventually(lambda: (self.state_dir / "kiosk.json").exists() or self.ended(), what=f"{self.name} is enrolled")
        return self

    def ended(self) -> bool:
        """False while it runs; an agent that ended by itself fails the test, with its last words."""
        if self.agent and not self.agent.alive:
            raise AssertionError(f"the agent of {self.name} has ended: {self.agent.said()[-2000:]}")
        return False

    @property
    def pid(self) -> int:
        assert self.agent
        return self.agent.pid

    @property
    def url(self) -> str:
        """Of its page, with the page's token."""
        return str(json.loads((self.state_dir / "kiosk.json").read_text())["url"])

    def client(self) -> httpx.Client:
        """What a page may do."""
        base, _, token = self.url.partition("/#k=")
        return httpx.Client(base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=40)

    def screen(self) -> dict[str, Any]:
        """What its page is told to show; empty while it does not answer."""
        try:
            with self.client() as client:
                answer = client.get("/api/v1/screen")
            found: dict[str, Any] = answer.json() if answer.status_code == 200 else {}
        except httpx.TransportError:
            return {}
        return found

    def release(self) -> str:
        """Label of the content in force."""
        return str((self.screen().get("release") or {}).get("label", ""))

    def shows(self, label: str) -> "Kiosk":
        eventually(lambda: self.release() == label or self.ended(), 120, what=f"{self.name} activates {label}")
        return self

    def kill(self) -> None:
        if self.agent:
            self.agent.kill()

    def stop(self) -> None:
        if self.agent:
            self.agent.stop()


class Fleet:
    """Server and broker run inside the block. `tls`: mosquitto with mutual certificates and access by name. `address`:
    where they listen."""

    def __init__(
        self, directory: Path, broker: Literal["embedded", "mosquitto"] = "embedded", tls: bool = False,
        address: str = "127.0.0.1",
    ) -> None:  # fmt: skip
        self.directory = directory
        self.data_dir = directory / "server"
        self.database = self.data_dir / "fleet.db"
        self.address = address
        self.url = f"http://{address}:{(port := free_port())}"
        self.mqtt_port = free_port()
        self.kiosks: dict[str, Kiosk] = {}
        self.passwords: dict[str, str] = {}
        self.server: Process | None = None
        self.mosquitto: Mosquitto | None = None
        self._external = broker == "mosquitto"
        self._tls = tls
        self._given: dict[str, Any] = {
            "data_dir": self.data_dir, "host": address, "port": port, "mqtt_port": self.mqtt_port,
            "broker": "external" if self._external else "embedded",
        }  # fmt: skip
        assert self._external or not tls, "the broker that comes along has no TLS"

    # ---- its life ----------------------------------------------------------------------------------------------------

    def __enter__(self) -> "Fleet":
        (self.directory / "logs").mkdir(parents=True, exist_ok=True)
        env = os.environ | {"BALISE_DATA_DIR": str(self.data_dir)}
        (phrase := self.directory / "phrase").write_text(PHRASE)
        init = [*BALISE, "server", "init", "--passphrase-file", str(phrase)]
        subprocess.run(init, check=True, env=env, stdout=subprocess.DEVNULL)
        self._make_broker(env)
        with self.offline() as ctx, transaction(ctx.engine) as session:
            now = ctx.now()
            for login, (name, role) in CAST.items():
                self.passwords[login] = create_account_with_password(session, login, name, [role], now)
            change_settings(session, ctx, "all", "", QUICK, "Essai")
        if self.mosquitto:
            self.mosquitto.start()
        try:
            self.start_server()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        for kiosk in self.kiosks.values():
            kiosk.stop()
        if self.server:
            self.server.stop()
        if self.mosquitto:
            self.mosquitto.stop()

    def start_server(self) -> None:
        """Returns once it is ready; also after `fleet.server.kill()`."""
        self.server = Process("server", [*BALISE, "server", "run"], self.server_log, self.environment)
        eventually(self._ready, what="the server is ready")

    @property
    def environment(self) -> dict[str, str]:
        """The server's settings, for other commands that look for it."""
        return {f"BALISE_{name.upper()}": str(value) for name, value in self._given.items()}

    @property
    def server_log(self) -> Path:
        return self.directory / "logs" / "server.log"

    def _ready(self) -> bool:
        assert self.server
        if not self.server.alive:
            raise AssertionError(f"the server has ended: {self.server.said()[-2000:]}")
        try:
            return httpx.get(f"{self.url}/readyz", timeout=10).status_code == 200
        except httpx.TransportError:
            return False

    def _make_broker(self, env: dict[str, str]) -> None:
        """With TLS as an operator does: by the command, whose last lines are the server's settings."""
        if self._external and self._tls:
            out = self.directory / "broker"
            where = f"--host {self.address} --host localhost --listen {self.address} --port {self.mqtt_port}".split()
            command = [*BALISE, "server", "broker", "--out", str(out), *where]
            said = subprocess.run(command, check=True, env=env, stdout=subprocess.PIPE, text=True).stdout
            self._given |= {name.lower(): value for name, value in re.findall(r"^  BALISE_(\w+)=(.+)$", said, re.M)}
            self.mosquitto = Mosquitto(self.directory, self.mqtt_port, (out / "mosquitto.conf").read_text())
        elif self._external:
            self.mosquitto = Mosquitto(self.directory, self.mqtt_port)

    # ---- what people do, by the rooms' own functions -----------------------------------------------------------------

    @contextmanager
    def offline(self) -> Iterator[Context]:
        """As the command line; what is wished here the running server pushes within two seconds."""
        with offline(Settings(**self._given)) as ctx:
            yield ctx

    def add(self, name: str, place: Place | None = None, groups: tuple[str, ...] = ()) -> Kiosk:
        """A terminal, expected and not started. Named as a demonstration place, it stands there, else at Laval."""
        at = place or next((one.place for one in TERMINALS if one.name == name), TERMINALS[0].place)
        with self.offline() as ctx, transaction(ctx.engine) as session:
            terminal = add_terminal(session, name, at, list(groups), ctx.now()).id
        self.kiosks[terminal] = Kiosk(self, name, terminal)
        return self.kiosks[terminal]

    def add_seven(self) -> list[Kiosk]:
        return [self.add(one.name, one.place) for one in TERMINALS]

    def token(self, terminal: str) -> str:
        with self.offline() as ctx, transaction(ctx.engine) as session:
            return make_token(session, ctx, get_terminal(session, terminal), None)

    def publish(self, content: Path | Built = PACK, label: str = "2026.48", wished: bool = True) -> str:
        """A pack, or a release built by other means; wanted everywhere at once. Its label."""
        with self.offline() as ctx:
            built = content if isinstance(content, Built) else build(read_pack(content), label, ctx.now())
            row = publish(ctx, built, None)
            if wished:
                with transaction(ctx.engine) as session:
                    wish(session, ctx, row, None, None)
            return row.label

    def want(self, label: str, *kiosks: Kiosk) -> None:
        """An edition that is published, on these terminals (none named: on all): the way back, too."""
        with self.offline() as ctx, transaction(ctx.engine) as session:
            wish(session, ctx, _edition(session, label), [kiosk.terminal for kiosk in kiosks] or None, None)

    def publish_software(self, made: Made) -> SoftwareRelease:
        """Signed by the keys that would be elsewhere."""
        signers = open_signers(self.data_dir / "keys-offline", PHRASE)
        with self.offline() as ctx:
            assert publish_software(ctx, made, signers, "", None)
        return made.release

    def want_software(self, release: SoftwareRelease, *kiosks: Kiosk, **when: Any) -> None:
        """On these terminals (none named: on all). `when`: of its activation."""
        with self.offline() as ctx, transaction(ctx.engine) as session:
            wish_software(session, ctx, release, [kiosk.terminal for kiosk in kiosks] or None, Activation(**when))

    def set(self, **values: Any) -> None:
        """Settings of all terminals."""
        with self.offline() as ctx, transaction(ctx.engine) as session:
            change_settings(session, ctx, "all", "", QUICK | values, "Essai")

    def report(self, kiosk: Kiosk) -> dict[str, Any]:
        """The last that the server has heard of it; empty before the first."""
        rows = self.rows("select report from terminal_live where terminal = ?", kiosk.terminal)
        return (json.loads(rows[0][0]) or {}) if rows and rows[0][0] else {}

    def signed_in(self, login: str) -> httpx.Client:
        """yanis (operator), maelle (counsellor) or anne (admin), without JavaScript."""
        client = httpx.Client(base_url=self.url, timeout=30)
        answer = post(client, "/connexion", login=login, password=self.passwords[login])
        assert answer.status_code == 303, answer.text
        return client

    @contextmanager
    def program(self, *scopes: str) -> Iterator[httpx.Client]:
        """A program of yanis's, with a token of its own."""
        with self.offline() as ctx, transaction(ctx.engine) as session:
            yanis = session.exec(select(Account).where(Account.login == "yanis")).one()
            secret = tokens.make_token(session, yanis, "essai", list(scopes), 7, ctx.now())
        with httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {secret}"}) as client:
            yield client

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Read from the server's database as it is on disk."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=30)) as db:
            return db.execute(query, values).fetchall()


def _edition(session: Session, label: str) -> ContentRelease:
    return session.exec(select(ContentRelease).where(ContentRelease.label == label)).one()
