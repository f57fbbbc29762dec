"""The link to the broker: presence, batches up until answered, orders down. Reconnects for ever, jittered.

Nothing here relies on the broker remembering: a batch is resent until the server has answered it, on this connection
or another.
"""

import asyncio
import contextlib
import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from pydantic import ValidationError

from agent import VERSION
from agent.dated_tls import dated_context
from agent.identity import Identity
from agent.loops import Backoff, jittered
from agent.mqtt import Connection, Disconnected
from agent.outbox import Outbox, Outgoing
from agent.spool import CannotKeep
from wire import topics
from wire.batch import Ack, Answer, Refused, Reset, Resync, answers
from wire.ids import uuid7
from wire.state import Presence

log = structlog.get_logger()
_STABLE_AFTER_S = 30.0
_BLOCKED_S = 300.0
"""How long to wait when the server refuses all that is sent: only a person or an upgrade can mend that."""


async def _ignore(_: bytes) -> None:
    return


@dataclass
class Hears:
    """Whom the link tells. `server(start, desired revision)` with each acknowledgement; `restored` when the server has
    less than it had acknowledged; `desired` and `command` get raw payloads, to be verified."""

    connected: Callable[[], None] = lambda: None
    server: Callable[[datetime, int], None] = lambda start, revision: None
    restored: Callable[[], None] = lambda: None
    desired: Callable[[bytes], Awaitable[None]] = _ignore
    command: Callable[[bytes], Awaitable[None]] = _ignore


@dataclass
class _Attempts:
    """How often the batch in flight was sent, and the digests by which a refusal names it."""

    batch: Outgoing
    count: int = 0
    digests: set[str] = field(default_factory=set)


class Link:
    """`now`: at what time certificates are judged. `answer_within_s`: patience before the first resend."""

    def __init__(
        self,
        identity: Identity,
        outbox: Outbox,
        boot: str,
        now: Callable[[], datetime],
        hears: Hears,
        answer_within_s: float = 5.0,
    ) -> None:
        self._identity = identity
        self._outbox = outbox
        self._boot = boot
        self._now = now
        self._hears = hears
        self._patience = answer_within_s
        self._connection: Connection | None = None
        self._answers: asyncio.Queue[Answer] = asyncio.Queue()
        self._wake = asyncio.Event()
        self._in_flight: _Attempts | None = None
        self._blocked = False
        self.connections = 0
        self.refused: Counter[str] = Counter()
        """Down messages not understood, by channel."""

    @property
    def online(self) -> bool:
        return self._connection is not None

    def wake(self) -> None:
        """There is something new in the outbox."""
        self._wake.set()

    def report(self, payload: bytes) -> bool:
        """Publish the reported state; False when there is no connection: the next connect asks for it again."""
        if self._connection is None:
            return False
        try:
            self._connection.publish(topics.reported(self._identity.terminal), payload)
        except Disconnected:
            return False
        return True

    def lose(self) -> None:
        """As when the network goes: no goodbye, the broker tells the last will. For drills."""
        if self._connection:
            self._connection.lose()

    async def run(self) -> None:
        """Until cancelled."""
        backoff = Backoff(1.0)
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                await self._once()
            except (Disconnected, CannotKeep, OSError) as error:
                log.info("link down", terminal=self._identity.terminal, reason=str(error)[:200])
            if loop.time() - began > _STABLE_AFTER_S:
                backoff.reset()
            await asyncio.sleep(backoff.next())

    async def _once(self) -> None:
        """One connection, from connect to its end, which raises `Disconnected`."""
        me, enrolment = self._identity.terminal, self._identity.enrolment
        presence = Presence(
            connection=uuid7(int(self._now().timestamp() * 1000)), online=True, boot=self._boot, software=VERSION
        )
        gone = presence.model_copy(update={"online": False}).model_dump_json().encode()
        tls = dated_context(self._now, self._identity.ca_pem, self._identity.client_pem) if enrolment.mqtt_tls else None
        connection = Connection(me, (topics.presence(me), gone), tls)
        await connection.open(enrolment.mqtt_host, enrolment.mqtt_port, topics.all_down(me))
        try:
            connection.publish(topics.presence(me), presence.model_dump_json().encode())
            self._connection = connection
            self.connections += 1
            self._hears.connected()
            sending = asyncio.create_task(self._send(connection), name=f"{me} sends")
            try:
                await self._receive(connection, sending)
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
                with contextlib.suppress(Disconnected):
                    connection.publish(topics.presence(me), gone)
        finally:
            self._connection = None
            connection.close()

    async def _receive(self, connection: Connection, sending: "asyncio.Task[None]") -> None:
        # A sender that fails ends the connection.
        sending.add_done_callback(lambda task: None if task.cancelled() else connection.close())
        while True:
            try:
                raw_topic, payload = await connection.receive()
            except Disconnected:
                if sending.done() and not sending.cancelled() and (error := sending.exception()):
                    raise error from None
                raise
            topic = topics.parse(raw_topic)
            if topic is None or topic.terminal != self._identity.terminal:
                self.refused["topic"] += 1
            elif topic.channel == "ack":
                self._answered(payload)
            elif topic.channel == "desired":
                await self._hears.desired(payload)
            elif topic.channel == "command":
                await self._hears.command(payload)

    def _answered(self, payload: bytes) -> None:
        try:
            answer = answers.validate_json(payload)
        except ValidationError:
            self.refused["ack"] += 1
            return
        if isinstance(answer, Ack):
            self._hears.server(answer.server_start, answer.desired_revision)
        self._answers.put_nowait(answer)

    async def _send(self, connection: Connection) -> None:
        while True:
            self._wake.clear()
            batch = await asyncio.to_thread(self._outbox.next_batch)
            if batch is None:
                await self._wake.wait()
            else:
                await self._exchange(connection, batch)
            if self._blocked:
                self._blocked = False
                await asyncio.sleep(jittered(_BLOCKED_S))

    async def _exchange(self, connection: Connection, batch: Outgoing) -> None:
        """Send one batch, again and again, until an answer moves the outbox on."""
        if self._in_flight is None or self._in_flight.batch != batch:
            self._in_flight = _Attempts(batch)
        attempts = self._in_flight
        patience = Backoff(self._patience)
        while True:
            attempts.count += 1
            who = self._identity
            payload = batch.encode(who.terminal, who.generation, self._boot, attempts.count)
            attempts.digests.add(hashlib.sha256(payload).hexdigest())
            connection.publish(topics.batch(who.terminal), payload)
            try:
                async with asyncio.timeout(patience.next()):
                    while not await self._take(await self._answers.get(), attempts):
                        pass
                    return
            except TimeoutError:
                if not self._stands(batch):
                    return

    async def _take(self, answer: Answer, attempts: _Attempts) -> bool:
        """Apply one answer. True when it moves the outbox; an answer about something else does not."""
        batch, outbox = attempts.batch, self._outbox
        match answer:
            case Ack(outbox=batch.outbox, through=through, last=last):
                await asyncio.to_thread(outbox.acknowledged, through, last)
            case Resync(outbox=batch.outbox, expected=expected):
                if expected <= outbox.acked:
                    self._hears.restored()
                await asyncio.to_thread(outbox.rewind, expected)
            case Reset(outbox=batch.outbox):
                await asyncio.to_thread(outbox.reset)
            case Refused(digest=digest, reason=reason) if digest in attempts.digests:
                log.warning("batch refused", terminal=self._identity.terminal, events=len(batch.bodies), reason=reason)
                self._blocked = not await asyncio.to_thread(outbox.refused, batch, reason)
                return True
        return not self._stands(batch)

    def _stands(self, batch: Outgoing) -> bool:
        """Whether the outbox still waits for this batch's answer: a pulled account may have moved it on meanwhile."""
        return (self._outbox.id, self._outbox.acked) == (batch.outbox, batch.first - 1)
