"""What pages show of terminals, gathered in a constant number of queries whatever the size of the fleet."""

from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError
from sqlmodel import Session, col, func, select

from fleet_server.context import Context
from fleet_server.evaluation.counting import last_visits, today_in_paris, visits_by_day
from fleet_server.terminals.desired import desired_of
from fleet_server.terminals.models import Terminal, TerminalDesired, TerminalHealth, TerminalLive
from fleet_server.terminals.opening import Opening, opening_at
from fleet_server.terminals.place_kinds import KINDS
from fleet_server.terminals.software_standing import Standing, standing
from fleet_server.terminals.states import Condition, Vitals, condition
from fleet_server.terminals.upkeep.held import spells_of
from fleet_server.terminals.upkeep.spells import Upkeep, upkeep_at
from wire.state import Desired, Reported

DAYS = 14


@dataclass(frozen=True, slots=True)
class Card:
    """One terminal, as a row or as the head of its page."""

    terminal: Terminal
    want: Desired
    report: Reported | None
    condition: Condition
    opening: Opening
    heard_at: datetime | None
    changed_at: datetime | None
    wished_at: datetime
    visits: list[int]
    last_visit_at: datetime | None
    software: Standing
    upkeep: Upkeep
    """The maintenance that is planned on it: in force, and next."""

    @property
    def kind(self) -> str:
        return KINDS[self.want.place.kind]

    @property
    def wanted_release(self) -> str:
        return self.want.release.label if self.want.release else "–"

    @property
    def release(self) -> str:
        return self.report.content.active.label if self.report and self.report.content.active else "–"

    @property
    def differs(self) -> bool:
        return self.report is not None and (
            self.report.revision < self.want.revision or self.release != self.wanted_release or self.software.differs
        )

    @property
    def wanted_software(self) -> str:
        return self.want.software.version if self.want.software else "–"


def cards(session: Session, ctx: Context, only: str | None = None) -> list[Card]:
    """Who needs something first, then by name."""
    now, today = ctx.now(), today_in_paris(ctx.now())
    query = select(Terminal).where(col(Terminal.status) != "decommissioned")
    terminals = list(session.exec(query.where(Terminal.id == only) if only else query))
    wanted = desired_of(session, ctx.keys, terminals)
    lives = {row.terminal: row for row in session.exec(select(TerminalLive))}
    rows = {row.terminal: row for row in session.exec(select(TerminalDesired))}
    vitals = _vitals(session)
    planned = spells_of(session, {terminal: want.place.site for terminal, want in wanted.items()}, now)
    visits = visits_by_day(session, today, DAYS, simulated=ctx.settings.demo)
    last = last_visits(session, today, simulated=ctx.settings.demo)
    made = []
    for one in terminals:
        live, want = lives[one.id], wanted[one.id]
        report = read_report(live)
        opening = opening_at(want.settings, now)
        upkeep = upkeep_at(planned.get(one.id, ()), now)
        how = condition(one.status, one.isolated, live.heard_at, report, want, rows[one.id].wished_at,
                        vitals.get(one.id, Vitals()), opening, now, upkeep)  # fmt: skip
        made.append(
            Card(one, want, report, how, opening, live.heard_at, live.changed_at, rows[one.id].wished_at,
                 visits.get(one.id, [0] * DAYS), last.get(one.id), standing(want, report, now), upkeep)
        )  # fmt: skip
    return sorted(made, key=lambda card: (ORDER.index(card.condition.key), card.terminal.name))


ORDER = (
    "isolated",
    "offline",
    "degraded",
    "drift",
    "updating",
    "maintenance",
    "pending",
    "online",
    "closed",
    "rejected",
    "decommissioned",
)


def read_report(live: TerminalLive) -> Reported | None:
    """None also for a report of a version this server no longer reads."""
    if live.report is None:
        return None
    try:
        return Reported.model_validate(live.report)
    except ValidationError:
        return None


def _vitals(session: Session) -> dict[str, Vitals]:
    newest_at = func.max(TerminalHealth.at).label("at")
    newest = select(TerminalHealth.terminal, newest_at).group_by(TerminalHealth.terminal).subquery()
    sample = TerminalHealth
    query = select(sample.terminal, sample.temperature, sample.disk_free, sample.disk_free_bytes).join(
        newest, (col(sample.terminal) == newest.c.terminal) & (col(sample.at) == newest.c.at)
    )
    return {terminal: Vitals(*measured) for terminal, *measured in session.exec(query)}
