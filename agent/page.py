"""What the page says of itself: its heartbeats, each with the frames really painted since the last."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from wire.message import Digest

_LATELY_S = 30.0


class Heartbeat(BaseModel):
    """Every 2 s. `frames`: painted since the last one. `failed`: why the page can't show its release, or empty."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    frames: int = Field(ge=0, le=10_000)
    release: Digest | None = None
    screen: str = Field("", max_length=200)
    in_visit: bool = False
    failed: str = Field("", max_length=200)
    page: str = Field("", max_length=40)
    """Another one each time that the page is loaded."""


@dataclass
class Page:
    """Ages are on the monotonic clock (seconds); None until a page has spoken since this agent began."""

    monotonic: Callable[[], float]
    now: Callable[[], datetime]
    last: Heartbeat | None = None
    heard_at: float | None = None
    painted: float | None = None
    painted_at: datetime | None = None

    def hear(self, beat: Heartbeat) -> None:
        self.last = beat
        self.heard_at = self.monotonic()
        if beat.frames > 0:
            self.painted = self.heard_at
            self.painted_at = self.now()

    def spoke_lately(self) -> bool:
        """Whether a page is there at all, be it busy or frozen since."""
        return self.heard_at is not None and self.monotonic() - self.heard_at <= _LATELY_S

    def painted_age(self) -> float | None:
        return None if self.painted is None else self.monotonic() - self.painted

    def is_painting(self, within_s: float) -> bool:
        age = self.painted_age()
        return age is not None and age <= within_s
