"""Visits that nobody made: seeded, of the shape of the kiosk's, and every event says `audience: demo`."""

import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

_OCCUPATIONS = (
    "j1501",
    "k1302",
    "d1106",
    "n4101",
    "m1203",
    "f1703",
    "g1602",
    "m1805",
    "h2902",
    "k1304",
    "j1506",
    "d1214",
)
_STEPS = ("reach", "when", "consent")
_ACTORS = ("cap-emploi", "apec", "france-travail", "mission-locale", "cnam-pays-de-la-loire", "transitions-pro")


@dataclass(frozen=True)
class Visit:
    """Events in order, each with its time from the beginning of the visit (ms)."""

    session: str
    events: Sequence[tuple[int, dict[str, Any]]]

    @property
    def lasts_ms(self) -> int:
        return self.events[-1][0]

    @property
    def asks(self) -> bool:
        return any(event["kind"] == "contact.submitted" for _, event in self.events)

    def told(self, ago_ms: int) -> list[dict[str, Any]]:
        """What the page would have posted, for a visit that began `ago_ms` ago."""
        return [event | {"ago_ms": max(0, ago_ms - at)} for at, event in self.events]


def imagine(draw: random.Random) -> Visit:
    """One visit: a few pages, sometimes somebody who can help, now and then a request to be called back."""
    session = str(uuid.UUID(int=draw.getrandbits(128), version=4))
    pages = list(_path(draw))
    started = {"kind": "session.started", "idle_warning_s": 60, "idle_end_s": 90}
    events: list[tuple[int, dict[str, Any]]] = [(0, started)]
    clock, before = 0, ""
    for number, page in enumerate(pages, 1):
        origin = {"origin": before} if before else {}
        events.append((clock, {"kind": "page.viewed", "page": page} | origin))
        if page == "rappel/reach":
            events.append((clock, {"kind": "contact.started"} | origin))
        dwell = int(draw.lognormvariate(2.6, 0.7) * 1000)
        clock, before = clock + dwell, page
        step = page.removeprefix("rappel/")
        if step in _STEPS and number < len(pages):
            events.append((clock, {"kind": "contact.step.done", "step": step}))
        elif step in _STEPS:
            events.append((clock, {"kind": "contact.abandoned", "step": step}))
        if step == "consent" and number < len(pages):
            events.append((clock, {"kind": "contact.submitted"}))
        events.append((clock, {"kind": "page.left", "page": page, "dwell_ms": dwell, "active_ms": int(dwell * 0.7)}))
    walked_away = draw.random() < 0.45
    active, ends = int(clock * 0.7), clock + (90_000 if walked_away else 0)
    ended = {"kind": "session.ended", "reason": "timeout" if walked_away else "user_exit", "dwell_ms": ends}
    events.append((ends, ended | {"interactions": max(1, 2 * len(pages) - 1), "active_ms": active}))
    language = draw.choices(("fr", "fr-simple", "en"), (88, 8, 4))[0]
    common = {"session": session, "language": language, "accessibility": [], "audience": "demo"}
    return Visit(session, [(at, event | common | {"n": n}) for n, (at, event) in enumerate(events, 1)])


def _path(draw: random.Random) -> Iterator[str]:
    yield "home"
    if draw.random() < 0.18:  # looked, and went on
        return
    if draw.random() < 0.75:
        yield "metiers"
        for occupation in draw.sample(_OCCUPATIONS, draw.choices((0, 1, 2, 3), (15, 45, 28, 12))[0]):
            yield f"metiers/{occupation}"
    if draw.random() < 0.5:
        yield "acteurs"
        for actor in draw.sample(_ACTORS, draw.choices((0, 1, 2), (30, 50, 20))[0]):
            yield f"acteurs/{actor}"
    if draw.random() < 0.14:
        reached = draw.choices(range(1, 5), (30, 15, 10, 45))[0]
        yield from [*(f"rappel/{step}" for step in _STEPS), "rappel/receipt"][:reached]
