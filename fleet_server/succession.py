"""Which keys of one use are in force: one, or two while one takes over from the other.

FOLDER/NAME.pem         a key, and its certificate where it has one; written once, never changed
FOLDER/in-force.json    which of them count, and how far the change is: the one write by which a step is done

The key that was there before is erased where it lay once it counts no more: without `in-force.json` nothing is in force
then, rather than a key that was given up.

Whoever holds a `Succession` reads what is in force as it is now: a step that the command line takes is the running
server's too, from its next look on. A folder that is not there yet stands for the one key that was there before.

    alone ── announce ──> announced ── switch ──> switched ── drop ──> alone
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from fleet_server.durable import write_durably

Stage = Literal["alone", "announced", "switched"]
FIRST = "first"
_FILE = "in-force.json"
_SECRET = 0o600
K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class InForce(Generic[K]):
    """`keys`: that which signs or issues first; in `announced` the next one follows, in `switched` the former one.

    `number` only grows, from step to step.
    """

    number: int
    stage: Stage
    names: tuple[str, ...]
    keys: tuple[K, ...]

    @property
    def other(self) -> K | None:
        return self.keys[1] if len(self.keys) == 2 else None


class Succession(Generic[K]):
    """`read(path)`: a key of the folder; `content`: what such a file holds. `before()`: the one that is in force while
    there is no folder; `origin`: where its secret lies.
    """

    def __init__(
        self, folder: Path, read: Callable[[Path], K], before: Callable[[], K], content: Callable[[K], bytes],
        origin: Path,
    ) -> None:  # fmt: skip
        self.folder = folder
        self._read = read
        self._before = before
        self._content = content
        self._origin = origin
        self._seen: tuple[object, InForce[K]] | None = None

    def now(self) -> InForce[K]:
        """Raises `OSError`, `ValueError` for a file that is not what it should be."""
        mark = self._mark()
        seen = self._seen
        if seen is None or seen[0] != mark:
            try:
                seen = mark, self._load()
            except FileNotFoundError:
                if self._mark() == mark:
                    raise
                return self.now()  # a step was taken just between: what it dropped is gone
            self._seen = seen
        return seen[1]

    def announce(self, name: str, fresh: K, at: int) -> None:
        """`fresh` beside the one in force. `at`: seconds since 1970, which `number` follows."""
        now = self.now()
        assert now.stage == "alone"
        if not (self.folder / _FILE).exists():
            self._keep(FIRST, now.keys[0])
        self._keep(name, fresh)
        self._commit(InForce(max(now.number + 1, at), "announced", (now.names[0], name), ()))

    def switch(self, at: int) -> None:
        now = self.now()
        assert now.stage == "announced"
        self._commit(InForce(max(now.number + 1, at), "switched", now.names[::-1], ()))

    def drop(self, at: int) -> None:
        """The former one, for good."""
        now = self.now()
        assert now.stage == "switched"
        self._commit(InForce(max(now.number + 1, at), "alone", now.names[:1], ()))
        self.tidy()

    def tidy(self) -> None:
        """What a step that was cut left over: keys that count for nothing, or not any more."""
        if (self.folder / _FILE).exists():
            counted = self.now().names
            for path in self.folder.glob("*.pem"):
                if path.stem not in counted:
                    path.unlink()
            if FIRST not in counted and self._origin.exists():
                self._origin.unlink()

    def _keep(self, name: str, key: K) -> None:
        write_durably(self.folder / f"{name}.pem", self._content(key), _SECRET)

    def _commit(self, state: InForce[K]) -> None:
        kept = {name: value for name, value in asdict(state).items() if name != "keys"}
        write_durably(self.folder / _FILE, json.dumps(kept).encode(), _SECRET)

    def _mark(self) -> object:
        try:
            found = (self.folder / _FILE).stat()
            return found.st_ino, found.st_mtime_ns
        except FileNotFoundError:
            return None

    def _load(self) -> InForce[K]:
        try:
            kept: dict[str, Any] = json.loads((self.folder / _FILE).read_bytes())
        except FileNotFoundError:
            return InForce(0, "alone", (FIRST,), (self._before(),))
        names = tuple(kept["names"])
        return InForce(kept["number"], kept["stage"], names, tuple(self._read(self._path(name)) for name in names))

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.pem"
