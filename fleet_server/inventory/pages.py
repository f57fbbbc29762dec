"""/inventaire, /bornes/{id}/materiel, /bornes/{id}/paquets: what terminals are made of, and which are made of what."""

from math import ceil
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from sqlmodel import Session, col, func, select

from fleet_server.access.audit import record_act
from fleet_server.access.guard import Viewer, allow
from fleet_server.context import ContextDep, Reading
from fleet_server.db import transaction
from fleet_server.inventory.asking import (
    FACETS,
    Question,
    counts,
    found,
    how_many,
    of_terminal,
    packages_of,
    question_of,
    versions,
)
from fleet_server.inventory.export import as_csv
from fleet_server.inventory.shown import change_of, hardware_facts, newest_changes, system_facts
from fleet_server.inventory.words import ASKED, memory_words
from fleet_server.terminals.cards import read_report
from fleet_server.terminals.models import Terminal, TerminalHealth, TerminalLive
from fleet_server.terminals.named import named
from fleet_server.web.pages import page, page_number
from wire.inventory import Inventory
from wire.state import Reported

router = APIRouter(include_in_schema=False)
Operator = Annotated[Viewer, Depends(allow("operator", "admin"))]
Text = Annotated[str, Query(max_length=120, pattern=r"^[^\x00]*$")]
"""No database holds a zero in a text."""
PageNumber = Annotated[str, Query(alias="page", max_length=20)]
PAGE_SIZE = 50
PACKAGES_SHOWN = 100
CHANGES_SHOWN = 6


def asked(
    modele: Text = "", systeme: Text = "", noyau: Text = "", python: Text = "", logiciel: Text = "",
    paquet: Text = "", version: Text = "",
) -> Question:  # fmt: skip
    return question_of(model=modele, system=systeme, kernel=noyau, python=python, agent=logiciel, package=paquet,
                       version=version)  # fmt: skip


Asked = Annotated[Question, Depends(asked)]


@router.get("/inventaire")
def fleet_page(
    request: Request, session: Reading, viewer: Operator, question: Asked, numero: PageNumber = ""
) -> Response:
    everything, total = counts(session), how_many(session, question)
    number = min(page_number(numero), max(1, ceil(total / PAGE_SIZE)))
    first = (number - 1) * PAGE_SIZE
    rows = found(session, question, first, PAGE_SIZE)
    given = [(*ASKED[name], getattr(question, name)) for name in FACETS]
    return page(
        request, viewer, "inventory/inventaire.html", question=question, rows=rows, total=total, number=number,
        first=first + 1, last=first + len(rows), told=everything["model"].total(), terminals=_in_service(session),
        facets=_facets(session, question), memory_words=memory_words, given=[one for one in given if one[2]],
        versions=versions(session, question.package) if len(question.package) > 1 else [],
        models=len([one for one in everything["model"] if one]),
    )  # fmt: skip


@router.get("/inventaire.csv")
def fleet_csv(ctx: ContextDep, session: Reading, viewer: Operator, question: Asked) -> Response:
    """Exactly the rows filtered, and what they are in the first line. The export is in the audit log."""
    rows = found(session, question)
    with transaction(ctx.engine) as writing:
        record_act(writing, viewer, "terminal.inventory_exported", "", question.given, now=ctx.now())
    headers = {"Content-Disposition": 'attachment; filename="inventaire.csv"', "Cache-Control": "no-store"}
    # With a mark of order, so that spreadsheets read the accents.
    return Response("\ufeff" + as_csv(rows, question), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/bornes/{terminal_id}/materiel")
def terminal_page(request: Request, ctx: ContextDep, session: Reading, viewer: Operator, terminal_id: str) -> Response:
    terminal, row = named(session, terminal_id), of_terminal(session, terminal_id)
    inventory = Inventory.model_validate(row.facts) if row else None
    report = _report(session, terminal_id)
    return page(
        request, viewer, "inventory/materiel.html", terminal=terminal, row=row, report=report,
        hardware=hardware_facts(inventory.hardware) if inventory else [],
        system=system_facts(inventory.system, inventory.agent) if inventory else [],
        newer=bool(row and report and report.inventory and report.inventory != row.digest),
        changes=[change_of(one) for one in newest_changes(session, terminal_id, CHANGES_SHOWN)],
        sample=_last_sample(session, terminal_id), untold=inventory.packages_untold if inventory else 0,
    )  # fmt: skip


@router.get("/bornes/{terminal_id}/paquets")
def packages_page(
    request: Request, session: Reading, viewer: Operator, terminal_id: str,
    q: Text = "", numero: PageNumber = "",
) -> Response:  # fmt: skip
    terminal, row = named(session, terminal_id), of_terminal(session, terminal_id)
    if row is None:
        raise HTTPException(404, "Cette borne n’a pas encore dit de quoi elle est faite.")
    number = page_number(numero)
    first = (number - 1) * PACKAGES_SHOWN
    total, rows = packages_of(session, row, q, first, PACKAGES_SHOWN)
    untold = Inventory.model_validate(row.facts).packages_untold
    return page(request, viewer, "inventory/paquets.html", terminal=terminal, row=row, rows=rows, q=q, total=total,
                number=number, first=first + 1, last=first + len(rows), untold=untold)  # fmt: skip


def _facets(session: Session, question: Question) -> list[tuple[str, str, str, list[tuple[str, int]]]]:
    """Address, title, what is chosen, and each value with how many terminals it would leave."""
    counted = counts(session, question)
    return [(*ASKED[name], getattr(question, name), counted[name].most_common()) for name in FACETS]


def _in_service(session: Session) -> int:
    return session.exec(select(func.count()).where(col(Terminal.status) == "accepted")).one()


def _last_sample(session: Session, terminal_id: str) -> TerminalHealth | None:
    """It says how long the machine has been up, which is no part of the inventory: that would change by itself."""
    query = select(TerminalHealth).where(TerminalHealth.terminal == terminal_id)
    return session.exec(query.order_by(col(TerminalHealth.at).desc()).limit(1)).first()


def _report(session: Session, terminal_id: str) -> Reported | None:
    live: Any = session.get(TerminalLive, terminal_id)
    return read_report(live) if live else None
