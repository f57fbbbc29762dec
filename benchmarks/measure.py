"""One line of the table: a value of ours beside a reference measured in the same run, and whether the goal holds."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Reference:
    """What the value is compared with, measured on this machine in this run; or a fixed limit, then so named."""

    name: str
    value: float


@dataclass(frozen=True, slots=True)
class Measure:
    """`ratio` is value ÷ reference; `goal` in words; a goal missed is shown as missed."""

    name: str
    value: float
    unit: str
    reference: Reference
    goal: str
    holds: bool

    @property
    def ratio(self) -> float:
        return self.value / self.reference.value if self.reference.value else float("inf")

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"ratio": round(self.ratio, 4)}


Benchmark = Callable[[], Iterator[Measure]]


def typical(runs: int, once: Callable[[], float]) -> float:
    """The median of several runs: one busy moment of the machine does not decide."""
    return median(once() for _ in range(runs))


def percentile(values: list[float], share: float) -> float:
    """The smallest value with at least `share` (0–1) of all values at or under it."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered) + 0.5) - 1))]
