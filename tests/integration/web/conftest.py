"""One back-office a module of tests, with thirty days of visits in it."""

import random
import uuid
from datetime import timedelta

import pytest

from fleet_server.evaluation.models import TABLE
from fleet_server.evaluation.usage import COLUMNS
from tests.back_office import build, served

PAGES = ("home", "metiers", "metiers/a1101", "acteurs", "rappel", "acteurs/cap-emploi", "metiers/domaines")


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    office = build(tmp_path_factory.mktemp("office"), demo=True)
    with office.context.engine.begin() as connection:
        connection.execute(TABLE.insert(), visits(office.clock.at))
    with served(office):
        yield office


def visits(now, seed=4):
    """Laval often, Cholet less, Segré hardly: 30 days, seeded. Laval's are real, the others simulated."""
    dice = random.Random(seed)
    rows = []
    for back in range(30):
        at = now - timedelta(days=back, hours=1)
        for terminal, most, audience in (
            ("laval-01", 8, "public"),
            ("cholet-01", 4, "demo"),
            ("segre-01", int(back < 4), "demo"),
        ):
            for _ in range(dice.randint(most // 2, most)):
                rows += _visit(dice, terminal, at, audience)
    return rows


def _visit(dice, terminal, at, audience):
    session, active = str(uuid.UUID(int=dice.getrandbits(128))), dice.randint(1_000, 200_000)

    def row(kind, **values):
        plain = dict.fromkeys(COLUMNS) | {
            "id": str(uuid.UUID(int=dice.getrandbits(128))), "terminal": terminal, "kind": kind, "session": session,
            "day": at.year * 10_000 + at.month * 100 + at.day, "at_ms": int(at.timestamp() * 1000), "trusted": 1,
            "mono_ms": 0, "n": 0, "audience": audience, "language": "fr", "accessibility": "", "software": "0.1.0",
        }  # fmt: skip
        return plain | values

    yield row("session.started")
    for page in dice.sample(PAGES, 3):
        yield row("page.viewed", page=page)
        yield row("page.left", page=page, active_ms=dice.randint(2_000, 60_000), dwell_ms=70_000)
    if dice.random() < 0.2:
        yield row("contact.started")
        if dice.random() < 0.6:
            yield row("contact.submitted")
    yield row(
        "session.ended", active_ms=active, dwell_ms=active + 30_000, interactions=dice.randint(0, 9), reason="timeout"
    )
