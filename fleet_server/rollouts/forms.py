"""The form of a new rollout: from what a person typed to a target and a plan, or sentences on what is wrong."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import Any

from pydantic import ValidationError

from fleet_server.rollouts.plan import HOUR, Plan, Target, Wave, Window
from fleet_server.rollouts.whom import TRAITS
from fleet_server.terminals.setting_forms import read_form
from fleet_server.web.french import PARIS
from wire.state import Hours

_MOST_WAVES = 20
TEXT_MAX, MOST_CANARIES = 80, 200
YEARS = range(2001, 2200)
_CLOCK = re.compile(r"^(\d{1,2})[:h](\d{2})?$")
EMPTY: dict[str, str] = {
    "kind": "content", "edition": "", "version": "", "qui": "toutes", "texte": "", "vagues": "1, le reste",
    "observer": "4", "at_once": "", "per_hour": "", "debut": "", "fin": "", "au_plus_tard": "24", "reussite": "80",
    "echecs": "20", "mesure": "3", "delai": "24", "silence": "6", "pas_avant": "",
}  # fmt: skip
LISTS = (*TRAITS, "canaries")


@dataclass
class Typed:
    errors: dict[str, str] = field(default_factory=dict)
    what: dict[str, Any] = field(default_factory=dict)
    target: Target = field(default_factory=lambda: Target(everyone=True))
    plan: Plan = field(default_factory=Plan)


def read(form: Mapping[str, str], chosen: Mapping[str, Sequence[str]]) -> Typed:
    """`chosen`: the boxes that were ticked, by name (`LISTS`)."""
    typed = Typed()
    _what(typed, form)
    criteria: dict[str, Any] = {name: tuple(chosen.get(name, ())) for name in TRAITS}
    criteria["text"] = " ".join(form.get("texte", "").split())
    if form.get("qui") != "toutes" and not any(criteria.values()):
        typed.errors["qui"] = "Donnez au moins un critère, ou choisissez toutes les bornes."
    elif form.get("qui") == "toutes" and any(criteria.values()):
        typed.errors["qui"] = "Des critères sont donnés : retirez-les, ou choisissez les bornes qui y répondent."
    elif len(criteria["text"]) > TEXT_MAX:
        typed.errors["texte"] = f"{TEXT_MAX} caractères au plus."
    elif form.get("qui") != "toutes":
        try:
            typed.target = Target.model_validate(criteria)
        except ValidationError:  # not by a box of ours
            typed.errors["qui"] = "Un de ces critères n’existe pas : cochez parmi ceux de la page."
    numbers = {
        "at_once": _number(typed, form, "at_once", 0, 100_000),
        "per_hour": _number(typed, form, "per_hour", 0, 100_000),
        "success_percent": _number(typed, form, "reussite", 0, 100, 80),
        "error_percent": _number(typed, form, "echecs", 0, 100, 20),
        "min_sample": _number(typed, form, "mesure", 1, 100_000, 3),
        "timeout_s": _number(typed, form, "delai", 1, 720, 24) * HOUR,
        "silent_s": _number(typed, form, "silence", 1, 720, 6) * HOUR,
    }  # fmt: skip
    waves, window, not_before = _waves(typed, form), _window(typed, form), _moment(typed, form)
    canaries = tuple(chosen.get("canaries", ()))
    if len(canaries) > MOST_CANARIES:
        typed.errors["canaries"] = f"{MOST_CANARIES} bornes au plus passent en premier."
    if not typed.errors:
        typed.plan = Plan(waves=waves, window=window, canaries=canaries, not_before=not_before,
                          second_person=bool(form.get("seconde")), **numbers)  # fmt: skip
    return typed


def _what(typed: Typed, form: Mapping[str, str]) -> None:
    if form.get("kind") == "software":
        typed.what = {"version": form.get("version", "")}
        if not form.get("version"):
            typed.errors["version"] = "Choisissez la version à déployer."
    elif form.get("kind") == "settings":
        settings = read_form(form)
        typed.errors |= settings.errors
        typed.what = {"values": settings.values}
        if not settings.values and not settings.errors:
            typed.errors["idle_warning_s"] = "Donnez au moins un réglage à changer."
    else:
        typed.what = {"label": form.get("edition", "")}
        if not form.get("edition"):
            typed.errors["edition"] = "Choisissez l’édition à déployer."


def _number(typed: Typed, form: Mapping[str, str], name: str, least: int, most: int, default: int = 0) -> int:
    text = form.get(name, "").strip().removesuffix("%").strip()
    if not text:
        return default
    value = int(text) if text.isdecimal() and len(text) < 9 else -1
    if not least <= value <= most:
        typed.errors[name] = f"« {text[:20]} » ne convient pas : un nombre entre {least} et {most}."
        return default
    return value


def _waves(typed: Typed, form: Mapping[str, str]) -> tuple[Wave, ...]:
    """`1, 25 %, le reste`"""
    soak_s = _number(typed, form, "observer", 0, 720) * HOUR
    parts = [part.strip().lower() for part in form.get("vagues", "").split(",") if part.strip()]
    waves: list[Wave] = []
    for part in parts:
        number = part.removesuffix("%").strip()
        if part in ("le reste", "reste"):
            continue
        if not number.isdecimal() or len(number) > 6 or not 0 < int(number) <= (100 if part.endswith("%") else 100_000):
            typed.errors["vagues"] = f"« {part[:20]} » ne se lit pas. Par exemple : 1, 25 %, le reste."
            return (Wave(),)
        size = {"percent": float(number)} if part.endswith("%") else {"count": int(number)}
        waves.append(Wave.model_validate(size | {"soak_s": soak_s}))
    if len(waves) >= _MOST_WAVES:
        typed.errors["vagues"] = f"{_MOST_WAVES} vagues au plus."
        return (Wave(),)
    return (*waves, Wave(soak_s=soak_s))


def _window(typed: Typed, form: Mapping[str, str]) -> Window:
    begins, ends = (_clock(form.get(name, "")) for name in ("debut", "fin"))
    typed_any = form.get("debut", "").strip() or form.get("fin", "").strip()
    if typed_any and (begins is None or ends is None):
        typed.errors["debut"] = "Donnez les deux heures, par exemple 2:00 et 5:00 ; ou aucune."
    hours = (Hours(begins=begins, ends=ends),) if begins is not None and ends is not None else ()
    latest = _number(typed, form, "au_plus_tard", 0, 720)
    closed = bool(form.get("ferme"))
    bound = (hours or closed) and form.get("au_plus_tard", "").strip()
    return Window(hours=hours, closed=closed, latest_s=latest * HOUR if bound else None)


def _moment(typed: Typed, form: Mapping[str, str]) -> datetime | None:
    """As a browser sends a day and an hour; on the clock of Paris."""
    text = form.get("pas_avant", "").strip()
    try:
        here = datetime.fromisoformat(text).replace(tzinfo=PARIS) if text else None
    except ValueError:
        here = None
    if text and (here is None or here.year not in YEARS):
        typed.errors["pas_avant"] = "Donnez un jour et une heure, par exemple 2027-01-15T02:00 ; ou rien."
        return None
    return here.astimezone(UTC) if here else None


def _clock(text: str) -> time | None:
    found = _CLOCK.match(text.strip().lower())
    hours, minutes = (int(found[1]), int(found[2] or 0)) if found else (99, 0)
    return time(hours, minutes) if hours < 24 and minutes < 60 else None
