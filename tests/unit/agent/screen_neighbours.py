"""Neighbours of the screen's side, simulated: a clock that is moved by hand, an ear for what operators are told."""

from datetime import UTC, datetime, timedelta
from typing import Any

from wire.ids import uuid7

START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


class Hand:
    """Monotonic and wall clock, moved by the test."""

    def __init__(self) -> None:
        self.at = 1000.0

    def pass_s(self, seconds: float) -> None:
        self.at += seconds

    def monotonic(self) -> float:
        return self.at

    def now(self) -> datetime:
        return START + timedelta(seconds=self.at - 1000.0)

    def stamp(self, ago_ms: int = 0) -> dict[str, Any]:
        return {
            "id": uuid7(int(self.now().timestamp() * 1000)), "at": self.now() - timedelta(milliseconds=ago_ms),
            "mono_ms": int(self.at * 1000), "boot": uuid7(0, 1), "trusted": True, "software": "0.1.0",
        }  # fmt: skip


class Told:
    """`await told(what, detail)`."""

    def __init__(self) -> None:
        self.all: list[tuple[str, dict[str, Any]]] = []

    async def __call__(self, what: str, detail: dict[str, Any]) -> None:
        self.all.append((what, detail))

    @property
    def whats(self) -> list[str]:
        return [what for what, _ in self.all]
