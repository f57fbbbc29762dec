"""Whom a rollout is for: which terminals its target names, what there is to choose from, the target in words. Pure."""

from collections.abc import Callable, Mapping, Sequence

from fleet_server.rollouts.plan import Target
from fleet_server.rollouts.seen import Seen
from fleet_server.terminals.place_kinds import KINDS
from fleet_server.terminals.search import plain

_Traits = Callable[[Seen], Sequence[str]]
TRAITS: dict[str, tuple[str, _Traits]] = {
    "groups": ("groupe", lambda one: one.groups),
    "tags": ("étiquette", lambda one: one.tags),
    "kinds": ("genre de lieu", lambda one: (one.place.kind,)),
    "sites": ("lieu", lambda one: (one.place.site,)),
    "departments": ("département", lambda one: (one.place.department,)),
    "models": ("modèle", lambda one: (one.model,)),
    "versions": ("version du logiciel", lambda one: (one.version,)),
    "editions": ("édition en place", lambda one: (one.edition,)),
    "terminals": ("borne", lambda one: (one.id,)),
}
"""By the field of `Target`: what people call it, and what a terminal has of it."""
SEARCHED = {
    "group": "groups", "tag": "tags", "kind": "kinds", "site": "sites", "department": "departments", "model": "models",
    "software": "versions", "release": "editions", "terminal": "terminals",
}  # fmt: skip
"""One criterion, by the name that a search for terminals gives it (`terminals.search`): the field of `Target`."""


def matching(target: Target, seen: Mapping[str, Seen]) -> list[Seen]:
    """Those in service that the target names, in the order of their names."""
    text = plain(target.text)
    wanted = {name: {value.casefold() for value in getattr(target, name)} for name in TRAITS}
    return [
        one
        for one in seen.values()
        if one.in_service
        and (not text or text in sought(one))
        and all(
            any(value.casefold() in wanted[name] for value in traits(one))
            for name, (_, traits) in TRAITS.items()
            if wanted[name]
        )
    ]


def choices(seen: Mapping[str, Seen]) -> dict[str, list[tuple[str, str]]]:
    """What those in service have: value and words, of each field that tells some of them from others."""
    return {
        name: sorted({(value, _word(name, value, one)) for one in seen.values() if one.in_service
                      for value in traits(one) if value}, key=lambda pair: plain(pair[1]))
        for name, (_, traits) in TRAITS.items()
    }  # fmt: skip


def said(target: Target, seen: Mapping[str, Seen]) -> str:
    """`groupe mairies ou gares, étiquette pilote`"""
    if target.everyone:
        return "toutes les bornes en service"
    words = dict(pair for name in ("kinds", "sites", "terminals") for pair in choices(seen)[name])
    parts = [
        f"{label} {' ou '.join(words.get(value, value) for value in getattr(target, name)[:6])}"
        + (f" ou {len(getattr(target, name)) - 6} autres" if len(getattr(target, name)) > 6 else "")
        for name, (label, _) in TRAITS.items()
        if getattr(target, name)
    ]
    return ", ".join([f"« {target.text} »"] * bool(target.text) + parts)


def sought(one: Seen) -> str:
    """Where `Target.text` is looked for."""
    return plain(f"{one.name} {one.place.name} {one.place.commune_name} {one.id}")


def _word(name: str, value: str, one: Seen) -> str:
    return {"kinds": KINDS.get(value, value), "sites": one.place.name, "terminals": one.name}.get(name, value)
