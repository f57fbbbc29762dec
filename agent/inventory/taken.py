"""The inventory as the agent holds it: small, and read by a process of its own.

The agent stays for months; what reading a few thousand packages leaves in its memory would stay as long (2 MB). And
whatever a file or a driver does to the one who reads it, that process is ended in time.
"""

import asyncio
import contextlib
import json
import sys
from dataclasses import dataclass

WITHIN_S = 60.0


class NotTaken(Exception):
    """Tried again later."""


@dataclass(frozen=True, slots=True)
class Taken:
    """As it travels; `digest` is of the bytes before they were packed. `model`: what the hardware calls itself."""

    digest: str
    packed: bytes
    model: str


async def take_apart(*command: str, within_s: float = WITHIN_S) -> Taken:
    """By `python -m agent.inventory`, or another command that writes the same. Raises `NotTaken`."""
    child = await asyncio.create_subprocess_exec(
        *(command or (sys.executable, "-m", "agent.inventory")),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(within_s):
            said, _ = await child.communicate()
    except TimeoutError:
        raise NotTaken(f"not read within {within_s:.0f} s") from None
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    head, _, packed = said.partition(b"\n")
    try:
        known = json.loads(head)
        return Taken(known["digest"], packed, known["model"])
    except (ValueError, KeyError, TypeError) as error:
        raise NotTaken(f"its reader ended with {child.returncode}") from error
