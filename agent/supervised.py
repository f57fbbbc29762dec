"""What systemd is told (sd_notify): that the agent serves, and from then on, by its event loop itself, that this turns.

A loop that hangs says nothing any more: systemd ends it and starts it again (`WatchdogSec=` of the unit). Where nobody
asked to be told, nothing is.
"""

import asyncio
import contextlib
import os
import socket

_BEATS = 4
"""In the time that systemd waits for one: some may be late."""
_UNWATCHED_S = 3600.0


async def while_serving() -> None:
    """Until cancelled."""
    within_s = int(os.environ.get("WATCHDOG_USEC") or 0) / 1e6
    while True:
        _tell("READY=1\nWATCHDOG=1")  # ready each time: the first may not have been heard
        await asyncio.sleep(within_s / _BEATS if within_s else _UNWATCHED_S)


def _tell(state: str) -> None:
    if not (address := os.environ.get("NOTIFY_SOCKET")):
        return
    # What is not heard is said again; what can't be said must not keep the loop.
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as teller:
        teller.setblocking(False)
        teller.sendto(state.encode(), address.replace("@", "\0", 1) if address.startswith("@") else address)
