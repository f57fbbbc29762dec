"""Down: commands, exactly identified, kept by the server and sent again until answered or expired.

`force`: at once, in a visit too, which ends by it; what waits for the end of that visit before it goes first. Without,
what would take the screen from a visitor waits for the end of the visit (the answer `accepted` says so) until the
command expires.
"""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from wire.message import EventId, Instant, Message, Position


class RestartWindow(Message):
    """At once: it is asked for when the window is in trouble."""

    kind: Literal["window.restart"] = "window.restart"


class ReloadPage(Message):
    """Succeeded once another page than the one before has spoken."""

    kind: Literal["page.reload"] = "page.reload"
    force: bool = False


class RebootHost(Message):
    """The whole machine. Succeeded after it: the receipt's result carries the machine's new `boot_id`."""

    kind: Literal["host.reboot"] = "host.reboot"
    force: bool = False


class TakeScreenshot(Message):
    """Refused by the terminal while a form is open: a screenshot never shows what a visitor types. The refusal does not
    say so: it has an hour."""

    kind: Literal["screenshot.take"] = "screenshot.take"


class FetchLogs(Message):
    """The agent's own log, its newest part of at most `kib` KiB before compression, without secrets or persons."""

    kind: Literal["logs.fetch"] = "logs.fetch"
    kib: int = Field(1024, ge=16, le=4096)


class RunBench(Message):
    """The commissioning bench, in the page and on the host; the receipt's result holds what was measured."""

    kind: Literal["bench.run"] = "bench.run"
    touch_s: int = Field(30, ge=0, le=120)
    """How long somebody has to touch every cell of the grid; 0: nobody stands there, the grid is not asked for."""
    force: bool = False


class Identify(Message):
    """Show the terminal's name on its screen for a while: which of these is Laval?"""

    kind: Literal["identify"] = "identify"
    seconds: int = Field(20, ge=5, le=120)


class ShowMessage(Message):
    """A line for whoever stands before the screen, over whatever it shows, until its time is over."""

    kind: Literal["message.show"] = "message.show"
    text: str = Field(min_length=1, max_length=200)
    seconds: int = Field(60, ge=10, le=3600)


class ClearMessage(Message):
    kind: Literal["message.clear"] = "message.clear"


class SetMaintenance(Message):
    """`on`: a quiet page in place of visits, over restarts, until it is switched off or `minutes` have passed."""

    kind: Literal["maintenance.set"] = "maintenance.set"
    on: bool
    minutes: int = Field(60, ge=5, le=1440)
    force: bool = False


class SetVolume(Message):
    kind: Literal["volume.set"] = "volume.set"
    percent: int = Field(ge=0, le=100)


class SetBrightness(Message):
    """Never dark: nobody could tell it from a broken screen."""

    kind: Literal["brightness.set"] = "brightness.set"
    percent: int = Field(ge=10, le=100)


Order = Annotated[
    RestartWindow | ReloadPage | RebootHost | TakeScreenshot | FetchLogs | RunBench | Identify | ShowMessage
    | ClearMessage | SetMaintenance | SetVolume | SetBrightness,
    Field(discriminator="kind"),
]  # fmt: skip
orders: TypeAdapter[Order] = TypeAdapter(Order)


class Command(Message):
    """Run at most once per (`id`, `execution`); not after `expires_at`, once the clock is trusted.

    In the order received: the server sends what is open in the order of asking. What waits for the end of a visit holds
    back only what would take the screen too (the orders that have `force`).
    """

    id: EventId
    execution: int = Field(1, ge=1)
    issued_at: Instant
    expires_at: Instant
    order: Order


class CallOff(Message):
    """Down, beside the commands: this execution of this command shall not begin.

    What has not begun by then never does, also where the command itself has yet to come, and is answered `cancelled`.
    What has begun goes on, and is answered as it ends. Sent again, in place of the command, until that is answered. A
    terminal older than this message refuses it like anything that it can't read, and carries the command out.
    """

    id: EventId
    execution: Position


CommandOutcome = Literal["accepted", "succeeded", "failed", "rejected", "expired", "cancelled"]
