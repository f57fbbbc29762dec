"""Whom the accepted terminals say they believe, for those who change it."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from sqlmodel import Session, col, select

from fleet_server.certificates.rotation import Heard
from fleet_server.terminals.models import Terminal, TerminalLive
from wire.trust import Trusted


def trust_heard(session: Session) -> list[Heard]:
    query = (
        select(Terminal.id, Terminal.name, TerminalLive.report)
        .join(TerminalLive, col(TerminalLive.terminal) == col(Terminal.id))
        .where(Terminal.status == "accepted")
        .order_by(Terminal.name, Terminal.id)
    )
    return [Heard(id, name, bool(report), _trust(report or {})) for id, name, report in session.exec(query)]


def _trust(report: Mapping[Any, Any]) -> Trusted | None:
    try:
        return Trusted.model_validate(report.get("trust"))
    except ValidationError:
        return None
