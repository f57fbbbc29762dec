"""What the terminal reports of itself: state, not history. Its number grows over reboots, the newest wins."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from agent.disk import write_synced
from wire.state import Reported

_PER_BOOT = 2**32


def count_boot(path: Path) -> int:
    """One more than last time, durably. Raises `OSError` when that can't be kept: a number must never come twice."""
    try:
        before = int(path.read_text())
    except (OSError, ValueError):
        before = 0
    write_synced(path, str(before + 1).encode())
    return before + 1


class Reporter:
    """`compose(number)` makes the report, in a thread; `publish` is False while there is no connection."""

    def __init__(self, boot_count: int, compose: Callable[[int], Reported], publish: Callable[[bytes], bool]) -> None:
        self._number = boot_count * _PER_BOOT
        self._compose = compose
        self._publish = publish
        self.wake = asyncio.Event()

    async def turn(self) -> None:
        self._number += 1
        report = await asyncio.to_thread(self._compose, self._number)
        self._publish(report.model_dump_json().encode())
