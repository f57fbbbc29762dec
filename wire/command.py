"""Down: commands, exactly identified, kept by the server and sent again until answered or expired."""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from wire.message import EventId, Instant, Message


class RestartWindow(Message):
    kind: Literal["window.restart"] = "window.restart"


class TakeScreenshot(Message):
    """Refused by the terminal while a form is open: a screenshot never shows what a visitor types."""

    kind: Literal["screenshot.take"] = "screenshot.take"


class Identify(Message):
    """Show the terminal's name on its screen for a while: which of these is Laval?"""

    kind: Literal["identify"] = "identify"
    seconds: int = Field(20, ge=5, le=120)


Order = Annotated[RestartWindow | TakeScreenshot | Identify, Field(discriminator="kind")]
orders: TypeAdapter[Order] = TypeAdapter(Order)


class Command(Message):
    """Run at most once per (`id`, `execution`); not after `expires_at`, once the clock is trusted."""

    id: EventId
    execution: int = Field(1, ge=1)
    issued_at: Instant
    expires_at: Instant
    order: Order


CommandOutcome = Literal["accepted", "succeeded", "failed", "rejected", "expired"]
