"""A contact request as the page hands it over, and the honest promise that it gets in return."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field

from wire.message import EventId, Short
from wire.request import MAX_SEALED_BYTES, RequestId, SealedRequest

_ANSWER_WITHIN_WORKING_DAYS = 3


class Ask(BaseModel):
    """A contact request, sealed in the page. `session` only counts in memory, it is never kept with the request;
    None in a visit that is not measured."""

    model_config = ConfigDict(extra="ignore")

    id: RequestId
    kid: Short
    consent: Short
    enc: str = Field(min_length=43, max_length=43)
    ciphertext: str = Field(max_length=MAX_SEALED_BYTES)
    session: EventId | None = None

    def sealed(self, terminal: str, generation: int, here: datetime) -> SealedRequest:
        """What is kept: `here` is the place's own time, of which the day and the hour remain."""
        return SealedRequest(
            **self.model_dump(exclude={"session"}), terminal=terminal, generation=generation,
            day=here.date().isoformat(), hour=here.hour,
        )  # fmt: skip


def promised_by(day: date) -> date:
    """By when somebody will have called back a request of that day."""
    return working_days_after(day, _ANSWER_WITHIN_WORKING_DAYS)


def working_days_after(day: date, count: int) -> date:
    """Monday to Friday; public holidays are not known here, and the promise is by the end of that day."""
    while count:
        day += timedelta(days=1)
        count -= day.weekday() < 5
    return day


def local_time(now: datetime, timezone: str) -> datetime:
    """`now` at the place; as it is where the time zone is not known on this machine."""
    try:
        return now.astimezone(ZoneInfo(timezone))
    except (ZoneInfoNotFoundError, ValueError):
        return now
