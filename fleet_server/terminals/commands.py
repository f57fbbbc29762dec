"""Commands: exactly identified, kept here, sent again at each presence until answered or expired."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, update
from sqlmodel import Session, col, select

from fleet_server.access.audit import record_act
from fleet_server.context import Context
from fleet_server.db import after_commit, reading, transaction
from fleet_server.terminals.models import Terminal, TerminalCommand, TerminalLive
from fleet_server.web.viewer import Viewer
from wire import topics
from wire.command import Command, orders
from wire.ids import uuid7
from wire.sign import seal

OPEN = ("queued", "sent", "accepted")
LIFETIME = timedelta(hours=1)
MAX_OPEN = 20
# The answer of a terminal that ran it in time may still be on its way.
_GRACE = timedelta(minutes=10)


class TooMany(Exception):
    """So many commands wait for this terminal already that one more would not help."""


def give(
    session: Session, ctx: Context, terminal: Terminal, order: dict[str, Any], viewer: Viewer | None
) -> TerminalCommand:
    """Queue a command and send it once this is committed. Raises `TooMany`, `ValidationError`."""
    parsed = orders.validate_python(order)
    now = ctx.now()
    if len(open_commands(session, terminal.id)) >= MAX_OPEN:
        raise TooMany
    command = TerminalCommand(
        id=uuid7(int(now.timestamp() * 1000)), terminal=terminal.id, generation=terminal.generation,
        order=parsed.model_dump(mode="json"), queued_at=now, expires_at=now + LIFETIME,
        by=viewer.name if viewer else "",
    )  # fmt: skip
    session.add(command)
    record_act(session, viewer, "terminal.command_given", terminal.id,
               {"order": command.order["kind"], "command": command.id}, now=now)  # fmt: skip
    after_commit(session, lambda: send_open(ctx, terminal.id))
    return command


def open_commands(session: Session, terminal_id: str) -> list[TerminalCommand]:
    query = select(TerminalCommand).where(TerminalCommand.terminal == terminal_id, col(TerminalCommand.state).in_(OPEN))
    return list(session.exec(query.order_by(TerminalCommand.id)))


def send_open(ctx: Context, terminal_id: str) -> int:
    """Send what is not answered, oldest first. A terminal runs each at most once, however often it comes."""
    now = ctx.now()
    with transaction(ctx.engine) as session:
        terminal = session.get(Terminal, terminal_id)
        if terminal is None or terminal.status != "accepted":
            return 0
        due = [command for command in open_commands(session, terminal_id) if command.expires_at > now]
        for command in due:
            if command.state == "queued":
                command.state, command.sent_at = "sent", now
                session.add(command)
        messages = [
            Command(id=one.id, execution=one.execution, issued_at=one.queued_at, expires_at=one.expires_at,
                    order=orders.validate_python(one.order))
            for one in due
        ]  # fmt: skip
        generation = terminal.generation
    for message in messages:
        ctx.send(topics.command(terminal_id), seal("command", message, terminal_id, generation, ctx.keys.signing))
    _touch(ctx, terminal_id)
    return len(messages)


def send_again(ctx: Context) -> int:
    """What connected terminals have not answered, and what another process queued. How many were sent."""
    with reading(ctx.engine) as session:
        query = select(TerminalCommand.terminal).where(col(TerminalCommand.state).in_(OPEN)).distinct()
        waiting = session.exec(query.join(TerminalLive, col(TerminalLive.terminal) == TerminalCommand.terminal).where(
            col(TerminalLive.connected)
        )).all()  # fmt: skip
    return sum(send_open(ctx, terminal) for terminal in waiting)


def cancel(session: Session, ctx: Context, command: TerminalCommand, viewer: Viewer) -> bool:
    """Only what the terminal has not taken up: False when it is too late."""
    if command.state not in ("queued", "sent"):
        return False
    command.state, command.answered_at, command.reason = "cancelled", ctx.now(), f"annulée par {viewer.name}"
    session.add(command)
    record_act(session, viewer, "terminal.command_cancelled", command.terminal, {"command": command.id}, now=ctx.now())
    after_commit(session, lambda: _touch(ctx, command.terminal))
    return True


def cancel_open(session: Session, terminal_id: str, reason: str, now: datetime) -> None:
    session.execute(
        update(TerminalCommand)
        .where(col(TerminalCommand.terminal) == terminal_id, col(TerminalCommand.state).in_(OPEN))
        .values(state="cancelled", answered_at=now, reason=reason)
    )


def expire(session: Session, now: datetime) -> int:
    """Commands whose time is over and that nobody answered."""
    expired = session.execute(
        update(TerminalCommand)
        .where(col(TerminalCommand.state).in_(OPEN), col(TerminalCommand.expires_at) < now - _GRACE)
        .values(state="expired", answered_at=now, reason="sans réponse de la borne")
    )
    return int(expired.rowcount)  # type: ignore[attr-defined]


_ANSWER = (
    update(TerminalCommand.__table__)  # type: ignore[attr-defined]
    .where(
        TerminalCommand.__table__.c.id == bindparam("command"),  # type: ignore[attr-defined]
        TerminalCommand.__table__.c.terminal == bindparam("from_"),  # type: ignore[attr-defined]
        TerminalCommand.__table__.c.execution == bindparam("run"),  # type: ignore[attr-defined]
        TerminalCommand.__table__.c.state.in_(bindparam("while_", expanding=True)),  # type: ignore[attr-defined]
    )
    .values(state=bindparam("outcome"), answered_at=bindparam("at_"), reason=bindparam("why"), file=bindparam("with_"))
)


def answered(connection: Connection, terminal: str, command: str, execution: int, outcome: str, reason: str,
             file: str | None, at: datetime) -> None:  # fmt: skip
    """A receipt. `accepted` never overwrites an end; an end overwrites what was only presumed here, or called off too
    late: the terminal knows better."""
    while_ = ["queued", "sent"] if outcome == "accepted" else [*OPEN, "expired", "cancelled"]
    connection.execute(_ANSWER, {"command": command, "from_": terminal, "run": execution, "while_": while_,
                                 "outcome": outcome, "at_": at, "why": reason[:200], "with_": file or ""})  # fmt: skip


def _touch(ctx: Context, terminal_id: str) -> None:
    ctx.live.touch(f"borne:{terminal_id}")
    ctx.live.touch("commandes")
