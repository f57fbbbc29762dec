"""Searches of the fleet's list that are kept under a name, for oneself or for the team; one may be one's landing page.

NotKept     tell the person why
"""

from datetime import datetime, timedelta
from urllib.parse import parse_qsl

from sqlmodel import Session, col, delete, func, or_, select

from fleet_server.access.audit import record_act
from fleet_server.terminals.models import FleetLanding, FleetView
from fleet_server.terminals.search import BadSearch, Search, from_page, plain
from fleet_server.web.viewer import Viewer

NAME_MOST, VIEWS_MOST = 60, 50
QUERY_MOST = 1_000
HAD_BACK = timedelta(days=1)
"""How long one that was deleted may still be had back."""


class NotKept(ValueError):
    """Its words say what is accepted."""


def views_of(session: Session, account: int | None) -> list[FleetView]:
    """One's own, then those the team shares, by name. Without an account, the shared ones."""
    seen = or_(col(FleetView.shared), col(FleetView.owner) == account) if account else col(FleetView.shared)
    rows = session.exec(select(FleetView).where(seen, col(FleetView.gone_at).is_(None)))
    return sorted(rows, key=lambda row: (row.owner != account, plain(row.name), row.id or 0))


def search_of(view: FleetView) -> Search:
    """What of it still exists: a later version may know other words."""
    try:
        return from_page(dict(parse_qsl(view.query)))
    except BadSearch as bad:
        return bad.rest


def words_of(search: Search) -> str:
    return f"{search.said() or 'Toutes'} ; {search.sorted_how()}"


def search_named(session: Session, account: int | None, name: str) -> Search:
    """One's own before the team's. Raises `NotKept`."""
    named = [row for row in views_of(session, account) if plain(row.name) == plain(name)]
    mine = [row for row in named if row.owner == account]
    if not named:
        raise NotKept(f"Aucune vue ne s’appelle « {name[:NAME_MOST]} ».")
    if not mine and len(named) > 1:
        raise NotKept(f"Plusieurs vues partagées s’appellent « {name[:NAME_MOST]} » : renommez-en une.")
    return search_of((mine or named)[0])


def keep(session: Session, viewer: Viewer, name: str, wanted: Search, shared: bool, now: datetime) -> FleetView:
    """Raises `NotKept`."""
    _forget_gone(session, viewer, now)
    if not wanted.query():
        raise NotKept("Filtrez ou triez d’abord : cette vue montrerait toute la flotte.")
    if len(wanted.query()) > QUERY_MOST:
        raise NotKept("Ces filtres sont trop longs pour être gardés.")
    own = select(func.count()).where(FleetView.owner == viewer.id, col(FleetView.gone_at).is_(None))
    if session.exec(own).one() >= VIEWS_MOST:
        raise NotKept(f"Vous avez déjà {VIEWS_MOST} vues : supprimez-en une.")
    row = FleetView(owner=viewer.id, name=_free(session, viewer.id, name), query=wanted.query(), shared=shared,
                    made_at=now)  # fmt: skip
    session.add(row)
    session.flush()
    if shared:
        _audit(session, viewer, "terminal.view_shared", row, now)
    return row


def change(session: Session, viewer: Viewer, row: FleetView, name: str, shared: bool, now: datetime) -> bool:
    """Its name, and who sees it. False: no change. Raises `NotKept`."""
    before = row.name, row.shared
    row.name, row.shared = _free(session, row.owner, name, row), shared
    if before == (row.name, shared):
        return False
    session.add(row)
    if shared and not before[1]:
        _audit(session, viewer, "terminal.view_shared", row, now)
    elif before[1] and not shared:
        _audit(session, viewer, "terminal.view_unshared", row, now)
    elif shared:
        record_act(session, viewer, "terminal.view_renamed", f"vue {row.id}", now=now,
                   before={"name": before[0]}, after={"name": row.name})  # fmt: skip
    return True


def drop(session: Session, viewer: Viewer, row: FleetView, now: datetime) -> None:
    """It may be had back (`restore`) for a day. Whoever landed on it lands on the whole fleet."""
    _forget_gone(session, viewer, now)
    row.gone_at = now
    session.add(row)
    if row.shared:
        _audit(session, viewer, "terminal.view_deleted", row, now)


def restore(session: Session, viewer: Viewer, row: FleetView, now: datetime) -> None:
    """Raises `NotKept`: another one has taken its name."""
    row.name = _free(session, row.owner, row.name, row)
    row.gone_at = None
    session.add(row)
    if row.shared:
        _audit(session, viewer, "terminal.view_restored", row, now)


def land(session: Session, viewer: Viewer, row: FleetView | None) -> None:
    """From now on /flotte opens on it; None: on the whole fleet."""
    session.execute(delete(FleetLanding).where(col(FleetLanding.account) == viewer.id))
    if row is not None and row.id is not None:
        session.add(FleetLanding(account=viewer.id, view=row.id))


def landing_of(session: Session, account: int) -> FleetView | None:
    """None also when it is no longer there for this person. One query."""
    query = select(FleetView).join(FleetLanding, col(FleetLanding.view) == FleetView.id)
    row = session.exec(query.where(FleetLanding.account == account)).first()
    return row if row and row.gone_at is None and (row.shared or row.owner == account) else None


def may_change(viewer: Viewer, row: FleetView) -> bool:
    """Whose it is; and who administers, for what the team shares."""
    return row.owner == viewer.id or (row.shared and viewer.has("admin"))


def _free(session: Session, owner: int, name: str, besides: FleetView | None = None) -> str:
    name = " ".join(name.split())
    if not 1 <= len(name) <= NAME_MOST or not name.isprintable():
        raise NotKept(f"Un nom de vue a de 1 à {NAME_MOST} caractères.")
    query = select(FleetView).where(FleetView.owner == owner, col(FleetView.gone_at).is_(None))
    others = [row for row in session.exec(query) if besides is None or row.id != besides.id]
    if any(plain(row.name) == plain(name) for row in others):
        raise NotKept(f"Une vue s’appelle déjà « {name} » : donnez-lui un autre nom.")
    return name


def _forget_gone(session: Session, viewer: Viewer, now: datetime) -> None:
    past = select(FleetView.id).where(FleetView.owner == viewer.id, col(FleetView.gone_at) < now - HAD_BACK)
    session.execute(delete(FleetLanding).where(col(FleetLanding.view).in_(past)))
    session.execute(delete(FleetView).where(col(FleetView.id).in_(past)))


def _audit(session: Session, viewer: Viewer, act: str, row: FleetView, now: datetime) -> None:
    record_act(session, viewer, act, f"vue {row.id}", {"name": row.name, "asked": search_of(row).said()}, now=now)
