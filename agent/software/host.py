"""What an update needs of this terminal: see `agent.software.update.Host`. Called in a thread of its own."""

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from agent.activation import NOW, Verdict
from agent.limit import line_of
from agent.loops import Backoff
from agent.software import reserve
from agent.software.child import Child, NotDone
from agent.software.gate import Before, Health, lacking
from agent.software.slots import Slots
from agent.software.update import Later, Over, Rejected
from agent.software.wheels import Wheels
from wire.enrol import Enrolment
from wire.software import SoftwareRelease

RESERVE = 256 * 2**20
CLOSED_S = 60.0
"""Until the next look at hours that are closed."""
_FIRST_RETRY_S, _LONGEST_RETRY_S = 5.0, 600.0


@dataclass(frozen=True, slots=True)
class Seen:
    """The screen's side of the terminal, now. Without a window there is no page to wait for: `window` is False."""

    window: bool
    painting: bool
    linked: bool
    was_linked: bool
    """At any time since this start: a link that is just coming back counts as one."""
    content_valid: bool


@dataclass
class TerminalHost:
    """`trust`: where verified lists are kept, the contents' too. `see`, `download`, `restart` and `kbit_s` are asked at
    each look; `came` hears of progress."""

    root: Path
    trust: Path
    enrolment: Callable[[], Enrolment]
    now: Callable[[], datetime]
    see: Callable[[], Seen]
    download: Callable[[], Verdict] = lambda: NOW
    restart: Callable[[], Verdict] = lambda: NOW
    kbit_s: Callable[[], int] = lambda: 0
    in_visit: Callable[[], bool] = lambda: False
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
        self._wheel_lost = False

    def fetch(self, target: SoftwareRelease, anew: bool = False) -> None:
        if self._slots.whole(target.version) and not anew:
            return
        if not self.download().may:
            self.rest_until = self.monotonic() + CLOSED_S
        if self.rest_until > self.monotonic():
            raise Later
        told = self.enrolment()
        self._do("agent.software.fetch", target, {
            "trust": str(self.trust), "server": told.server, "root": told.root, "ca": told.ca,
            "now": self.now().isoformat(), "reserve": self.reserve, "kbit_s": self.kbit_s(),
            "line": str(line_of(self.root.parent)),
        })  # fmt: skip
        self.trouble, self.lacks = "", 0
        self._backoff.reset()

    def install(self, target: SoftwareRelease) -> None:
        if self.rest_until > self.monotonic():
            raise Later
        if self._wheel_lost:
            self.fetch(target, anew=True)
        self._do("agent.software.install", target, {})
        self.trouble, self.lacks = "", 0
        self._backoff.reset()

    def may_restart(self) -> bool:
        return self.restart().may

    def occupied(self) -> bool:
        return self.in_visit()

    def before(self) -> Before:
        seen = self.see()
        return Before(linked=seen.linked or seen.was_linked, painting=seen.window and seen.painting)

    def health(self, before: Before) -> Health:
        seen, now = self.see(), self.monotonic()
        health = Health(seen.painting, seen.linked, seen.content_valid, up_s=now - self._began)
        if lacking(health, before):
            self._well_since = None
        elif self._well_since is None:
            self._well_since = now
        steady = 0.0 if self._well_since is None else now - self._well_since
        return Health(seen.painting, seen.linked, seen.content_valid, health.up_s, steady)

    def disarm(self) -> None:
        signal.alarm(0)

    def rested(self) -> None:
        """Another wish: no reason to wait any longer, nor to go on with what was under way."""
        self.rest_until, self.progress, self.trouble, self.lacks = 0.0, 0.0, "", 0
        self.child.end()

    def at_rest(self) -> None:
        """Nothing is under way: what was brought is installed, or never will be."""
        self._wheels.clear()
        reserve.keep(self.root)

    def _do(self, module: str, target: SoftwareRelease, job: dict[str, Any]) -> None:
        common = {"software": str(self.root), "target": target.model_dump()}
        try:
            self.child.run(module, common | job, self._hear)
            self._wheel_lost = False
        except NotDone as error:
            self._wheel_lost = error.kind == "missing"
            match error.kind:
                case "rejected":
                    raise Rejected(error.reason) from error
                case "untrusted":
                    raise Over(str(error)) from error
                case "ended":
                    raise Later from error
                case _:
                    self._put_off(str(error), error.lacks)
                    raise Later(str(error)) from error
        except OSError as error:  # no process could be started
            self._put_off(f"{type(error).__name__}: {error}")
            raise Later(str(error)) from error

    def _put_off(self, trouble: str, lacks: int = 0) -> None:
        self.trouble, self.lacks = trouble[:200], lacks
        self.rest_until = self.monotonic() + self._backoff.next()

    def _hear(self, progress: float) -> None:
        told, self.progress = self.progress, progress
        if int(progress * 20) != int(told * 20):
            self.came()
