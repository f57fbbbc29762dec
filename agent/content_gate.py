"""The health gate of a release just activated: are its bytes right, does the page paint it?

A missing network, or a page that was not painting before, is never a reason to go back.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from agent.page import Page
from agent.store import Store

PAINT_WITHIN_S = 60.0
"""How long the page has, outside of visits, to paint the release it was told of."""
MUST_HOLD = ("index.json", "texts.json")
FORMAT = 1


class Unfit(Exception):
    """A release that is whole, but no page could show: never retry, report."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What was seen of the page since the switch. `waited_s` counts only time outside of visits."""

    was_painting: bool
    paints_it: bool
    failed: str
    waited_s: float


def check_content(store: Store, release: str) -> None:
    """Every byte against its digest, then the files without which no page starts. Raises `Damaged`, `Unfit`."""
    store.verify(release)
    for path in MUST_HOLD:
        raw = store.read(release, path)
        if raw is None:
            raise Unfit(f"{path} is missing")
        try:
            content = json.loads(raw)
        except ValueError as error:
            raise Unfit(f"{path} is not JSON") from error
        if not isinstance(content, dict):
            raise Unfit(f"{path} is not an object")
        if path == "index.json" and content.get("format") != FORMAT:
            raise Unfit(f"index.json has format {content.get('format')!r}, this software reads {FORMAT}")


def judge(seen: Sighting) -> str | None:
    """None while it is open, "" when passed, else why the release is rolled back."""
    if seen.failed:
        return f"the page failed: {seen.failed}"
    if seen.paints_it or not seen.was_painting:
        return ""
    if seen.waited_s > PAINT_WITHIN_S:
        return f"the page did not paint it within {PAINT_WITHIN_S:.0f} s"
    return None


class Visiting(Protocol):
    @property
    def in_visit(self) -> bool: ...


class Gate:
    """Watches the page since the last switch. Only time outside of visits counts: a page keeps its release in one."""

    def __init__(self, page: Page, visit: Visiting, monotonic: Callable[[], float]) -> None:
        self._page = page
        self._visit = visit
        self._monotonic = monotonic
        self.opened()

    def opened(self) -> None:
        self._since = self._looked_at = self._monotonic()
        self._waited = 0.0

    def verdict(self, release: str, was_painting: bool) -> str | None:
        now = self._monotonic()
        if not self._visit.in_visit:
            self._waited += now - self._looked_at
        self._looked_at = now
        page, beat = self._page, self._page.last
        about_it = beat is not None and beat.release == release
        heard = page.heard_at is not None and page.heard_at >= self._since
        painted = page.painted is not None and page.painted >= self._since
        # A page that can't read the new release keeps showing the old one, and says which it could not read.
        names_it = beat is not None and (about_it or release[:12] in beat.failed)
        failed = beat.failed if beat and heard and names_it else ""
        return judge(Sighting(was_painting, about_it and painted, failed, self._waited))
