"""`VISITS=1`: a seeded stream of simulated visits, so that the pages of the back-office have life.

They enter where a visitor's do, by the agents' local API, and every event says `audience: demo`: figures leave them out
except on a server in demonstration, which names them. A few contact requests of people who do not exist come with them.
"""

import random
import threading
from collections.abc import Sequence
from typing import Any

import urllib3

from balise.demo.forms import sealed_form
from balise.demo.kiosks import Kiosk
from balise.simulate.visits import Visit, imagine

SEED = 20261124
DAYS_BACK = 14
_DAY_MS = 24 * 3600 * 1000


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
        self._asked = run

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
        if self._draw.random() < 0.8:
            self._ask(kiosk)

    def _tell(self, kiosk: Kiosk, visit: Visit, ago_ms: int) -> None:
        self.told += self._post(kiosk, "/api/v1/events", {"events": visit.told(ago_ms)}) == 204

    def _ask(self, kiosk: Kiosk) -> None:
        screen = self._get(kiosk, "/api/v1/screen")
        if screen and screen.get("sealing"):
            self._post(kiosk, "/api/v1/requests", sealed_form(screen, self._draw, self._asked))
            self._asked += 1

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
