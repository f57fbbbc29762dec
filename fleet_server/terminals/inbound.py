"""What a terminal says of itself: presence and reported state. State is not history, the newest wins."""

from datetime import datetime, timedelta
from typing import Any

import structlog
from pydantic import ValidationError
from sqlalchemy import update
from sqlmodel import Session, col

from fleet_server.access.audit import record_act
from fleet_server.context import Context
from fleet_server.db import transaction
from fleet_server.terminals.commands import send_open
from fleet_server.terminals.desired import push, restored_below
from fleet_server.terminals.models import Terminal, TerminalLive
from wire.state import Presence, Reported

log = structlog.get_logger()
ONLINE_WITHIN = timedelta(seconds=120)
MAX_BYTES = 64 * 1024
_BOOTS_KEPT = 6


def presence(ctx: Context, terminal_id: str, payload: bytes) -> None:
    """Connected, or gone. The last will of an old connection does not count."""
    said = _read(Presence, terminal_id, payload)
    if said is None:
        return
    now = ctx.now()
    with transaction(ctx.engine) as session:
        found = _accepted(session, terminal_id)
        if found is None:
            return
        terminal, live = found
        if said.online:
            live.connected, live.connection, live.heard_at = True, said.connection, now
            if said.boot != live.boot:
                live.boots = [*live.boots, said.boot][-_BOOTS_KEPT:]
                live.boot = said.boot
                if alternates(live.boots):
                    _isolate(session, terminal, now)
        elif said.connection == live.connection:
            live.connected = False
        session.add(live)
    if said.online:
        push(ctx, [terminal_id])
        send_open(ctx, terminal_id)
    _touch(ctx, terminal_id)


def alternates(boots: list[str]) -> bool:
    """a, b, a, b: a boot id is made once and never comes back, unless two machines share one key."""
    return len(boots) >= 4 and boots[-1] == boots[-3] != boots[-2] == boots[-4]


def _isolate(session: Session, terminal: Terminal, now: datetime) -> None:
    terminal.isolated = "Deux machines se présentent avec la même clé."
    session.add(terminal)
    record_act(session, None, "terminal.isolated", terminal.id, {"name": terminal.name}, now=now)
    log.error("terminal.isolated", terminal=terminal.id)


def reported(ctx: Context, terminal_id: str, payload: bytes) -> None:
    """A newer report replaces the last; a guarded update decides, so that any worker may take any report."""
    said = _read(Reported, terminal_id, payload)
    if said is None:
        return
    now = ctx.now()
    with transaction(ctx.engine) as session:
        found = _accepted(session, terminal_id)
        if found is None or found[0].generation != said.generation:
            return
        live = found[1]
        body = said.model_dump(mode="json")
        changed = live.report is None or _substance(live.report) != _substance(body)
        moved = session.execute(
            update(TerminalLive)
            .where(col(TerminalLive.terminal) == terminal_id, col(TerminalLive.number) < said.number)
            .values(number=said.number, report=body, reported_at=now, heard_at=now, connected=True,
                    **({"changed_at": now} if changed else {}))
        )  # fmt: skip
        if moved.rowcount != 1:  # type: ignore[attr-defined]
            return  # a newer report already won
        restored_below(session, ctx, terminal_id, said.revision)
    _touch(ctx, terminal_id)


def _substance(report: dict[str, Any]) -> dict[str, Any]:
    """Without what changes at every report."""
    window = {name: value for name, value in report["window"].items() if name != "painted_at"}
    return {name: value for name, value in report.items() if name not in ("number", "at", "outbox")} | {
        "window": window
    }


def heard(ctx: Context, terminal_ids: set[str]) -> None:
    """Batches came from these terminals: whatever else, they are alive."""
    with transaction(ctx.engine) as session:
        session.execute(
            update(TerminalLive).where(col(TerminalLive.terminal).in_(sorted(terminal_ids))).values(heard_at=ctx.now())
        )


def _accepted(session: Session, terminal_id: str) -> tuple[Terminal, TerminalLive] | None:
    terminal = session.get(Terminal, terminal_id)
    if terminal is None or terminal.status != "accepted" or terminal.isolated:
        log.warning("state.not_listened", terminal=terminal_id)
        return None
    return terminal, session.get_one(TerminalLive, terminal_id)


def _read(model: Any, terminal_id: str, payload: bytes) -> Any:
    try:
        if len(payload) > MAX_BYTES:
            raise ValueError(f"{len(payload)} bytes, at most {MAX_BYTES} are read")
        return model.model_validate_json(payload)
    except (ValidationError, ValueError) as error:
        log.warning("state.unreadable", terminal=terminal_id, kind=model.__name__, reason=str(error)[:200])
        return None


def _touch(ctx: Context, terminal_id: str) -> None:
    ctx.live.touch("flotte")
    ctx.live.touch(f"borne:{terminal_id}")
