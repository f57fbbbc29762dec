"""The terminals that a person ticked in a list: as many as a form may name, each once."""

from collections.abc import Iterable

from sqlmodel import Session, col, select

from fleet_server.terminals.models import Terminal

MOST_CHOSEN = 2_000


class TooMany(ValueError):
    """Its words are for the person."""


def chosen_ids(boxes: Iterable[str], joined: str) -> tuple[str, ...]:
    """`boxes`: ids one by one; `joined`: with commas between, as a script sends many. Raises `TooMany`."""
    ids = tuple(dict.fromkeys(one for one in [*boxes, *joined.split(",")] if one))
    if len(ids) > MOST_CHOSEN:
        raise TooMany(f"{MOST_CHOSEN} bornes au plus à la fois : {len(ids)} sont choisies.")
    return ids


def chosen_terminals(session: Session, ids: Iterable[str]) -> list[Terminal]:
    """Those of them that are not retired, by name. One query."""
    query = select(Terminal).where(col(Terminal.id).in_(list(ids)), Terminal.status != "decommissioned")
    return list(session.exec(query.order_by(Terminal.name, Terminal.id)))
