"""What a terminal has to tell, one event each. Names are those of the field (`page.viewed`), past tense, dotted.

Two families share `Event`'s fields. *Usage* is what happened on the screen, counted by visit and holding no personal
data; *terminal* events are about the machine. `MEASUREMENT` kinds may be dropped, oldest first, when a terminal is away
so long that its spool is full; the others never are.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from wire.command import CommandOutcome
from wire.message import BootId, Count, Digest, EventId, Instant, Language, Message, OutboxId, Position, Short

Milliseconds = Count
PageId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._:/-]{0,119}$")]
"""A screen or an item of the content: `home`, `metiers`, `metiers/a1101`, `acteurs/cap-emploi`."""


class Event(Message):
    """`at` is the wall clock, `mono_ms` the monotonic clock since the boot `boot`; `trusted` says whether `at` is."""

    id: EventId
    at: Instant
    mono_ms: Milliseconds
    boot: BootId
    trusted: bool
    software: Short
    content: Digest | None = None


# ---- usage: what happened on the screen -----------------------------------------------------------------------------


class UsageEvent(Event):
    """`session` is random, kept in memory, never reused; None before the first touch. `n` counts within the session."""

    session: EventId | None = None
    n: Count = 0
    language: Language = "fr"
    accessibility: tuple[Short, ...] = ()
    audience: Literal["public", "staff", "demo"] = "public"
    """Staff and demonstration visits are tagged here and excluded from every figure."""


class AttractStarted(UsageEvent):
    kind: Literal["attract.started"] = "attract.started"


class AttractEnded(UsageEvent):
    kind: Literal["attract.ended"] = "attract.ended"
    dwell_ms: Milliseconds


class SessionStarted(UsageEvent):
    """The first touch that leaves the attract screen."""

    kind: Literal["session.started"] = "session.started"
    idle_warning_s: Count
    idle_end_s: Count


class SessionEnded(UsageEvent):
    """`active_ms`: dwell without the idle tail; with `interactions` it decides *engaged* (≥ 2, or ≥ 10 s active)."""

    kind: Literal["session.ended"] = "session.ended"
    reason: Literal["timeout", "user_exit", "restart", "crash", "closing"]
    interactions: Count
    active_ms: Milliseconds
    dwell_ms: Milliseconds


class PageViewed(UsageEvent):
    kind: Literal["page.viewed"] = "page.viewed"
    page: PageId
    origin: PageId | None = None


class PageLeft(UsageEvent):
    kind: Literal["page.left"] = "page.left"
    page: PageId
    dwell_ms: Milliseconds
    active_ms: Milliseconds


class ContactStarted(UsageEvent):
    kind: Literal["contact.started"] = "contact.started"
    origin: PageId | None = None


class ContactStepDone(UsageEvent):
    kind: Literal["contact.step.done"] = "contact.step.done"
    step: Short


class ContactSubmitted(UsageEvent):
    """No id, no hour of the request, no personal data: nothing joins this visit to a person."""

    kind: Literal["contact.submitted"] = "contact.submitted"


class ContactAbandoned(UsageEvent):
    kind: Literal["contact.abandoned"] = "contact.abandoned"
    step: Short


class LanguageChanged(UsageEvent):
    kind: Literal["language.changed"] = "language.changed"
    to: Language


class AccessibilityChanged(UsageEvent):
    kind: Literal["accessibility.changed"] = "accessibility.changed"
    option: Short
    value: Short


class HelpRequested(UsageEvent):
    kind: Literal["help.requested"] = "help.requested"


class UiFailed(UsageEvent):
    """The page caught its own error. `where` names a module and line, never what was typed."""

    kind: Literal["ui.failed"] = "ui.failed"
    where: Short
    message: Short


# ---- terminal: what happened to the machine --------------------------------------------------------------------------


class HealthSampled(Event):
    """Shares are 0–1, sizes bytes, temperature °C (None where the machine has no sensor)."""

    kind: Literal["health.sampled"] = "health.sampled"
    cpu: float
    memory: float
    memory_bytes: Count
    disk_free: float
    disk_free_bytes: Count
    temperature: float | None = None
    uptime_s: Count
    agent_rss_bytes: Count
    page_tick_age_ms: Count | None = None
    clock_offset_ms: Annotated[int, Field(ge=-(2**53), le=2**53)] | None = None
    outbox_waiting: Count = 0


class StateChanged(Event):
    """Something an operator would ask about later: `content.activated`, `window.reloaded`, `settings.applied`…"""

    kind: Literal["state.changed"] = "state.changed"
    what: Annotated[str, Field(pattern=r"^[a-z][a-z_.]{1,60}$")]
    detail: dict[str, Any] = {}


class CommandAnswered(Event):
    """The receipt of a command. `file` is the digest of what was sent by HTTPS (a screenshot, logs); `result` what was
    measured, or the boot id after a reboot: small, an event holds 64 KiB."""

    kind: Literal["command.answered"] = "command.answered"
    command: EventId
    execution: Position
    outcome: CommandOutcome
    reason: Short = ""
    file: Digest | None = None
    result: dict[str, Any] = {}


class Dropped(Event):
    """Measurements given up because the spool was full: sequences `from_` to `to` of this outbox, by kind."""

    kind: Literal["dropped"] = "dropped"
    from_: Position
    to: Position
    counts: dict[str, Count]


class OutboxReplaced(Event):
    """A corrupt outbox was set aside and a new one opened; what it held and had not sent is lost, and said so."""

    kind: Literal["outbox.replaced"] = "outbox.replaced"
    previous: OutboxId | None
    reason: Short
    unsent: Count | None = None


class EventSetAside(Event):
    """The server refused this event even alone: it was set aside on the terminal (digest of its bytes)."""

    kind: Literal["event.set_aside"] = "event.set_aside"
    digest: Digest
    reason: Short


USAGE = (
    AttractStarted, AttractEnded, SessionStarted, SessionEnded, PageViewed, PageLeft, ContactStarted, ContactStepDone,
    ContactSubmitted, ContactAbandoned, LanguageChanged, AccessibilityChanged, HelpRequested, UiFailed,
)  # fmt: skip
USAGE_KINDS = frozenset(model.model_fields["kind"].default for model in USAGE)
MEASUREMENT = USAGE_KINDS | {"health.sampled"}

UsageKind = Annotated[
    AttractStarted | AttractEnded | SessionStarted | SessionEnded | PageViewed | PageLeft | ContactStarted
    | ContactStepDone | ContactSubmitted | ContactAbandoned | LanguageChanged | AccessibilityChanged | HelpRequested
    | UiFailed,
    Field(discriminator="kind"),
]  # fmt: skip
AnyEvent = Annotated[
    AttractStarted | AttractEnded | SessionStarted | SessionEnded | PageViewed | PageLeft | ContactStarted
    | ContactStepDone | ContactSubmitted | ContactAbandoned | LanguageChanged | AccessibilityChanged | HelpRequested
    | UiFailed | HealthSampled | StateChanged | CommandAnswered | Dropped | OutboxReplaced | EventSetAside,
    Field(discriminator="kind"),
]  # fmt: skip
usage_events: TypeAdapter[UsageKind] = TypeAdapter(UsageKind)
events: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent)
