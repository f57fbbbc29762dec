"""The commands that wait for one terminal: their place in its line, again, purged."""

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta

from sqlmodel import Session, col, select, update

from fleet_server.access.audit import record_act
from fleet_server.context import Context
from fleet_server.db import after_commit
from fleet_server.terminals.commands import (
    IN_TURN,
    LIFETIME,
    MAX_OPEN,
    OPEN,
    CalledOff,
    TooMany,
    call_off,
    next_number,
    open_commands,
    send_open,
    who,
)
from fleet_server.terminals.models import Terminal, TerminalCommand
from fleet_server.web.viewer import Viewer

LIFETIMES = {
    "15 min": timedelta(minutes=15),
    "1 h": LIFETIME,
    "8 h": timedelta(hours=8),
    "24 h": timedelta(days=1),
    "7 j": timedelta(days=7),
}
"""How long a command may wait for a terminal that is away."""


class NotAgain(ValueError):
    """It can't be carried out once more: the sentence says why."""


def positions(session: Session, commands: Iterable[TerminalCommand]) -> dict[str, int]:
    """Command → its place among those its terminal has not answered, from 1."""
    terminals = {one.terminal for one in commands if one.state in OPEN}
    query = (
        select(TerminalCommand.id, TerminalCommand.terminal)
        .where(col(TerminalCommand.terminal).in_(terminals), col(TerminalCommand.state).in_(OPEN))
        .order_by(*IN_TURN)
    )
    seen: Counter[str] = Counter()
    placed = {}
    for command, terminal in session.exec(query):
        seen[terminal] += 1
        placed[command] = seen[terminal]
    return placed


def again(session: Session, ctx: Context, command: TerminalCommand, viewer: Viewer | None,
          lifetime: timedelta = LIFETIME) -> TerminalCommand:  # fmt: skip
    """The same command once more: another execution, at the end of the line. Raises `NotAgain`, `TooMany`."""
    terminal, now = session.get_one(Terminal, command.terminal), ctx.now()
    if command.generation != terminal.generation or terminal.status != "accepted":
        raise NotAgain("La borne a été enrôlée de nouveau ou retirée depuis : donnez une commande nouvelle.")
    if len(open_commands(session, terminal.id)) >= MAX_OPEN:
        raise TooMany
    moved = session.execute(
        update(TerminalCommand)
        .where(col(TerminalCommand.id) == command.id, col(TerminalCommand.execution) == command.execution)
        .where(col(TerminalCommand.state).not_in(OPEN))
        .values(execution=command.execution + 1, number=next_number(session), state="queued", queued_at=now,
                expires_at=now + lifetime, sent_at=None, answered_at=None, reason="", file="", result={},
                called_off="", by=viewer.name if viewer else "")
    )  # fmt: skip
    if moved.rowcount != 1:  # type: ignore[attr-defined]
        raise NotAgain("Elle attend encore une réponse, ou quelqu’un vient de la relancer.")
    session.refresh(command)
    record_act(session, viewer, "terminal.command_given_again", terminal.id,
               {"order": command.order["kind"], "command": command.id, "execution": command.execution},
               now=now)  # fmt: skip
    after_commit(session, lambda: send_open(ctx, [terminal.id]))
    return command


def purge(session: Session, ctx: Context, terminal: Terminal, viewer: Viewer | None) -> CalledOff:
    """Call off all that the terminal has not begun."""
    called = call_off(session, ctx, col(TerminalCommand.terminal) == terminal.id, f"file vidée par {who(viewer)}")
    if called.count:
        record_act(session, viewer, "terminal.commands_purged", terminal.id, {"count": called.count}, now=ctx.now())
    return called
