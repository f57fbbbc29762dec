"""Live pages: one SSE stream a tab, fed by subject. A push is only a hint: the page fetches what changed by itself.

    hx-trigger="sse:flotte"   ←   event: flotte   data: its version

A page is rendered with the versions it shows; a stream that begins with older ones is told at once. So a change between
rendering and connecting, or during an interruption, is never missed.
"""

import asyncio
import re
import threading
import time
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from sse_starlette import EventSourceResponse, ServerSentEvent

from fleet_server.web.viewer import Viewer

HEARTBEAT_S = 15
# At most one refresh a second of the same rows: a screen that flickers can't be read.
PAUSE_S = 1.0
MAX_SUBJECTS = 12
_SUBJECT = re.compile(r"^[a-z][a-z0-9_-]{0,29}(:[A-Za-z0-9._-]{1,64})?$")

router = APIRouter()


class Live:
    """Subjects that have changed, handed to whoever listens. `touch` may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # Starts at the clock: after a restart of the server every page finds its versions old, and looks again.
        self._first = int(time.time())
        self._versions: dict[str, int] = {}
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    def touch(self, subject: str) -> None:
        """Something of `subject` changed (`flotte`, `borne:ab12`, `demandes`)."""
        with self._lock:
            self._versions[subject] = self._versions.get(subject, self._first) + 1
            waiting = list(self._waiting)
        for loop, event in waiting:
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)

    def version(self, subject: str) -> int:
        with self._lock:
            return self._versions.get(subject, self._first)

    async def changes(self, seen: dict[str, int]) -> AsyncIterator[tuple[str, int]]:
        """Each subject whose version differs from what was `seen`, now and whenever it changes. Endless."""
        changed = asyncio.Event()
        entry = (asyncio.get_running_loop(), changed)
        with self._lock:
            self._waiting.add(entry)
        try:
            while True:
                changed.clear()
                fresh = {subject: self.version(subject) for subject in seen}
                for subject, version in fresh.items():
                    if version != seen[subject]:
                        yield subject, version
                if fresh != seen:
                    seen = fresh
                    await asyncio.sleep(PAUSE_S)
                else:
                    await changed.wait()
        finally:
            with self._lock:
                self._waiting.discard(entry)


def stream_url(live: Live, subjects: str) -> str:
    """The address a page listens at, carrying the versions it was rendered with."""
    versions = ",".join(str(live.version(subject)) for subject in subjects.split(","))
    return f"/direct?sujets={subjects}&vu={versions}"


@router.get("/direct", include_in_schema=False)
def direct(request: Request, sujets: Annotated[str, Query()], vu: Annotated[str, Query()] = "") -> EventSourceResponse:
    """Server-sent events: one named after each subject that changed, and `battement` every 15 s."""
    viewer: Viewer | None = request.app.state.find_viewer(request)
    if viewer is None:
        raise HTTPException(401, "Connectez-vous de nouveau pour suivre le direct.")
    subjects = sujets.split(",")
    if len(subjects) > MAX_SUBJECTS or not all(_SUBJECT.match(subject) for subject in subjects):
        raise HTTPException(422, f"« sujets » attend de 1 à {MAX_SUBJECTS} sujets séparés par des virgules.")
    roles: dict[str, tuple[str, ...]] = request.app.state.live_roles
    if not all(viewer.has(*roles.get(subject.partition(":")[0], ())) for subject in subjects):
        raise HTTPException(403, "Votre rôle n’ouvre pas toutes ces pages.")
    live: Live = request.app.state.context.live
    versions = vu.split(",")
    if len(versions) == len(subjects) and all(version.isdigit() for version in versions):
        seen = {subject: int(version) for subject, version in zip(subjects, versions, strict=True)}
    else:
        seen = {subject: live.version(subject) for subject in subjects}

    async def events() -> AsyncIterator[ServerSentEvent]:
        yield ServerSentEvent(event="battement", data="0", retry=2000)
        async for subject, version in live.changes(seen):
            yield ServerSentEvent(event=subject, data=str(version))

    return EventSourceResponse(
        events(),
        ping=HEARTBEAT_S,
        ping_message_factory=lambda: ServerSentEvent(event="battement", data="0"),
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )
