"""The demonstration's processes: started, restarted when they crash, named when they keep crashing, ended together.

A child dies with its parent even when the parent is killed: Linux sends it SIGTERM (`PR_SET_PDEATHSIG`).
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from balise.demo.refusal import Refused

_PR_SET_PDEATHSIG = 1
CRASHES, WITHIN_S = 3, 60.0
STOP_WITHIN_S = 12.0


@dataclass
class Child:
    """`name` is what people read; its output goes to `log`."""

    name: str
    command: list[str]
    env: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    crashes: deque[float] = field(default_factory=lambda: deque(maxlen=CRASHES))

    @property
    def pid(self) -> int:
        return self.process.pid if self.process else 0

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                env={**os.environ, **self.env}, start_new_session=True, preexec_fn=_die_with_parent,
            )  # fmt: skip

    def last_words(self) -> str:
        """The last line that says something, for the sentence that names this child."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "sans un mot")


class Children:
    """The first one started is the server: the terminals that talk to it are ended before it."""

    def __init__(self) -> None:
        self.all: list[Child] = []

    def start(self, child: Child) -> None:
        child.start()
        self.all.append(child)

    def restart_the_dead(self) -> list[Child]:
        """Those that had to be started again. Raises `Refused` for one that crashes again and again."""
        dead = [child for child in self.all if not child.alive]
        for child in dead:
            child.crashes.append(time.monotonic())
            if len(child.crashes) == CRASHES and child.crashes[-1] - child.crashes[0] < WITHIN_S:
                raise Refused(f"{child.name} s’arrête sans cesse ({child.last_words()}). Son journal : {child.log}")
            child.start()
        return dead

    def stop(self) -> None:
        """Ask all of them, wait, then insist. Only what was started here is ended."""
        _end([child for child in self.all[1:] if child.alive])
        _end([child for child in self.all[:1] if child.alive])


def _end(children: list[Child]) -> None:
    for child in children:
        _signal(child, signal.SIGTERM)
    deadline = time.monotonic() + STOP_WITHIN_S
    for child in children:
        assert child.process
        try:
            child.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            _signal(child, signal.SIGKILL)
            child.process.wait()


def _signal(child: Child, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        assert child.process
        child.process.send_signal(number)


def _die_with_parent() -> None:
    """In the child, before it becomes what it is to be."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
