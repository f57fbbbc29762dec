"""What a terminal says of itself: presence and reported state. State is not history, the newest wins."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from pydantic import ValidationError
from sqlalchemy import update
from sqlmodel import Session, col, select

from fleet_server.access.audit import record_act
from fleet_server.context import Context
from fleet_server.db import transaction
from fleet_server.terminals.away import ONLINE_WITHIN as ONLINE_WITHIN
from fleet_server.terminals.away import note_return
from fleet_server.terminals.commands import send_open
from fleet_server.terminals.desired import push, restored_below
from fleet_server.terminals.models import Terminal, TerminalLive
from fleet_server.terminals.registry import turn
from wire.state import Presence, Reported

log = structlog.get_logger()
MAX_BYTES = 64 * 1024
_BOOTS_KEPT = 6


@dataclass(frozen=True, slots=True)
class Said:
    """What came on a terminal's channel, `presence` or `reported`, as it came."""

    channel: str
    terminal: str
    payload: bytes


def take(ctx: Context, said: Sequence[Said]) -> None:
    """All that has come, in its order, in one transaction; what it asks for leaves once that is on the disk."""
    read = [(one.terminal, message) for one in said if (message := _read(one))]
    if not read:
        return
    now = ctx.now()
    reached: dict[str, int] = {}
    with transaction(ctx.engine) as session:
        listened = _listened(session, {terminal for terminal, _ in read})
        speaking = {terminal for terminal, message in read if not isinstance(message, Presence) or message.online}
        note_return(session, (listened[one][1] for one in speaking & listened.keys()), ctx.server_start, now)
        for terminal, message in read:
            if terminal not in listened:
                log.warning("state.not_listened", terminal=terminal)
            elif isinstance(message, Presence):
                _presence(session, *listened[terminal], message, now)
            elif _reported(*listened[terminal], message, now):
                reached[terminal] = max(reached.get(terminal, 0), message.revision)
        restored_below(session, ctx, reached)
    came = {terminal for terminal, message in read if isinstance(message, Presence) and message.online}
    if came := came & listened.keys():
        push(ctx, came)
        send_open(ctx, came)
    ctx.live.touch("flotte")
    for terminal in listened:
        ctx.live.touch(f"borne:{terminal}")


def _presence(session: Session, terminal: Terminal, live: TerminalLive, said: Presence, now: datetime) -> None:
    """Connected, or gone. The last will of an old connection does not count."""
    if said.online:
        live.connected, live.connection, live.heard_at = True, said.connection, now
        if said.boot != live.boot:
            live.boots = [*live.boots, said.boot][-_BOOTS_KEPT:]
            live.boot = said.boot
            if alternates(live.boots):
                _isolate(session, terminal, now)
    elif said.connection == live.connection:
        live.connected = False


def alternates(boots: list[str]) -> bool:
    """a, b, a, b: a boot id is made once and never comes back, unless two machines share one key."""
    return len(boots) >= 4 and boots[-1] == boots[-3] != boots[-2] == boots[-4]


def _isolate(session: Session, terminal: Terminal, now: datetime) -> None:
    terminal.isolated = "Deux machines se présentent avec la même clé."
    turn(session, terminal, now)
    session.add(terminal)
    record_act(session, None, "terminal.isolated", terminal.id, {"name": terminal.name}, now=now)
    log.error("terminal.isolated", terminal=terminal.id)


def _reported(terminal: Terminal, live: TerminalLive, said: Reported, now: datetime) -> bool:
    """A newer report replaces the last: by its number, so that any order of arrival will do. False: nothing of it."""
    if terminal.generation != said.generation or terminal.isolated or said.number <= live.number:
        return False
    body = said.model_dump(mode="json")
    if live.report is None or _substance(live.report) != _substance(body):
        live.changed_at = now
    live.number, live.report, live.reported_at = said.number, body, now
    live.heard_at, live.connected = now, True
    return True


def _substance(report: dict[str, Any]) -> dict[str, Any]:
    """Without what changes at every report."""
    window = {name: value for name, value in report["window"].items() if name != "painted_at"}
    return {name: value for name, value in report.items() if name not in ("number", "at", "outbox")} | {
        "window": window
    }


def heard(ctx: Context, terminal_ids: set[str]) -> None:
    """Batches came from these terminals: whatever else, they are alive."""
    now = ctx.now()
    with transaction(ctx.engine) as session:
        these = col(TerminalLive.terminal).in_(sorted(terminal_ids))
        silent = select(TerminalLive).where(these, col(TerminalLive.heard_at) < now - ONLINE_WITHIN).with_for_update()
        note_return(session, session.exec(silent), ctx.server_start, now)
        session.execute(update(TerminalLive).where(these).values(heard_at=now))


def _listened(session: Session, ids: set[str]) -> dict[str, tuple[Terminal, TerminalLive]]:
    """Of these, the accepted ones against which nothing speaks."""
    query = (
        select(Terminal, TerminalLive)
        .join(TerminalLive, col(TerminalLive.terminal) == Terminal.id)
        .where(Terminal.status == "accepted", Terminal.isolated == "", col(Terminal.id).in_(sorted(ids)))
        .with_for_update()  # any worker may take any report, and the newest wins
    )
    return {terminal.id: (terminal, live) for terminal, live in session.exec(query)}


_MODELS: dict[str, type[Presence] | type[Reported]] = {"presence": Presence, "reported": Reported}


def _read(said: Said) -> Presence | Reported | None:
    try:
        if len(said.payload) > MAX_BYTES:
            raise ValueError(f"{len(said.payload)} bytes, at most {MAX_BYTES} are read")
        return _MODELS[said.channel].model_validate_json(said.payload)
    except (ValidationError, ValueError) as error:
        log.warning("state.unreadable", terminal=said.terminal, kind=said.channel, reason=str(error)[:200])
        return None
