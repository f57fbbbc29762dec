"""What an update brought here and has not installed yet: one release's wheels, by digest.

<root>/wheels/<id>.json            the manifest; its SHA-256 is the release
<root>/wheels/<sha256>             a wheel, whole and synced
<root>/wheels/partial/<sha256>     one that is still arriving
"""

import hashlib
import shutil
from collections.abc import Iterable
from pathlib import Path

from pydantic import ValidationError

from agent import disk
from wire.software import SoftwareManifest, Wheel


class Wheels:
    def __init__(self, root: Path) -> None:
        self._folder = root / "wheels"
        self.partial = self._folder / "partial"

    def prepare(self) -> None:
        disk.make_dir(self.partial)

    def manifest(self, release: str) -> SoftwareManifest | None:
        """None unless the bytes on disk have the digest `release`."""
        try:
            raw = (self._folder / f"{release}.json").read_bytes()
            return SoftwareManifest.model_validate_json(raw) if _digest(raw) == release else None
        except (OSError, ValidationError):
            return None

    def keep_manifest(self, release: str, raw: bytes) -> SoftwareManifest:
        """Raises `ValueError` when it is another, or no manifest, `OSError`."""
        if _digest(raw) != release:
            raise ValueError("the manifest has another digest")
        manifest = SoftwareManifest.model_validate_json(raw)
        disk.write_synced(self._folder / f"{release}.json", raw)
        return manifest

    def missing(self, needed: Iterable[Wheel]) -> list[Wheel]:
        """The wheels still to fetch, each once."""
        wanted = {wheel.sha256: wheel for wheel in needed if not self._has(wheel.sha256, wheel.size)}
        return list(wanted.values())

    def keep(self, arrived: Path, sha256: str) -> None:
        """Take over a file of `partial`, verified by the caller."""
        disk.sync_file(arrived)
        disk.move_synced(arrived, self.path(sha256))

    def path(self, sha256: str) -> Path:
        return self._folder / sha256

    def collect(self, release: str, needed: Iterable[Wheel]) -> None:
        """Only this release's stay: an update that was replaced leaves nothing behind."""
        kept = {wheel.sha256 for wheel in needed} | {f"{release}.json"}
        for path in [*self._folder.iterdir(), *self.partial.iterdir()]:
            if path.name not in kept and path != self.partial:
                disk.remove(path)

    def clear(self) -> None:
        if self._folder.exists():
            shutil.rmtree(self._folder)

    def _has(self, sha256: str, size: int) -> bool:
        """By size: a wheel is renamed into place only after its digest was checked and its bytes synced."""
        try:
            return self.path(sha256).stat().st_size == size
        except OSError:
            return False


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
