"""What the commissioning bench measured, judged line by line. Pure.

Where each threshold comes from:

video       KIOSK, 360°: flat 720p and S must play anywhere, M is the default, L where it can; picked by dropped images.
            How many are too many is ours: 2 % is one in two seconds, 10 % is seen by anybody.
texture     KIOSK, 360°: an image of M is 2,880 wide, of L 3,840; each is one texture.
webgl       KIOSK, 360°: without WebGL 2 a tour is a flat picture.
frames      KIOSK, peak experience: a touch is painted within 100 ms, three images at 30 a second.
touch       KIOSK, accessibility 8.3: any place of the screen may hold a target.
millimetres KIOSK, accessibility 8.3: a target is 15 mm or more; the page's buttons are 64 CSS pixels.
clock       FLEET, ClockDrift: 30 s.
disk        ours: an event waits for the disk before it counts; a release of 500 MB is written within minutes.
network     ours: a question over the place's line, a 4G one in most.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fleet_server.web.french import agreed, num, percent

Verdict = Literal["good", "look", "bad", "none"]
WORDS: dict[Verdict, tuple[str, str, str]] = {
    "good": ("check", "ok", "Bon"),
    "look": ("tri", "warn", "À regarder"),
    "bad": ("oct", "bad", "Mauvais"),
    "none": ("ring", "off", "Sans avis"),
}
"""Shape, tone, word."""
FEW_DROPPED, MANY_DROPPED = 0.02, 0.10
M_WIDE, L_WIDE = 2880, 3840
LEAST_LEVEL = 0.02
_MOST = 1e15
"""No measure is greater; a number that no `float` holds could not even be shown."""
SMOOTH, SEEN = 50.0, 30.0
DISK_FAST, DISK_SLOW = 20.0, 5.0
SYNC_QUICK_MS, SYNC_SLOW_MS = 20.0, 100.0
NEAR_MS, FAR_MS = 300.0, 2_000.0
CLOCK_OFF_MS = 30_000
TARGET_MM, BUTTON_PX = 15.0, 64
_NEEDED: dict[str, Verdict] = {"720p": "bad", "S": "bad", "M": "look", "L": "none"}
"""What it means that a rung does not play: a smaller one is served, down to these two."""
_WORST_FIRST: tuple[Verdict, ...] = ("bad", "look", "good")
_COUNTED: tuple[tuple[Verdict, str, str], ...] = (
    ("good", "bon", "bons"), ("look", "à regarder", "à regarder"), ("bad", "mauvais", "mauvais"),
)  # fmt: skip
_BY_PROCESSOR = ("swiftshader", "llvmpipe", "software")


@dataclass(frozen=True, slots=True)
class Line:
    """One thing measured. `why`: what the verdict means, where it is not good."""

    what: str
    said: str
    verdict: Verdict
    why: str = ""


def report(result: Mapping[str, Any]) -> list[Line]:
    """Of a receipt's `result`, from whatever version of the agent: what it does not hold has no line."""
    page, host = _part(result, "page"), _part(result, "host")
    lines = [*_video(page), *_graphics(page), *_touch(page)] if page else [_no_page()]
    return [*lines, *_sound(page, host), *_disk(host), *_network(host), *_clock(host), *_size(page, host)]


def worst(lines: Sequence[Line]) -> Verdict:
    found = {line.verdict for line in lines}
    return next((one for one in _WORST_FIRST if one in found), "none")


def counted(lines: Sequence[Line]) -> str:
    """`9 bons, 2 à regarder, 1 mauvais`"""
    counts = Counter(line.verdict for line in lines)
    said = [f"{counts[key]} {agreed(counts[key], one, many)}" for key, one, many in _COUNTED if counts[key]]
    return ", ".join(said) or "rien de mesuré"


def _no_page() -> Line:
    return Line(
        "Page", "n’a pas répondu", "bad", "Ni image, ni toucher, ni vidéo n’ont été mesurés : relancer la fenêtre."
    )


def _video(page: Mapping[str, Any]) -> list[Line]:
    return [_rung(one) for one in _several(page.get("video"))]


def _rung(one: Mapping[str, Any]) -> Line:
    name, dropped = str(one.get("rung", ""))[:12], _number(one.get("dropped"))
    wide, high = (_number(one.get(side)) for side in ("width", "height"))
    what = f"Vidéo {name}, {wide:.0f} × {high:.0f}" if wide and high else f"Vidéo {name}"
    without = _NEEDED.get(name, "look")
    instead = "Une plus petite est servie." if name in ("M", "L") else "C’est la plus petite : elle manquera d’images."
    if dropped is None:
        return Line(what, "n’a pas pu être jouée", without, instead)
    said = f"{percent(dropped, 1)} d’images perdues"
    if (fps := _number(one.get("fps"))) is not None:
        said += f", décode {num(fps)} images par seconde"
    if dropped <= FEW_DROPPED:
        return Line(what, said, "good")
    if dropped <= MANY_DROPPED:
        return Line(what, said, "none" if without == "none" else "look", "Cela se remarque dans une scène qui bouge.")
    return Line(what, said, without, instead)


def _graphics(page: Mapping[str, Any]) -> list[Line]:
    webgl, texture, renderer = _number(page.get("webgl")), _number(page.get("texture")), str(page.get("renderer") or "")
    lines = []
    if webgl is not None:
        drawn = any(word in renderer.lower() for word in _BY_PROCESSOR)
        verdict: Verdict = "bad" if webgl < 1 else "look" if webgl < 2 or drawn else "good"
        why = (
            "Le processeur dessine à la place de la carte."
            if webgl >= 2
            else "Les visites 360° seront des images plates."
        )
        said = f"WebGL {num(webgl)}" if webgl else "sans WebGL"
        lines.append(
            Line("Dessin", f"{said}{f', {renderer[:80]}' if renderer else ''}", verdict, _unless_good(verdict, why))
        )
    if texture:
        verdict = "good" if texture >= L_WIDE else "look" if texture >= M_WIDE else "bad"
        why = f"Une image 360° M demande {M_WIDE} pixels, L {L_WIDE}."
        lines.append(Line("Texture, au plus", f"{num(texture)} pixels", verdict, _unless_good(verdict, why)))
    if (frames := _number(page.get("frames"))) is not None:
        verdict = "good" if frames >= SMOOTH else "look" if frames >= SEEN else "bad"
        why = "Un toucher se verrait après plus de 100 ms."
        lines.append(Line("Images de la page", f"{num(frames)} par seconde", verdict, _unless_good(verdict, why)))
    return lines


def _touch(page: Mapping[str, Any]) -> list[Line]:
    points, cells, touched = (_number(page.get(name)) for name in ("touch_points", "cells", "touched"))
    lines = []
    if points is not None:
        verdict: Verdict = "good" if points else "bad"
        said = f"{num(points)} doigts à la fois" if points > 1 else "un doigt" if points else "aucun"
        lines.append(Line("Écran tactile", said, verdict, _unless_good(verdict, "L’écran ne se dit pas tactile.")))
    if cells and touched is not None:
        share = touched / cells
        verdict = "good" if share >= 1 else "look" if share >= 0.9 else "bad"
        why = "Des endroits n’ont pas répondu, ou n’ont pas été touchés : refaire le banc avec quelqu’un devant."
        lines.append(
            Line("Grille à toucher", f"{num(touched)} cases sur {num(cells)}", verdict, _unless_good(verdict, why))
        )
    elif cells == 0:
        lines.append(Line("Grille à toucher", "personne devant l’écran", "none", "À faire une fois, sur place."))
    return lines


def _sound(page: Mapping[str, Any] | None, host: Mapping[str, Any]) -> list[Line]:
    lines = []
    if page and page.get("audio"):
        plays, level = page["audio"] == "running", _number(page.get("audio_level")) or 0
        verdict: Verdict = "good" if plays and level >= LEAST_LEVEL else "bad"
        said = f"joue, niveau {num(level, 2)}" if plays else "ne joue pas"
        lines.append(
            Line(
                "Son de la page",
                said,
                verdict,
                _unless_good(verdict, "Témoignages et lecture à voix haute seraient muets."),
            )
        )
    cards = _number(host.get("sound_cards"))
    if cards is not None:
        verdict = "good" if cards else "bad"
        lines.append(
            Line("Cartes son", num(cards), verdict, _unless_good(verdict, "La machine n’a pas de sortie de son."))
        )
    return lines


def _disk(host: Mapping[str, Any]) -> list[Line]:
    rate, sync = _number(host.get("disk_mb_s")), _number(host.get("disk_sync_ms"))
    lines = []
    if rate is not None:
        verdict: Verdict = "good" if rate >= DISK_FAST else "look" if rate >= DISK_SLOW else "bad"
        why = "Une édition mettrait longtemps à s’écrire."
        lines.append(Line("Disque, débit", f"{num(rate)} Mo/s", verdict, _unless_good(verdict, why)))
    if sync is not None:
        verdict = "good" if sync <= SYNC_QUICK_MS else "look" if sync <= SYNC_SLOW_MS else "bad"
        why = "Chaque événement attend le disque : une carte usée, peut-être."
        lines.append(Line("Disque, écriture sûre", f"{num(sync, 1)} ms", verdict, _unless_good(verdict, why)))
    return lines


def _network(host: Mapping[str, Any]) -> list[Line]:
    if "network_ms" not in host:
        return []
    median, most = _number(host.get("network_ms")), _number(host.get("network_worst_ms"))
    if median is None:
        return [Line("Réseau", "n’a pas joint le serveur", "bad", str(host.get("network_why") or "")[:120])]
    verdict: Verdict = "good" if median <= NEAR_MS else "look" if median <= FAR_MS else "bad"
    said = f"réponse en {num(median)} ms{f', au pire {num(most)} ms' if most else ''}"
    return [Line("Réseau", said, verdict, _unless_good(verdict, "La ligne du lieu est lente, ou chargée."))]


def _clock(host: Mapping[str, Any]) -> list[Line]:
    if "clock_trusted" not in host:
        return []
    off = _number(host.get("clock_offset_ms"))
    if not host["clock_trusted"]:
        return [Line("Horloge", "pas encore vérifiée", "look", "L’heure de réception fait foi jusque-là.")]
    if off is None:
        return [Line("Horloge", "vérifiée", "good")]
    verdict: Verdict = "good" if abs(off) <= CLOCK_OFF_MS else "bad"
    said = f"à {num(abs(off) / 1000, 1)} s de celle du serveur"
    return [Line("Horloge", said, verdict, _unless_good(verdict, "Au-delà de 30 s, une alerte sonne : régler NTP."))]


def _size(page: Mapping[str, Any] | None, host: Mapping[str, Any]) -> list[Line]:
    screens = host.get("screens")
    if screens is None:
        return []
    ratio = _number((page or {}).get("ratio")) or 1
    known = [one for one in _several(screens) if _number(one.get("mm_per_px"))]
    if not known:
        return [
            Line(
                "Taille de l’écran",
                "l’écran ne la dit pas",
                "look",
                "Le mode bas (accès en fauteuil) ne peut pas se régler en millimètres.",
            )
        ]
    lines = []
    for one in known:
        side = float(one["mm_per_px"]) * ratio * BUTTON_PX
        verdict: Verdict = "good" if side >= TARGET_MM else "look"
        output = str(one.get("output", ""))[:40]
        said = f"{num(float(one['mm_per_px']), 3)} mm par pixel, {output} : un bouton fait {num(side)} mm"
        why = f"Une cible doit faire {num(TARGET_MM)} mm : grossir la page sur cet écran."
        lines.append(Line("Taille de l’écran", said, verdict, _unless_good(verdict, why)))
    return lines


def _unless_good(verdict: Verdict, why: str) -> str:
    return "" if verdict == "good" else why


def _part(result: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = result.get(name)
    return found if isinstance(found, Mapping) else {}


def _several(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)][:8] if isinstance(value, list) else []


def _number(value: Any) -> float | None:
    """Terminals say what they like: anything else than a number is none."""
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return value if known and abs(value) <= _MOST else None  # NaN is not, either
