"""/bornes/{id}: is this terminal serving, and what is wrong where it is not. The list is in `fleet_pages`."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from sqlmodel import Session, col, select

from fleet_server.access.guard import Viewer, allow
from fleet_server.certificates.models import Certificate
from fleet_server.context import Context, ContextDep, Reading
from fleet_server.terminals import (
    batch_pages,
    bench_pages,
    choice_pages,
    command_pages,
    file_pages,
    fleet_pages,
    health_chart,
    label_pages,
    settings_pages,
    view_pages,
)
from fleet_server.terminals.bench_report import WORDS as VERDICTS
from fleet_server.terminals.benches import benches
from fleet_server.terminals.cards import Card, cards
from fleet_server.terminals.content_standing import content_standing
from fleet_server.terminals.enrol_pages import router as enrol_router
from fleet_server.terminals.missing import missing
from fleet_server.terminals.models import TerminalEvent, TerminalHealth
from fleet_server.terminals.registry import names
from fleet_server.terminals.upkeep import listed
from fleet_server.terminals.upkeep.words import reasons, span_words, until_words
from fleet_server.terminals.words import fact_of
from fleet_server.web.pages import RailCount, fragment, page
from fleet_server.web.palette import Choice

router = APIRouter(include_in_schema=False)
router.include_router(fleet_pages.router)
router.include_router(choice_pages.router)
router.include_router(view_pages.router)
router.include_router(settings_pages.router)
router.include_router(file_pages.router)
router.include_router(batch_pages.router)
router.include_router(bench_pages.router)
router.include_router(command_pages.router)
router.include_router(label_pages.router)
router.include_router(enrol_router)
Operator = Annotated[Viewer, Depends(allow("operator", "admin"))]
EVENTS_SHOWN = 12


def rail_count(session: Session, viewer: Viewer) -> RailCount | None:
    return RailCount(len(names(session)))


def palette_source(session: Session, viewer: Viewer) -> tuple[str, list[Choice]]:
    """The terminals, for whoever may open them."""
    if not viewer.has("operator", "admin"):
        return "Bornes", []
    return "Bornes", [Choice(name, f"/bornes/{key}", "device-desktop", key) for key, name in names(session).items()]


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
    events = session.exec(
        select(TerminalEvent).where(TerminalEvent.terminal == terminal_id).order_by(col(TerminalEvent.at).desc())
        .limit(EVENTS_SHOWN)
    )  # fmt: skip
    return {
        "card": card, "duree": span, "spans": list(health_chart.SPANS), "health": rows[-1] if rows else None,
        "health_rows": rows[-24:], "chart": health_chart.option(rows) if rows else None,
        "events": [fact_of(event) for event in events], "facts": _facts(card, rows),
        "reported": settings_pages.reported_rows(card), "missing": missing(session, terminal_id),
        "bench": next(iter(benches(session, terminal_id, 1)), None), "verdicts": VERDICTS,
        "works": listed.coming(session, now, terminal_id),
        "content": content_standing(card.want, card.report, now), "certificate": _certificate(session, card),
        **label_pages.of_terminal(session, card.terminal), **_upkeep(card, now),
        **command_pages.of_terminal(session, terminal_id),
    }  # fmt: skip


def _certificate(session: Session, card: Card) -> Certificate | None:
    """The one that it holds: the last that was issued, unless it was revoked."""
    row = Certificate
    mine = select(row).where(row.kind == "terminal", row.name == card.terminal.id, col(row.revoked_at).is_(None))
    return session.exec(mine.order_by(col(row.issued_at).desc()).limit(1)).first()


def _upkeep(card: Card, now: datetime) -> dict[str, str]:
    """The planned maintenance that is said above the rest: in force, or within a day."""
    upkeep, following = card.upkeep, card.upkeep.next
    zone = card.want.settings.timezone
    near = following and following.begins_at - now < timedelta(days=1)
    return {
        "upkeep_until": until_words(upkeep.until, zone, now) if upkeep.until else "",
        "upkeep_why": reasons(upkeep.current),
        "soon": span_words(following.begins_at, following.ends_at, zone, now) if following and near else "",
    }


def _facts(card: Card, rows: list[TerminalHealth]) -> list[tuple[str, str]]:
    said = card.report.facts if card.report else {}
    facts = [("Système", str(said.get("system", ""))), ("Nom de machine", str(said.get("host", "")))]
    return [(name, value) for name, value in facts if value]
