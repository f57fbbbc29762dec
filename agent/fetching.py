"""The agent's side of `python -m agent.fetch`: start it, hear its progress, end it."""

import asyncio
import contextlib
import json
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from agent.limit import line_of
from wire.enrol import Enrolment

_LINE_BYTES = 64 * 1024


class NotFetched(Exception):
    """`final`: asking again can't help (the release is not trusted); otherwise later. `lacks`: bytes of disk."""

    def __init__(self, kind: str, reason: str, lacks: int = 0) -> None:
        super().__init__(f"{kind}: {reason}" if reason else kind)
        self.kind = kind
        self.lacks = lacks
        self.final = kind == "untrusted"


class Fetching:
    """Fetches releases for one enrolment into `content`, one child at a time. `now` judges expiry of metadata."""

    def __init__(self, content: Path, enrolment: Callable[[], Enrolment], now: Callable[[], datetime]) -> None:
        self._content = content
        self._enrolment = enrolment
        self._now = now
        self.reserve = 256 * 2**20
        self.patience_s = 90.0

    async def __call__(self, release: str, kbit_s: int, progress: Callable[[float], None]) -> None:
        """Returns when the store holds the release whole. Raises `NotFetched`. Cancelled: the child is ended."""
        enrolment = self._enrolment()
        job = {
            "content": str(self._content), "trust": str(self._content / "tuf"),
            "server": enrolment.server, "release": release, "root": enrolment.root,
            "ca": enrolment.ca, "now": self._now().isoformat(), "reserve": self.reserve, "patience_s": self.patience_s,
            "kbit_s": kbit_s, "line": str(line_of(self._content.parent)),
        }  # fmt: skip
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "agent.fetch",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=_LINE_BYTES,
        )  # fmt: skip
        assert child.stdin
        assert child.stdout
        try:
            child.stdin.write(json.dumps(job).encode() + b"\n")
            child.stdin.close()
            last: dict[str, Any] = {}
            async for line in child.stdout:
                last = json.loads(line)
                if "progress" in last:
                    progress(last["progress"])
            await child.wait()
        finally:
            if child.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    child.kill()
                await child.wait()
        if not last.get("done"):
            raise NotFetched(last.get("failed", "unreachable"), last.get("reason", f"ended with {child.returncode}"),
                             last.get("lacks", 0))  # fmt: skip
