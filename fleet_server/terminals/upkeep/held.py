"""What is planned, read for many terminals at once."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlmodel import Session, col, or_, select

from fleet_server.terminals.upkeep.models import Maintenance, MaintenanceOf
from fleet_server.terminals.upkeep.spells import Spell


def ends(row: Maintenance) -> datetime:
    """When it really ends, or ended."""
    return min(row.ends_at, row.closed_at) if row.closed_at else row.ends_at


def is_called_off(row: Maintenance) -> bool:
    return row.closed_at is not None and row.closed_at <= row.begins_at


def spell_of(row: Maintenance) -> Spell:
    return Spell(row.begins_at, ends(row), row.reason, row.timezone, row.id or 0)


def spells_of(session: Session, sites: Mapping[str, str], since: datetime) -> dict[str, tuple[Spell, ...]]:
    """Terminal → what is planned on it and had not ended at `since`, in order; one without any is absent. `sites`:
    where each of them stands. Two queries, whatever their number."""
    query = select(Maintenance).where(
        Maintenance.ends_at > since, or_(col(Maintenance.closed_at).is_(None), col(Maintenance.closed_at) > since)
    )
    rows = [row for row in session.exec(query) if not is_called_off(row)]
    named = named_in(session, rows)
    found: dict[str, list[Spell]] = {}
    standing: dict[str, list[str]] = {}
    for terminal, site in sites.items():
        standing.setdefault(site, []).append(terminal)
    for row in rows:
        for terminal in standing.get(row.site, ()) if row.site else named.get(row.id or 0, ()):
            if terminal in sites:
                found.setdefault(terminal, []).append(spell_of(row))
    return {terminal: tuple(sorted(spells)) for terminal, spells in found.items()}


def named_in(session: Session, rows: Sequence[Maintenance]) -> dict[int, list[str]]:
    """Maintenance → the terminals it names."""
    ids = [row.id for row in rows if not row.site]
    named: dict[int, list[str]] = {}
    if not ids:
        return named
    query = select(MaintenanceOf).where(col(MaintenanceOf.maintenance).in_(ids)).order_by(col(MaintenanceOf.terminal))
    for one in session.exec(query):
        named.setdefault(one.maintenance, []).append(one.terminal)
    return named
