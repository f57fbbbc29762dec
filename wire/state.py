"""State is not history: presence, what a terminal reports of itself, and what the server wants of it."""

from datetime import datetime, time
from typing import Annotated, Any, Literal

from pydantic import Field

from wire import VERSION
from wire.message import BootId, Digest, EventId, Instant, Language, Message, OutboxId, Short
from wire.software import SoftwareRelease, UpdatePhase, Version
from wire.trust import Trust, Trusted


class Presence(Message):
    """Published at connect (`online`), and as the connection's last will (not `online`).

    `connection` identifies the MQTT connection: the will of an old connection does not count.
    """

    wire: int = VERSION
    connection: BootId
    online: bool
    boot: BootId
    software: Short


MOST_OPENINGS = 7 * 8
"""Spans of a week."""
MOST_HOURS = 8
"""Spans of a day."""


class OpeningHours(Message):
    """One opening span of a weekday (0 = Monday), in the place's time zone; `closes` after `opens`."""

    day: int = Field(ge=0, le=6)
    opens: time
    closes: time


class Place(Message):
    """Where the terminal stands now. A dated attribute: the terminal may move, its id stays. Latitude and longitude are
    in degrees, both 0 when nobody gave them."""

    site: Short
    name: Short
    kind: Literal["mairie", "centre_commercial", "campus_connecte", "france_services", "autre"]
    commune: Annotated[str, Field(pattern=r"^[0-9AB]{5}$")]
    commune_name: Short
    department: Annotated[str, Field(pattern=r"^[0-9AB]{2,3}$")]
    latitude: float
    longitude: float
    demo: bool = False


class Hours(Message):
    """A span of every day, in the place's time zone; over midnight when it ends before it begins.

    All day when it ends as it begins.
    """

    begins: time
    ends: time


class Settings(Message):
    """What an operator sets for one terminal, a group or all. Bounds follow DOMAIN: a slow reader is not cut off."""

    idle_warning_s: int = Field(60, ge=20, le=600)
    idle_end_s: int = Field(90, ge=40, le=900)
    opening: Annotated[tuple[OpeningHours, ...], Field(max_length=MOST_OPENINGS)] = ()
    timezone: Short = "Europe/Paris"
    welcome: dict[Language, Annotated[str, Field(max_length=280)]] = {}
    host_phone: Annotated[str, Field(max_length=30)] = ""
    languages: Annotated[tuple[Language, ...], Field(max_length=20)] = ("fr", "fr-simple", "en")
    request_delay_s: tuple[int, int] = (60, 900)
    """A contact request leaves at a random moment in this span after it was sealed, so that it joins no visit."""
    download_kbit_s: int = Field(0, ge=0, le=10_000_000)
    """Most that releases may take of the place's line, in thousands of bits a second; 0 for no limit."""
    download_hours: Annotated[tuple[Hours, ...], Field(max_length=MOST_HOURS)] = ()
    """When releases may be brought to the terminal. None given: at any hour."""


class SealingKey(Message):
    """The server's public key for contact requests: X25519, raw, base64url without padding."""

    kid: Short
    public: Annotated[str, Field(min_length=43, max_length=43)]


class Release(Message):
    """A content release: `id` is the SHA-256 of its manifest, `label` what people call it (`2026.48`)."""

    id: Digest
    label: Short


class Activation(Message):
    """When what is wished may take effect; it may be brought to the terminal at once.

    Never in a visit, unless `force` or the moment `by` has passed: what waits for ever for a quiet minute is not done.
    """

    not_before: Instant | None = None
    hours: tuple[Hours, ...] = ()
    """None given: at any hour."""
    closed: bool = False
    """Only outside of `Settings.opening`, where it is given. Terminals older than this field go by `not_before`."""
    by: Instant | None = None
    force: bool = False


class Desired(Message):
    """What the server wants of one terminal. Latest revision wins; the truth is pulled, a push is only a hint."""

    revision: int = Field(ge=1)
    name: Short
    place: Place
    release: Release | None = None
    activation: Activation = Activation()
    """Of `release`."""
    software: SoftwareRelease | None = None
    software_activation: Activation = Activation()
    software_revision: int = Field(0, ge=0)
    """The revision that last asked for `software`: asking again is another try, a change of settings is none.
    0: a server older than this field."""
    settings: Settings = Settings()
    sealing_key: SealingKey


class Cursor(Message):
    """What the server has committed of one outbox: through which sequence, whose event had which id."""

    outbox: OutboxId
    through: int
    last: EventId | None


class TerminalState(Message):
    """The answer to a pull, signed over the terminal's `nonce`."""

    wire: int = VERSION
    nonce: Annotated[str, Field(min_length=16, max_length=64)]
    server_time: Instant
    server_start: Instant
    desired: Desired
    cursors: tuple[Cursor, ...]
    inventory: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] | None = None
    """The inventory that the server holds of this terminal, empty for none yet; None: it takes none."""
    trust: Trust | None = None
    """By whom the server is known; None: a server older than this field, which changes neither."""


class WindowState(Message):
    """`unknown` is never a reason to act: no page has spoken yet, or none has to. Ages would lie, so times are given.

    `stalled` without a `painted_at`: nothing has been on the screen since the agent's start.
    """

    status: Literal["painting", "stalled", "out_of_service", "absent", "unknown"] = "unknown"
    painted_at: datetime | None = None
    absent_since: datetime | None = None
    """Of `absent`: since when the agent has seen no window of its own. Told by an agent that knows it."""
    screen: Short = ""
    in_visit: bool = False
    reloads: int = 0
    restarts: int = 0


class ContentState(Message):
    """`phase` uses the field's words; `failed` and `rolled_back` carry the reason and the release they speak of."""

    active: Release | None = None
    previous: Release | None = None
    phase: Literal["idle", "downloading", "waiting", "verifying", "committed", "rolled_back", "failed"] = "idle"
    target: Release | None = None
    revision: int = Field(0, ge=0)
    """The wish that the phase speaks of (0: a terminal older than this field): a failure of an earlier one is told
    from a failure of this one."""
    progress: float = Field(0, ge=0, le=1)
    reason: Short = ""
    rejected: bool = False
    """Of `failed`: this release can never be shown here, and trying it again is of no use."""
    waits_for: Short = ""
    """What the next step waits for: `visit`, `hours`, `not_before`, `clock`, or `download_hours`."""
    waits_until: Instant | None = None
    """When time alone lets it go on; None when something else must happen first."""
    lacks_bytes: int = Field(0, ge=0, le=2**53)
    """Bytes of disk that the target lacks: none of it is asked for until there is room."""


class SoftwareState(Message):
    """Where the update of the terminal's own software stands; `Reported.software` says what runs meanwhile.

    `release` is what was committed here and runs, in the boot `committed_boot` or a later one: None while a version is
    on trial, and where what runs was installed by hand.
    """

    phase: UpdatePhase = "idle"
    release: SoftwareRelease | None = None
    committed_boot: BootId | None = None
    previous: Version | None = None
    """The version whose environment is kept, to go back to without a network."""
    target: SoftwareRelease | None = None
    revision: int = Field(0, ge=0)
    """The wish that `target` comes from, `Desired.software_revision`."""
    progress: float = Field(0, ge=0, le=1)
    reason: Short = ""
    rejected: bool = False
    """Of `failed`: this release can never run here, and trying it again is of no use."""
    waits_for: Short = ""
    """As in `ContentState`."""
    waits_until: Instant | None = None
    lacks_bytes: int = Field(0, ge=0, le=2**53)


class OutboxState(Message):
    """How much waits, and since when; losses are counted, never hidden."""

    waiting: int = 0
    oldest_at: Instant | None = None
    dropped: int = 0
    set_aside: int = 0
    requests_overdue: int = 0
    """Contact requests that should have left an hour ago. Never how many wait: that would tell when a visitor left one,
    and so which visit it was."""


class Reported(Message):
    """What a terminal is now. `number` grows over reboots (boot count × 2³² + n): newest wins.

    Sent at each change, every 5 minutes, and whenever `server_start` changes.
    """

    wire: int = VERSION
    number: int = Field(ge=1)
    generation: int = Field(ge=1)
    boot: BootId
    at: Instant
    clock_trusted: bool
    software: Short
    revision: int = Field(ge=0)
    """The desired revision that is fully applied (0: none yet)."""
    settings: Settings | None = None
    content: ContentState = ContentState()
    software_state: SoftwareState = SoftwareState()
    window: WindowState = WindowState()
    outbox: OutboxState = OutboxState()
    last_visit_at: Instant | None = None
    certificate_until: Instant | None = None
    trust: Trusted | None = None
    """None: a terminal older than this field, which believes whom its enrolment named, and nobody else."""
    maintenance_until: Instant | None = None
    """Set while the screen says that the terminal is in maintenance, by an order: it is not down."""
    inventory: Digest | None = None
    """Of `wire.inventory`: what the machine is made of now."""
    facts: dict[str, Any] = {}
    """Hardware and system, informative: host name, model, memory, screen."""
