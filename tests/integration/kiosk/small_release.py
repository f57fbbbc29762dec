"""A release small enough to know by heart, with the pack's own words: what the page reads, as `contents` builds it."""

import json
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
RELEASE = "a" * 64
NEWER = "b" * 64

OCCUPATIONS = [
    ["H2913", "Soudeur / Soudeuse", ["25", "28"]],
    ["H2902", "Chef soudeur / Cheffe soudeuse", ["25"]],
    ["F1602", "Électricien / Électricienne", ["43"]],
    ["F1603", "Plombier / Plombière", ["43"]],
    ["J1506", "Infirmier / Infirmière", ["86"]],
    ["D1102", "Boulanger / Boulangère", ["10"]],
    *[[f"K{1100 + n}", f"Métier numéro {n}", ["84"]] for n in range(40)],
]
DOMAINS = {"D": "Commerce", "F": "Bâtiment", "H": "Industrie", "J": "Santé", "K": "Services"}
COMMUNES = [
    ["53130", "Laval", "53", ["53000"], "200083392", 49573],
    ["53034", "Bonchamp-lès-Laval", "53", ["53960"], "200083392", 6200],
    ["53147", "Mayenne", "53", ["53100"], "200055887", 12900],
    ["44109", "Nantes", "44", ["44000"], "244400404", 320732],
    ["85191", "La Roche-sur-Yon", "85", ["85000"], "248500589", 55000],
]


def text(french: str, english: str | None = None) -> dict[str, str]:
    return {"fr": french} | ({"en": english} if english else {})


def actor(identity: str, name: str, area: dict[str, Any], places: list[tuple[str, str]], **more: Any) -> dict[str, Any]:
    return {
        "id": identity,
        "name": name,
        "kind": "conseil",
        "summary": text(f"{name} vous conseille, gratuitement.", f"{name} gives advice, free of charge."),
        "offers": [text("Faire le point"), text("Trouver une formation")],
        "publics": ["tous"],
        "free": True,
        "phone": "0240990000",
        "area": area,
        "places": [{"name": place, "commune": commune} for place, commune in places],
        "source": {"title": "organisme fictif", "url": "https://exemple.invalid"},
        "checked_on": "2026-11-03",
        "certain": True,
        **more,
    }


ACTORS = [
    actor("region", "Conseil régional fictif", {"region": True}, []),
    actor("antenne", "Antenne fictive de Laval", {"departments": ["53"]}, [("Antenne", "53130")]),
    actor("voisin", "Maison fictive de Bonchamp", {"departments": ["53"]}, [("Maison", "53034")]),
    actor("vendee", "Relais fictif de Vendée", {"departments": ["85"]}, [("Relais", "85191")]),
    actor("perime", "Organisme périmé", {"region": True}, [], expires_on="2026-11-23"),
]
SECTIONS = [
    ("metiers", "Métiers", "Occupations", "Ce que l’on y fait, où et avec qui", True),
    ("formations", "Formations", "Training", "Apprendre, et trouver comment payer", False),
    ("acteurs", "Qui peut m’aider", "Who can help me", "Des conseillers près d’ici, gratuits", True),
    ("rappel", "Me faire rappeler", "Call me back", "Un conseiller vous appelle. C’est gratuit.", True),
]
CHANNELS = {"phone": "Un appel", "sms": "Un SMS", "email": "Un e-mail"}
CONTACT = {
    "topics": [{"id": "metier", "title": text("Trouver un métier")}, {"id": "autre", "title": text("Autre chose")}],
    "times": [
        {"id": one, "title": text(name)}
        for one, name in [("morning", "Le matin"), ("afternoon", "L’après-midi"), ("any", "N’importe quand")]
    ],
    "channels": [{"id": one, "title": text(name)} for one, name in CHANNELS.items()],
    "consent": {
        "version": "2026-11",
        "text": text("Je suis d’accord pour qu’un conseiller me rappelle.", "I agree to be called back."),
        "notice": text("Vos informations servent à vous rappeler.\nVous pouvez les faire effacer.\n" * 6),
    },
}


def words() -> dict[str, dict[str, str]]:
    loaded: dict[str, dict[str, str]] = yaml.safe_load((ROOT / "content/pays-de-la-loire/texts.yml").read_text())
    return loaded


def small_release(label: str = "2026.48", title: str = "Et maintenant, quelle route prendre ?") -> dict[str, bytes]:
    files: dict[str, Any] = {
        "index.json": {
            "format": 1,
            "label": label,
            "languages": [
                {"code": "fr", "name": "Français"},
                {"code": "fr-simple", "name": "Français simple"},
                {"code": "en", "name": "English"},
            ],
            "sections": [
                {"id": one, "title": text(french, english), "line": text(line), "available": available}
                for one, french, english, line, available in SECTIONS
            ],
            "attract": {"title": text(title, "Which way now?"), "line": text("Gratuit.", "Free.")},
            "media": {},
        },
        "texts.json": words(),
        "metiers/domains.json": [{"code": code, "title": text(title)} for code, title in DOMAINS.items()],
        "metiers/sectors.json": [
            {"naf": naf, "label": f"Secteur {naf}"} for naf in ["10", "25", "28", "43", "84", "86"]
        ],
        "metiers/occupations.json": OCCUPATIONS,
        "territory/communes.json": COMMUNES,
        "territory/epci.json": [["200083392", "Laval Agglomération"]],
        "acteurs/actors.json": ACTORS,
        "contact/form.json": CONTACT,
    }
    return {path: json.dumps(body, ensure_ascii=False).encode() for path, body in files.items()}
