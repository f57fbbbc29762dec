"""Planning maintenance, changing it, calling it off, ending it: each is told in the audit log, and each but an end that
has come can be taken back.

NotTaken     tell the person why, by field
TooLate      tell the person what has happened to it meanwhile
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select, update
from sqlmodel.sql.expression import SelectOfScalar

from fleet_server.access.audit import record_act
from fleet_server.context import Context
from fleet_server.db import after_commit
from fleet_server.terminals.layers import settings_of
from fleet_server.terminals.models import SettingLayer, Terminal
from fleet_server.terminals.registry import places
from fleet_server.terminals.upkeep.held import ends, is_called_off, named_in
from fleet_server.terminals.upkeep.local_time import NoSuchTime, instant
from fleet_server.terminals.upkeep.models import Maintenance, MaintenanceOf
from fleet_server.web.viewer import Viewer
from wire.hours import zone_of

REASON_LENGTH, MOST_TERMINALS, MOST_OPEN = 200, 500, 500
SINCE_AT_MOST = timedelta(days=1)
"""How long ago it may have begun: whoever pulled the plug this morning may say so at noon."""
LONGEST, FURTHEST = timedelta(days=90), timedelta(days=730)


class NotTaken(ValueError):
    """`errors`: field (whom, begins_at, ends_at, reason) → sentence."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__(" ".join(errors.values()))
        self.errors = errors


class TooLate(Exception):
    """In French."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """`site`: a place; else `terminals`, ids. Moments without an offset are on the clock of their place."""

    begins_at: datetime
    ends_at: datetime
    reason: str
    terminals: Sequence[str] = ()
    site: str = ""


def plan(session: Session, ctx: Context, wanted: Wanted, viewer: Viewer | None) -> Maintenance:
    """Raises `NotTaken`."""
    now = ctx.now()
    chosen = _chosen(session, wanted)
    open_ones = select(func.count()).where(Maintenance.ends_at > now, col(Maintenance.closed_at).is_(None))
    if session.exec(open_ones).one() >= MOST_OPEN:
        raise NotTaken({"whom": f"{MOST_OPEN} travaux sont déjà prévus : annulez d’abord ceux qui n’auront pas lieu."})
    timezone = _timezone(session, chosen, wanted)
    begins_at, ends_at = _moments(wanted, timezone, now, None)
    row = Maintenance(
        site=wanted.site, begins_at=begins_at, ends_at=ends_at, timezone=timezone, reason=wanted.reason.strip(),
        by=(viewer.name if viewer else "Balise")[:80], made_at=now,
    )  # fmt: skip
    session.add(row)
    session.flush()
    if not wanted.site:
        session.add_all(MaintenanceOf(maintenance=row.id or 0, terminal=one.id) for one in chosen)
        session.flush()
    _tell(session, ctx, row, "maintenance.planned", viewer, after=_facts(row))
    return row


def change(
    session: Session, ctx: Context, row: Maintenance, wanted: Wanted, revision: int, viewer: Viewer | None
) -> bool:
    """Other hours, another reason, for the same terminals; what has begun keeps its beginning. False: no change.
    Raises `NotTaken`, `TooLate`."""
    now, before = ctx.now(), _facts(row)
    _still_open(row, now)
    begins_at, ends_at = _moments(wanted, row.timezone, now, row)
    reason = wanted.reason.strip()
    if (begins_at, ends_at, reason) == (row.begins_at, row.ends_at, row.reason):
        return False
    _move(session, row, revision, begins_at=begins_at, ends_at=ends_at, reason=reason)
    after = _facts(row)
    changed = [name for name in before if before[name] != after[name]]
    _tell(session, ctx, row, "maintenance.changed", viewer, before={name: before[name] for name in changed},
          after={name: after[name] for name in changed})  # fmt: skip
    return True


def call_off(session: Session, ctx: Context, row: Maintenance, viewer: Viewer | None) -> None:
    """Before it begins. Raises `TooLate`."""
    now = ctx.now()
    _still_open(row, now)
    if row.begins_at <= now:
        raise TooLate("Ces travaux ont commencé : terminez-les.")
    _move(session, row, row.revision, closed_at=now, closed_by=_name(viewer))
    _tell(session, ctx, row, "maintenance.called_off", viewer)


def end(session: Session, ctx: Context, row: Maintenance, viewer: Viewer | None) -> None:
    """Now rather than when it was planned. Raises `TooLate`."""
    now = ctx.now()
    _still_open(row, now)
    if row.begins_at > now:
        raise TooLate("Ces travaux n’ont pas commencé : annulez-les.")
    # What ends in the instant of its beginning was in force all the same.
    _move(session, row, row.revision, closed_at=max(now, row.begins_at + timedelta(microseconds=1)),
          closed_by=_name(viewer))  # fmt: skip
    _tell(session, ctx, row, "maintenance.ended", viewer)


def reopen(session: Session, ctx: Context, row: Maintenance, viewer: Viewer | None) -> None:
    """As if nobody had called it off or ended it. Raises `TooLate`."""
    if row.closed_at is None:
        raise TooLate("Ces travaux sont toujours prévus.")
    if row.ends_at <= ctx.now():
        raise TooLate("L’heure où ces travaux devaient finir est passée.")
    if not may_reopen(row, ctx.now()):
        raise TooLate("Ces travaux n’ont plus cours depuis plus d’un jour : prévoyez-en d’autres.")
    _move(session, row, row.revision, closed_at=None, closed_by="")
    _tell(session, ctx, row, "maintenance.reopened", viewer)


def may_reopen(row: Maintenance, now: datetime) -> bool:
    """No later than it might be planned anew: what was an outage for longer stays one."""
    return row.closed_at is not None and row.ends_at > now and max(row.closed_at, row.begins_at) >= now - SINCE_AT_MOST


def concerned(session: Session, row: Maintenance) -> list[str]:
    """The terminals it is about now, by id."""
    if not row.site:
        return named_in(session, [row]).get(row.id or 0, [])
    return sorted(one.id for one in _standing(session, row.site))


# ---- within ----------------------------------------------------------------------------------------------------------


def _chosen(session: Session, wanted: Wanted) -> list[Terminal]:
    if bool(wanted.site) == bool(wanted.terminals):
        raise NotTaken({"whom": "Choisissez des bornes, ou un lieu."})
    if wanted.site:
        found = _standing(session, wanted.site)
        if not found:
            raise NotTaken({"whom": "Aucune borne n’est à ce lieu."})
        return found
    ids = sorted(set(wanted.terminals))
    if len(ids) > MOST_TERMINALS:
        raise NotTaken({"whom": f"{len(ids)} bornes, c’est trop : {MOST_TERMINALS} au plus."})
    found = list(session.exec(_in_service().where(col(Terminal.id).in_(ids))))
    if len(found) < len(ids):
        lacking = next(one for one in ids if one not in {terminal.id for terminal in found})
        raise NotTaken({"whom": f"« {lacking[:40]} » n’est pas une borne du parc, ou n’y est plus."})
    return found


def _standing(session: Session, site: str) -> list[Terminal]:
    there = [terminal for terminal, place in places(session).items() if place.site == site]
    return [one for one in session.exec(_in_service()) if one.id in there]


def _in_service() -> SelectOfScalar[Terminal]:
    return select(Terminal).where(col(Terminal.status) != "decommissioned")


def _timezone(session: Session, chosen: Sequence[Terminal], wanted: Wanted) -> str:
    layers = session.exec(select(SettingLayer)).all()
    zones = sorted({settings_of(one.id, one.groups, layers).timezone for one in chosen})
    if len(zones) > 1 and (wanted.begins_at.tzinfo is None or wanted.ends_at.tzinfo is None):
        raise NotTaken({"whom": "Ces bornes n’ont pas toutes la même heure : prévoyez les travaux en plusieurs fois."})
    return zones[0]


def _moments(wanted: Wanted, timezone: str, now: datetime, row: Maintenance | None) -> tuple[datetime, datetime]:
    """When it begins and ends. Raises `NotTaken`."""
    errors: dict[str, str] = {}
    if not 1 <= len(wanted.reason.strip()) <= REASON_LENGTH:
        errors["reason"] = f"Dites pourquoi, en {REASON_LENGTH} caractères au plus."
    begins_at = _moment(wanted.begins_at, timezone, "begins_at", row.begins_at if row else None, errors)
    ends_at = _moment(wanted.ends_at, timezone, "ends_at", row.ends_at if row else None, errors)
    if begins_at and row and row.begins_at <= now and begins_at != row.begins_at:
        errors["begins_at"] = "Ces travaux ont commencé : leur début ne change plus."
    elif begins_at and not (row and begins_at == row.begins_at) and begins_at < now - SINCE_AT_MOST:
        errors["begins_at"] = "Le début est passé depuis plus d’un jour."
    elif begins_at and begins_at > now + FURTHEST:
        errors["begins_at"] = "Le début est dans plus de deux ans."
    if begins_at and ends_at and ends_at <= begins_at:
        errors["ends_at"] = "La fin vient après le début."
    elif ends_at and ends_at <= now:
        errors["ends_at"] = "La fin est déjà passée."
    elif begins_at and ends_at and ends_at - begins_at > LONGEST:
        errors["ends_at"] = f"{LONGEST.days} jours au plus : au-delà, retirez plutôt la borne."
    if errors or begins_at is None or ends_at is None:
        raise NotTaken(errors)
    return begins_at, ends_at


def _moment(
    given: datetime, timezone: str, field: str, kept: datetime | None, errors: dict[str, str]
) -> datetime | None:
    zone = zone_of(timezone)
    # A form shows neither offset nor seconds: what reads as it did means the moment that it was.
    if kept and given.tzinfo is None and given == kept.astimezone(zone).replace(second=0, microsecond=0, tzinfo=None):
        return kept
    try:
        return instant(given, zone, late=field == "ends_at")
    except NoSuchTime as never:
        errors[field] = str(never)
        return None


def _still_open(row: Maintenance, now: datetime) -> None:
    if is_called_off(row):
        raise TooLate(f"Ces travaux ont été annulés par {row.closed_by}.")
    if row.closed_at is not None:
        raise TooLate(f"Ces travaux ont été terminés par {row.closed_by}.")
    if ends(row) <= now:
        raise TooLate("Ces travaux sont terminés.")


def _move(session: Session, row: Maintenance, revision: int, **values: object) -> None:
    """Guarded: whoever acts on what another has changed meanwhile is told so."""
    guarded = update(Maintenance).where(col(Maintenance.id) == row.id, col(Maintenance.revision) == revision)
    if session.connection().execute(guarded.values(revision=revision + 1, **values)).rowcount != 1:
        raise TooLate(
            "Une autre personne vient de changer ces travaux : regardez ce qu’elle a écrit, puis recommencez."
        )
    session.refresh(row)


def _name(viewer: Viewer | None) -> str:
    return (viewer.name if viewer else "Balise")[:80]


def _facts(row: Maintenance) -> dict[str, str]:
    zone = zone_of(row.timezone)
    begins_at, ends_at = (at.astimezone(zone).isoformat() for at in (row.begins_at, row.ends_at))
    facts = {"begins_at": begins_at, "ends_at": ends_at, "reason": row.reason}
    return facts | ({"place": row.site} if row.site else {})


def _tell(
    session: Session, ctx: Context, row: Maintenance, act: str, viewer: Viewer | None,
    before: dict[str, str] | None = None, after: dict[str, str] | None = None,
) -> None:  # fmt: skip
    about = concerned(session, row)
    record_act(session, viewer, act, str(row.id), now=ctx.now(), terminals=about,
               before=before, after=after)  # fmt: skip
    after_commit(session, lambda: touch(ctx, about))


def touch(ctx: Context, terminals: Sequence[str]) -> None:
    for terminal in terminals:
        ctx.live.touch(f"borne:{terminal}")
    ctx.live.touch("flotte")
