"""The consumer: batches wait in memory, are committed together, and only then acknowledged.

While one transaction is being synced to disk the next batches gather (group commit). Whatever goes wrong before the
commit, nothing is acknowledged, and the terminals send again.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import get_args

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from fleet_server.ingest import Known, LastTurned, Recorder, TerminalsKnown
from fleet_server.ingest.commit import Known as KnownStandings
from fleet_server.ingest.commit import Outcome, commit_batches
from fleet_server.ingest.cursors import Overtaken
from fleet_server.ingest.decide import AskAgain, StartOver, Take
from fleet_server.ingest.envelope import Envelope, Refusal, digest_of, read
from wire import topics
from wire.batch import Ack, Refused, Reset, Resync
from wire.events import AnyEvent

log = structlog.get_logger()
MAX_WAITING_BYTES = 64 * 1024 * 1024
"""Past it batches are passed over: unacknowledged, they come again."""
MAX_BATCHES_AT_ONCE = 500
MAX_BYTES_AT_ONCE = 2 * 1024 * 1024
_KNOWN_FOR_S = 2.0
_BUSY_PAUSE_S = 0.5
_MOST_OVERTAKEN = 10
KINDS = {model.model_fields["kind"].default for model in get_args(get_args(AnyEvent)[0])} - {"dropped"}
Send = Callable[[str, bytes], None]


@dataclass
class Counters:
    """Since this process started; `/metrics` shows them."""

    batches: dict[str, int] = field(default_factory=dict)
    events: int = 0
    commits: int = 0
    retries: int = 0
    passed_over: int = 0

    def count(self, outcome: str) -> None:
        self.batches[outcome] = self.batches.get(outcome, 0) + 1


class Consumer:
    """`put` from any thread; the rest happens on the consumer's own. `heard` gets the terminals of each commit."""

    def __init__(
        self,
        engine: Engine,
        recorders: Mapping[str, Recorder],
        terminals: TerminalsKnown,
        send: Send,
        now: Callable[[], datetime],
        server_start: datetime,
        heard: Callable[[set[str]], None] = lambda terminals: None,
        last_turned: LastTurned = lambda connection: None,
    ) -> None:
        if without := KINDS - recorders.keys():
            raise ValueError(f"no recorder for {sorted(without)}: what can be read must have a place to go")
        self._engine = engine
        self._recorders = recorders
        self._terminals = terminals
        self._send = send
        self._now = now
        self._server_start = server_start
        self._heard = heard
        self._last_turned = last_turned
        self._turned: object = None
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._bytes = 0
        self._lock = threading.Condition()
        self._stopping = False
        self._standings = KnownStandings()
        self._known: dict[str, tuple[float, Known]] = {}
        self._thread = threading.Thread(target=self._run, name="ingest", daemon=True)
        self.counters = Counters()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """What is in hand is committed and acknowledged; what waits comes again."""
        with self._lock:
            self._stopping = True
            self._lock.notify()
        if self._thread.is_alive():
            self._thread.join()

    def put(self, terminal: str, payload: bytes) -> None:
        with self._lock:
            if self._bytes + len(payload) > MAX_WAITING_BYTES:
                self.counters.passed_over += 1
                return
            self._waiting.append((terminal, payload))
            self._bytes += len(payload)
            self._lock.notify()

    # ---- on the consumer's thread ------------------------------------------------------------------------------------

    def _run(self) -> None:
        while taken := self._take():
            try:
                self.turn(taken)
            except OperationalError as error:
                # Locked, full, or gone: nothing was acknowledged, the terminals will send again.
                self.counters.retries += 1
                log.warning("ingest.database_unavailable", reason=str(error.orig)[:200], batches=len(taken))
                self._standings.forget()
                time.sleep(_BUSY_PAUSE_S)
            except Exception as error:
                # One supervisor for the loop: a fault in a recorder must not end ingest for every terminal.
                self.counters.retries += 1
                log.error("ingest.failed", exc_info=error, batches=len(taken))
                self._standings.forget()
                self._one_by_one(taken)

    def _one_by_one(self, taken: list[tuple[str, bytes]]) -> None:
        """One of these can't be recorded: the others go on, its terminal is told, and halves it down to the event."""
        for terminal, payload in taken:
            try:
                self.turn([(terminal, payload)])
            except OperationalError:
                self._standings.forget()  # comes again
            except Exception:
                self._standings.forget()
                self._refuse(terminal, payload, "could not be recorded")

    def _take(self) -> list[tuple[str, bytes]]:
        with self._lock:
            while not self._waiting and not self._stopping:
                self._lock.wait()
            if self._stopping:
                return []
            taken: list[tuple[str, bytes]] = []
            size = 0
            while self._waiting and len(taken) < MAX_BATCHES_AT_ONCE and size < MAX_BYTES_AT_ONCE:
                taken.append(self._waiting.popleft())
                size += len(taken[-1][1])
            self._bytes -= size
            return taken

    def turn(self, taken: list[tuple[str, bytes]]) -> None:
        """One transaction: read, commit, answer."""
        now = self._now()
        batches = self._read(taken)
        if not batches:
            return
        for turn in range(_MOST_OVERTAKEN):
            try:
                with self._engine.begin() as connection:
                    listened = self._listened(connection, batches)
                    outcomes, moved = commit_batches(connection, listened, self._recorders, self._standings, now)
                break
            except Overtaken:
                self._standings.forget()
                if turn + 1 == _MOST_OVERTAKEN:
                    raise
        # Only now: what is acknowledged has been committed, with fsync.
        self._standings.remember(moved)
        self.counters.commits += 1
        for outcome in outcomes:
            self._answer(outcome)
        self._heard({batch.terminal for batch in listened})

    def _read(self, taken: list[tuple[str, bytes]]) -> list[Envelope]:
        batches = []
        for terminal, payload in taken:
            try:
                batches.append(read(terminal, payload))
            except Refusal as refusal:
                self._refuse(terminal, payload, str(refusal))
        return batches

    def _refuse(self, terminal: str, payload: bytes, reason: str) -> None:
        self.counters.count("refused")
        answer = Refused(digest=digest_of(payload), reason=reason[:200])
        self._send(topics.ack(terminal), answer.model_dump_json().encode())

    def _listened(self, connection: Connection, batches: list[Envelope]) -> list[Envelope]:
        """Without those of unknown terminals and past enrolments: they get no answer, and lose nothing."""
        asked_at = time.monotonic()
        # In this very transaction: once somebody, in whatever process, has put a terminal out, nothing of it is taken.
        turned = self._last_turned(connection)
        if turned != self._turned:
            self._turned = turned
            self._known.clear()
        missing = {batch.terminal for batch in batches if not self._is_known(batch, asked_at)}
        if missing:
            found = self._terminals(connection, missing)
            # Strangers are not remembered: anybody may invent any number of them.
            for terminal in missing:
                self._known.pop(terminal, None)
            self._known |= {terminal: (asked_at, found[terminal]) for terminal in missing & found.keys()}
        listened = []
        for batch in batches:
            known = self._known.get(batch.terminal, (0.0, None))[1]
            if known and known.generation == batch.generation:
                listened.append(batch)
            else:
                self.counters.count("unknown_terminal")
        return listened

    def _is_known(self, batch: Envelope, at: float) -> bool:
        """Not when it is a stranger or of another enrolment: that may have changed a moment ago."""
        asked_at, known = self._known.get(batch.terminal, (-_KNOWN_FOR_S, None))
        return known is not None and known.generation == batch.generation and at - asked_at < _KNOWN_FOR_S

    def _answer(self, outcome: Outcome) -> None:
        batch = outcome.batch
        known = self._known.get(batch.terminal, (0.0, None))[1]
        match outcome.decision:
            case Take(items=items, then=then):
                self.counters.count("taken" if items else "repeated")
                self.counters.events += len(items)
                answer: Ack | Resync | Reset = Ack(
                    outbox=batch.outbox, through=then.through, last=then.last, attempt=batch.attempt,
                    desired_revision=known.revision if known else 0, server_start=self._server_start,
                )  # fmt: skip
            case AskAgain(then=then):
                self.counters.count("resync")
                answer = Resync(outbox=batch.outbox, expected=then.through + 1)
            case StartOver():
                self.counters.count("reset")
                answer = Reset(outbox=batch.outbox)
        self._send(topics.ack(batch.terminal), answer.model_dump_json().encode())
