"""What an update needs of this terminal: see `agent.software.update.Host`. Called in a thread of its own."""

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from agent.activation import NOW, Verdict
from agent.loops import Backoff
from agent.software.child import Child, NotDone
from agent.software.gate import Before, Health, lacking
from agent.software.slots import Slots
from agent.software.update import Later, Rejected
from agent.software.wheels import Wheels
from wire.enrol import Enrolment
from wire.software import SoftwareRelease

RESERVE = 256 * 2**20
_FIRST_RETRY_S, _LONGEST_RETRY_S = 5.0, 600.0
_FOR_GOOD = {"rejected", "untrusted"}


@dataclass(frozen=True, slots=True)
class Seen:
    """The screen's side of the terminal, now. Without a window there is no page to wait for: `window` is False."""

    window: bool
    painting: bool
    heartbeat: bool
    linked: bool
    content_valid: bool


@dataclass
class TerminalHost:
    """`see`, `download`, `restart` and `kbit_s` are asked at each look; `came` hears of progress."""

    root: Path
    enrolment: Callable[[], Enrolment]
    now: Callable[[], datetime]
    see: Callable[[], Seen]
    download: Callable[[], Verdict] = lambda: NOW
    restart: Callable[[], Verdict] = lambda: NOW
    kbit_s: Callable[[], int] = lambda: 0
    came: Callable[[], None] = lambda: None
    monotonic: Callable[[], float] = time.monotonic
    reserve: int = RESERVE
    progress: float = 0.0
    trouble: str = ""
    """Why the last try to bring it failed."""
    lacks: int = 0
    rest_until: float = 0.0
    child: Child = field(default_factory=Child)

    def __post_init__(self) -> None:
        self._slots = Slots(self.root)
        self._wheels = Wheels(self.root)
        self._backoff = Backoff(_FIRST_RETRY_S, _LONGEST_RETRY_S)
        self._began = self.monotonic()
        self._well_since: float | None = None

    def fetch(self, target: SoftwareRelease) -> None:
        if self._slots.whole(target.version):
            return
        if not self.download().may or self.rest_until > self.monotonic():
            raise Later
        told = self.enrolment()
        self._do("agent.software.fetch", target, {
            "trust": str(self.root / "tuf"), "server": told.server, "root": told.root, "ca": told.ca,
            "now": self.now().isoformat(), "reserve": self.reserve, "kbit_s": self.kbit_s(),
        })  # fmt: skip
        self.trouble, self.lacks = "", 0
        self._backoff.reset()

    def install(self, target: SoftwareRelease) -> None:
        if self.rest_until > self.monotonic():
            raise Later
        manifest = self._wheels.manifest(target.id)
        if manifest is None or self._wheels.missing(manifest):
            self.fetch(target)
        self._do("agent.software.install", target, {})
        self.trouble, self.lacks = "", 0
        self._backoff.reset()

    def may_restart(self) -> bool:
        return self.restart().may

    def before(self) -> Before:
        seen = self.see()
        return Before(linked=seen.linked, painting=seen.window and seen.painting)

    def health(self, before: Before) -> Health:
        seen, now = self.see(), self.monotonic()
        health = Health(seen.painting, seen.heartbeat, seen.linked, seen.content_valid, up_s=now - self._began)
        if lacking(health, before):
            self._well_since = None
        elif self._well_since is None:
            self._well_since = now
        steady = 0.0 if self._well_since is None else now - self._well_since
        return Health(seen.painting, seen.heartbeat, seen.linked, seen.content_valid, health.up_s, steady)

    def disarm(self) -> None:
        signal.alarm(0)

    def rested(self) -> None:
        """Another wish: no reason to wait any longer, nor to go on with what was under way."""
        self.rest_until = 0.0
        self.child.end()

    def at_rest(self) -> None:
        """Nothing is under way: what was brought is installed, or never will be."""
        self._wheels.clear()

    def _do(self, module: str, target: SoftwareRelease, job: dict[str, Any]) -> None:
        common = {"software": str(self.root), "target": target.model_dump()}
        try:
            self.child.run(module, common | job, self._hear)
        except NotDone as error:
            if error.kind in _FOR_GOOD:
                raise Rejected(error.reason or error.kind) from error
            if error.kind != "ended":
                self.trouble, self.lacks = str(error)[:200], error.lacks
                self.rest_until = self.monotonic() + self._backoff.next()
            raise Later(str(error)) from error

    def _hear(self, progress: float) -> None:
        told, self.progress = self.progress, progress
        if int(progress * 20) != int(told * 20):
            self.came()
