"""How the content calls what a request names by its id: topic, actor, page of origin. From the newest release."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlmodel import Session

from fleet_server.context import Context
from fleet_server.evaluation.page_names import page_name
from fleet_server.releases.blobs import blob_path
from fleet_server.releases.publish import manifest_of, releases
from wire.request import ContactForm


@dataclass(frozen=True, slots=True)
class Names:
    """An id that the content does not know any more reads as itself, with spaces."""

    topics: Mapping[str, str] = field(default_factory=dict)
    actors: Mapping[str, str] = field(default_factory=dict)
    occupations: Mapping[str, str] = field(default_factory=dict)

    def subject(self, form: ContactForm) -> str:
        return self.topics.get(form.topic, _plain(form.topic)) if form.topic else "Ne sait pas encore"

    def actor(self, form: ContactForm) -> str:
        return self.actors.get(form.actor, _plain(form.actor))

    def origin(self, form: ContactForm) -> str:
        """`metiers/j1501` → `Métiers · Aide-soignant / Aide-soignante`."""
        section, _, item = form.origin.partition("/")
        known = {"metiers": self.occupations.get(item.upper()), "acteurs": self.actors.get(item)}.get(section)
        return f"{page_name(section)} · {known}" if known else page_name(form.origin)


def names_of(session: Session, ctx: Context) -> Names:
    """Empty before anything is published."""
    newest = releases(session, limit=1)
    manifest = manifest_of(ctx, newest[0].id) if newest else None
    if manifest is None:
        return Names()
    blobs = ctx.settings.data_dir / "blobs"
    wanted = ("contact/form.json", "acteurs/actors.json", "metiers/occupations.json")
    found = {file.path: blob_path(blobs, file.sha256) for file in manifest.files}
    return _read(*(found.get(path) for path in wanted))


@lru_cache(maxsize=4)
def _read(form: Path | None, actors: Path | None, occupations: Path | None) -> Names:
    """Blobs are named by their content: what was read once stays true."""
    return Names(
        {topic["id"]: topic["title"]["fr"] for topic in _json(form, {}).get("topics", [])},
        {actor["id"]: actor["name"] for actor in _json(actors, [])},
        {rome: label for rome, label, *_ in _json(occupations, [])},
    )


def _json(path: Path | None, otherwise: Any) -> Any:
    return json.loads(path.read_bytes()) if path and path.exists() else otherwise


def _plain(identifier: str) -> str:
    words = identifier.replace("-", " ").replace("_", " ").strip()
    return words[:1].upper() + words[1:]
