"""The fleet as a rollout sees it: gathered in a constant number of queries, reports as they came."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from fleet_server.rollouts.plan import Target
from fleet_server.rollouts.windows import ANYWHERE, Stand
from fleet_server.terminals.inbound import ONLINE_WITHIN
from fleet_server.terminals.layers import layers_of, merged
from fleet_server.terminals.models import SettingLayer, Terminal, TerminalDesired, TerminalLive
from fleet_server.terminals.registry import places
from wire.state import OpeningHours, Place, Settings

_ZONE = Settings.model_fields["timezone"].default


@dataclass(frozen=True, slots=True)
class Seen:
    """One terminal. `report` is a `wire.state.Reported` as it came."""

    id: str
    name: str
    groups: tuple[str, ...]
    kind: str
    department: str
    in_service: bool
    """Accepted, and nothing against it."""
    report: Mapping[str, Any] | None
    reported_at: datetime | None
    heard_at: datetime | None
    release_id: str | None
    release_label: str
    software_id: str | None = None
    software_version: str = ""
    own_settings: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What all layers set, together."""
    stand: Stand = ANYWHERE

    def is_online(self, now: datetime) -> bool:
        return self.heard_at is not None and now - self.heard_at <= ONLINE_WITHIN

    @property
    def model(self) -> str:
        return str(((self.report or {}).get("facts") or {}).get("model", ""))

    @property
    def version(self) -> str:
        return str((self.report or {}).get("software", ""))


def fleet(session: Session) -> dict[str, Seen]:
    """Every terminal that was not retired, by id. Five queries."""
    terminals = session.exec(
        select(Terminal).where(col(Terminal.status) != "decommissioned").order_by(Terminal.name)
    ).all()
    lives = {row.terminal: row for row in session.exec(select(TerminalLive))}
    wanted = {row.terminal: row for row in session.exec(select(TerminalDesired))}
    layers = session.exec(select(SettingLayer)).all()
    own = {layer.target: layer for layer in layers if layer.scope == "terminal"}
    wide = [layer for layer in layers if layer.scope != "terminal"]
    stand = places(session)
    return {
        one.id: _seen(one, stand[one.id], lives[one.id], wanted[one.id], wide, own.get(one.id)) for one in terminals
    }


def matching(target: Target, seen: Mapping[str, Seen]) -> list[Seen]:
    """Those in service that the target names, in the order of their names."""
    return [one for one in seen.values() if one.in_service and _matches(target, one)]


def _matches(target: Target, one: Seen) -> bool:
    def among(wanted: Sequence[str], value: str) -> bool:
        return not wanted or value in wanted

    return (
        among(target.terminals, one.id)
        and (not target.groups or bool(set(target.groups) & set(one.groups)))
        and among(target.kinds, one.kind)
        and among(target.departments, one.department)
        and among(target.models, one.model)
        and among(target.versions, one.version)
    )


def _seen(
    one: Terminal, place: Place, live: TerminalLive, want: TerminalDesired, wide: Sequence[SettingLayer],
    own: SettingLayer | None,
) -> Seen:  # fmt: skip
    values = merged(layers_of(one.id, one.groups, [*wide, own] if own else wide))
    opening = tuple(OpeningHours.model_validate(span) for span in values.get("opening", ()))
    return Seen(
        id=one.id, name=one.name, groups=tuple(one.groups), kind=place.kind, department=place.department,
        in_service=one.status == "accepted" and not one.isolated, report=live.report, reported_at=live.reported_at,
        heard_at=live.heard_at, release_id=want.release_id, release_label=want.release_label,
        software_id=want.software_id, software_version=want.software_version,
        own_settings=own.values if own else {}, settings=values,
        stand=Stand(values.get("timezone", _ZONE), opening),
    )  # fmt: skip
