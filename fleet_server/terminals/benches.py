"""The benches of a terminal, newest first: kept as receipts among its events, again and again."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from fleet_server.terminals.bench_report import Line, counted, report, worst
from fleet_server.terminals.models import TerminalEvent

KEPT_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Bench:
    """One run. `id`: of the event that brought it."""

    id: str
    at: datetime
    lines: list[Line]

    @property
    def worst(self) -> str:
        return worst(self.lines)

    @property
    def counted(self) -> str:
        return counted(self.lines)


def benches(session: Session, terminal_id: str, most: int = KEPT_SHOWN) -> list[Bench]:
    """Judged by what is good enough today. One query."""
    measured = col(TerminalEvent.detail)["result"]["host"].as_string()
    query = (
        select(TerminalEvent)
        .where(TerminalEvent.terminal == terminal_id, TerminalEvent.kind == "command.answered", measured.is_not(None))
        .order_by(col(TerminalEvent.at).desc(), col(TerminalEvent.id).desc())
        .limit(most)
    )
    return [Bench(one.id, one.at, report(one.detail["result"])) for one in session.exec(query)]
