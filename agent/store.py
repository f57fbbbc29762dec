"""The content releases on this terminal: manifests by digest, files by SHA-256 (shared ones once), one pointer.

    content/releases/<digest>.json     a manifest; its SHA-256 is the release
    content/blobs/<ab>/<sha256>        a file
    content/partial/<sha256>           a file still arriving
    content/pointer.json               active and previous release, changed by one rename

A power cut leaves at worst a file that nothing points to.
"""

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from agent import disk
from wire.release import Manifest, ReleaseFile
from wire.state import Release

CHUNK = 1024 * 1024


class Damaged(Exception):
    """A stored release is not what its digest says; what was wrong has been removed and can be fetched again."""


class Pointer(BaseModel):
    model_config = ConfigDict(frozen=True)

    active: Release | None = None
    previous: Release | None = None


class Store:
    """Reads are cheap and never lock: what a digest names never changes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.partial = root / "partial"
        self._releases = root / "releases"
        self._blobs = root / "blobs"
        self._pointer_file = root / "pointer.json"
        for folder in (self.partial, self._releases, self._blobs):
            disk.make_dir(folder)
        self.pointer = self._read_pointer()
        # Two or three releases are alive at a time; a manifest lists some hundred files.
        self._paths = lru_cache(maxsize=3)(self._index)

    # ---- what is there ----------------------------------------------------------------------------------------------

    @property
    def active(self) -> Release | None:
        return self.pointer.active

    @property
    def previous(self) -> Release | None:
        """Kept whole, so that a rollback works with the network down."""
        return self.pointer.previous

    def manifest(self, release: str) -> Manifest | None:
        """None unless the bytes on disk have the digest `release`."""
        try:
            raw = self._manifest_path(release).read_bytes()
            return Manifest.model_validate_json(raw) if hashlib.sha256(raw).hexdigest() == release else None
        except (OSError, ValidationError):
            return None

    def missing(self, manifest: Manifest) -> list[ReleaseFile]:
        """The files still to fetch, each once."""
        wanted = {file.sha256: file for file in manifest.files}
        return [file for file in wanted.values() if not self._has(file)]

    def holds(self, release: str) -> bool:
        manifest = self.manifest(release)
        return manifest is not None and all(self._has(file) for file in manifest.files)

    def stored(self) -> frozenset[str]:
        """Every release that is here whole."""
        return frozenset(path.stem for path in self._releases.glob("*.json") if self.holds(path.stem))

    def locate(self, release: str, path: str) -> tuple[Path, ReleaseFile] | None:
        """Where a file of a stored release lies; None where the release or the path is unknown."""
        file = self._paths(release).get(path)
        if file is None:
            return None
        return self._blob_path(file.sha256), file

    def read(self, release: str, path: str) -> bytes | None:
        found = self.locate(release, path)
        return found[0].read_bytes() if found else None

    def verify(self, release: str) -> None:
        """Every byte against its digest. Raises `Damaged`, after removing what is wrong."""
        manifest = self.manifest(release)
        if manifest is None:
            self._forget(release)
            raise Damaged("the manifest is missing or altered")
        wrong = [file for file in manifest.files if self._digest(file.sha256) != file.sha256]
        if wrong:
            for file in wrong:
                disk.remove(self._blob_path(file.sha256))
            raise Damaged(f"{wrong[0].path} is not what its digest says ({len(wrong)} in all)")

    # ---- what changes -----------------------------------------------------------------------------------------------

    def keep_manifest(self, release: str, raw: bytes) -> Manifest:
        """`raw` must have the digest `release`. Raises `Damaged` if not, `ValidationError` if it is no manifest."""
        if hashlib.sha256(raw).hexdigest() != release:
            raise Damaged("the manifest has another digest")
        manifest = Manifest.model_validate_json(raw)
        disk.write_synced(self._manifest_path(release), raw)
        self._paths.cache_clear()
        return manifest

    def keep_blob(self, arrived: Path, sha256: str) -> None:
        """Take over a file of `partial/`, verified by the caller, once it is synced; `sync_blobs` follows the last one.

        A power cut before that may lose the rename, hence the file, which is then fetched again; nothing is half there.
        """
        target = self._blob_path(sha256)
        disk.make_dir(target.parent)
        disk.sync_file(arrived)
        disk.move(arrived, target)

    def sync_blobs(self, manifest: Manifest) -> None:
        """The files of a release stay, those too that a process that was killed had taken over."""
        for folder in {self._blob_path(file.sha256).parent for file in manifest.files}:
            disk.sync_dir(folder)

    def switch(self, release: Release) -> None:
        """Make `release` the active one; the one before becomes `previous`. Nothing happens if it is active."""
        if self.active is None or self.active.id != release.id:
            self._point(Pointer(active=release, previous=self.active))

    def switch_back(self, bad: Release) -> Release | None:
        """Leave `bad` for the previous release (None: there was none). Idempotent."""
        if self.active is not None and self.active.id == bad.id:
            self._point(Pointer(active=self.previous))
        return self.active

    def collect(self, also: Iterable[str] = ()) -> int:
        """Remove what neither the active nor the previous release nor `also` needs; the number of files removed."""
        kept = {release.id for release in (self.active, self.previous) if release} | set(also)
        removed = 0
        # Manifests first: a release loses its name before it loses its files.
        for path in self._releases.glob("*.json"):
            if path.stem not in kept:
                disk.remove(path)
                removed += 1
        disk.sync_dir(self._releases)
        self._paths.cache_clear()
        needed = {file.sha256 for name in kept if (manifest := self.manifest(name)) for file in manifest.files}
        for path in [*self._blobs.glob("*/*"), *self.partial.iterdir()]:
            if path.name not in needed:
                disk.remove(path)
                removed += 1
        return removed

    # ---- within -----------------------------------------------------------------------------------------------------

    def _read_pointer(self) -> Pointer:
        try:
            return Pointer.model_validate(disk.read_json(self._pointer_file) or {})
        except ValidationError:
            return Pointer()

    def _point(self, pointer: Pointer) -> None:
        disk.write_synced(self._pointer_file, pointer.model_dump_json().encode())
        self.pointer = pointer

    def _manifest_path(self, release: str) -> Path:
        return self._releases / f"{release}.json"

    def _blob_path(self, sha256: str) -> Path:
        return self._blobs / sha256[:2] / sha256

    def _has(self, file: ReleaseFile) -> bool:
        """By size: a blob is renamed into place only after its digest was checked and its bytes synced."""
        try:
            return self._blob_path(file.sha256).stat().st_size == file.size
        except OSError:
            return False

    def _digest(self, sha256: str) -> str | None:
        try:
            with self._blob_path(sha256).open("rb") as blob:
                return hashlib.file_digest(blob, "sha256").hexdigest()
        except OSError:
            return None

    def _index(self, release: str) -> dict[str, ReleaseFile]:
        manifest = self.manifest(release)
        return {file.path: file for file in manifest.files} if manifest else {}

    def _forget(self, release: str) -> None:
        disk.remove(self._manifest_path(release))
        self._paths.cache_clear()
