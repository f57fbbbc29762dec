"""What the page is told, versioned: it asks again with the version it has seen, and waits for another."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Literal

from wire.state import Desired, Release, Settings

Mode = Literal["normal", "pairing", "waiting", "maintenance", "out_of_service"]


class Screen:
    """Change it with the verbs below, from the event loop. `clock`: the time, and whether it can be trusted."""

    def __init__(self, software: str, clock: Callable[[], tuple[datetime, bool]]) -> None:
        self._clock = clock
        # Not from 1: a page that saw version 7 of the agent before a restart must not take this one for the same.
        self._version = secrets.randbelow(2**31)
        # `reload` grows over restarts too, by starting from the machine's uptime: new software makes the page anew.
        self._changed = asyncio.Event()
        self._closed = False
        self._shown: dict[str, Any] = {
            "mode": "waiting", "terminal": "", "generation": 0, "name": "", "place": None, "release": None,
            "settings": Settings().model_dump(mode="json"), "sealing": None, "online": False, "pairing": None,
            "identify_until": None, "reload": int(time.monotonic()), "software": software,
            "audience": "public", "progress": 0.0, "maintenance_until": None, "message": None, "bench": None,
        }  # fmt: skip

    @property
    def audience(self) -> str:
        return str(self._shown["audience"])

    @property
    def host_phone(self) -> str:
        return str(self._shown["settings"]["host_phone"])

    @property
    def timezone(self) -> str:
        return str(self._shown["settings"]["timezone"])

    @property
    def sealing_kid(self) -> str | None:
        sealing = self._shown["sealing"]
        return sealing["kid"] if sealing else None

    # ---- what changes -----------------------------------------------------------------------------------------------

    def enrolled(self, terminal: str, generation: int) -> None:
        self._show(terminal=terminal, generation=generation, pairing=None)

    def pairing(self, code: str, server: str) -> None:
        """The code to compare with the one in the back-office; empty while it is not known yet."""
        self._show(pairing={"code": code, "server": server})

    def apply(self, desired: Desired) -> None:
        said = desired.model_dump(mode="json", include={"name", "place", "settings", "sealing_key"})
        self._show(name=said["name"], place=said["place"], settings=said["settings"], sealing=said["sealing_key"])

    def release(self, release: Release | None) -> None:
        self._show(release=release.model_dump(mode="json") if release else None)

    def progress(self, progress: float) -> None:
        """Of the release that arrives; the page only shows it while there is none yet."""
        if not self._shown["release"]:
            self._show(progress=progress)

    def online(self, online: bool) -> None:
        self._show(online=online)

    def of_audience(self, audience: str) -> None:
        self._show(audience=audience)

    def identify(self, seconds: int) -> None:
        self._show(identify_until=(self._clock()[0] + timedelta(seconds=seconds)).isoformat())

    def message(self, text: str, seconds: int) -> None:
        """Over whatever is shown; empty: none any more."""
        until = (self._clock()[0] + timedelta(seconds=seconds)).isoformat()
        self._show(message={"text": text, "until": until} if text else None)

    def maintenance(self, until: datetime | None) -> None:
        """A quiet page in place of visits, until it is called off."""
        self._show(maintenance_until=until.isoformat() if until else None)

    def bench(self, asked: str, touch_s: int) -> None:
        """The page measures and sends what it found under the id `asked`; empty: no more."""
        self._show(bench={"id": asked, "touch_s": touch_s} if asked else None)

    def reload(self) -> None:
        """The page loads itself anew, once nobody visits."""
        self._show(reload=self._shown["reload"] + 1)

    def close(self) -> None:
        """Let go of every page that waits."""
        self._closed = True
        self._changed.set()

    # ---- what is read -----------------------------------------------------------------------------------------------

    def snapshot(self) -> dict[str, Any]:
        now, trusted = self._clock()
        shown = self._shown
        mode: Mode = "pairing" if shown["pairing"] or not shown["terminal"] else "normal"
        if mode == "normal" and not shown["release"]:
            mode = "waiting"
        if mode != "pairing" and shown["maintenance_until"]:
            mode = "maintenance"
        return {**shown, "version": self._version, "mode": mode, "now": now.isoformat(), "clock_trusted": trusted}

    async def after(self, seen: int | None, timeout_s: float) -> dict[str, Any]:
        """The screen at once if it differs from version `seen`, else when it changes, at the latest in `timeout_s`."""
        if seen == self._version and not self._closed:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):  # wait_for can swallow a cancellation
                    await self._changed.wait()
        return self.snapshot()

    def _show(self, **fields: Any) -> None:
        if all(self._shown[name] == value for name, value in fields.items()):
            return
        self._shown.update(fields)
        self._version += 1
        self._changed.set()
        self._changed = asyncio.Event()
