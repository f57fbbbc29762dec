"""What must be known again after a power cut, a line each, the last of a name counts: one wait for the disk a line.

A file replaced as a whole waits twice, for itself and for its directory, and an order is answered after both.
"""

import json
import threading
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from agent import disk

M = TypeVar("M", bound=BaseModel)
_LINES_PER_NAME = 5


class Ledger(Generic[M]):
    """Name → `model`, the newest `most` of them. From any thread; `keep` blocks for the disk."""

    def __init__(self, path: Path, model: type[M], most: int) -> None:
        self._path = path
        self._model = model
        self._most = most
        self._lock = threading.Lock()
        self._lines = 0
        self._known = self._read()

    def get(self, name: str) -> M | None:
        return self._known.get(name)

    def items(self) -> list[tuple[str, M]]:
        """Oldest first."""
        return list(self._known.items())

    def keep(self, name: str, value: M) -> None:
        """Durable when it returns. Raises `OSError`, and then nothing is known of it."""
        with self._lock:
            known = self._with(name, value)
            if self._lines < self._most * _LINES_PER_NAME:
                disk.append_synced(self._path, _line({name: value.model_dump(mode="json")}))
                self._lines += 1
            else:
                whole = {each: one.model_dump(mode="json") for each, one in known.items()}
                disk.write_synced(self._path, _line(whole))
                self._lines = 1
            self._known = known

    def note(self, name: str, value: M) -> None:
        """Known while this process lives, where the disk would not take it."""
        with self._lock:
            self._known = self._with(name, value)

    def _with(self, name: str, value: M) -> dict[str, M]:
        known = {each: one for each, one in self._known.items() if each != name} | {name: value}
        return dict(list(known.items())[-self._most :])

    def _read(self) -> dict[str, M]:
        try:
            lines = self._path.read_bytes().splitlines()
        except OSError:
            lines = []
        known: dict[str, M] = {}
        for line in lines:
            try:
                kept = {name: self._model.model_validate(value) for name, value in json.loads(line or b"{}").items()}
            except (ValueError, AttributeError, ValidationError):  # cut off while it was written: nothing had begun yet
                continue
            known = {name: value for name, value in known.items() if name not in kept} | kept
        self._lines = sum(1 for line in lines if line)
        return dict(list(known.items())[-self._most :])


def _line(value: object) -> bytes:
    """By itself even after one that was cut off."""
    return b"\n" + json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
