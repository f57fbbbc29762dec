"""Every certificate that the fleet CA has issued."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from fleet_server.db import UtcDateTime


class Certificate(SQLModel, table=True):
    """`kind`: terminal, server, broker; probe and eviction, which live for minutes and are the server's own.

    `name`: its common name, a terminal's id. `reason` and `by` say why and by whom it was revoked.
    """

    __tablename__ = "certificate"
    serial: str = Field(primary_key=True, max_length=40)
    """Hexadecimal."""
    kind: str = Field(max_length=12)
    name: str = Field(index=True, max_length=64)
    generation: int = 0
    issued_at: datetime = Field(sa_type=UtcDateTime)
    ends_at: datetime = Field(sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)
    reason: str = Field(default="", max_length=20)
    by: str = Field(default="", max_length=80)
    out_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When the broker had been seen to refuse it, and its connection had been ended."""
    issuer: str = Field(default="", max_length=40)
    """Which authority issued it, by its key's identifier; empty: the only one that there was."""

    @property
    def number(self) -> int:
        return int(self.serial, 16)
