"""Commands: exactly identified, kept here, sent again at each presence until answered or expired."""

from collections.abc import Container, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, update
from sqlmodel import Session, col, func, select

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
MOST_NAMED = 500
"""Beyond so many terminals in a question, all of them cost less than a list of names."""
IN_TURN = (col(TerminalCommand.number), col(TerminalCommand.id))
NEWEST_FIRST = tuple(column.desc() for column in IN_TURN)
# The answer of a terminal that ran it in time may still be on its way.
_GRACE = timedelta(minutes=10)


class TooMany(Exception):
    """So many commands wait for this terminal already that one more would not help."""


def give(
    session: Session, ctx: Context, terminal: Terminal, order: dict[str, Any], viewer: Viewer | None,
    lifetime: timedelta = LIFETIME, bulk: str = "",
) -> TerminalCommand:  # fmt: skip
    """Queue a command and send it once this is committed. Raises `TooMany`, `ValidationError`."""
    parsed = orders.validate_python(order)
    now = ctx.now()
    before = open_commands(session, terminal.id)
    if len(before) >= MAX_OPEN:
        raise TooMany
    # Named as sent in the transaction that keeps it: a second one would be one more wait for the disk. A crash in
    # between costs nothing, what is not answered is sent again.
    there = session.get_one(TerminalLive, terminal.id).connected
    command = TerminalCommand(
        id=uuid7(int(now.timestamp() * 1000)), terminal=terminal.id, generation=terminal.generation,
        number=next_number(session),
        order=parsed.model_dump(mode="json"), queued_at=now, expires_at=now + lifetime, bulk=bulk,
        by=viewer.name if viewer else "", state="sent" if there else "queued", sent_at=now if there else None,
    )  # fmt: skip
    session.add(command)
    record_act(session, viewer, "terminal.command_given", terminal.id,
               {"order": command.order["kind"], "command": command.id}, now=now)  # fmt: skip
    # Behind what waits already, which may have been lost on the way: they are carried out in the order of asking.
    sealed = [_sealed(ctx, one) for one in [*before, command] if one.expires_at > now]
    after_commit(session, lambda: _send(ctx, terminal.id, sealed))
    return command


def _sealed(ctx: Context, command: TerminalCommand) -> bytes:
    message = Command(id=command.id, execution=command.execution, issued_at=command.queued_at,
                      expires_at=command.expires_at, order=orders.validate_python(command.order))  # fmt: skip
    return seal("command", message, command.terminal, command.generation, ctx.keys.signing)


def _send(ctx: Context, terminal_id: str, sealed: Sequence[bytes]) -> None:
    for one in sealed:
        ctx.send(topics.command(terminal_id), one)
    touch(ctx, terminal_id)


def send_given(ctx: Context, given: Sequence[TerminalCommand], behind: Container[str]) -> None:
    """What was given to many, to those that are there; to those in `behind` after what waits for them already."""
    for command in given:
        if command.state == "sent" and command.terminal not in behind:
            ctx.send(topics.command(command.terminal), _sealed(ctx, command))
        ctx.live.touch(f"borne:{command.terminal}")
    if late := [one.terminal for one in given if one.state == "sent" and one.terminal in behind]:
        send_open(ctx, late)
    ctx.live.touch("commandes")


def open_commands(session: Session, terminal_id: str) -> list[TerminalCommand]:
    query = select(TerminalCommand).where(TerminalCommand.terminal == terminal_id, col(TerminalCommand.state).in_(OPEN))
    return list(session.exec(query.order_by(*IN_TURN)))


def next_number(session: Session) -> int:
    """Behind all there are. Two transactions at once may take the same: between those there is no order to keep."""
    return (session.exec(select(func.max(TerminalCommand.number))).one() or 0) + 1


def send_open(ctx: Context, terminal_ids: Iterable[str]) -> int:
    """Send what these terminals have not answered, oldest first. They run each at most once, however often it comes."""
    now, due = ctx.now(), _due(ctx, list(terminal_ids))
    if any(command.state == "queued" for command in due):
        with transaction(ctx.engine) as session:
            session.execute(
                update(TerminalCommand)
                .where(col(TerminalCommand.id).in_([one.id for one in due]), col(TerminalCommand.state) == "queued")
                .values(state="sent", sent_at=now)
            )
    for command in due:
        _send(ctx, command.terminal, [_sealed(ctx, command)])
    return len(due)


def _due(ctx: Context, terminal_ids: list[str]) -> list[TerminalCommand]:
    with reading(ctx.engine) as session:
        query = (
            select(TerminalCommand)
            .join(Terminal, col(Terminal.id) == TerminalCommand.terminal)
            .where(col(TerminalCommand.state).in_(OPEN), TerminalCommand.expires_at > ctx.now())
            .where(Terminal.status == "accepted", TerminalCommand.generation == Terminal.generation)
        )
        if len(terminal_ids) <= MOST_NAMED:
            query = query.where(col(TerminalCommand.terminal).in_(terminal_ids))
        found = session.exec(query.order_by(*IN_TURN)).all()
    asked = set(terminal_ids)
    return [command for command in found if command.terminal in asked]


def send_again(ctx: Context) -> int:
    """What connected terminals have not answered, and what another process queued. How many were sent."""
    with reading(ctx.engine) as session:
        query = select(TerminalCommand.terminal).where(col(TerminalCommand.state).in_(OPEN)).distinct()
        waiting = session.exec(query.join(TerminalLive, col(TerminalLive.terminal) == TerminalCommand.terminal).where(
            col(TerminalLive.connected)
        )).all()  # fmt: skip
    return send_open(ctx, waiting)


def cancel(session: Session, ctx: Context, command: TerminalCommand, viewer: Viewer | None) -> bool:
    """Only what the terminal has not taken up: False when it is too late."""
    who = viewer.name if viewer else "la ligne de commande"
    moved = session.execute(
        update(TerminalCommand)
        .where(col(TerminalCommand.id) == command.id, col(TerminalCommand.state).in_(("queued", "sent")))
        .values(state="cancelled", answered_at=ctx.now(), reason=f"annulée par {who}")
    )
    if moved.rowcount != 1:  # type: ignore[attr-defined]
        return False
    session.refresh(command)
    record_act(session, viewer, "terminal.command_cancelled", command.terminal, {"command": command.id}, now=ctx.now())
    after_commit(session, lambda: touch(ctx, command.terminal))
    return True


def call_off(session: Session, ctx: Context, these: ColumnElement[bool], reason: str) -> list[str]:
    """Of these, what no terminal has taken up. The terminals that something was called off for."""
    gone = session.exec(
        update(TerminalCommand)
        .where(these, col(TerminalCommand.state).in_(("queued", "sent")))
        .values(state="cancelled", answered_at=ctx.now(), reason=reason)
        .returning(col(TerminalCommand.terminal))
    ).all()
    terminals = sorted({terminal for (terminal,) in gone})
    after_commit(session, lambda: touch(ctx, *terminals))
    return terminals


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
    .values(
        state=bindparam("outcome"),
        answered_at=bindparam("at_"),
        reason=bindparam("why"),
        file=bindparam("with_"),
        result=bindparam("brought"),
    )
)


def answered(connection: Connection, terminal: str, command: str, execution: int, outcome: str, reason: str,
             file: str | None, result: dict[str, Any], at: datetime) -> None:  # fmt: skip
    """A receipt. `accepted` never overwrites an end; an end overwrites what was only presumed here, or called off too
    late: the terminal knows better."""
    while_ = ["queued", "sent"] if outcome == "accepted" else [*OPEN, "expired", "cancelled"]
    connection.execute(_ANSWER, {"command": command, "from_": terminal, "run": execution, "while_": while_,
                                 "outcome": outcome, "at_": at, "why": reason[:200], "with_": file or "",
                                 "brought": result})  # fmt: skip


def touch(ctx: Context, *terminal_ids: str) -> None:
    for one in terminal_ids:
        ctx.live.touch(f"borne:{one}")
    ctx.live.touch("commandes")
