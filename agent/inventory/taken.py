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
MOST_SAID = 260 * 1024
"""A document (`MAX_PACKED_BYTES` of `wire.inventory`, which the agent itself never loads), and the line before it."""


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
    assert child.stdout is not None
    try:
        async with asyncio.timeout(within_s):
            said = await _read(child.stdout)
            ended_with = await child.wait()
    except TimeoutError:
        raise NotTaken(f"not read within {within_s:.0f} s") from None
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    if ended_with != 0:  # whatever it has said: a reader that was killed may have said half
        raise NotTaken(f"its reader ended with {ended_with}")
    head, _, packed = said.partition(b"\n")
    try:
        known = json.loads(head)
        return Taken(known["digest"], packed, known["model"])
    except (ValueError, KeyError, TypeError) as error:
        raise NotTaken(f"its reader says something else: {head[:80]!r}") from error


async def _read(stream: asyncio.StreamReader) -> bytes:
    """To the end, held to what a reader of ours may say."""
    said = bytearray()
    while piece := await stream.read(64 * 1024):
        said += piece
        if len(said) > MOST_SAID:
            raise NotTaken(f"its reader says more than {MOST_SAID} bytes")
    return bytes(said)
