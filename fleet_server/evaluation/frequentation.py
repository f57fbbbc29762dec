"""/frequentation: visits, engaged visits, time spent, pages, contacts; per terminal and day; and the same as CSV."""

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlmodel import Session

from fleet_server.access.audit import record_act
from fleet_server.access.guard import Viewer, allow
from fleet_server.context import Context, ContextDep, Reading
from fleet_server.db import transaction
from fleet_server.evaluation import charts, counting
from fleet_server.evaluation.counting import Period, Tally
from fleet_server.evaluation.page_names import page_name
from fleet_server.evaluation.shares import share, shares
from fleet_server.web.french import day, num
from fleet_server.web.pages import fragment, page, with_query
from fleet_server.web.spreadsheet import safe

router = APIRouter(include_in_schema=False)
Evaluating = Annotated[Viewer, Depends(allow("operator", "counsellor", "admin"))]
SPANS = {"7": 7, "30": 30, "90": 90}
LONGEST_DAYS = 366


@dataclass(frozen=True, slots=True)
class Asked:
    """The filters of the address. What can't be read falls back to the last 30 days, and is not repeated."""

    periode: str
    du: str
    au: str
    borne: str
    simulees: str


def asked(
    periode: str = "", du: str = "", au: str = "", borne: Annotated[str, Query(max_length=40)] = "", simulees: str = ""
) -> Asked:
    return Asked(periode, du, au, borne, simulees)


AskedDep = Annotated[Asked, Depends(asked)]


def period_of(wanted: Asked, ctx: Context) -> Period:
    today = counting.today_in_paris(ctx.now())
    simulated = ctx.settings.demo and wanted.simulees != "non"
    first, last = _day(wanted.du), _day(wanted.au)
    if wanted.periode in SPANS or first is None or last is None or first > last:
        first, last = today - timedelta(days=SPANS.get(wanted.periode, 30) - 1), today
    first = max(first, last - timedelta(days=LONGEST_DAYS - 1))
    return Period(first, last, wanted.borne, simulated)


@router.get("/frequentation")
def frequentation(
    request: Request, ctx: ContextDep, session: Reading, viewer: Evaluating, wanted: AskedDep
) -> Response:
    period = period_of(wanted, ctx)
    names = terminal_names(request, session)
    tallied = counting.tallies(session, period)
    whole, days = counting.total(tallied), counting.by_day(tallied, period)
    consulted = counting.pages_consulted(session, period)
    values: dict[str, Any] = {
        "period": period, "whole": whole, "days": days, "names": names, "wanted": wanted, "pages": consulted,
        "page_name": page_name, "median": counting.median_dwell_ms(session, period),
        "table": _table(tallied, names, period.terminal), "engaged_share": share(whole.engaged, whole.ended),
        "sensitivity": _sensitivity(whole), "sentence": _sentence(period, whole, names),
        "visits_chart": charts.visits(days),
        "pages_chart": charts.pages([(page_name(row.page), row.views) for row in consulted]),
        "csv_url": with_query(request, page=None).replace("/frequentation", "/frequentation.csv", 1),
    }  # fmt: skip
    if request.headers.get("hx-request"):
        return fragment(request, viewer, "evaluation/chiffres.html", **values)
    return page(request, viewer, "evaluation/frequentation.html", **values)


@router.get("/frequentation.csv")
def frequentation_csv(
    request: Request, ctx: ContextDep, session: Reading, viewer: Evaluating, wanted: AskedDep
) -> Response:
    """Exactly the rows filtered, and what they are in the first line. The export is in the audit log."""
    period = period_of(wanted, ctx)
    names = terminal_names(request, session)
    text = io.StringIO()
    rows = csv.writer(text, delimiter=";", lineterminator="\r\n")
    place = names.get(period.terminal, period.terminal) or "toutes les bornes"
    visits = "visites simulées comprises" if period.simulated else "visites réelles"
    rows.writerow([safe(f"Fréquentation du {period.first} au {period.last}, {place}, {visits}, hors personnel")])
    rows.writerow([
        "jour", "borne", "nom", "visites", "visites terminées", "visites engagées", "pages vues",
        "formulaires de rappel ouverts", "demandes de rappel",
    ])  # fmt: skip
    for (when, terminal), tally in sorted(counting.tallies(session, period).items()):
        rows.writerow([
            when.isoformat(), safe(terminal), safe(names.get(terminal, "")), tally.visits, tally.ended, tally.engaged,
            tally.pages, tally.contacts_started, tally.contacts,
        ])  # fmt: skip
    detail = {"first": str(period.first), "last": str(period.last), "simulated": period.simulated}
    with transaction(ctx.engine) as writing:
        record_act(writing, viewer, "usage.exported", period.terminal, detail, now=ctx.now())
    name = f"frequentation-{period.first}-{period.last}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    # With a mark of order, so that spreadsheets read the accents.
    return Response("\ufeff" + text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def terminal_names(request: Request, session: Session) -> dict[str, str]:
    """Terminal → what people call it. Given by the composition root (`app.state.terminal_names`)."""
    names: Callable[[Session], dict[str, str]] | None = getattr(request.app.state, "terminal_names", None)
    return names(session) if names else {}


@dataclass(frozen=True, slots=True)
class TerminalRow:
    terminal: str
    name: str
    tally: Tally
    engaged: str
    contacts: str


def _table(tallied: dict[tuple[date, str], Tally], names: dict[str, str], only: str) -> list[TerminalRow]:
    """Every terminal that is known or has spoken, by name: places are compared, never ranked."""
    made = counting.by_terminal(tallied)
    for terminal in [only] if only else names:
        made.setdefault(terminal, Tally())
    engaged = shares({terminal: (tally.engaged, tally.ended) for terminal, tally in made.items()})
    contacts = shares({terminal: (tally.contacts, tally.engaged) for terminal, tally in made.items()})
    rows = [
        TerminalRow(terminal, names.get(terminal, terminal), tally, engaged[terminal], contacts[terminal])
        for terminal, tally in made.items()
    ]
    return sorted(rows, key=lambda row: row.name)


def _sensitivity(whole: Tally) -> list[tuple[int, str]]:
    return [
        (seconds, share(count, whole.ended))
        for seconds, count in zip(counting.SENSITIVITY_S, whole.active_over, strict=True)
    ]


def _sentence(period: Period, whole: Tally, names: dict[str, str]) -> str:
    where = f" à {names.get(period.terminal, period.terminal)}" if period.terminal else ""
    when = f"Du {day(period.first)} au {day(period.last)}{where}"
    if not whole.visits:
        return f"{when} : aucune visite."
    visits = f"{num(whole.visits)} {'visite' if whole.visits == 1 else 'visites'}"
    asked_back = {0: "aucune demande de rappel", 1: "une demande de rappel"}
    return f"{when} : {visits}, {asked_back.get(whole.contacts, f'{num(whole.contacts)} demandes de rappel')}."


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
