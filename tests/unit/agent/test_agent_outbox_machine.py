"""Whatever happens between an outbox and its server, in whatever order: nothing lost that is not named, nothing twice.

Killed agent, lost, late and repeated answers, a server restored from a backup, a spool too small for days away.
"""

import shutil
import tempfile
from pathlib import Path

from agent_neighbours import SimulatedServer, apply, page, receipt, send, settle, stamp
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, precondition, rule

from agent.outbox import Outbox
from wire.batch import Resync

SMALL = 12_000


class OutboxAndServer(RuleBasedStateMachine):
    answers = Bundle("answers")

    @initialize(cap=st.sampled_from([SMALL, 2**30]))
    def begin(self, cap):
        self.directory = Path(tempfile.mkdtemp())
        self.cap = cap
        self.outbox = self.open()
        self.server = SimulatedServer()
        self.backup = self.server.backup()
        self.sent = 0
        self.order: dict[str, int] = {}
        self.measured: list[str] = []
        self.receipts: list[str] = []

    def open(self):
        return Outbox(self.directory / "outbox.db", stamp, self.cap)

    @rule(count=st.integers(1, 30))
    def visits(self, count):
        told = [page() for _ in range(count)]
        self.outbox.enqueue(*told)
        self.measured += [event.id for event in told]
        self.order |= {event.id: len(self.order) + n for n, event in enumerate(told)}

    @rule()
    def tells_a_receipt(self):
        event = receipt()
        self.outbox.enqueue(event)
        self.receipts.append(event.id)
        self.order[event.id] = len(self.order)

    @rule(target=answers)
    def sends(self):
        going = send(self.outbox)
        self.sent += 1
        return going and (self.sent, going[0], self.server.receive(going[1]))

    def apply(self, answer):
        # A connection keeps the order: no resync comes after the answer to a later batch.
        if answer and not (isinstance(answer[2], Resync) and answer[0] < self.sent):
            apply(self.outbox, *answer[1:])

    @rule(answer=consumes(answers))
    def gets_the_answer(self, answer):
        self.apply(answer)

    @rule(answer=answers)
    def gets_an_answer_that_may_come_again(self, answer):
        self.apply(answer)

    @rule(answer=consumes(answers))
    def loses_an_answer(self, answer):
        pass

    @rule()
    def agent_is_killed(self):
        # What the process had committed is on the disk; what it had in memory is gone.
        fresh = Path(tempfile.mkdtemp())
        for file in self.directory.glob("outbox.db*"):
            shutil.copy(file, fresh)
        self.outbox.close()
        shutil.rmtree(self.directory)
        self.directory = fresh
        self.outbox = self.open()

    @rule()
    def pulls_the_servers_account(self):
        self.outbox.agree(self.server.account(), self.outbox.acked)

    @rule()
    def server_is_backed_up(self):
        self.backup = self.server.backup()

    @rule()
    def server_is_restored(self):
        self.server = self.backup.backup()

    @precondition(lambda self: self.cap == SMALL)
    @rule()
    def is_busy_while_the_server_is_away(self):
        self.visits(70)

    @rule()
    def comes_to_rest(self):
        self.sent += 1
        settle(self.outbox, self.server)

    @invariant()
    def bounded(self):
        if hasattr(self, "outbox") and self.cap == SMALL:
            held = sum(size for (size,) in self.outbox._spool._db.execute("SELECT length(body) FROM event"))
            protected = 30 * 400 + 70 * 400
            assert held <= SMALL + protected + 400 * len(self.receipts)

    def teardown(self):
        if not hasattr(self, "outbox"):
            return
        self.outbox.agree(self.server.account(), self.outbox.acked)
        settle(self.outbox, self.server)
        told = [event for event in self.server.events.values() if event["kind"] == "page.viewed"]
        named = sum(last - first + 1 for first, last in self.server.lost)
        got_receipts = [event["id"] for event in self.server.events.values() if event["kind"] == "state.changed"]
        assert set(got_receipts) <= set(self.receipts)
        assert {event["id"] for event in told} <= set(self.measured)
        missing = len(self.measured) + len(self.receipts) - len(told) - len(got_receipts) - self.server.dropped()
        assert 0 <= missing <= named
        if named == 0:
            arrived = [self.order[event] for event in self.server.events if event in self.order]
            assert arrived == sorted(arrived)
        self.outbox.close()
        shutil.rmtree(self.directory)


OutboxAndServer.TestCase.settings = settings(
    max_examples=120, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestOutboxAndServer = OutboxAndServer.TestCase


def test_a_late_answer_does_not_give_up_again_what_was_sent_since():
    case = OutboxAndServer()
    case.begin(SMALL)
    answers = []
    for _ in range(3):
        case.is_busy_while_the_server_is_away()
        answers.append(case.sends())
    case.apply(answers[0])
    sent_since = case.outbox.acked, answers[-1][2].through
    for _ in range(4):
        case.is_busy_while_the_server_is_away()
    assert sent_since[0] < sent_since[1]
    case.teardown()
