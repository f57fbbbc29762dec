"""Of a terminal that is put out nothing is recorded any more, even when ingest has heard of it a moment ago."""

import pytest

from fleet_server import rooms
from fleet_server.db import connect, transaction
from fleet_server.ingest.consumer import Consumer
from fleet_server.terminals import inbound
from fleet_server.terminals.enrolment import put_out
from fleet_server.terminals.known import last_turned, terminals_known
from fleet_server.terminals.registry import get_terminal
from tests.integration.terminals.conftest import fleet  # noqa: F401  # a fixture
from tests.sending import Sender, told


def leaves(session, ctx, terminal):
    put_out(session, ctx, terminal, "stolen", None)


def is_isolated(session, ctx, terminal):
    inbound._isolate(session, terminal, ctx.now())


@pytest.mark.parametrize("out", [leaves, is_isolated])
def test_what_ingest_remembers_of_a_terminal_ends_with_the_commit_that_puts_it_out(fleet, out):  # noqa: F811
    ctx, laval = fleet.office.context, fleet.enrolled("Laval")
    sender = Sender(laval.id, 1, kept=[told(), told()])
    # Its own engine: the command line is another process.
    mine = connect(ctx.settings.database_url)
    consumer = Consumer(mine, rooms.recorders(), terminals_known, ctx.send, ctx.now, ctx.server_start,
                        last_turned=last_turned)  # fmt: skip
    consumer.turn([(laval.id, sender.batch(last=1))])
    assert consumer.counters.events == 1
    with transaction(ctx.engine) as session:
        out(session, ctx, get_terminal(session, laval.id))
    consumer.turn([(laval.id, sender.batch(first=2))])
    mine.dispose()
    assert (consumer.counters.events, consumer.counters.batches["unknown_terminal"]) == (1, 1)
