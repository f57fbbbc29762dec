"""What a rollout brings and how, in words: what its author checks and a second person approves. Pure."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from fleet_server.rollouts.models import Rollout
from fleet_server.rollouts.plan import Plan, Wave, Window
from fleet_server.web.french import day, hour, span
from wire.state import Hours

_SETTINGS = {
    "idle_warning_s": "« Toujours là ? » après, en secondes", "idle_end_s": "Fin de visite après, en secondes",
    "host_phone": "Téléphone du lieu", "opening": "Horaires du lieu", "timezone": "Fuseau horaire",
    "languages": "Langues", "download_kbit_s": "Débit maximal, en kbit/s", "download_hours": "Heures de téléchargement",
    "request_delay_s": "Départ d’une demande après, en secondes",
}  # fmt: skip
_MOST = 300


def terms(rollout: Rollout, plan: Plan, names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(what, in words). `names`: of terminals, by id."""
    if rollout.kind == "settings":
        for name, value in rollout.what["values"].items():
            yield from _setting(name, value)
    elif rollout.kind in ("content", "software"):
        yield "Empreinte", f"{rollout.what['id'][:8]} {rollout.what['id'][8:16]} …"
    yield "Vagues", ", puis ".join(_wave(wave, number, plan) for number, wave in enumerate(plan.waves))
    if plan.canaries:
        first = [names.get(one, one) for one in plan.canaries]
        yield "En premier", ", ".join(first[:8]) + (f" et {len(first) - 8} autres" if len(first) > 8 else "")
    if plan.not_before:
        yield "Pas avant", f"le {day(plan.not_before, True)} à {hour(plan.not_before)}"
    yield "Prend effet", _window(plan.window, rollout.kind)
    pace = [f"{plan.at_once} à la fois"] * bool(plan.at_once) + [f"{plan.per_hour} par heure"] * bool(plan.per_hour)
    if pace:
        yield "Rythme", " et ".join(pace) + ", au plus"
    yield (
        "Une borne a",
        f"{span(plan.timeout_s)} pour finir ; {span(plan.silent_s)} sans nouvelle comptent comme un échec",
    )


def _setting(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for language, text in value.items():
            yield f"Accueil ({language})", str(text)[:_MOST]
    else:
        yield _SETTINGS.get(name, name), value if isinstance(value, str) else json.dumps(value)[:_MOST]


def _wave(wave: Wave, number: int, plan: Plan) -> str:
    size = "toutes les bornes" if len(plan.waves) == 1 else "le reste"
    if number < len(plan.waves) - 1 and wave.count is not None:
        size = f"{wave.count} borne{'s' if wave.count > 1 else ''}"
    elif number < len(plan.waves) - 1 and wave.percent is not None:
        size = f"{wave.percent:g} %".replace(".", ",")
    return f"{size} ({span(wave.soak_s)} d’observation)" if wave.soak_s else size


def _window(window: Window, kind: str) -> str:
    parts = [" ou ".join(f"entre {_clock(one)}" for one in window.hours) + ", à l’heure du lieu"] * bool(window.hours)
    parts += ["quand le lieu est fermé"] * window.closed
    said = ", ".join(parts) or "à toute heure"
    said += "" if kind == "settings" else ", entre deux visites"
    if window.latest_s is None:
        return said
    late = f" ; au plus tard {span(window.latest_s)} après son tour, à toute heure"
    return said + late + (", même en visite" if kind == "content" else "")


def _clock(one: Hours) -> str:
    return " et ".join(f"{at.hour}:{at.minute:02}" for at in (one.begins, one.ends))
