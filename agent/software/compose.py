"""Updates of this very agent, put together from its parts."""

import sys
from pathlib import Path
from typing import Any

import structlog
from pydantic import ValidationError

from agent.activation import NOW, Verdict, may_activate, may_download
from agent.core import Terminal
from agent.kiosk import Kiosk
from agent.settings import AgentSettings
from agent.software.host import TerminalHost
from agent.software.launcher import boot_of_machine
from agent.software.record import Record
from agent.software.update import Update
from agent.software.updating import NoUpdates, Updating, told
from agent.spool import CannotKeep
from wire.events import StateChanged

log = structlog.get_logger()


def updates_of(settings: AgentSettings, terminal: Terminal, kiosk: Kiosk) -> Updating | NoUpdates:
    """`NoUpdates` where this process was not started from a slot of its own state."""
    root, environment = settings.state_dir / "software", Path(sys.prefix)
    if environment.parent.resolve() != (root / "slots").resolve():
        return NoUpdates()
    clock, desired = terminal.clock, terminal.desired

    def download() -> Verdict:
        wish = desired.current
        if wish is None:
            return NOW
        line = wish.settings
        return may_download(wish.software_activation, line.download_hours, line.timezone, clock.now(), clock.trusted)

    def restart() -> Verdict:
        """Never in a visit, be it forced or overdue: a visit ends within minutes, a restart would end it at once."""
        wish = desired.current
        if kiosk.visit.in_visit:
            return Verdict("visit")
        if wish is None:
            return NOW
        line, when = wish.settings, wish.software_activation
        return may_activate(when, line.timezone, clock.now(), False, clock.trusted, line.opening)

    def event(record: Record) -> dict[str, Any]:
        what, detail = f"software.{record.phase}", told(record)
        log.info(what, **detail)
        return StateChanged(**terminal.stamp(), what=what, detail=detail).model_dump(mode="json")

    def tell(event: dict[str, Any]) -> bool:
        terminal.changed()
        try:
            terminal.outbox.enqueue_once(StateChanged.model_validate(event))
        except CannotKeep as error:  # the report tells the state anyway
            log.warning("event not kept", reason=str(error)[:200])
            return False
        except ValidationError:  # of a version that tells otherwise
            log.warning("event not understood", what=str(event.get("what"))[:80])
        return True

    host = TerminalHost(
        root, trust=settings.state_dir / "content" / "tuf", enrolment=lambda: terminal.identity.enrolment,
        now=clock.now, see=kiosk.seen, download=download, restart=restart, came=terminal.changed,
        kbit_s=lambda: desired.current.settings.download_kbit_s if desired.current else 0,
        in_visit=lambda: kiosk.visit.in_visit,
    )  # fmt: skip
    update = Update(
        root, running=environment.name, boot=clock.boot, host=host, event=event, tell=tell,
        machine=boot_of_machine(), limit_s=settings.update_within_s, steady_s=settings.update_steady_s,
    )  # fmt: skip
    return Updating(update, host, terminal.changed)
