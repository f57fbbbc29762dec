"""The fleet as a rollout sees it: gathered in a constant number of queries, reports as they came."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, select

from fleet_server.inventory.public import models_of
from fleet_server.rollouts.windows import ANYWHERE, Stand
from fleet_server.terminals.inbound import ONLINE_WITHIN
from fleet_server.terminals.layers import layers_of, merged
from fleet_server.terminals.models import SettingLayer, Terminal, TerminalDesired, TerminalLive
from fleet_server.terminals.registry import places
from fleet_server.terminals.upkeep.held import spells_of
from fleet_server.terminals.upkeep.spells import Spell, Upkeep, upkeep_at
from wire.state import OpeningHours, Place, Settings

_WORKS_SINCE = timedelta(days=120)
"""As long as a terminal may be in progress, and the longest maintenance."""
_ZONE = Settings.model_fields["timezone"].default


@dataclass(frozen=True, slots=True)
class Seen:
    """One terminal. `report` is a `wire.state.Reported` as it came."""

    id: str
    name: str
    groups: tuple[str, ...]
    tags: tuple[str, ...]
    place: Place
    in_service: bool
    """Accepted, and nothing against it."""
    report: Mapping[str, Any] | None
    reported_at: datetime | None
    heard_at: datetime | None
    release_id: str | None
    release_label: str
    software_id: str | None = None
    software_version: str = ""
    activation: Mapping[str, Any] = field(default_factory=dict)
    """When what is wished may take effect there, as `wire.state.Activation`; of the edition, and of the software."""
    software_activation: Mapping[str, Any] = field(default_factory=dict)
    model: str = ""
    """What its machine calls itself, from the inventory."""
    own_settings: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What all layers set, together."""
    stand: Stand = ANYWHERE
    works: tuple[Spell, ...] = ()
    """The maintenance that was, is or will be planned on it."""

    def upkeep(self, at: datetime) -> Upkeep:
        return upkeep_at(self.works, at)

    def is_online(self, now: datetime) -> bool:
        return self.heard_at is not None and now - self.heard_at <= ONLINE_WITHIN

    @property
    def edition(self) -> str:
        """Label of the content it says it shows."""
        active = ((self.report or {}).get("content") or {}).get("active") or {}
        return str(active.get("label", ""))

    @property
    def version(self) -> str:
        return str((self.report or {}).get("software", ""))


def fleet(session: Session, now: datetime) -> dict[str, Seen]:
    """Every terminal that was not retired, by id. Eight queries."""
    terminals = session.exec(
        select(Terminal).where(col(Terminal.status) != "decommissioned").order_by(Terminal.name)
    ).all()
    lives = {row.terminal: row for row in session.exec(select(TerminalLive))}
    wanted = {row.terminal: row for row in session.exec(select(TerminalDesired))}
    layers = session.exec(select(SettingLayer)).all()
    own = {layer.target: layer for layer in layers if layer.scope == "terminal"}
    wide = [layer for layer in layers if layer.scope != "terminal"]
    stand, models = places(session), models_of(session)
    works = spells_of(session, {terminal: place.site for terminal, place in stand.items()}, now - _WORKS_SINCE)
    return {
        one.id: _seen(one, stand[one.id], lives[one.id], wanted[one.id], wide, own.get(one.id), models.get(one.id, ""),
                      works.get(one.id, ()))
        for one in terminals
    }  # fmt: skip


def _seen(
    one: Terminal, place: Place, live: TerminalLive, want: TerminalDesired, wide: Sequence[SettingLayer],
    own: SettingLayer | None, model: str, works: tuple[Spell, ...],
) -> Seen:  # fmt: skip
    values = merged(layers_of(one.id, one.groups, [*wide, own] if own else wide))
    opening = tuple(OpeningHours.model_validate(span) for span in values.get("opening", ()))
    return Seen(
        id=one.id, name=one.name, groups=tuple(one.groups), tags=tuple(one.tags), place=place,
        in_service=one.status == "accepted" and not one.isolated, report=live.report, reported_at=live.reported_at,
        heard_at=live.heard_at, release_id=want.release_id, release_label=want.release_label,
        software_id=want.software_id, software_version=want.software_version,
        activation=want.activation, software_activation=want.software_activation,
        own_settings=own.values if own else {}, settings=values,
        model=model, works=works, stand=Stand(values.get("timezone", _ZONE), opening),
    )  # fmt: skip
