"""What a terminal told that is not in the figures: lost for good, or kept aside because it could not be read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlmodel import Session, col

from fleet_server.ingest.models import IngestLoss, QuarantinedEvent
from fleet_server.terminals.record import RECORDERS
from wire.events import USAGE_KINDS

# As ingest records them → for people.
LOST_BECAUSE = {
    "gone before it could be sent": "effacés sur la borne avant d’avoir pu partir",
    "measurements given up, the spool was full": "file pleine sur la borne, trop longtemps sans réseau",
    "quarantine full": "illisibles, et trop nombreux pour être tous gardés",
}
NAMED = 6
"""Kinds named one by one; a terminal gone mad may invent any number."""


@dataclass(frozen=True, slots=True)
class Lost:
    """How many of its messages will never come, why, and when that was found."""

    count: int
    why: str
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Aside:
    """How many of a kind could not be read; `reason` is the reader's, in its own words, for who mends it."""

    kind: str
    count: int
    reason: str
    first: datetime
    last: datetime

    @property
    def why(self) -> str:
        known = self.kind in USAGE_KINDS or self.kind in RECORDERS
        return "une valeur n’est pas celle attendue" if known else "ce serveur ne connaît pas ce genre"


@dataclass(frozen=True, slots=True)
class Missing:
    lost: Sequence[Lost]
    aside: Sequence[Aside]
    more_kinds: int = 0
    """Set aside, beyond those named."""

    def __bool__(self) -> bool:
        return bool(self.lost or self.aside)


def missing(session: Session, terminal_id: str) -> Missing:
    """Two questions, whatever there is."""
    read, loss, held = session.connection().execute, IngestLoss, QuarantinedEvent
    count = func.sum(col(loss.last) - col(loss.first) + 1)
    lost = read(
        select(col(loss.reason), count, func.min(loss.found_at), func.max(loss.found_at))
        .where(col(loss.terminal) == terminal_id)
        .group_by(col(loss.reason))
        .order_by(count.desc())
    )
    when = func.min(held.received_at), func.max(held.received_at)
    aside = read(
        select(col(held.kind), func.count(), func.min(held.reason), *when)
        .where(col(held.terminal) == terminal_id)
        .group_by(col(held.kind))
        .order_by(func.count().desc(), col(held.kind))
    ).all()
    return Missing(
        [Lost(int(count), LOST_BECAUSE.get(reason, reason), *found) for reason, count, *found in lost],
        [Aside(*one) for one in aside[:NAMED]],
        max(0, len(aside) - NAMED),
    )
