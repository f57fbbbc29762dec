"""From a checked pack to a release: the same pack, label and moment always give the same bytes, hence the same id."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from fleet_server.contents.pack import Pack
from wire.release import Manifest, ReleaseFile
from wire.state import Release

JSON_TYPE = "application/json"


class Unfit(Exception):
    """The pack has grave problems: they are in `pack.problems`."""


@dataclass(frozen=True, slots=True)
class Built:
    """A release ready to publish: the manifest, its exact bytes, and the files by SHA-256."""

    manifest: Manifest
    raw: bytes
    files: Mapping[str, bytes]

    @property
    def release(self) -> Release:
        return Release(id=hashlib.sha256(self.raw).hexdigest(), label=self.manifest.label)


def build(pack: Pack, label: str, built_at: datetime) -> Built:
    """Raises `Unfit`. What is out of date at `built_at` is left out."""
    if pack.grave or not pack.head:
        raise Unfit
    contents = {path: _json(value) for path, value in sorted(release_files(pack, label, built_at).items())}
    files = tuple(
        ReleaseFile(path=path, sha256=hashlib.sha256(body).hexdigest(), size=len(body), type=JSON_TYPE)
        for path, body in contents.items()
    )
    manifest = Manifest(
        label=label, pack=pack.head.id, built_at=built_at.replace(microsecond=0),
        languages=tuple(language.code for language in pack.head.languages), files=files,
    )  # fmt: skip
    raw = _json(manifest.model_dump(mode="json"))
    by_digest = {file.sha256: contents[file.path] for file in files}
    return Built(manifest, raw, by_digest)


def release_files(pack: Pack, label: str, at: datetime) -> dict[str, Any]:
    """Path in the release → what the page reads there (`kiosk_ui/src/content/release.ts`)."""
    assert pack.head and pack.texts and pack.domains and pack.occupations  # noqa: PT018  # no grave problem
    assert pack.sectors and pack.communes and pack.epcis and pack.contact  # noqa: PT018
    epci_of = {commune: epci.siren for epci in pack.epcis.root for commune in epci.communes}
    actors = [actor for actor in pack.actors.values() if not actor.expires_on or actor.expires_on >= at.date()]
    return {
        "index.json": {"format": 1, "label": label} | _plain(pack.head, "languages", "sections", "attract"),
        "texts.json": _plain(pack.texts),
        "metiers/domains.json": _plain(pack.domains),
        "metiers/sectors.json": _plain(pack.sectors),
        "metiers/occupations.json": [[one.rome, one.label, list(one.sectors)] for one in pack.occupations.root],
        "territory/communes.json": [
            [one.code, one.name, one.department, list(one.postcodes), epci_of.get(one.code), one.population]
            for one in pack.communes.root
        ],
        "territory/epci.json": [[epci.siren, epci.name] for epci in pack.epcis.root],
        "acteurs/actors.json": [_plain(actor) for actor in actors],
        "contact/form.json": _plain(pack.contact),
    }


def _plain(model: BaseModel, *only: str) -> Any:
    return model.model_dump(mode="json", by_alias=True, exclude_none=True, include=set(only) or None)


def _json(value: Any) -> bytes:
    """Canonical: keys sorted, no space, UTF-8."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
