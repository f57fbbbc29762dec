"""`VISITS=1`: a seeded stream of simulated visits, so that the pages of the back-office have life.

They enter where a visitor's do, by the agents' local API, and every event says `audience: demo`: figures leave them out
except on a server in demonstration, which names them. A few contact requests of people who do not exist come with them.
"""

import random
import threading
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import urllib3

from balise.demo.forms import sealed_form
from balise.demo.kiosks import Kiosk

SEED = 20261124
DAYS_BACK = 14
_DAY_MS = 24 * 3600 * 1000
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


class Visitors(threading.Thread):
    """In the first run two weeks of visits at once; then one now and then, until `stop`.

    A kiosk that is away is passed over. The same run of another folder brings the same visits.
    """

    def __init__(self, kiosks: Sequence[Kiosk], run: int, pace_s: float = 20) -> None:
        super().__init__(name="visits", daemon=True)
        self._kiosks = kiosks
        self._first = run == 0
        self._draw = random.Random(SEED + run)  # noqa: S311 - it imagines, it guards nothing
        self._pace_s = pace_s
        self._http = urllib3.PoolManager(retries=False, timeout=10)
        self.stop = threading.Event()
        self.told = 0

    def run(self) -> None:
        for kiosk in self._kiosks if self._first else ():
            self._past(kiosk)
        while not self.stop.wait(self._draw.expovariate(1 / self._pace_s)):
            visit = imagine(self._draw)
            kiosk = self._draw.choice(self._kiosks)
            self._tell(kiosk, visit, visit.lasts_ms)
            if visit.asks:
                self._ask(kiosk)

    def _past(self, kiosk: Kiosk) -> None:
        """Opening hours roughly kept: nobody comes at night, few on Sundays."""
        for day in range(DAYS_BACK, 0, -1):
            for _ in range(self._draw.randint(3, 14)):
                visit = imagine(self._draw)
                ago = day * _DAY_MS - self._draw.randrange(9 * 3600 * 1000)
                self._tell(kiosk, visit, max(visit.lasts_ms, ago))
                if self.stop.is_set():
                    return
        if self._draw.random() < 0.6:
            self._ask(kiosk)

    def _tell(self, kiosk: Kiosk, visit: Visit, ago_ms: int) -> None:
        self.told += self._post(kiosk, "/api/v1/events", {"events": visit.told(ago_ms)}) == 204

    def _ask(self, kiosk: Kiosk) -> None:
        screen = self._get(kiosk, "/api/v1/screen")
        if screen and screen.get("sealing"):
            self._post(kiosk, "/api/v1/requests", sealed_form(screen, self._draw))

    def _post(self, kiosk: Kiosk, path: str, body: dict[str, Any]) -> int:
        try:
            return self._http.request("POST", kiosk.base + path, json=body, headers=kiosk.headers).status
        except urllib3.exceptions.HTTPError:
            return 0

    def _get(self, kiosk: Kiosk, path: str) -> dict[str, Any] | None:
        try:
            answer = self._http.request("GET", kiosk.base + path, headers=kiosk.headers)
            found: dict[str, Any] = answer.json() if answer.status == 200 else {}
        except (urllib3.exceptions.HTTPError, ValueError):
            return None
        return found
