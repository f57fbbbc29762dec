"""The releases that were published. The truth is their manifest; this is what pages list."""

from datetime import datetime

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from fleet_server.db import UtcDateTime


class ContentRelease(SQLModel, table=True):
    """`id` is the SHA-256 of the manifest; `size` in bytes, of all its files."""

    __tablename__ = "content_release"
    id: str = Field(primary_key=True)
    label: str = Field(index=True, unique=True)
    pack: str
    built_at: datetime = Field(sa_type=UtcDateTime)
    published_at: datetime = Field(sa_type=UtcDateTime)
    published_by: str = ""
    files: int = 0
    size: int = Field(default=0, sa_type=BigInteger)
