"""The settings form: from what a person typed to values of `wire.state.Settings`, or sentences on what is wrong."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time
from typing import Any

from wire.state import MOST_HOURS, Hours, OpeningHours, Settings

LANGUAGES = {"fr": "français", "fr-simple": "français simple", "en": "anglais"}
WELCOME_MAX = 280
LEAST_TO_ANSWER_S = 20
"""Between the warning and the end: for a person who reads slowly, and reaches slowly."""
_SPANS = re.compile(r"\s*,\s*|\s+et\s+")
_SPAN = re.compile(r"^(\d{1,2})[:h](\d{2})?\s*[-–à]\s*(\d{1,2})[:h](\d{2})?$")
_PHONE = re.compile(r"^[0-9 +().-]{0,30}$")
NO_LIMIT, ANY_HOUR = "sans limite", "à toute heure"
LEAST_KBIT_S, MOST_KBIT_S = 64, 10_000_000
"""Slower, an edition of 500 MB would take most of a day."""
DAYS = ("Lundi", "Mardi", "Mercredi", "Jeudi", "Vendredi", "Samedi", "Dimanche")


@dataclass
class Typed:
    """Values to set, and errors by field. A field left empty at a narrow scope inherits from the wider ones."""

    values: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


def read_form(form: Mapping[str, str]) -> Typed:
    typed = Typed()
    warning = _seconds(typed, form, "idle_warning_s", 20, 600, "une personne qui lit lentement serait interrompue")
    end = _seconds(typed, form, "idle_end_s", 40, 900, "une personne qui lit lentement serait coupée")
    if warning is not None and end is not None and end < warning + LEAST_TO_ANSWER_S:
        typed.errors["idle_end_s"] = f"La fin de visite vient au moins {LEAST_TO_ANSWER_S} s après « Toujours là ? »."
    _opening(typed, form)
    _download_limit(typed, form)
    _download_hours(typed, form)
    _welcome(typed, form)
    phone = form.get("host_phone", "").strip()
    if not _PHONE.match(phone):
        typed.errors["host_phone"] = "Ce n’est pas un numéro. Par exemple 02 00 00 00 53, 30 signes au plus."
    elif phone:
        typed.values["host_phone"] = phone
    return typed


def _seconds(typed: Typed, form: Mapping[str, str], name: str, least: int, most: int, why: str) -> int | None:
    text = form.get(name, "").strip().removesuffix("s").strip()
    if not text:
        return None
    if not text.isdecimal():
        typed.errors[name] = f"« {form[name].strip()[:20]} » n’est pas un nombre. Entre {least} et {most} s."
        return None
    value = int(text[:9])
    if value < least:
        typed.errors[name] = f"{value} s est trop court : {why}. Entre {least} et {most} s."
    elif value > most:
        typed.errors[name] = f"{value} s est trop long : on lirait l’écran d’une personne partie. Au plus {most} s."
    else:
        typed.values[name] = value
    return value


def _opening(typed: Typed, form: Mapping[str, str]) -> None:
    spans: list[dict[str, Any]] = []
    for number, day in enumerate(DAYS):
        text = form.get(f"opening_{number}", "").strip().lower()
        if text in ("", "fermé", "ferme", "-", "–"):
            continue
        parts = _SPANS.split(text)
        for part in parts:
            found = _SPAN.match(part.strip())
            opens, closes = (_time(found, 1), _time(found, 3)) if found else (None, None)
            if opens is None or closes is None or closes <= opens or len(parts) > MOST_HOURS:
                typed.errors[f"opening_{number}"] = (
                    f"{day} : « {text[:40]} » ne se lit pas. "
                    "Par exemple 9:00-12:30, 14:00-17:30, ou rien si c’est fermé."
                )
                break
            spans.append({"day": number, "opens": opens.isoformat(), "closes": closes.isoformat()})
    if spans and not any(name.startswith("opening_") for name in typed.errors):
        typed.values["opening"] = spans


def _download_limit(typed: Typed, form: Mapping[str, str]) -> None:
    text = "".join(form.get("download_kbit_s", "").lower().removesuffix("kbit/s").split())
    if not text:
        return
    if text in ("0", "".join(NO_LIMIT.split())):
        typed.values["download_kbit_s"] = 0
    elif not text.isdecimal() or not LEAST_KBIT_S <= int(text[:12]) <= MOST_KBIT_S:
        typed.errors["download_kbit_s"] = (
            f"« {form['download_kbit_s'].strip()[:20]} » n’est pas un débit. "
            f"Au moins {LEAST_KBIT_S} kbit/s, par exemple 4000, ou « {NO_LIMIT} »."
        )
    else:
        typed.values["download_kbit_s"] = int(text)


def _download_hours(typed: Typed, form: Mapping[str, str]) -> None:
    text = " ".join(form.get("download_hours", "").lower().split())
    if not text:
        return
    spans: list[dict[str, str]] = []
    for part in [] if text == ANY_HOUR else _SPANS.split(text):
        found = _SPAN.match(part)
        begins, ends = (_time(found, 1), _time(found, 3)) if found else (None, None)
        if begins is None or ends is None or begins == ends or len(spans) == MOST_HOURS:
            typed.errors["download_hours"] = (
                f"« {text[:40]} » ne se lit pas. Par exemple 22:00-6:00, ou « {ANY_HOUR} »."
            )
            return
        spans.append({"begins": begins.isoformat(), "ends": ends.isoformat()})
    typed.values["download_hours"] = spans


def _time(found: "re.Match[str]", group: int) -> time | None:
    hours, minutes = int(found[group]), int(found[group + 1] or 0)
    return time(hours, minutes) if hours < 24 and minutes < 60 else None


def _welcome(typed: Typed, form: Mapping[str, str]) -> None:
    texts = {}
    for code, language in LANGUAGES.items():
        text = " ".join(form.get(f"welcome_{code}", "").split())
        if len(text) > WELCOME_MAX:
            typed.errors[f"welcome_{code}"] = f"En {language}, {len(text)} caractères : {WELCOME_MAX} au plus."
        elif text:
            texts[code] = text
    if texts:
        typed.values["welcome"] = texts


def shown(values: Mapping[str, Any]) -> dict[str, str]:
    """Values as the form's fields show them."""
    fields = {name: str(values.get(name, "")) for name in ("idle_warning_s", "idle_end_s", "host_phone")}
    fields |= {f"welcome_{code}": values.get("welcome", {}).get(code, "") for code in LANGUAGES}
    fields["download_kbit_s"] = _limit(values["download_kbit_s"]) if "download_kbit_s" in values else ""
    hours = [Hours.model_validate(span) for span in values.get("download_hours", ())]
    fields["download_hours"] = _hours(hours) if "download_hours" in values else ""
    spans = [OpeningHours.model_validate(span) for span in values.get("opening", ())]
    return fields | {f"opening_{number}": day_hours(spans, number) for number in range(7)}


def day_hours(spans: "list[OpeningHours] | tuple[OpeningHours, ...]", day: int) -> str:
    mine = sorted((span.opens, span.closes) for span in spans if span.day == day)
    return ", ".join(f"{_clock(opens)}-{_clock(closes)}" for opens, closes in mine)


def _limit(kbit_s: int) -> str:
    return str(kbit_s) if kbit_s else NO_LIMIT


def _hours(spans: Sequence[Hours]) -> str:
    return ", ".join(f"{_clock(span.begins)}-{_clock(span.ends)}" for span in spans) or ANY_HOUR


def _clock(moment: time) -> str:
    return f"{moment.hour}:{moment.minute:02d}"


def words_of(settings: Settings) -> list[tuple[str, str]]:
    """Settings in words, for wanted and reported side by side."""
    days = len({span.day for span in settings.opening})
    languages = ", ".join(LANGUAGES.get(code, code) for code in settings.welcome)
    return [
        ("« Toujours là ? »", f"{settings.idle_warning_s} s"),
        ("Fin de visite", f"{settings.idle_end_s} s"),
        ("Horaires", f"{days} jours par semaine" if days > 1 else "1 jour par semaine" if days else "non donnés"),
        ("Accueil", settings.welcome.get("fr", "") or languages or "texte de l’édition"),
        ("Téléphone du lieu", settings.host_phone or "–"),
        ("Débit maximal", f"{settings.download_kbit_s} kbit/s" if settings.download_kbit_s else NO_LIMIT),
        ("Téléchargements", _hours(settings.download_hours)),
    ]
