"""What is done with a batch that was given: the rest called off, given again to those where it failed."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import and_
from sqlmodel import Session, col, select, update

from fleet_server.access.audit import record_act
from fleet_server.context import Context
from fleet_server.db import after_commit
from fleet_server.terminals.batches import refusal_of, standing
from fleet_server.terminals.commands import CalledOff, call_off, next_number, send_open, touch, who
from fleet_server.terminals.models import CommandBatch, Terminal, TerminalCommand
from fleet_server.web.viewer import Viewer

FAILED = ("failed", "expired")
"""What may be tried again as it is. A terminal that *rejected* it would reject it once more (FLEET, rule 8)."""
RETRYABLE = and_(col(TerminalCommand.state).in_(FAILED), col(TerminalCommand.called_off) == "")
"""What somebody called off is not wanted, whatever became of it."""
_ENROLLED_ANEW = "enrôlée de nouveau depuis"


@dataclass
class Again:
    """Terminals that have it once more; terminal → why it has not."""

    terminals: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)


def cancel_rest(session: Session, ctx: Context, batch: CommandBatch, viewer: Viewer | None) -> CalledOff:
    """All that no terminal has begun."""
    called = call_off(session, ctx, col(TerminalCommand.bulk) == batch.id, f"annulée par {who(viewer)}")
    if called.count:
        record_act(session, viewer, "terminal.commands_cancelled", batch.id,
                   {"order": batch.order["kind"], "count": called.count}, now=ctx.now(),
                   terminals=called.terminals)  # fmt: skip
    return called


def retryable(session: Session, batch: CommandBatch) -> tuple[list[tuple[TerminalCommand, Terminal]], dict[str, str]]:
    """What failed, with its terminal, by name; and terminal → why it could not have it again. Three queries."""
    query = (
        select(TerminalCommand, Terminal)
        .join(Terminal, col(Terminal.id) == TerminalCommand.terminal)
        .where(TerminalCommand.bulk == batch.id, RETRYABLE)
        .order_by(Terminal.name, Terminal.id)
    )
    found = [(command, terminal) for command, terminal in session.exec(query)]
    waiting, _ = standing(session, [terminal.id for _, terminal in found])
    why = {terminal.id: _why_not(command, terminal, waiting) for command, terminal in found}
    return found, {terminal: said for terminal, said in why.items() if said}


def _why_not(command: TerminalCommand, terminal: Terminal, waiting: dict[str, int]) -> str:
    return refusal_of(terminal, waiting.get(terminal.id, 0)) or (
        _ENROLLED_ANEW if command.generation != terminal.generation else ""
    )


def again_where_failed(session: Session, ctx: Context, batch: CommandBatch, viewer: Viewer | None) -> Again:
    """Another execution of each, for as long as the batch was first given."""
    found, skipped = retryable(session, batch)
    now = ctx.now()
    wanted = [command.id for command, terminal in found if terminal.id not in skipped]
    moved = session.exec(
        update(TerminalCommand)
        .where(col(TerminalCommand.id).in_(wanted), RETRYABLE)
        .values(execution=TerminalCommand.execution + 1, number=next_number(session), state="queued", queued_at=now,
                expires_at=now + (batch.expires_at - batch.given_at), sent_at=None, answered_at=None, reason="",
                file="", result={}, called_off="", by=viewer.name if viewer else "")
        .returning(col(TerminalCommand.terminal))
    ).all()  # fmt: skip
    done = Again([terminal for (terminal,) in moved], skipped)
    if done.terminals:
        record_act(session, viewer, "terminal.commands_given_again", batch.id,
                   {"order": batch.order["kind"], "count": len(done.terminals), "skipped": sorted(skipped)},
                   now=now, terminals=done.terminals)  # fmt: skip
        after_commit(session, lambda: _send(ctx, done.terminals))
    return done


def _send(ctx: Context, terminals: Sequence[str]) -> None:
    send_open(ctx, terminals)
    touch(ctx, *terminals)
