"""A software release: a manifest whose SHA-256 *is* the release, and wheels named by theirs."""

from typing import Annotated, Literal

from pydantic import Field

from wire.message import Digest, Message, Short

MAX_SOFTWARE_MANIFEST_BYTES = 1024 * 1024
Version = Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}$")]
"""Safe as the name of a folder: it is one on the terminal."""
UpdatePhase = Literal[
    "idle", "downloading", "installing", "restarting", "verifying", "committed", "rolling_back", "rolled_back", "failed"
]


class SoftwareRelease(Message):
    """`id` is the SHA-256 of the manifest `software/<version>.json`."""

    version: Version
    id: Digest


class Wheel(Message):
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*\.whl$", max_length=200)]
    sha256: Digest
    size: int = Field(ge=1, le=2**30)


class SoftwareManifest(Message):
    """`python` is what the wheels need (`>=3.11`); `entry` is the module that the launcher starts."""

    format: Literal[1] = 1
    version: Version
    python: Short
    files: Annotated[tuple[Wheel, ...], Field(min_length=1, max_length=500)]
    entry: Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_.]*$", max_length=100)] = "agent"
