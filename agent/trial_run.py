"""What can be tried of a version before the screen goes dark for it: all but the terminal's state, window and network.

Called in its slot by the version that runs (`agent.software.install`): as `check` of the module that would be started.
"""

import asyncio
import errno
import importlib
import os
import tempfile
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path

from agent.app import UI
from agent.clock import Clock
from agent.kiosk import Kiosk
from agent.serve import listen
from agent.settings import read_settings

CHILDREN = ("agent.fetch", "agent.software.fetch", "agent.software.install")
"""Started by the agent when they are needed: without them there would be no next version."""
_WITHIN_S = 30


def check() -> None:
    """Raises whatever is wrong: it can't be imported, can't read this terminal's settings, does not serve its page.

    `TimeoutError` and `OSError` of a full disk are this machine's (`agent.software.first_start`).
    """
    for module in CHILDREN:
        importlib.import_module(module)
    read_settings()
    os.environ.pop("NOTIFY_SOCKET", None)  # what it says would be taken for the agent's own word
    with _temporary_folder() as folder:
        asyncio.run(_serves(Path(folder)))


def _temporary_folder() -> tempfile.TemporaryDirectory[str]:
    try:
        return tempfile.TemporaryDirectory()
    except FileNotFoundError as error:  # its word for disks that are all full
        raise OSError(errno.ENOSPC, str(error)) from error


async def _serves(state_dir: Path) -> None:
    listener = listen(0)
    listener.listen()
    kiosk = Kiosk(state_dir, Clock(state_dir / "clock"), UI, listener)
    running = asyncio.create_task(kiosk.run())
    answering = asyncio.create_task(asyncio.to_thread(_asked, kiosk.port))
    try:
        await asyncio.wait({running, answering}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            await running
        if (status := await answering) != HTTPStatus.OK:
            raise RuntimeError(f"its page answers {status}")
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def _asked(port: int) -> int:
    page = HTTPConnection("127.0.0.1", port, timeout=_WITHIN_S)
    page.request("GET", "/")
    return page.getresponse().status
