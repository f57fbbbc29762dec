"""What is asked of terminals, on their pages and on /commandes: their line, what came of it, again or not at all."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, HTTPException, Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import ValidationError
from sqlmodel import Session, func, select

from fleet_server.access.guard import Viewer, allow
from fleet_server.context import ContextDep, Reading, Writing
from fleet_server.terminals import commands, files, queue
from fleet_server.terminals.foreseen import Open, called_off, was_called_off
from fleet_server.terminals.models import TerminalCommand
from fleet_server.terminals.named import in_service
from fleet_server.terminals.reasons import reason_words
from fleet_server.terminals.registry import names
from fleet_server.terminals.words import ORDERS, figures, order_words
from fleet_server.web.pages import fragment, page, seen_other

router = APIRouter(include_in_schema=False)
Operator = Annotated[Viewer, Depends(allow("operator", "admin"))]
State = Annotated[str, Query(alias="etat", max_length=40, pattern=r"^[a-z-]*$")]
STATES = ("queued", "sent", "accepted", "succeeded", "failed", "rejected", "expired", "cancelled")
TOO_MANY = "Trop de commandes attendent déjà cette borne. Annulez-en d’abord."
SHOWN_OF_ONE, SHOWN_OF_ALL = 8, 50


@dataclass(frozen=True, slots=True)
class Line:
    """One command in words. `position`: its place in the terminal's line; None once it is answered. `stoppable`: it has
    not begun, as far as is known."""

    row: TerminalCommand
    words: str
    reason: str
    position: int | None
    figures: list[tuple[str, str]]
    stoppable: bool


def lines(session: Session, rows: Iterable[TerminalCommand]) -> list[Line]:
    given = list(rows)
    placed = queue.positions(session, given)
    return [
        Line(one, order_words(one.order), _reason(one), placed.get(one.id), figures(one.result), _is_stoppable(one))
        for one in given
    ]


def _reason(one: TerminalCommand) -> str:
    asked = one.called_off and one.state in ("sent", "accepted")
    return "annulation demandée à la borne" if asked else reason_words(one.reason)


def _is_stoppable(one: TerminalCommand) -> bool:
    """`commands.NOT_BEGUN`, of a row at hand."""
    waits = one.state == "sent" or (one.state == "accepted" and one.reason == commands.WAITS)
    return one.state == "queued" or (waits and not one.called_off)


def of_terminal(session: Session, terminal_id: str) -> dict[str, Any]:
    """What the terminal's page shows of its commands, the newest first."""
    newest = select(TerminalCommand).order_by(*commands.NEWEST_FIRST)
    shown = lines(session, session.exec(newest.where(TerminalCommand.terminal == terminal_id).limit(SHOWN_OF_ONE)))
    pictures = (one.row for one in shown if one.row.file and one.row.order["kind"] == "screenshot.take")
    return {"commands": shown, "lifetimes": queue.LIFETIMES, "screenshot": next(pictures, None)}


@router.post("/bornes/{terminal_id}/commandes")
def give_command(request: Request, ctx: ContextDep, session: Writing, viewer: Operator, terminal_id: str,
                 order: Annotated[str, Form()], wait: Annotated[str, Form()] = "1 h") -> Response:  # fmt: skip
    terminal = in_service(session, terminal_id)
    if order not in ORDERS:
        raise HTTPException(422, f"« {order} » n’est pas une commande connue.")
    if wait not in queue.LIFETIMES:
        raise HTTPException(422, f"« {wait} » n’est pas une durée proposée.")
    if not terminal.generation:
        raise HTTPException(409, "Cette borne n’est pas encore enrôlée : elle ne peut rien recevoir.")
    try:
        commands.give(session, ctx, terminal, {"kind": order}, viewer, queue.LIFETIMES[wait])
    except ValidationError:
        raise HTTPException(422, f"« {ORDERS[order]} » demande d’en dire plus.") from None
    except commands.TooMany:
        raise HTTPException(409, TOO_MANY) from None
    return seen_other(f"/bornes/{terminal_id}", f"{ORDERS[order]} : demandé à {terminal.name}.")


@router.post("/bornes/{terminal_id}/commandes/{command_id}/annuler")
def cancel_command(request: Request, ctx: ContextDep, session: Writing, viewer: Operator, terminal_id: str,
                   command_id: str) -> Response:  # fmt: skip
    command = _found(session, terminal_id, command_id)
    if not commands.cancel(session, ctx, command, viewer):
        raise HTTPException(409, "Trop tard : la borne s’en occupe déjà, ou a répondu.")
    done = "Commande annulée." if command.state == "cancelled" else "Annulation demandée : la borne va répondre."
    return seen_other(f"/bornes/{terminal_id}", done)


@router.get("/bornes/{terminal_id}/commandes/vider")
def purge_page(request: Request, session: Reading, viewer: Operator, terminal_id: str) -> Response:
    """What emptying its line calls off, by name."""
    terminal = in_service(session, terminal_id)
    rows = lines(session, commands.open_commands(session, terminal.id))
    found = Open()
    for one in rows:
        found.add(one.words, one.row.state, one.stoppable)
    effects, count = called_off(found, "commande")
    return page(request, viewer, "terminals/vider.html", terminal=terminal, effects=effects, count=count)


@router.post("/bornes/{terminal_id}/commandes/vider")
def purge(request: Request, ctx: ContextDep, session: Writing, viewer: Operator, terminal_id: str) -> Response:
    called = queue.purge(session, ctx, in_service(session, terminal_id), viewer)
    return seen_other(f"/bornes/{terminal_id}", was_called_off(called.count - called.count_asked, called.count_asked))


@router.post("/bornes/{terminal_id}/commandes/{command_id}/nouveau")
def give_again(request: Request, ctx: ContextDep, session: Writing, viewer: Operator, terminal_id: str,
               command_id: str) -> Response:  # fmt: skip
    command = _found(session, terminal_id, command_id)
    try:
        queue.again(session, ctx, command, viewer)
    except queue.NotAgain as error:
        raise HTTPException(409, str(error)) from error
    except commands.TooMany:
        raise HTTPException(409, TOO_MANY) from None
    return seen_other(f"/bornes/{terminal_id}", f"{order_words(command.order)} : demandé à nouveau.")


def _found(session: Session, terminal_id: str, command_id: str) -> TerminalCommand:
    command = session.get(TerminalCommand, command_id)
    if command is None or command.terminal != terminal_id:
        raise HTTPException(404, "Cette commande n’existe pas.")
    return command


@router.get("/bornes/{terminal_id}/ecran/{digest}")
def screenshot(ctx: ContextDep, viewer: Operator, terminal_id: str, digest: str) -> FileResponse:
    """What the terminal sent: a picture, never taken while a form is open; its log, to be kept as a file."""
    found = files.find(ctx.settings.data_dir / "files", terminal_id, digest) if digest.isalnum() else None
    if found is None:
        raise HTTPException(404, "Ce fichier n’est plus gardé.")
    log = f"journaux-{terminal_id}-{digest[:8]}.gz" if found[1] == "application/gzip" else None
    return FileResponse(
        found[0], media_type=found[1], filename=log, headers={"Cache-Control": "private, max-age=86400"}
    )


# ---- /commandes --------------------------------------------------------------------------------------------------


@router.get("/commandes")
def commands_page(request: Request, ctx: ContextDep, session: Reading, viewer: Operator, etat: State = "") -> Response:
    by_state = select(TerminalCommand.state, func.count()).group_by(TerminalCommand.state)
    counts = Counter(dict(session.exec(by_state).all()))
    query = select(TerminalCommand).order_by(*commands.NEWEST_FIRST)
    rows = session.exec((query.where(TerminalCommand.state == etat) if etat else query).limit(SHOWN_OF_ALL)).all()
    values: dict[str, Any] = {
        "rows": lines(session, rows), "names": names(session), "etat": etat, "counts": counts,
        "open": sum(counts[state] for state in commands.OPEN), "states": STATES,
    }  # fmt: skip
    if request.headers.get("hx-request"):
        return fragment(request, viewer, "terminals/commandes-lignes.html", **values)
    return page(request, viewer, "terminals/commandes.html", **values)
