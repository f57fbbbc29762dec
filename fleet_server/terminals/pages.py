"""/flotte, /bornes/{id}, /commandes: is every terminal serving, and what is wrong where it is not."""

from collections import Counter
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from fastapi.responses import FileResponse
from pydantic import ValidationError
from sqlmodel import Session, col, func, select

from fleet_server.access.guard import Viewer, allow
from fleet_server.certificates.expiry import WORDS, endings, warnings
from fleet_server.context import Context, ContextDep, Reading, Writing
from fleet_server.terminals import commands, file_pages, files, fleet_map, health_chart, settings_pages
from fleet_server.terminals.cards import Card, cards
from fleet_server.terminals.enrol_pages import router as enrol_router
from fleet_server.terminals.missing import missing
from fleet_server.terminals.models import TerminalCommand, TerminalEvent, TerminalHealth
from fleet_server.terminals.named import in_service
from fleet_server.terminals.registry import names
from fleet_server.terminals.states import fleet_sentence, holds_back
from fleet_server.terminals.words import ORDERS, fact_of
from fleet_server.web.pages import RailCount, fragment, page, seen_other
from fleet_server.web.palette import Choice

router = APIRouter(include_in_schema=False)
router.include_router(settings_pages.router)
router.include_router(file_pages.router)
router.include_router(enrol_router)
Operator = Annotated[Viewer, Depends(allow("operator", "admin"))]
# The word of the address → the states it shows. Counters of what does not exist stay, at zero.
FILTERS = {
    "hors-ligne": ("offline", "isolated"),
    "degradee": ("degraded", "drift"),
    "mise-a-jour": ("updating",),
    "en-ligne": ("online",),
    "fermee": ("closed",),
    "a-accepter": ("pending",),
}
EVENTS_SHOWN = 12


def rail_count(session: Session, viewer: Viewer) -> RailCount | None:
    return RailCount(len(names(session)))


def palette_source(session: Session, viewer: Viewer) -> tuple[str, list[Choice]]:
    """The terminals, for whoever may open them."""
    if not viewer.has("operator", "admin"):
        return "Bornes", []
    return "Bornes", [Choice(name, f"/bornes/{key}", "device-desktop", key) for key, name in names(session).items()]


# ---- /flotte -----------------------------------------------------------------------------------------------------


@router.get("/flotte")
def fleet_page(request: Request, ctx: ContextDep, session: Reading, viewer: Operator, etat: str = "",
               ecart: str = "") -> Response:  # fmt: skip
    ending = warnings(endings(session, ctx.settings, ctx.keys), ctx.now())
    return page(request, viewer, "terminals/flotte.html", ending=ending, ending_words=WORDS,
                **_fleet(session, ctx, etat, ecart))  # fmt: skip


@router.get("/flotte/lignes")
def fleet_rows(request: Request, ctx: ContextDep, session: Reading, viewer: Operator, etat: str = "",
               ecart: str = "") -> Response:  # fmt: skip
    return fragment(request, viewer, "terminals/flotte-lignes.html", **_fleet(session, ctx, etat, ecart))


def _fleet(session: Session, ctx: Context, etat: str, ecart: str) -> dict[str, Any]:
    everything = cards(session, ctx)
    counts = Counter(word for word, keys in FILTERS.items() for card in everything if card.condition.key in keys)
    shown = [card for card in everything if not etat or card.condition.key in FILTERS.get(etat, ())]
    if ecart:
        shown = [card for card in shown if card.differs]
    sentence = fleet_sentence({card.terminal.id: card.condition for card in everything},
                              {card.terminal.id: card.terminal.name for card in everything})  # fmt: skip
    return {
        "cards": shown, "total": len(everything), "counts": counts, "etat": etat, "ecart": ecart, "sentence": sentence,
        "differing": sum(card.differs for card in everything), "marks": fleet_map.marks(everything),
        "worst": _worst(everything), "waiting": sum(_waiting(card) for card in everything),
        "holding": sum(holds_back(card.report, ctx.now()) for card in everything),
    }  # fmt: skip


def _worst(everything: list[Card]) -> Card | None:
    """The one that needs someone first, if any does."""
    return next((card for card in everything if card.condition.key in ("isolated", "offline", "degraded")), None)


def _waiting(card: Card) -> int:
    return card.report.outbox.waiting if card.report else 0


# ---- /bornes/{id} ------------------------------------------------------------------------------------------------


@router.get("/bornes/{terminal_id}")
def terminal_page(request: Request, ctx: ContextDep, session: Reading, viewer: Operator, terminal_id: str,
                  duree: str = "24h") -> Response:  # fmt: skip
    return page(request, viewer, "terminals/borne.html", **_terminal(session, ctx, terminal_id, duree))


@router.get("/bornes/{terminal_id}/direct")
def terminal_live(request: Request, ctx: ContextDep, session: Reading, viewer: Operator, terminal_id: str,
                  duree: str = "24h") -> Response:  # fmt: skip
    return fragment(request, viewer, "terminals/borne-corps.html", **_terminal(session, ctx, terminal_id, duree))


def _terminal(session: Session, ctx: Context, terminal_id: str, duree: str) -> dict[str, Any]:
    found = cards(session, ctx, only=terminal_id)
    if not found:
        raise HTTPException(404, "Aucune borne n’a cet identifiant.")
    card, now = found[0], ctx.now()
    span = duree if duree in health_chart.SPANS else "24h"
    rows = health_chart.samples(session, terminal_id, health_chart.SPANS[span], now)
    given = session.exec(
        select(TerminalCommand)
        .where(TerminalCommand.terminal == terminal_id)
        .order_by(col(TerminalCommand.id).desc())
        .limit(8)
    )
    events = session.exec(
        select(TerminalEvent).where(TerminalEvent.terminal == terminal_id).order_by(col(TerminalEvent.at).desc())
        .limit(EVENTS_SHOWN)
    )  # fmt: skip
    shown = list(given.all())
    return {
        "card": card, "duree": span, "spans": list(health_chart.SPANS), "health": rows[-1] if rows else None,
        "health_rows": rows[-24:], "chart": health_chart.option(rows) if rows else None, "orders": ORDERS,
        "commands": shown, "events": [fact_of(event) for event in events], "facts": _facts(card, rows),
        "screenshot": next((one for one in shown if one.file and one.state == "succeeded"), None),
        "reported": settings_pages.reported_rows(card), "missing": missing(session, terminal_id),
    }  # fmt: skip


def _facts(card: Card, rows: list[TerminalHealth]) -> list[tuple[str, str]]:
    said = card.report.facts if card.report else {}
    facts = [("Système", str(said.get("system", ""))), ("Nom de machine", str(said.get("host", "")))]
    return [(name, value) for name, value in facts if value]


@router.post("/bornes/{terminal_id}/commandes")
def give_command(request: Request, ctx: ContextDep, session: Writing, viewer: Operator, terminal_id: str,
                 order: Annotated[str, Form()]) -> Response:  # fmt: skip
    terminal = in_service(session, terminal_id)
    if order not in ORDERS:
        raise HTTPException(422, f"« {order} » n’est pas une commande connue.")
    if not terminal.generation:
        raise HTTPException(409, "Cette borne n’est pas encore enrôlée : elle ne peut rien recevoir.")
    try:
        commands.give(session, ctx, terminal, {"kind": order}, viewer)
    except ValidationError:
        raise HTTPException(422, f"« {ORDERS[order]} » demande d’en dire plus.") from None
    except commands.TooMany:
        raise HTTPException(409, "Trop de commandes attendent déjà cette borne. Annulez-en d’abord.") from None
    return seen_other(f"/bornes/{terminal_id}", f"{ORDERS[order]} : demandé à {terminal.name}.")


@router.post("/bornes/{terminal_id}/commandes/{command_id}/annuler")
def cancel_command(request: Request, ctx: ContextDep, session: Writing, viewer: Operator, terminal_id: str,
                   command_id: str) -> Response:  # fmt: skip
    command = session.get(TerminalCommand, command_id)
    if command is None or command.terminal != terminal_id:
        raise HTTPException(404, "Cette commande n’existe pas.")
    if not commands.cancel(session, ctx, command, viewer):
        raise HTTPException(409, "Trop tard : la borne s’en occupe déjà, ou a répondu.")
    return seen_other(f"/bornes/{terminal_id}", "Commande annulée.")


@router.get("/bornes/{terminal_id}/ecran/{digest}")
def screenshot(ctx: ContextDep, viewer: Operator, terminal_id: str, digest: str) -> FileResponse:
    """A picture that the terminal sent; never taken while a form is open."""
    found = files.find(ctx.settings.data_dir / "files", terminal_id, digest) if digest.isalnum() else None
    if found is None:
        raise HTTPException(404, "Cette image n’est plus gardée.")
    return FileResponse(found[0], media_type=found[1], headers={"Cache-Control": "private, max-age=86400"})


# ---- /commandes --------------------------------------------------------------------------------------------------


@router.get("/commandes")
def commands_page(request: Request, ctx: ContextDep, session: Reading, viewer: Operator, etat: str = "") -> Response:
    by_state = select(TerminalCommand.state, func.count()).group_by(TerminalCommand.state)
    counts = Counter(dict(session.exec(by_state).all()))
    query = select(TerminalCommand).order_by(col(TerminalCommand.id).desc())
    rows = session.exec((query.where(TerminalCommand.state == etat) if etat else query).limit(50)).all()
    values: dict[str, Any] = {
        "rows": rows, "names": names(session), "orders": ORDERS, "etat": etat, "counts": counts,
        "open": sum(counts[state] for state in commands.OPEN), "states": COMMAND_STATES,
    }  # fmt: skip
    if request.headers.get("hx-request"):
        return fragment(request, viewer, "terminals/commandes-lignes.html", **values)
    return page(request, viewer, "terminals/commandes.html", **values)


COMMAND_STATES = ("queued", "sent", "accepted", "succeeded", "failed", "rejected", "expired", "cancelled")
