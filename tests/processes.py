"""Real processes of a test: started on free loopback ports, output in a file, ended by pid and nothing else."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

BALISE = [sys.executable, "-m", "balise"]


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(true: Callable[[], Any], within_s: float = 60, every_s: float = 0.1, what: str = "") -> Any:
    """The first truthy answer. The deadline is generous: it ends a hang, it measures nothing."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if answer := true():
            return answer
        time.sleep(every_s)
    raise AssertionError(f"never happened: {what or true}")


class Process:
    """One child, its output in a file; `kill` is SIGKILL, `stop` asks first."""

    def __init__(self, name: str, command: list[str], log: Path, env: dict[str, str] | None = None) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as output:
            self.child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=_clean() | (env or {}),
                start_new_session=True,
            )  # fmt: skip

    @property
    def pid(self) -> int:
        return self.child.pid

    @property
    def alive(self) -> bool:
        return self.child.poll() is None

    def kill(self) -> None:
        if self.alive:
            self.child.send_signal(signal.SIGKILL)
        self.child.wait()

    def stop(self) -> None:
        if self.alive:
            self.child.terminate()
            try:
                self.child.wait(20)
            except subprocess.TimeoutExpired:
                self.child.kill()
        self.child.wait()

    def said(self) -> str:
        return self.log.read_text(errors="replace")


class Mosquitto:
    """The production broker on 127.0.0.1. `configuration`: by `balise server broker`; else open to anyone here."""

    def __init__(self, directory: Path, port: int, configuration: str = "") -> None:
        self.directory = directory
        self._config = directory / "mosquitto.conf"
        # Without set_tcp_nodelay a small message waits 40 ms for the one before; queues have no end, or it drops.
        here = f"listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\nmax_queued_messages 0\n"
        # Else root becomes a user who can not read the test's directory.
        as_root = "user root\n" if os.geteuid() == 0 else ""
        self._config.write_text((configuration or here) + as_root)
        self._process: Process | None = None

    def start(self) -> None:
        command = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        assert command, "mosquitto is not installed: apt-get install mosquitto"
        log = self.directory / "mosquitto.log"
        self._process = Process("mosquitto", [command, "-c", str(self._config)], log)

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def kill(self) -> None:
        if self._process:
            self._process.kill()

    stop = kill


def _clean() -> dict[str, str]:
    """What started the tests must not configure what they start."""
    return {name: value for name, value in os.environ.items() if not name.startswith("BALISE_")}
