"""What will befall each simulated terminal, drawn beforehand: the same seed tells the same story, whatever the machine.

Nothing is drawn from one stream in the order in which things happen: each question has its own answer.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Literal

PERIOD_S = 300.0
"""`silent` and `crash` are odds per terminal and per so many seconds."""
_SILENT_S = (20.0, 120.0)


class BadOdds(ValueError):
    """A French sentence: what was given, what is taken."""


@dataclass(frozen=True, slots=True)
class Odds:
    """0–1 each. Per attempt: `download`, `install`, `verify` of a release, `command`. Per 300 s: `silent`, `crash`.
    Per start of a terminal: `clock`."""

    download: float = 0.0
    install: float = 0.0
    verify: float = 0.0
    command: float = 0.0
    silent: float = 0.0
    crash: float = 0.0
    clock: float = 0.0


STAGES = tuple(one.name for one in fields(Odds))


def read_odds(given: Sequence[str]) -> Odds:
    """`["download=0.02", …]`. Raises `BadOdds`."""
    odds: dict[str, float] = {}
    for one in given:
        stage, equals, value = one.partition("=")
        try:
            share = float(value)
        except ValueError:
            share = -1.0
        if stage not in STAGES or not equals or not 0 <= share <= 1:
            raise BadOdds(f"--fail {one} : donnez étape=part, de 0 à 1. Étapes : {', '.join(STAGES)}.")
        odds[stage] = share
    return Odds(**odds)


@dataclass(frozen=True, slots=True)
class Fate:
    """`at_s` since the terminal's first start. `silent` lasts `lasts_s`; a crash is over at once."""

    at_s: float
    kind: Literal["silent", "crash", "none"]
    lasts_s: float = 0.0


class Story:
    """One terminal's. `fails("download", "7", 2)`: whether its second attempt at revision 7 does."""

    def __init__(self, seed: int, name: str, odds: Odds) -> None:
        self._seed = seed
        self._name = name
        self._odds = odds

    def draw(self, *about: object) -> random.Random:
        """A stream of its own for each subject."""
        words = "/".join(str(one) for one in (self._seed, self._name, *about))
        return random.Random(words)  # noqa: S311 - it imagines, it guards nothing

    def fails(self, stage: str, *about: object) -> bool:
        odds: float = getattr(self._odds, stage)
        return odds > 0 and self.draw(stage, *about).random() < odds

    def fates(self) -> Iterator[Fate]:
        """Without end, in the order of their times."""
        period = 0
        while True:
            yield from sorted(self._fates(period), key=lambda fate: fate.at_s)
            period += 1
            yield Fate(period * PERIOD_S, "none")

    def _fates(self, period: int) -> Iterator[Fate]:
        kinds: tuple[Literal["silent", "crash"], ...] = ("silent", "crash")
        for kind in kinds:
            if self.fails(kind, period):
                draw = self.draw(kind, period, "when")
                at_s = (period + draw.random()) * PERIOD_S
                yield Fate(at_s, kind, draw.uniform(*_SILENT_S) if kind == "silent" else 0.0)
