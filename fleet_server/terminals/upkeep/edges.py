"""Maintenance begins and ends by the clock: nobody acts then, and a terminal that is off says nothing. Pages that show
it are told."""

from sqlmodel import and_, col, or_, select

from fleet_server.context import Context
from fleet_server.db import reading
from fleet_server.terminals.upkeep.acts import concerned, touch
from fleet_server.terminals.upkeep.models import Maintenance

EVERY_S = 10.0


class Edges:
    """What began or ended since the last turn."""

    def __init__(self, ctx: Context) -> None:
        self._ctx, self._seen = ctx, ctx.now()

    def turn(self) -> int:
        """How many."""
        since, now = self._seen, self._ctx.now()
        crossed = (and_(at > since, at <= now) for at in (col(Maintenance.begins_at), col(Maintenance.ends_at)))
        query = select(Maintenance).where(col(Maintenance.closed_at).is_(None), or_(*crossed))
        with reading(self._ctx.engine) as session:
            rows = session.exec(query).all()
            about = {terminal for row in rows for terminal in concerned(session, row)}
        if rows:
            touch(self._ctx, sorted(about))
        self._seen = now
        return len(rows)
