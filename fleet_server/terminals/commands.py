"""Commands: exactly identified, kept here, sent again at each presence until answered or expired."""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, String, and_, bindparam, case, or_, update
from sqlmodel import Session, SQLModel, col, func, select

from fleet_server.access.audit import record_act
from fleet_server.context import Context
from fleet_server.db import after_commit, reading, transaction
from fleet_server.terminals.models import Terminal, TerminalCommand, TerminalLive
from fleet_server.web.viewer import Viewer
from wire import topics
from wire.command import CallOff, Command, orders
from wire.ids import uuid7
from wire.sign import seal

OPEN = ("queued", "sent", "accepted")
WAITS = "waits for the end of the visit"
"""What a terminal says of an order that it has accepted and not begun."""
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
    """As it is sent; called off, what calls it off goes in its place."""
    if command.called_off:
        return _calling_off(ctx, command.id, command.execution, command.terminal, command.generation)
    message = Command(id=command.id, execution=command.execution, issued_at=command.queued_at,
                      expires_at=command.expires_at, order=orders.validate_python(command.order))  # fmt: skip
    return seal("command", message, command.terminal, command.generation, ctx.keys.signing)


def _calling_off(ctx: Context, command: str, execution: int, terminal: str, generation: int) -> bytes:
    return seal("call_off", CallOff(id=command, execution=execution), terminal, generation, ctx.keys.signing)


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
    if queued := {command.id for command in due if command.state == "queued"}:
        with transaction(ctx.engine) as session:
            moved = session.execute(
                update(TerminalCommand)
                .where(col(TerminalCommand.id).in_(queued), col(TerminalCommand.state) == "queued")
                .values(state="sent", sent_at=now)
                .returning(col(TerminalCommand.id))
            ).all()
        gone = queued - {command for (command,) in moved}  # called off since it was read, as never sent
        due = [command for command in due if command.id not in gone]
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
    """False when it is too late: begun, or answered."""
    called = call_off(session, ctx, col(TerminalCommand.id) == command.id, f"annulée par {who(viewer)}")
    if not called.terminals:
        return False
    session.refresh(command)
    record_act(session, viewer, "terminal.command_cancelled", command.terminal, {"command": command.id}, now=ctx.now())
    return True


def who(viewer: Viewer | None) -> str:
    return viewer.name if viewer else "la ligne de commande"


@dataclass(frozen=True, slots=True)
class CalledOff:
    """Terminals: `at_once`, since it was never sent to them; `asked`, which may have it, and have not begun it as far
    as is known: theirs is called off once they say so."""

    at_once: list[str]
    asked: list[str]
    count: int
    """Of commands: a terminal may have several."""
    count_asked: int

    @property
    def terminals(self) -> list[str]:
        return sorted({*self.at_once, *self.asked})


NOT_BEGUN = or_(
    col(TerminalCommand.state) == "queued",
    and_(
        or_(
            col(TerminalCommand.state) == "sent",
            and_(col(TerminalCommand.state) == "accepted", col(TerminalCommand.reason) == WAITS),
        ),
        col(TerminalCommand.called_off) == "",
    ),
)
"""What may still be called off, as far as is known here."""


def call_off(session: Session, ctx: Context, these: ColumnElement[bool], reason: str) -> CalledOff:
    """Of these, what has not begun. Two statements; what may have reached a terminal stays open until it answers: only
    the terminal knows that it will not begin, and what calls it off may be lost like the command."""
    untaken = session.execute(
        update(TerminalCommand)
        .where(these, col(TerminalCommand.state) == "queued")
        .values(state="cancelled", answered_at=ctx.now(), reason=reason, called_off=reason)
        .returning(_COMMANDS.c.terminal)
    ).all()
    named = (_COMMANDS.c.id, _COMMANDS.c.execution, _COMMANDS.c.terminal, _COMMANDS.c.generation)
    waiting = session.execute(
        update(TerminalCommand).where(these, NOT_BEGUN).values(called_off=reason).returning(*named)
    ).all()
    ended, asked = ({row.terminal for row in rows} for rows in (untaken, waiting))
    called = CalledOff(sorted(ended), sorted(asked), len(untaken) + len(waiting), len(waiting))

    def tell() -> None:
        for command, execution, terminal, generation in waiting:
            ctx.send(topics.command(terminal), _calling_off(ctx, command, execution, terminal, generation))
        touch(ctx, *called.terminals)

    after_commit(session, tell)
    return called


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
        .values(
            state="expired",
            answered_at=now,
            reason=case(
                (col(TerminalCommand.called_off) != "", col(TerminalCommand.called_off) + ", sans réponse de la borne"),
                else_="sans réponse de la borne",
            ),
        )
    )
    return int(expired.rowcount)  # type: ignore[attr-defined]


_COMMANDS = SQLModel.metadata.tables["terminal_command"]
_OUTCOME = bindparam("outcome", type_=String())
_ANSWER = (
    update(_COMMANDS)
    .where(
        _COMMANDS.c.id == bindparam("command"),
        _COMMANDS.c.terminal == bindparam("from_"),
        _COMMANDS.c.execution == bindparam("run"),
        _COMMANDS.c.state.in_(bindparam("while_", expanding=True)),
    )
    .values(
        state=_OUTCOME,
        answered_at=bindparam("at_"),
        # The terminal knows that it was called off, not by whom.
        reason=case((_OUTCOME == "cancelled", _COMMANDS.c.called_off), else_=bindparam("why")),
        file=bindparam("with_"),
        result=bindparam("brought"),
    )
)


def answered(connection: Connection, terminal: str, command: str, execution: int, outcome: str, reason: str,
             file: str | None, result: dict[str, Any], at: datetime) -> None:  # fmt: skip
    """A receipt. `accepted` never overwrites an end, only an earlier one: it waited, it has begun. An end overwrites
    what was only presumed here, or called off too late: the terminal knows better."""
    while_ = OPEN if outcome == "accepted" else [*OPEN, "expired", "cancelled"]
    connection.execute(_ANSWER, {"command": command, "from_": terminal, "run": execution, "while_": while_,
                                 "outcome": outcome, "at_": at, "why": reason[:200], "with_": file or "",
                                 "brought": result})  # fmt: skip


def touch(ctx: Context, *terminal_ids: str) -> None:
    for one in terminal_ids:
        ctx.live.touch(f"borne:{one}")
    ctx.live.touch("commandes")
