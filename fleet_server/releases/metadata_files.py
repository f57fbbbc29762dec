"""The repository's files: read, verified as a terminal would, written so that a client never meets a state in between.

<directory>/metadata/N.root.json  N.targets.json  N.software.json  N.content.json  N.snapshot.json  timestamp.json
<directory>/staged/root.json …    what is to be published once enough keys have signed it (`ceremony`)
<directory>/targets/releases/<sha256>.<release>.json, targets/software/<sha256>.<version>.json
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tuf.api.metadata import Metadata, Root, Snapshot, TargetFile, Targets, Timestamp

from fleet_server.durable import write_durably

Any_ = Metadata[Any]
R = TypeVar("R", Root, Targets, Snapshot, Timestamp)


@dataclass(frozen=True, slots=True)
class Current:
    """What is published. `software` and `content` are None in a repository from before the offline keys (ADR 0003)."""

    root: Metadata[Root]
    targets: Metadata[Targets]
    software: Metadata[Targets] | None
    content: Metadata[Targets] | None
    snapshot: Metadata[Snapshot]
    timestamp: Metadata[Timestamp]

    def all(self) -> dict[str, Any_]:
        named = {name: getattr(self, name) for name in self.__slots__}
        return {name: metadata for name, metadata in named.items() if metadata is not None}


class MetadataFiles:
    """`directory` is the server's `releases/`."""

    def __init__(self, directory: Path) -> None:
        self.metadata = directory / "metadata"
        self.targets = directory / "targets"
        self.staged = directory / "staged"

    def exist(self) -> bool:
        return (self.metadata / "timestamp.json").exists()

    def newest_root(self) -> Path:
        """Raises `FileNotFoundError` before there is one."""
        versions = [int(path.name.partition(".")[0]) for path in self.metadata.glob("*.root.json")]
        return self.metadata / f"{max(versions, default=1)}.root.json"

    def current(self) -> Current:
        timestamp = self._read("timestamp", Timestamp)
        snapshot = self._read(f"{timestamp.signed.snapshot_meta.version}.snapshot", Snapshot)
        meta = snapshot.signed.meta
        root: Metadata[Root] = Metadata.from_file(str(self.newest_root()))

        def delegated(role: str) -> Metadata[Targets] | None:
            named = meta.get(f"{role}.json")
            return self._read(f"{named.version}.{role}", Targets) if named else None

        targets = self._read(f"{meta['targets.json'].version}.targets", Targets)
        return Current(root, targets, delegated("software"), delegated("content"), snapshot, timestamp)

    def write(self, role: str, metadata: Any_) -> None:
        """The timestamp, which makes the rest visible, is written last by whoever calls."""
        name = role if role == "timestamp" else f"{metadata.signed.version}.{role}"
        write_durably(self.metadata / f"{name}.json", metadata.to_bytes())

    def write_target(self, target: TargetFile, content: bytes) -> None:
        folder, _, name = target.path.rpartition("/")
        write_durably(self.targets / folder / f"{target.hashes['sha256']}.{name}", content)

    # ---- staged ------------------------------------------------------------------------------------------------------

    def read_staged(self) -> dict[str, Any_]:
        """Role → metadata that waits for signatures."""
        return {path.stem: Metadata.from_file(str(path)) for path in sorted(self.staged.glob("*.json"))}

    def write_staged(self, staged: dict[str, Any_]) -> None:
        for role, metadata in staged.items():
            write_durably(self.staged / f"{role}.json", metadata.to_bytes())
        for path in self.staged.glob("*.json"):
            if path.stem not in staged:
                path.unlink()

    # ---- within ------------------------------------------------------------------------------------------------------

    def _read(self, name: str, kind: type[R]) -> Metadata[R]:
        metadata: Metadata[R] = Metadata.from_file(str(self.metadata / f"{name}.json"))
        assert isinstance(metadata.signed, kind)
        return metadata

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Changes exclude each other, across processes too."""
        self.metadata.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.metadata / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
