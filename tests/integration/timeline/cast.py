"""A terminal to which something of every kind has happened."""

import uuid
from datetime import timedelta

from sqlmodel import select

from fleet_server.certificates.models import Certificate
from fleet_server.db import transaction
from fleet_server.evaluation.models import TABLE
from fleet_server.evaluation.usage import COLUMNS
from fleet_server.terminals.models import TerminalCommand, TerminalEvent
from tests.integration.inventory.cast import LAVAL, sends

HAPPENED = [
    (1, "state.changed", "content.activated", {"label": "2026.47"}),
    (2, "state.changed", "settings.applied", {"revision": 3}),
    (3, "state.changed", "window.renderer_killed", {"renderer_died": True}),
    (4, "outbox.replaced", "", {"reason": "corrupt"}),
    (5, "state.changed", "machine.started", {"version": "0.2.0", "before": "0.1.0"}),
    (6, "state.changed", "software.committed", {"version": "0.2.0"}),
    (7, "state.changed", "certificate.renewed", {}),
    (8, "command.answered", "", {"outcome": "succeeded", "command": "x"}),
    (9, "state.changed", "tea.brewed", {"reason": "a newer terminal"}),
    (30, "link.away", "", {"since": "2026-11-23T06:00:00+00:00", "away_s": 8100}),
]
"""Hours ago, kind, what, detail."""
MAINTENANCE = {"kind": "maintenance.set", "on": True, "minutes": 30}


def eventful(fleet, name="Laval"):
    """The terminal, with two commands, a change of packages, and seven visits: four today, three yesterday."""
    kiosk, now = fleet.enrolled(name), fleet.office.clock()
    sends(kiosk)
    sends(kiosk, LAVAL.model_copy(update={"packages": LAVAL.packages | {"openssl": "3.0.15"}}))
    with transaction(fleet.office.context.engine) as session:
        for row in session.exec(select(Certificate)):
            row.issued_at = now - timedelta(days=40)
        for hours, kind, what, detail in HAPPENED:
            session.add(event(kiosk.id, now - timedelta(hours=hours), kind, what, detail))
        ordered = (10, {"kind": "window.restart"}, "succeeded"), (11, MAINTENANCE, "expired")
        for hours, order, state in ordered:
            session.add(command(kiosk.id, now - timedelta(hours=hours), order, state))
        session.connection().execute(TABLE.insert(), [visit(kiosk.id, now - timedelta(hours=hours))
                                                      for hours in (1, 2, 3, 3, 24, 25, 26)])  # fmt: skip
    return kiosk


def event(terminal, at, kind="state.changed", what="content.activated", detail=None):
    return TerminalEvent(id=str(uuid.uuid4()), terminal=terminal, at=at, kind=kind, what=what, detail=detail or {})


def command(terminal, at, order, state="succeeded"):
    return TerminalCommand(
        id=str(uuid.uuid4()), terminal=terminal, generation=1, order=order, state=state, queued_at=at,
        expires_at=at + timedelta(hours=1), answered_at=at, by="Yanis Belkacem",
    )  # fmt: skip


def visit(terminal, at, audience="public"):
    plain = dict.fromkeys(COLUMNS)
    return plain | {
        "id": str(uuid.uuid4()), "terminal": terminal, "kind": "session.started", "trusted": 1, "mono_ms": 0, "n": 0,
        "day": at.year * 10_000 + at.month * 100 + at.day, "at_ms": int(at.timestamp() * 1000), "audience": audience,
        "language": "fr", "accessibility": "", "software": "0.1.0", "session": str(uuid.uuid4()),
    }  # fmt: skip
