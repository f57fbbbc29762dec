"""A content release: a manifest whose SHA-256 *is* the release, and files named by theirs."""

from typing import Annotated, Literal

from pydantic import Field

from wire.message import Digest, Instant, Language, Message, Short

MAX_MANIFEST_BYTES = 4 * 1024 * 1024
PathInRelease = Annotated[str, Field(pattern=r"^[a-z0-9_-]+(/[a-zA-Z0-9_-]+)*\.[a-z0-9]{2,8}$", max_length=200)]


class ReleaseFile(Message):
    path: PathInRelease
    sha256: Digest
    size: int = Field(ge=0, le=4 * 2**30)
    type: Short
    """Media type, as the terminal's local API serves it."""


class Manifest(Message):
    """`label` is what people call the release (`2026.48`); `built_at` is part of the identity, so builds differ."""

    format: Literal[1] = 1
    label: Short
    pack: Short
    built_at: Instant
    languages: tuple[Language, ...]
    files: tuple[ReleaseFile, ...]
