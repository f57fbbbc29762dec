"""A back-office on a real database and a real socket. Its cast: Yanis operates, Maëlle counsels, Anne administers."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import httpx
import uvicorn
from fastapi import FastAPI
from sqlmodel import SQLModel

from fleet_server import rooms
from fleet_server.access import pages as access_pages
from fleet_server.access.accounts import create_account_with_password
from fleet_server.access.guard import find_viewer
from fleet_server.context import Context
from fleet_server.db import connect, transaction
from fleet_server.evaluation import frequentation
from fleet_server.keys import make_keys
from fleet_server.settings import Settings
from fleet_server.web.live import Live
from fleet_server.web.site import install_web
from fleet_server.zero_copy import ZeroCopyProtocol

CAST = {
    "yanis": ("Yanis Belkacem", "operator"),
    "maelle": ("Maëlle Riou", "counsellor"),
    "anne": ("Anne Delorme", "admin"),
}
TERMINALS = {"laval-01": "Laval", "cholet-01": "Cholet", "segre-01": "Segré"}


@dataclass
class Clock:
    """Yesterday at noon by default, so that nothing is in the future; moved by tests."""

    at: datetime = field(default_factory=lambda: datetime(2026, 11, 24, 11, 0, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.at

    def pass_by(self, gap: timedelta) -> None:
        self.at += gap


@dataclass
class BackOffice:
    app: FastAPI
    context: Context
    clock: Clock
    passwords: dict[str, str]
    url: str = ""

    def client(self, **options: Any) -> httpx.Client:
        """A browser without JavaScript: cookies, no redirect followed by itself."""
        return httpx.Client(base_url=self.url, follow_redirects=False, timeout=30, **options)

    def signed_in(self, login: str) -> httpx.Client:
        client = self.client()
        answer = post(client, "/connexion", login=login, password=self.passwords[login])
        assert answer.status_code == 303, answer.text
        return client


def build(directory: Path, demo: bool = False, whole: bool = False) -> BackOffice:
    """`whole`: with every room, as the composition root installs them, and keys of its own."""
    clock = Clock()
    engine = connect(f"sqlite:///{directory / 'fleet.db'}")
    SQLModel.metadata.create_all(engine)
    settings = Settings(data_dir=directory, demo=demo)
    keys = make_keys(settings.keys_dir, clock()) if whole else cast(Any, None)
    context = Context(settings, engine, keys, Live(), clock, clock(), lambda topic, payload: None)
    app = FastAPI()
    app.state.context, app.state.find_viewer = context, find_viewer
    if whole:
        rooms.install(app)
    else:
        app.state.live_roles = rooms.LIVE_ROLES
        app.state.terminal_names = lambda session: dict(TERMINALS)
        install_web(app)
        app.include_router(access_pages.router)
        app.include_router(frequentation.router)
    with transaction(engine) as session:
        passwords = {
            login: create_account_with_password(session, login, name, [role], clock())
            for login, (name, role) in CAST.items()
        }
    return BackOffice(app, context, clock, passwords)


@contextmanager
def served(office: BackOffice) -> Iterator[BackOffice]:
    """On a free port of loopback, by uvicorn, until the end of the block."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(
            office.app, http=ZeroCopyProtocol, log_level="error", timeout_graceful_shutdown=1
        ))  # fmt: skip
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        office.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        wait_until(lambda: server.started)
        yield office
        server.should_exit = True
        thread.join()


def token_in(client: httpx.Client, path: str) -> str:
    page = client.get(path)
    return page.text.split('name="csrf" content="')[1].split('"')[0]


def post(client: httpx.Client, path: str, *, form_at: str = "", **values: Any) -> httpx.Response:
    """A form, filled in and sent as the page would: with the token that the page showed. Bytes are a file to send."""
    files = {name: (f"{name}.zip", value) for name, value in values.items() if isinstance(value, bytes)}
    fields = {name: value for name, value in values.items() if name not in files}
    return client.post(path, data={"csrf": token_in(client, form_at or path), **fields}, files=files or None)


def wait_until(holds: Callable[[], object], seconds: float = 20) -> None:
    deadline = datetime.now(UTC) + timedelta(seconds=seconds)
    while not holds():
        assert datetime.now(UTC) < deadline, "waited in vain"
        threading.Event().wait(0.02)
