"""The terminal that an address or a form names, or the refusal that its reader gets."""

from fastapi import HTTPException
from sqlmodel import Session

from fleet_server.terminals.models import Terminal


def named(session: Session, terminal_id: str) -> Terminal:
    """Any terminal of the fleet, retired ones too: a new token lets one in again."""
    terminal = session.get(Terminal, terminal_id)
    if terminal is None:
        raise HTTPException(404, "Aucune borne n’a cet identifiant.")
    return terminal


def in_service(session: Session, terminal_id: str) -> Terminal:
    """A terminal that something may still be asked of."""
    terminal = named(session, terminal_id)
    if terminal.status == "decommissioned":
        raise HTTPException(409, f"{terminal.name} est retirée : elle ne reçoit plus rien. Enrôlez-la d’abord.")
    return terminal
