"""One order to many terminals at once: given in a constant number of statements, and once for each key.

AnotherAsked        this key has already given something else
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, SQLModel, col, func, select

from fleet_server.access.audit import record_act
from fleet_server.context import Context
from fleet_server.db import after_commit, insert_new
from fleet_server.terminals.away import ONLINE_WITHIN
from fleet_server.terminals.commands import LIFETIME, MAX_OPEN, OPEN, next_number, send_given
from fleet_server.terminals.foreseen import Aim
from fleet_server.terminals.models import CommandBatch, Terminal, TerminalCommand, TerminalLive
from fleet_server.web.viewer import Viewer
from wire.command import orders
from wire.ids import uuid7

_BATCHES, _COMMANDS = (SQLModel.metadata.tables[name] for name in ("terminal_command_batch", "terminal_command"))
MOST_AT_ONCE = 2000
MOST_KEY = 64
_FULL = "trop de commandes l’attendent déjà"


class AnotherAsked(ValueError):
    """For whoever repeats a key by mistake."""


@dataclass
class Given:
    """`repeated`: this key had given them before, and nothing was given now."""

    batch: CommandBatch
    commands: Sequence[TerminalCommand]
    repeated: bool = False


def give_many(session: Session, ctx: Context, terminals: Sequence[Terminal], order: dict[str, Any],
              viewer: Viewer | None, lifetime: timedelta = LIFETIME, key: str = "",
              reason: str = "") -> Given:  # fmt: skip
    """Who can't be given it keeps nobody else from it. `reason`: for the audit log.

    Raises `ValidationError`, `AnotherAsked`.
    """
    body, now = orders.validate_python(order).model_dump(mode="json"), ctx.now()
    terminals = terminals[:MOST_AT_ONCE]
    waiting, there = standing(session, [one.id for one in terminals])
    skipped = {one.id: why for one in terminals if (why := refusal_of(one, waiting.get(one.id, 0)))}
    name = uuid7(int(now.timestamp() * 1000))
    batch = CommandBatch(
        id=name, owner=viewer.id if viewer else 0, key=key[:MOST_KEY] or name, by=viewer.name if viewer else "",
        asked=digest_of(body, [one.id for one in terminals], lifetime), order=body, given_at=now,
        expires_at=now + lifetime, skipped=skipped,
    )  # fmt: skip
    # First: of two that come at once with one key, the second waits here for the first, and finds it.
    insert_new(session.connection(), _BATCHES, [_row(batch)])
    if (known := _by_key(session, batch.owner, batch.key)) and known.id != batch.id:
        return _given_before(session, known, batch)
    number = next_number(session)
    given = [
        TerminalCommand(
            id=uuid7(int(now.timestamp() * 1000)), terminal=one.id, generation=one.generation, number=number + place,
            order=body, queued_at=now, expires_at=batch.expires_at, bulk=batch.id, by=batch.by,
            state="sent" if one.id in there else "queued", sent_at=now if one.id in there else None,
        )
        for place, one in enumerate(one for one in terminals if one.id not in skipped)
    ]  # fmt: skip
    insert_new(session.connection(), _COMMANDS, [_row(one) for one in given])
    record_act(session, viewer, "terminal.commands_given", batch.id,
               {"order": body["kind"], "count": len(given), "skipped": sorted(skipped)}
               | ({"reason": reason} if reason else {}),
               now=now, terminals=[one.terminal for one in given])  # fmt: skip
    after_commit(session, lambda: send_given(ctx, given, waiting.keys()))
    return Given(batch, given)


def before(session: Session, viewer: Viewer, key: str) -> CommandBatch | None:
    """What this person has given by this key."""
    return _by_key(session, viewer.id, key)


def _by_key(session: Session, owner: int, key: str) -> CommandBatch | None:
    return session.exec(select(CommandBatch).where(CommandBatch.owner == owner, CommandBatch.key == key)).first()


def _given_before(session: Session, known: CommandBatch, batch: CommandBatch) -> Given:
    if known.asked != batch.asked:
        raise AnotherAsked("Cette clé a déjà servi à donner autre chose. Prenez-en une nouvelle.")
    rows = select(TerminalCommand).where(TerminalCommand.bulk == known.id).order_by(col(TerminalCommand.number))
    return Given(known, session.exec(rows).all(), repeated=True)


def _row(one: CommandBatch | TerminalCommand) -> dict[str, Any]:
    return one.model_dump(exclude={"order"}) | {"command_order": one.order}


def digest_of(order: dict[str, Any], terminals: Sequence[str], lifetime: timedelta) -> str:
    """Of what was asked, whatever the order of the terminals."""
    said = json.dumps([order, sorted(terminals), lifetime.total_seconds()], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()


# ---- how terminals stand towards an order ------------------------------------------------------------------------


def aims(session: Session, terminals: Sequence[Terminal], now: datetime) -> list[Aim]:
    """Of these, what is foreseen by (`foreseen.foresee`). Two queries, however many."""
    ids = [one.id for one in terminals]
    waiting = _waiting(session, ids)
    in_visit = col(TerminalLive.report)["window"]["in_visit"].as_boolean()
    query = select(TerminalLive.terminal, TerminalLive.heard_at, in_visit).where(col(TerminalLive.terminal).in_(ids))
    lives = {terminal: (heard_at, bool(visit)) for terminal, heard_at, visit in session.exec(query)}
    made = []
    for one in terminals:
        heard_at, visit = lives.get(one.id, (None, False))
        online = heard_at is not None and now - heard_at <= ONLINE_WITHIN
        refusal = refusal_of(one, waiting.get(one.id, 0))
        made.append(Aim(one.id, one.name, refusal, online, online and visit, waiting.get(one.id, 0)))
    return made


def standing(session: Session, ids: Sequence[str]) -> tuple[dict[str, int], set[str]]:
    """How many commands wait for each that has some, and which are connected."""
    connected = select(TerminalLive.terminal).where(col(TerminalLive.connected), col(TerminalLive.terminal).in_(ids))
    return _waiting(session, ids), set(session.exec(connected))


def _waiting(session: Session, ids: Sequence[str]) -> dict[str, int]:
    query = (
        select(TerminalCommand.terminal, func.count())
        .where(col(TerminalCommand.terminal).in_(ids), col(TerminalCommand.state).in_(OPEN))
        .group_by(TerminalCommand.terminal)
    )
    return dict(session.exec(query).all())


def refusal_of(terminal: Terminal, waiting: int) -> str:
    return refusal(terminal) or (_FULL if waiting >= MAX_OPEN else "")


def refusal(terminal: Terminal) -> str:
    """Why nothing can be asked of it; empty when something can."""
    if terminal.status == "decommissioned":
        return "retirée : elle ne reçoit plus rien"
    if not terminal.generation or terminal.status != "accepted":
        return "pas encore enrôlée"
    return "isolée : deux machines, une clé" if terminal.isolated else ""
