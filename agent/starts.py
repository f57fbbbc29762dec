"""Each start is told: of the machine, or of the agent alone on a machine that went on running."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import structlog

from agent import VERSION, disk
from agent.inventory.host import Host
from agent.spool import CannotKeep

log = structlog.get_logger()
_BOOT_ID = "proc/sys/kernel/random/boot_id"


def start_of(kept: Any, machine: str, version: str) -> tuple[str, dict[str, Any]]:
    """What to tell, from what the last start left behind: `machine` is the kernel's name for its own start."""
    before = kept if isinstance(kept, dict) else {}
    what = "agent.started" if machine and before.get("machine") == machine else "machine.started"
    older = before.get("version")
    return what, {"version": version} | ({"before": str(older)[:80]} if older and older != version else {})


async def tell_start(path: Path, tell: Callable[[str, dict[str, Any]], Awaitable[None]]) -> None:
    """Told first and kept after: a power cut between the two is another start of the machine anyway."""
    machine = Host().line(_BOOT_ID)
    what, detail = start_of(disk.read_json(path), machine, VERSION)
    try:
        await tell(what, detail)
        disk.write_json(path, {"machine": machine, "version": VERSION})
    except (CannotKeep, OSError) as error:
        log.warning("start not told", reason=str(error)[:200])
