"""/api/v1/commands: what programs ask of terminals, by tokens of limited scope."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, HTTPException, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import Session, col, func, select

from fleet_server.access.caller import CALLED, calling
from fleet_server.context import ContextDep, Reading, Writing
from fleet_server.terminals import order_forms, queue
from fleet_server.terminals.batch_acts import again_where_failed, cancel_rest
from fleet_server.terminals.batches import MOST_AT_ONCE, MOST_KEY, AnotherAsked, aims, give_many
from fleet_server.terminals.benches import benches
from fleet_server.terminals.commands import LIFETIME, NEWEST_FIRST, TooMany, cancel
from fleet_server.terminals.foreseen import foresee, sentence
from fleet_server.terminals.models import CommandBatch, Terminal, TerminalCommand
from fleet_server.terminals.named import named
from fleet_server.web.errors import refusals
from fleet_server.web.viewer import Viewer
from wire.command import Order
from wire.message import TerminalId

router = APIRouter(prefix="/api/v1/commands", tags=["commands"])
Reads = Annotated[Viewer, Depends(calling("commands:read"))]
Writes = Annotated[Viewer, Depends(calling("commands:write"))]
_ONE = CALLED | refusals(404, 409)
_DAYS = 7 * 24 * 3600


class Asked(BaseModel):
    """One order to one or more terminals."""

    model_config = ConfigDict(extra="forbid")

    terminals: Annotated[list[TerminalId], Field(min_length=1, max_length=MOST_AT_ONCE)]
    order: Order
    lifetime_s: Annotated[int, Field(ge=60, le=_DAYS)] = int(LIFETIME.total_seconds())
    """How long it may wait for a terminal that is away."""


class CommandView(BaseModel):
    """`state`: queued, sent, accepted, succeeded, failed, rejected, expired, cancelled. `position`: in the terminal's
    line while it is not answered. `file`: SHA-256 of what it brought. `called_off`: by whom, in words."""

    id: str
    terminal: str
    execution: int
    order: dict[str, Any]
    state: str
    position: int | None
    queued_at: datetime
    expires_at: datetime
    answered_at: datetime | None
    reason: str
    result: dict[str, Any]
    file: str
    by: str
    bulk: str
    called_off: str


class GivenView(BaseModel):
    """`bulk`: id of the batch. `skipped`: terminal → why it was given nothing."""

    bulk: str
    commands: list[CommandView]
    skipped: dict[str, str]


class Foretold(BaseModel):
    """Ids of terminals by what would happen to them, and the same in a sentence. `cut`: at once, and a visit ends by
    it. `refused`: why → terminals."""

    words: str
    now: list[str]
    cut: list[str]
    after_visit: list[str]
    away: list[str]
    refused: dict[str, list[str]]


class ParamView(BaseModel):
    name: str
    type: str
    least: int | None
    most: int | None
    default: Any
    required: bool


class OrderView(BaseModel):
    """What an order is asked with, in the units of its message. `most` of a string: its length."""

    kind: str
    words: str
    help: str
    params: list[ParamView]


class BatchView(BaseModel):
    """`counts`: commands by state; the commands themselves by `GET /api/v1/commands?bulk=`."""

    id: str
    order: dict[str, Any]
    given_at: datetime
    expires_at: datetime
    by: str
    counts: dict[str, int]
    skipped: dict[str, str]


class MovedView(BaseModel):
    """The terminals that it was done for; `skipped`: terminal → why not."""

    terminals: list[str]
    skipped: dict[str, str]


class BenchLine(BaseModel):
    """`verdict`: good, look, bad, none (nothing to say of it). `why`: in French, where it is not good."""

    model_config = ConfigDict(from_attributes=True)

    what: str
    said: str
    verdict: str
    why: str


class BenchView(BaseModel):
    """`worst`: of the verdicts of its lines."""

    model_config = ConfigDict(from_attributes=True)

    at: datetime
    worst: str
    lines: list[BenchLine]


class Purged(BaseModel):
    """`cancelled`: at once; `asked`: the terminal waits for the end of a visit, and has yet to say so."""

    cancelled: int
    asked: int


Key = Annotated[str, Header(alias="Idempotency-Key", max_length=MOST_KEY)]
Filter = Annotated[str, Query(max_length=64, pattern=r"^[^\x00]*$")]
"""An id, or a state. PostgreSQL takes no NUL."""


@router.post("", status_code=201, responses=CALLED | refusals(404, 409))
def give(asked: Asked, ctx: ContextDep, session: Writing, caller: Writes, answer: Response,
         idempotency_key: Key = "") -> GivenView:  # fmt: skip
    """Queue an order; each terminal runs it at most once. 404 when one of them does not exist, and nothing is given.

    Asked again with the same `Idempotency-Key` it gives nothing more: 200 with what the first one gave, as it stands;
    409 when something else is asked by that key. Scope `commands:write`.
    """
    terminals, order = _named(session, asked.terminals), asked.order.model_dump(mode="json")
    lifetime = timedelta(seconds=asked.lifetime_s)
    try:
        given = give_many(session, ctx, terminals, order, caller, lifetime, idempotency_key)
    except AnotherAsked as error:
        raise HTTPException(409, str(error)) from error
    if given.repeated:
        answer.status_code = 200
    return GivenView(bulk=given.batch.id, commands=views(session, given.commands), skipped=given.batch.skipped)


@router.post("/preview", responses=CALLED | refusals(404))
def foretell(asked: Asked, ctx: ContextDep, session: Reading, caller: Reads) -> Foretold:
    """What would happen if it were given now; nothing is. Scope `commands:read`."""
    terminals, now = _named(session, asked.terminals), ctx.now()
    meant, order = aims(session, terminals, now), asked.order.model_dump(mode="json")
    words = sentence(foresee(order, meant), now + timedelta(seconds=asked.lifetime_s), now)
    # The same once more with ids for names: what programs go by.
    found = foresee(order, [replace(one, name=one.id) for one in meant])
    return Foretold(words=words, now=found.now, cut=found.cut, after_visit=found.after_visit, away=found.away,
                    refused=found.refused)  # fmt: skip


@router.get("/orders", responses=CALLED)
def known_orders(caller: Reads) -> list[OrderView]:
    """Every order there is, with what it is asked with. Scope `commands:read`."""
    return [OrderView.model_validate(one) for one in order_forms.catalogue()]


def _named(session: Session, ids: list[str]) -> list[Terminal]:
    """In the order asked, each once. 404 when one of them does not exist."""
    wanted = list(dict.fromkeys(ids))
    found = {one.id: one for one in session.exec(select(Terminal).where(col(Terminal.id).in_(wanted)))}
    if len(found) < len(wanted):
        raise HTTPException(404, "Aucune borne n’a cet identifiant.")
    return [found[one] for one in wanted]


@router.get("", responses=CALLED)
def listed(
    session: Reading, caller: Reads, terminal: Filter = "", state: Filter = "", bulk: Filter = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[CommandView]:  # fmt: skip
    """Newest first; `terminal`, `state` and `bulk` narrow it. Scope `commands:read`."""
    query = select(TerminalCommand).order_by(*NEWEST_FIRST)
    for column, wanted in ((TerminalCommand.terminal, terminal), (TerminalCommand.state, state),
                           (TerminalCommand.bulk, bulk)):  # fmt: skip
        query = query.where(column == wanted) if wanted else query
    return views(session, session.exec(query.limit(limit)).all())


@router.get("/batches/{batch}", responses=CALLED | refusals(404))
def one_batch(batch: str, session: Reading, caller: Reads) -> BatchView:
    """How far an order to many is. Scope `commands:read`."""
    found = _found_batch(session, batch)
    counts = select(TerminalCommand.state, func.count()).where(TerminalCommand.bulk == found.id)
    by_state = dict(session.exec(counts.group_by(TerminalCommand.state)).all())
    return BatchView(id=found.id, order=found.order, given_at=found.given_at, expires_at=found.expires_at, by=found.by,
                     counts=by_state, skipped=found.skipped)  # fmt: skip


@router.post("/batches/{batch}/cancel", responses=CALLED | refusals(404))
def call_off_batch(batch: str, ctx: ContextDep, session: Writing, caller: Writes) -> MovedView:
    """Call off what no terminal has begun; see `POST /api/v1/commands/{command}/cancel`. Scope `commands:write`."""
    called = cancel_rest(session, ctx, _found_batch(session, batch), caller)
    return MovedView(terminals=called.terminals, skipped={})


@router.post("/batches/{batch}/again", responses=CALLED | refusals(404))
def batch_once_more(batch: str, ctx: ContextDep, session: Writing, caller: Writes) -> MovedView:
    """Another execution where it failed or expired; not where it was rejected or called off. Scope `commands:write`."""
    again = again_where_failed(session, ctx, _found_batch(session, batch), caller)
    return MovedView(terminals=again.terminals, skipped=again.skipped)


def _found_batch(session: Session, batch: str) -> CommandBatch:
    found = session.get(CommandBatch, batch)
    if found is None:
        raise HTTPException(404, "Ce lot de commandes n’existe pas, ou n’est plus gardé.")
    return found


@router.get("/benches/{terminal}", responses=CALLED | refusals(404))
def judged(terminal: str, session: Reading, caller: Reads) -> list[BenchView]:
    """The last ten commissioning benches, newest first, judged by what is good enough today. Scope `commands:read`."""
    return [BenchView.model_validate(one) for one in benches(session, named(session, terminal).id)]


@router.get("/{command}", responses=_ONE)
def one(command: str, session: Reading, caller: Reads) -> CommandView:
    """Scope `commands:read`."""
    return views(session, [_found(session, command)])[0]


@router.post("/{command}/cancel", responses=_ONE)
def call_off(command: str, ctx: ContextDep, session: Writing, caller: Writes) -> CommandView:
    """409 when it has begun, or is answered. What was sent to the terminal stays `sent` or `accepted`, with
    `called_off`, until the terminal says that it will not begin. Scope `commands:write`."""
    found = _found(session, command)
    if not cancel(session, ctx, found, caller):
        raise HTTPException(409, "Trop tard : la borne s’en occupe déjà, ou a répondu.")
    return views(session, [found])[0]


@router.post("/{command}/again", responses=_ONE)
def once_more(command: str, ctx: ContextDep, session: Writing, caller: Writes) -> CommandView:
    """Another execution of it. 409 while it waits for an answer. Scope `commands:write`."""
    found = _found(session, command)
    try:
        queue.again(session, ctx, found, caller)
    except queue.NotAgain as error:
        raise HTTPException(409, str(error)) from error
    except TooMany:
        raise HTTPException(409, "Trop de commandes attendent déjà cette borne.") from None
    return views(session, [found])[0]


@router.post("/purge/{terminal}", responses=_ONE)
def purge(terminal: str, ctx: ContextDep, session: Writing, caller: Writes) -> Purged:
    """Call off all that this terminal has not begun. Scope `commands:write`."""
    called = queue.purge(session, ctx, named(session, terminal), caller)
    return Purged(cancelled=called.count - called.count_asked, asked=called.count_asked)


def _found(session: Session, command: str) -> TerminalCommand:
    found = session.get(TerminalCommand, command)
    if found is None:
        raise HTTPException(404, "Cette commande n’existe pas.")
    return found


def views(session: Session, commands: Any) -> list[CommandView]:
    """As they stand, with their place in the line."""
    commands = list(commands)
    placed = queue.positions(session, commands)
    known = set(CommandView.model_fields) - {"position"}
    return [
        CommandView(position=placed.get(one.id), **{name: getattr(one, name) for name in known}) for one in commands
    ]
