"""The registry: terminals, their names, places and groups. Who they are; not how they are."""

import re
import secrets
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from fleet_server.terminals.models import Terminal, TerminalDesired, TerminalLive, TerminalPlace
from wire.state import Place, Release

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUP_MAX = 40


class UnknownTerminal(LookupError):
    """No terminal has this id."""


def new_id() -> str:
    """Opaque, permanent, and easy to read aloud."""
    return "b-" + "".join(secrets.choice(_LETTERS) for _ in range(8))


def add_terminal(session: Session, name: str, place: Place, groups: list[str], now: datetime) -> Terminal:
    """A terminal that is expected; it is accepted when it enrols. It starts with what most others are asked to show."""
    terminal = Terminal(id=new_id(), name=name.strip()[:80], groups=clean_groups(groups), created_at=now)
    session.add(terminal)
    session.flush()
    session.add(TerminalPlace(terminal=terminal.id, since=now, place=place.model_dump(mode="json")))
    first = first_release(session)
    session.add(
        TerminalDesired(
            terminal=terminal.id, wished_at=now, release_id=first.id if first else None,
            release_label=first.label if first else "",
        )
    )  # fmt: skip
    session.add(TerminalLive(terminal=terminal.id))
    session.flush()
    return terminal


def first_release(session: Session) -> Release | None:
    """What a terminal that is added now starts with: the release that most accepted terminals are asked to show; on a
    tie the one whose label comes last, editions being named after weeks."""
    query = (
        select(TerminalDesired.release_id, TerminalDesired.release_label, func.count())
        .join(Terminal, col(Terminal.id) == TerminalDesired.terminal)
        .where(Terminal.status == "accepted", col(TerminalDesired.release_id).is_not(None))
        .group_by(col(TerminalDesired.release_id), col(TerminalDesired.release_label))
    )
    wished = [(count, _in_order(label), Release(id=id_, label=label)) for id_, label, count in session.exec(query)]
    return max(wished, key=lambda one: one[:2])[2] if wished else None


def _in_order(label: str) -> list[int]:
    """`2026.48-10` comes after `2026.48-9`."""
    return [int(number) for number in re.findall(r"\d+", label)]


def clean_groups(groups: list[str]) -> list[str]:
    return sorted({group.strip().lower()[:_GROUP_MAX] for group in groups if group.strip()})


def get_terminal(session: Session, terminal_id: str) -> Terminal:
    """Raises `UnknownTerminal`."""
    terminal = session.get(Terminal, terminal_id)
    if terminal is None:
        raise UnknownTerminal(terminal_id)
    return terminal


def accepted(session: Session) -> list[Terminal]:
    return list(session.exec(select(Terminal).where(Terminal.status == "accepted").order_by(Terminal.name)))


def names(session: Session) -> dict[str, str]:
    """Id → name, of every terminal there ever was: figures of the past keep their names."""
    rows = session.exec(select(Terminal.id, Terminal.name).order_by(Terminal.name))
    return dict(rows.all())


def turn(session: Session, terminal: Terminal, now: datetime) -> None:
    """It begins or ceases to be listened to. Always later than the last one that did, whatever the clock says: ingest
    looks at the newest of these moments to know whether what it remembers still holds."""
    newest = session.exec(select(func.max(Terminal.turned_at))).one()
    terminal.turned_at = max(now, newest + timedelta(microseconds=1)) if newest else now


def rename(terminal: Terminal, name: str) -> bool:
    """True when that changes something. Figures of the past follow: the id is who it is, the name is for people."""
    before, terminal.name = terminal.name, name.strip()[:80]
    return terminal.name != before


def move(session: Session, terminal_id: str, place: Place, now: datetime) -> bool:
    """From now on the terminal stands there; what it did before stays with the old place. False: no change."""
    if place == place_of(session, terminal_id):
        return False
    session.add(TerminalPlace(terminal=terminal_id, since=now, place=place.model_dump(mode="json")))
    return True


def places(session: Session, terminal_ids: list[str] | None = None) -> dict[str, Place]:
    """Where each stands now: the newest dated place."""
    query = select(TerminalPlace).order_by(col(TerminalPlace.since), col(TerminalPlace.id))
    if terminal_ids is not None:
        query = query.where(col(TerminalPlace.terminal).in_(terminal_ids))
    return {row.terminal: Place.model_validate(row.place) for row in session.exec(query)}


def place_of(session: Session, terminal_id: str) -> Place:
    return places(session, [terminal_id])[terminal_id]
