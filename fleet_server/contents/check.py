"""`balise content check`: everything that would disappoint a visitor, with file, line and remedy."""

import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from pydantic import BaseModel

from fleet_server.contents.pack import Pack, read_pack
from fleet_server.contents.reading import At
from fleet_server.contents.schema import L10n

UI_SOURCES = Path("kiosk_ui/src")
"""Where the kiosk's page is made: there, and only there, a text that it shows and the pack lacks is found out."""
# `t("home.title")`, also as a text key handed on: `label="dock.end"` is checked by the kiosk's own types.
_USED = re.compile(r"""\bt\(\s*["'`]([a-z0-9_]+(?:\.[a-z0-9_]+)*)["'`]""")


def checked(root: Path, today: date, ui_sources: Path | None = None) -> Pack:
    """The pack in this folder, read and checked: `pack.grave` says whether it may be built."""
    pack = read_pack(root)
    check(pack, today, ui_sources)
    pack.problems.sort()
    return pack


def check(pack: Pack, today: date, ui_sources: Path | None = None) -> None:
    """Adds to `pack.problems`. Not grave: an item out of date (it is left out) and a translation that is missing."""
    _sections(pack)
    _occupations(pack)
    _territory(pack)
    _actors(pack, today)
    _choices(pack)
    _translations(pack)
    if ui_sources and pack.texts:
        _used_keys(pack, ui_sources)


def _sections(pack: Pack) -> None:
    if not pack.head:
        return
    _twice(pack, "pack.yml", ("sections",), [section.id for section in pack.head.sections])
    if not any(section.available for section in pack.head.sections):
        pack.tell("pack.yml", ("sections",), "aucune section n’est disponible", "Mettez « available: true » à l’une")
    if pack.head.languages[0].code != "fr":
        pack.tell("pack.yml", ("languages", 0), "la première langue n’est pas fr", "Le français vient d’abord")


def _occupations(pack: Pack) -> None:
    if not (pack.occupations and pack.domains and pack.sectors):
        return
    file = "metiers/occupations.json"
    _twice(pack, file, (), [one.rome for one in pack.occupations.root])
    _twice(pack, "metiers/domaines.yml", (), [one.code for one in pack.domains.root])
    domains = {domain.code for domain in pack.domains.root}
    sectors = {sector.naf for sector in pack.sectors.root}
    for position, one in enumerate(pack.occupations.root):
        if one.rome[0] not in domains:
            pack.tell(file, (position, "rome"), f"le domaine {one.rome[0]} n’existe pas", "Ajoutez-le à domaines.yml")
        for naf in one.sectors:
            if naf not in sectors:
                pack.tell(file, (position, "sectors"), f"le secteur {naf} n’existe pas", "Voyez secteurs.json")


def _territory(pack: Pack) -> None:
    if not (pack.communes and pack.epcis):
        return
    codes = [commune.code for commune in pack.communes.root]
    _twice(pack, "territoire/communes.json", (), codes)
    _twice(pack, "territoire/epci.json", (), [epci.siren for epci in pack.epcis.root])


def _actors(pack: Pack, today: date) -> None:
    communes = {commune.code for commune in pack.communes.root} if pack.communes else set()
    seen: dict[str, str] = {}
    for file, actor in pack.actors.items():
        if actor.id in seen:
            pack.tell(
                file, ("id",), f"l’identifiant « {actor.id} » est déjà celui de {seen[actor.id]}", "Changez-en un"
            )
        seen[actor.id] = file
        given = [name for name in ("region", "departments", "communes") if getattr(actor.area, name)]
        if len(given) != 1:
            pack.tell(file, ("area",), f"le territoire est dit {len(given)} fois",
                      "Écrivez « region », « departments » ou « communes », un seul")  # fmt: skip
        places = [(("places", n, "commune"), place.commune) for n, place in enumerate(actor.places)]
        served: list[tuple[At, str]] = [
            (("area", "communes", n), code) for n, code in enumerate(actor.area.communes or ())
        ]
        for at, code in [*places, *served]:
            if communes and code not in communes:
                pack.tell(
                    file, at, f"la commune {code} n’est pas des Pays de la Loire", "Voyez territoire/communes.json"
                )
        if actor.expires_on and actor.expires_on < today:
            since = f"« {actor.name} » n’est plus à jour depuis le {actor.expires_on:%d/%m/%Y}"
            remedy = "Vérifiez la source et la date ; d’ici là, la fiche est laissée de côté"
            pack.tell(file, ("expires_on",), since, remedy, grave=False)
        if actor.checked_on > today:
            pack.tell(
                file, ("checked_on",), "la date de vérification est à venir", "Écrivez le jour de la vérification"
            )


def _choices(pack: Pack) -> None:
    if not pack.contact:
        return
    for name in ("topics", "times", "channels"):
        _twice(pack, "contact.yml", (name,), [choice.id for choice in getattr(pack.contact, name)])
    _only(pack, "times", {"morning", "noon", "afternoon", "evening", "any"})
    _only(pack, "channels", {"phone", "email", "sms"})


def _only(pack: Pack, name: str, allowed: set[str]) -> None:
    for position, choice in enumerate(getattr(pack.contact, name)):
        if choice.id not in allowed:
            pack.tell("contact.yml", (name, position, "id"), f"« {choice.id} » n’est pas connu du serveur",
                      f"Valeurs acceptées : {', '.join(sorted(allowed))}")  # fmt: skip


def _translations(pack: Pack) -> None:
    """French simple may lean on French; English can't. Texts of the screens only: data keep their language."""
    if not pack.head or "en" not in {language.code for language in pack.head.languages}:
        return
    for file, model in {"pack.yml": pack.head, "texts.yml": pack.texts, "contact.yml": pack.contact}.items():
        for at, text in _l10ns(model, ()):
            if not text.en:
                pack.tell(file, at, "la traduction anglaise manque", "Ajoutez « en: … »", grave=False)


def _l10ns(value: object, at: At) -> Iterable[tuple[At, L10n]]:
    if isinstance(value, L10n):
        yield at, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _l10ns(inner, (*at, key))
    elif isinstance(value, tuple):
        for position, inner in enumerate(value):
            yield from _l10ns(inner, (*at, position))
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _l10ns(getattr(value, name), at if name == "root" else (*at, name))


def _used_keys(pack: Pack, sources: Path) -> None:
    known = pack.texts.root.keys() if pack.texts else set()
    missing: dict[str, str] = {}
    for path in sorted(sources.rglob("*.ts*")):
        for key in _USED.findall(path.read_text()):
            if key not in known:
                missing.setdefault(key, path.name)
    for key, where in missing.items():
        pack.tell("texts.yml", (), f"« {key} » manque, la borne l’affiche ({where})", f"Ajoutez « {key}: {{fr: … }} »")


def _twice(pack: Pack, file: str, at: At, ids: list[str]) -> None:
    seen: set[str] = set()
    for position, item in enumerate(ids):
        if item in seen:
            pack.tell(file, (*at, position), f"« {item} » est là deux fois", "Gardez-en un")
        seen.add(item)
