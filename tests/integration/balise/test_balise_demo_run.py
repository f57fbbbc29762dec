"""`balise demo`, as a stranger starts it: seven real terminals, a server, one folder, and nothing left behind."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.back_office import token_in
from tests.fleet import eventually, free_port

PATIENCE_S = 240


class Running:
    """A demonstration in a process of its own."""

    def __init__(self, folder: Path, port: int, **env: str) -> None:
        self.folder = folder
        self.output = folder.with_suffix(".out")
        clean = {name: value for name, value in os.environ.items() if not name.startswith("BALISE_")}
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "balise", "demo"], stdout=output, stderr=subprocess.STDOUT,
                env=clean | {"DEMO_DIR": str(folder), "PORT": str(port), "HEADLESS": "1"} | env,
            )  # fmt: skip

    def ready(self) -> dict:
        path = self.folder / "ready.json"

        def there():
            assert self.process.poll() is None, self.said()
            return path.exists()

        eventually(there, PATIENCE_S, what=self.said())
        return json.loads(path.read_text())

    def said(self) -> str:
        return self.output.read_text()

    def end(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)


@pytest.fixture
def start(tmp_path):
    """Start demonstrations; whatever happens, none outlives the test."""
    running = []

    def start(port: int, **env: str) -> Running:
        running.append(Running(tmp_path / "demo", port, **env))
        return running[-1]

    yield start
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def screen(kiosk: dict) -> dict:
    base, _, token = kiosk["url"].partition("/#k=")
    return httpx.get(f"{base}/api/v1/screen", headers={"Authorization": f"Bearer {token}"}, timeout=30).json()


def works(kiosk: dict) -> bool:
    try:
        return screen(kiosk)["mode"] == "normal"
    except httpx.HTTPError:
        return False


def sign_in(ready: dict, role: str) -> httpx.Client:
    account = next(account for account in ready["accounts"] if account["role"] == role)
    client = httpx.Client(base_url=ready["server"], timeout=30)
    values = {"csrf": token_in(client, "/connexion"), "login": account["login"], "password": account["password"]}
    assert client.post("/connexion", data=values).status_code == 303
    return client


def test_from_nothing_to_seven_terminals_and_back_twice(start):
    port = free_port()
    first = start(port, VISITS="1")
    ready = first.ready()

    assert ready["server"] == f"http://127.0.0.1:{port}"
    assert stat.S_IMODE((first.folder / "ready.json").stat().st_mode) == 0o600
    assert {account["role"] for account in ready["accounts"]} == {"operator", "counsellor", "admin"}
    assert all(len(account["password"]) >= 14 for account in ready["accounts"])
    assert all(account["password"] in first.said() for account in ready["accounts"])

    screens = [screen(kiosk) for kiosk in ready["kiosks"]]
    assert len({one["terminal"] for one in screens}) == 7
    assert {one["mode"] for one in screens} == {"normal"}
    assert len({one["release"]["id"] for one in screens}) == 1
    assert {one["place"]["department"] for one in screens} == {"44", "49", "53", "72", "85"}

    keys = {path.read_bytes() for path in first.folder.glob("terminals/*/identity/client.pem")}
    assert len(keys) == 7

    counsellor = sign_in(ready, "counsellor")
    usage = sign_in(ready, "operator")
    eventually(lambda: "Visites simulées" in usage.get("/frequentation").text, PATIENCE_S)
    eventually(lambda: "req-list" in counsellor.get("/demandes").text, PATIENCE_S)

    laval = ready["pids"][ready["kiosks"][0]["terminal"]]
    os.kill(laval, signal.SIGKILL)
    eventually(lambda: "Relance" in first.said(), PATIENCE_S)
    again = eventually(
        lambda: first.ready()["pids"][ready["kiosks"][0]["terminal"]] != laval and first.ready(), PATIENCE_S
    )
    eventually(lambda: works(again["kiosks"][0]), PATIENCE_S)

    assert first.end() == 0
    assert not (first.folder / "ready.json").exists()
    assert [name for name, pid in again["pids"].items() if alive(pid)] == []

    second = start(port)
    same = second.ready()
    assert same["accounts"] == ready["accounts"]
    assert [kiosk["terminal"] for kiosk in same["kiosks"]] == [kiosk["terminal"] for kiosk in ready["kiosks"]]
    assert second.end(signal.SIGTERM) == 0


def test_another_port_makes_the_terminals_enrol_again_and_a_kill_takes_them_along(start):
    first = start(free_port())
    before = first.ready()
    first.end()
    second = start(free_port())
    after = second.ready()
    assert [kiosk["terminal"] for kiosk in after["kiosks"]] == [kiosk["terminal"] for kiosk in before["kiosks"]]
    assert {screen(kiosk)["generation"] for kiosk in after["kiosks"]} == {2}
    second.process.kill()
    second.process.wait()
    eventually(lambda: not any(alive(pid) for pid in after["pids"].values()), PATIENCE_S)


def test_a_busy_port_is_one_sentence_and_leaves_nothing(start):
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        one = start(busy.getsockname()[1])
        assert one.process.wait(60) == 1
    assert "est déjà pris" in one.said()
    assert "Traceback" not in one.said()
    assert not (one.folder / "server").exists()


def test_stopped_while_it_starts_it_leaves_no_process(start):
    one = start(free_port())
    eventually(lambda: "Contenus" in one.said(), PATIENCE_S)
    assert one.end() == 130
    assert "Traceback" not in one.said()
