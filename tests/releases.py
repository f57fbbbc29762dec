"""Content releases made on the spot, and a cast of them: `autumn`, `winter` share files; `broken` lacks its index."""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from agent.store import Store
from wire.release import Manifest, ReleaseFile
from wire.state import Release

INDEX = json.dumps({"format": 1, "label": "x", "sections": []}).encode()
TEXTS = json.dumps({"home.title": {"fr": "Bonjour"}}).encode()


@dataclass(frozen=True)
class Made:
    """A release in memory: its manifest's bytes and the files by path."""

    label: str
    raw: bytes
    files: dict[str, bytes]

    @property
    def id(self) -> str:
        return hashlib.sha256(self.raw).hexdigest()

    @property
    def release(self) -> Release:
        return Release(id=self.id, label=self.label)

    @property
    def blobs(self) -> dict[str, bytes]:
        return {hashlib.sha256(body).hexdigest(): body for body in self.files.values()}

    @property
    def manifest(self) -> Manifest:
        return Manifest.model_validate_json(self.raw)


def make(label: str, files: dict[str, bytes] | None = None) -> Made:
    files = {"index.json": INDEX, "texts.json": TEXTS} | (files or {})
    return bare(label, files)


def bare(label: str, files: dict[str, bytes]) -> Made:
    manifest = Manifest(
        label=label, pack="essai", built_at=datetime(2026, 11, 24, tzinfo=UTC), languages=("fr",),
        files=tuple(
            ReleaseFile(path=path, sha256=hashlib.sha256(body).hexdigest(), size=len(body), type="application/json")
            for path, body in files.items()
        ),
    )  # fmt: skip
    return Made(label, manifest.model_dump_json().encode(), files)


AUTUMN = make("2026.45", {"acteurs/actors.json": b'["autumn"]', "media/tower.png": b"tower" * 400})
WINTER = make("2026.48", {"acteurs/actors.json": b'["winter"]', "media/tower.png": b"tower" * 400})
BROKEN = bare("2026.49", {"texts.json": TEXTS, "acteurs/actors.json": b"[]"})


def put(store: Store, made: Made) -> None:
    """As if it had been fetched."""
    store.keep_manifest(made.id, made.raw)
    for digest, body in made.blobs.items():
        arriving: Path = store.partial / digest
        arriving.write_bytes(body)
        store.keep_blob(arriving, digest)
    store.sync_blobs(made.manifest)
