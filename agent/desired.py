"""What the server wants of this terminal, as last verified; latest revision wins, over reboots too."""

import json
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from agent.disk import write_synced
from agent.identity import Identity
from wire.sign import Foreign, Outdated, Untrusted, unseal
from wire.state import Desired


class DesiredState:
    """`changed` is called with each newly adopted state. `refused` counts what was not obeyed, by reason."""

    def __init__(self, path: Path, identity: Identity) -> None:
        self._path = path
        self.identity = identity
        self._lock = threading.Lock()  # a push and a pull may bring the same wish at once, each from its thread
        self.refused: Counter[str] = Counter()
        self.changed: Callable[[Desired], None] = lambda _: None
        self.current = self._read()

    def _read(self) -> Desired | None:
        try:
            kept = json.loads(self._path.read_bytes())
            # Another enrolment's wish is none of ours: revisions start again with each.
            if (kept["terminal"], kept["generation"]) != (self.identity.terminal, self.identity.generation):
                return None
            return Desired.model_validate(kept["desired"])
        except (OSError, ValueError, KeyError, TypeError, ValidationError):
            return None

    @property
    def revision(self) -> int:
        return self.current.revision if self.current else 0

    def open(self, raw: bytes) -> Desired:
        """A pushed state, verified and adopted. Raises `Untrusted`; an older one is `Outdated`."""
        who = self.identity
        try:
            desired = unseal("desired", Desired, raw, who.terminal, who.generation, *who.signing_keys)
            self.adopt(desired)
        except Untrusted as error:
            self.refused["older" if isinstance(error, Outdated) else "foreign" if isinstance(error, Foreign) else
                         "unreadable"] += 1  # fmt: skip
            raise
        return desired

    def adopt(self, desired: Desired) -> None:
        """Take a verified state, durably. The same revision again changes nothing. Raises `Outdated`, `OSError`."""
        with self._lock:
            if desired.revision < self.revision:
                raise Outdated(f"revision {desired.revision}, {self.revision} is known already")
            if desired.revision == self.revision:
                return
            kept = {
                "terminal": self.identity.terminal,
                "generation": self.identity.generation,
                "desired": desired.model_dump(mode="json"),
            }
            write_synced(self._path, json.dumps(kept).encode(), 0o600)
            self.current = desired
        self.changed(desired)
