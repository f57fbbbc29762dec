"""What every message is made of: a frozen base and the constrained names that travel."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints


class Message(BaseModel):
    """Frozen, and tolerant of unknown fields: terminals in the field are older, or newer, than the server."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_timedelta="float")


_UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"

TerminalId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{2,39}$")]
"""Opaque and permanent; safe in a topic, a path and a certificate's common name."""
EventId = Annotated[str, StringConstraints(pattern=_UUID)]
"""UUIDv7 in lower case, made by the sender: it de-duplicates and keeps inserts in order."""
OutboxId = Annotated[str, StringConstraints(pattern=_UUID)]
BootId = Annotated[str, StringConstraints(pattern=_UUID)]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256, hexadecimal."""
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]{2,8})?$")]
"""`fr`, `fr-simple`, `en`."""
Short = Annotated[str, StringConstraints(max_length=200)]
Instant = Annotated[AwareDatetime, Field(ge=datetime(1970, 1, 1, tzinfo=UTC), lt=datetime(2200, 1, 1, tzinfo=UTC))]
"""Wall-clock time with its offset; sent in UTC. A kiosk's clock may be wrong, but not beyond what calendars hold."""
Count = Annotated[int, Field(ge=0, le=2**53)]
"""A number that any database and any JavaScript can hold."""
Position = Annotated[int, Field(ge=1, le=2**53)]
"""A sequence, a revision, a generation: from 1."""
