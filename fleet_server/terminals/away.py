"""How long a terminal had not been heard, told when it is heard again: what it did meanwhile it tells by itself."""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlmodel import Session

from fleet_server.terminals.models import TerminalEvent, TerminalLive

ONLINE_WITHIN = timedelta(seconds=120)
AWAY, UNHEARD = "link.away", "link.unheard"
"""The second: this server was not there either for a part of that time, and can't say whose silence it was."""


def note_return(session: Session, lives: Iterable[TerminalLive], server_start: datetime, now: datetime) -> None:
    """Before `heard_at` moves. Reports, batches and presence race each other at a return: the first one counts."""
    for live in lives:
        if live.heard_at is None or now - live.heard_at <= ONLINE_WITHIN:
            continue
        kind = UNHEARD if live.heard_at < server_start else AWAY
        detail = {"since": live.heard_at.isoformat(), "away_s": int((now - live.heard_at).total_seconds())}
        event = TerminalEvent(id=str(uuid.uuid4()), terminal=live.terminal, at=now, kind=kind, detail=detail)
        session.add(event)
