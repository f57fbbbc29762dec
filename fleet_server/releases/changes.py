"""What an edition changes for visitors, compared with another: told by what they see, not by files."""

import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from fleet_server.context import Context
from fleet_server.releases.blobs import blob_path
from fleet_server.releases.publish import manifest_of
from fleet_server.web.vocabulary import State

ADDED = State("check", "ok", "Ajouté")
CHANGED = State("half", "run", "Modifié")
REMOVED = State("slash", "off", "Retiré")
SOON = timedelta(days=60)
# What has a name is told one by one; the rest is counted.
_COUNTED = {
    "texts.json": ("texte", "textes"),
    "metiers/occupations.json": ("métier", "métiers"),
    "metiers/sectors.json": ("secteur", "secteurs"),
    "territory/communes.json": ("commune", "communes"),
    "territory/epci.json": ("intercommunalité", "intercommunalités"),
}


@dataclass(frozen=True, slots=True)
class Change:
    state: State
    name: str
    detail: str = ""


Contents = dict[str, Any]
"""Path in the release → what its JSON says."""


def contents_of(ctx: Context, release_id: str) -> Contents:
    """Empty when its manifest or a file is no longer here."""
    manifest = manifest_of(ctx, release_id)
    files = manifest.files if manifest else ()
    paths = {file.path: blob_path(ctx.settings.data_dir / "blobs", file.sha256) for file in files}
    return {name: json.loads(path.read_bytes()) for name, path in paths.items() if path.exists()}


def changes(before: Contents, after: Contents) -> list[Change]:
    """Actors by name, sections and the form as wholes, the rest in numbers."""
    found = _actors(before.get("acteurs/actors.json", []), after.get("acteurs/actors.json", []))
    found += _sections(before.get("index.json", {}), after.get("index.json", {}))
    old, new = before.get("contact/form.json", {}), after.get("contact/form.json", {})
    if old and old != new:
        version = new.get("consent", {}).get("version", "")
        found.append(Change(CHANGED, "Formulaire « Me faire rappeler »", f"texte de l’accord, version {version}"))
    for path, words in _COUNTED.items():
        found += _counted(_keyed(before.get(path, [])), _keyed(after.get(path, [])), *words)
    return found


def soon_out_of_date(contents: Contents, today: date) -> list[tuple[str, date]]:
    """Items that leave the kiosks by themselves within two months, the nearest first."""
    dated = [
        (str(actor["name"]), date.fromisoformat(actor["expires_on"]))
        for actor in contents.get("acteurs/actors.json", [])
        if actor.get("expires_on")
    ]
    return sorted((one for one in dated if one[1] <= today + SOON), key=lambda one: one[1])


def _actors(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[Change]:
    old, new = {one["id"]: one for one in before}, {one["id"]: one for one in after}
    found = [Change(ADDED, one["name"], _source(one)) for key, one in new.items() if key not in old]
    found += [Change(CHANGED, one["name"], _source(one)) for key, one in new.items() if key in old and old[key] != one]
    return found + [Change(REMOVED, one["name"]) for key, one in old.items() if key not in new]


def _source(actor: dict[str, Any]) -> str:
    return f"source : {actor['source']['title']}"


def _sections(before: Contents, after: Contents) -> list[Change]:
    old = {one["id"]: one for one in before.get("sections", [])}
    found = []
    for one in after.get("sections", []):
        was = old.get(one["id"], {}).get("available", False)
        if one["available"] != was:
            found.append(Change(ADDED if one["available"] else REMOVED, f"Section « {one['title']['fr']} »"))
    return found


def _keyed(items: Any) -> dict[str, Any]:
    if isinstance(items, dict):
        return items
    return {str(one[0] if isinstance(one, list) else one.get("naf", one)): one for one in items}


def _counted(old: dict[str, Any], new: dict[str, Any], one: str, many: str) -> list[Change]:
    counts = {
        ADDED: len(new.keys() - old.keys()),
        CHANGED: sum(new[key] != old[key] for key in new.keys() & old.keys()),
        REMOVED: len(old.keys() - new.keys()),
    }
    return [Change(state, f"{count} {many if count > 1 else one}") for state, count in counts.items() if count]
