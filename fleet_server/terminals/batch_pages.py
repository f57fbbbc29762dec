"""/commandes/nouvelle: any order to one or many terminals, told before it is given. /commandes/lots/{id}: how it goes.

Terminals are named by `terminal`, repeated, or by `terminals`, ids with commas between: a form takes 1,000 fields.

Three steps without a script: what is asked, what will happen, given. The key goes from the first to the last, so that
a double click or the way back gives nothing twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from secrets import token_urlsafe
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from sqlmodel import Session, col, func, select

from fleet_server.access.guard import Viewer, allow
from fleet_server.context import Context, ContextDep, Reading, Writing
from fleet_server.terminals import batches, foreseen, order_forms, queue
from fleet_server.terminals.batch_acts import RETRYABLE, again_where_failed, cancel_rest, retryable
from fleet_server.terminals.batches import MOST_AT_ONCE, AnotherAsked, aims, give_many
from fleet_server.terminals.command_pages import STATES, State, lines
from fleet_server.terminals.commands import LIFETIME, NOT_BEGUN, OPEN
from fleet_server.terminals.foreseen import Effect, effects, foresee, sentence
from fleet_server.terminals.models import CommandBatch, Terminal, TerminalCommand
from fleet_server.terminals.registry import names
from fleet_server.terminals.words import ORDERS, order_words
from fleet_server.web.french import plural
from fleet_server.web.pages import fragment, page, page_number, seen_other

router = APIRouter(include_in_schema=False)
Operator = Annotated[Viewer, Depends(allow("operator", "admin"))]
NOT_GIVEN = "non-donnees"
PAGE_SIZE = 50
_BOXES, _LISTED = 200, 500
"""Named beyond so many, a box for each would help nobody; and so many are listed to choose from."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a form says. `ids`: terminals, each once; of the whole fleet when the form names none."""

    form: dict[str, str]
    ids: tuple[str, ...]
    named: bool

    @property
    def key(self) -> str:
        return self.form.get("key", "")[: batches.MOST_KEY]


async def _posted(request: Request) -> Asked:
    form = await request.form()
    texts = {name: value[:2000] for name, value in form.items() if isinstance(value, str) and name != "terminals"}
    return _asked(texts, [str(one) for one in form.getlist("terminal")], str(form.get("terminals", "")))


def _asked(form: dict[str, str], boxes: Sequence[str], joined: str) -> Asked:
    ids = tuple(dict.fromkeys(one for one in [*boxes, *joined.split(",")] if one))
    return Asked(form, ids[: MOST_AT_ONCE + 1], bool(ids))


Posted = Annotated[Asked, Depends(_posted)]


# ---- what is asked, and what will happen -------------------------------------------------------------------------


@router.get("/commandes/nouvelle")
def new_page(request: Request, session: Reading, viewer: Operator, order: str = "") -> Response:
    """`terminal=…`, repeated: those that it is for; `order`: the one that is chosen."""
    blank = order_forms.blank() | {"order": order if order in ORDERS else "", "wait": "1 h", "key": _new_key()}
    asked = _asked(blank, request.query_params.getlist("terminal"), request.query_params.get("terminals", ""))
    return _form(request, session, viewer, asked, {})


@router.post("/commandes/nouvelle")
def foreseen_page(request: Request, ctx: ContextDep, session: Reading, viewer: Operator, posted: Posted) -> Response:
    """Nothing is given yet: what would happen is told. `retour`: from there, the form again as it was typed."""
    if "order" not in posted.form and "wait" not in posted.form:  # from a list of terminals that were ticked
        blank = order_forms.blank() | {"order": "", "wait": "1 h", "key": _new_key()}
        return _form(request, session, viewer, Asked(blank, posted.ids, posted.named), {})
    if "retour" in posted.form:
        return _form(request, session, viewer, posted, {})
    read = _read(session, posted)
    if read.errors:
        return _form(request, session, viewer, posted, read.errors, 422)
    now, key = ctx.now(), posted.key or _new_key()
    if known := batches.before(session, viewer, key):
        if known.asked == batches.digest_of(read.order, [one.id for one in read.terminals], read.lifetime):
            return seen_other(f"/commandes/lots/{known.id}", "Déjà donnée : rien n’est parti deux fois.")
        key = _new_key()  # another order, from the same page
    found = foresee(read.order, aims(session, read.terminals, now))
    until = now + read.lifetime
    return page(
        request, viewer, "terminals/commande-confirmer.html", title=order_words(read.order), found=found,
        sentence=sentence(found, until, now), effects=effects(found, until, now), posted=posted, key=key,
        told=order_forms.told(read.order), only=read.terminals[0] if len(read.terminals) == 1 else None,
    )  # fmt: skip


@router.post("/commandes/lots")
def give(request: Request, ctx: ContextDep, session: Writing, viewer: Operator, posted: Posted) -> Response:
    read = _read(session, posted)
    if read.errors:
        return _form(request, session, viewer, posted, read.errors, 422)
    reason = " ".join(posted.form.get("reason", "").split())[:200]
    try:
        given = give_many(session, ctx, read.terminals, read.order, viewer, read.lifetime, posted.key, reason)
    except AnotherAsked as error:
        raise HTTPException(409, f"{error} Rien n’a été donné cette fois.") from error
    done = "Déjà donnée : rien n’est parti deux fois." if given.repeated else f"{order_words(read.order)} : demandé."
    return seen_other(f"/commandes/lots/{given.batch.id}", done)


@dataclass
class _Read:
    order: dict[str, Any]
    terminals: list[Terminal]
    lifetime: timedelta
    errors: dict[str, str]


def _read(session: Session, posted: Asked) -> _Read:
    typed = order_forms.read_order(posted.form.get("order", ""), posted.form)
    errors = dict(typed.errors)
    wait = posted.form.get("wait", "")
    if wait not in queue.LIFETIMES:
        errors["wait"] = "Choisissez l’une des durées proposées."
    terminals = _terminals(session, posted.ids) if len(posted.ids) <= MOST_AT_ONCE else []
    if not posted.ids:
        errors["terminal"] = "Choisissez au moins une borne."
    elif len(posted.ids) > MOST_AT_ONCE:
        errors["terminal"] = f"{MOST_AT_ONCE} bornes au plus à la fois."
    elif len(terminals) < len(posted.ids):
        errors["terminal"] = "Une de ces bornes n’existe pas, ou plus."
    return _Read(typed.order, terminals, queue.LIFETIMES.get(wait, LIFETIME), errors)


def _terminals(session: Session, ids: Sequence[str]) -> list[Terminal]:
    query = select(Terminal).where(col(Terminal.id).in_(ids), Terminal.status != "decommissioned")
    return list(session.exec(query.order_by(Terminal.name, Terminal.id)))


def _form(request: Request, session: Session, viewer: Viewer, asked: Asked, errors: dict[str, str],
          status: int = 200) -> Response:  # fmt: skip
    """The terminals that are named, ticked; none named: all there are, to be ticked."""
    query = select(Terminal.id, Terminal.name).where(Terminal.status != "decommissioned")
    if asked.named:
        query = query.where(col(Terminal.id).in_(asked.ids[:MOST_AT_ONCE]))
    most = MOST_AT_ONCE if asked.named else _LISTED
    choices = session.exec(query.order_by(Terminal.name, Terminal.id).limit(most)).all()
    return page(
        request, viewer, "terminals/commande-nouvelle.html", status=status, form=asked.form, errors=errors,
        choices=choices, named=asked.named, boxes=len(choices) <= _BOXES or not asked.named, ids=set(asked.ids),
        groups=order_forms.GROUPS, params=order_forms.PARAMS, words=ORDERS, help=order_forms.HELP,
        more=not asked.named and len(choices) == _LISTED, lifetimes=queue.LIFETIMES,
        field_name=order_forms.field_name, bounds=order_forms.shown_bounds,
    )  # fmt: skip


def _new_key() -> str:
    return token_urlsafe(16)


# ---- how it goes -------------------------------------------------------------------------------------------------


@router.get("/commandes/lots/{batch_id}")
def batch_page(request: Request, ctx: ContextDep, session: Reading, viewer: Operator, batch_id: str, etat: State = "",
               p: str = "1") -> Response:  # fmt: skip
    values = _shown(session, ctx, batch_id, etat, page_number(p))
    if request.headers.get("hx-request"):
        return fragment(request, viewer, "terminals/lot-corps.html", live=True, **values)
    return page(request, viewer, "terminals/lot.html", **values)


@router.get("/commandes/lots/{batch_id}/{gesture}")
def confirm_page(request: Request, ctx: ContextDep, session: Reading, viewer: Operator, batch_id: str,
                 gesture: str) -> Response:  # fmt: skip
    """What calling it off, or giving it again, would do: by name."""
    batch = _batch(session, batch_id)
    if gesture == "annuler":
        told = _called_off(session, batch)
    elif gesture == "relancer":
        told = _given_again(session, batch, ctx.now())
    else:
        raise HTTPException(404, "Ce geste n’existe pas.")
    return page(request, viewer, "terminals/lot-confirmer.html", batch=batch, words=order_words(batch.order),
                gesture=gesture, effects=told[0], count=told[1])  # fmt: skip


@router.post("/commandes/lots/{batch_id}/{gesture}")
def act(request: Request, ctx: ContextDep, session: Writing, viewer: Operator, batch_id: str,
        gesture: str) -> Response:  # fmt: skip
    batch = _batch(session, batch_id)
    if gesture == "annuler":
        gone = cancel_rest(session, ctx, batch, viewer)
        done = foreseen.was_called_off(gone.count - gone.count_asked, gone.count_asked)
        done = done if gone.count else "Rien n’attendait plus : trop tard."
    elif gesture == "relancer":
        again = again_where_failed(session, ctx, batch, viewer)
        done = f"Demandé à nouveau à {plural(len(again.terminals), 'borne')}."
    else:
        raise HTTPException(404, "Ce geste n’existe pas.")
    return seen_other(f"/commandes/lots/{batch.id}", done)


def _called_off(session: Session, batch: CommandBatch) -> tuple[list[Effect], int]:
    query = select(Terminal.name, TerminalCommand.state, NOT_BEGUN).where(TerminalCommand.bulk == batch.id)
    query = query.join(Terminal, col(Terminal.id) == TerminalCommand.terminal).where(
        col(TerminalCommand.state).in_(OPEN)
    )
    found = foreseen.Open()
    for name, state, not_begun in session.exec(query.order_by(Terminal.name)):
        found.add(name, state, not_begun)
    return foreseen.called_off(found)


def _given_again(session: Session, batch: CommandBatch, now: datetime) -> tuple[list[Effect], int]:
    found, skipped = retryable(session, batch)
    meant = aims(session, [terminal for _, terminal in found], now)
    seen = foresee(batch.order, [replace(one, refusal=skipped.get(one.id, "")) for one in meant])
    return effects(seen, now + (batch.expires_at - batch.given_at), now), seen.given


def _batch(session: Session, batch_id: str) -> CommandBatch:
    batch = session.get(CommandBatch, batch_id)
    if batch is None:
        raise HTTPException(404, "Ce lot de commandes n’existe pas, ou n’est plus gardé.")
    return batch


def _shown(session: Session, ctx: Context, batch_id: str, etat: str, number: int) -> dict[str, Any]:
    batch = _batch(session, batch_id)
    mine = TerminalCommand.bulk == batch.id
    by_state = select(TerminalCommand.state, func.count()).where(mine).group_by(TerminalCommand.state)
    counts = dict.fromkeys(STATES, 0) | dict(session.exec(by_state).all())
    known = names(session)
    query = select(TerminalCommand).join(Terminal, col(Terminal.id) == TerminalCommand.terminal).where(mine)
    query = query.where(TerminalCommand.state == etat) if etat else query
    rows = session.exec(
        query.order_by(Terminal.name, Terminal.id).offset((number - 1) * PAGE_SIZE).limit(PAGE_SIZE)
    ).all()
    until = session.exec(select(func.max(TerminalCommand.expires_at)).where(mine, col(TerminalCommand.state).in_(OPEN)))
    failed = session.exec(select(func.count()).where(mine, RETRYABLE)).one()
    total = counts.get(etat, 0) if etat else sum(counts.values())
    skipped = sorted((known.get(terminal, terminal), terminal, why) for terminal, why in batch.skipped.items())
    return {
        "batch": batch, "words": order_words(batch.order), "counts": counts, "states": STATES, "etat": etat,
        "given": sum(counts.values()), "rows": [] if etat == NOT_GIVEN else lines(session, rows), "names": known,
        "skipped": skipped, "NOT_GIVEN": NOT_GIVEN, "total": total,
        "open": sum(counts[state] for state in OPEN), "failed": failed, "until": until.one(),
        "number": number, "first": (number - 1) * PAGE_SIZE + 1, "last": (number - 1) * PAGE_SIZE + len(rows),
    }  # fmt: skip
