"""What a page of the kiosk is called here: the visitor's words (identity), then the item's own code."""

SECTIONS = {
    "home": "Accueil",
    "metiers": "Métiers",
    "formations": "Formations",
    "acteurs": "Qui peut m’aider",
    "temoignages": "Témoignages",
    "visites": "Visites à 360°",
    "point": "Faire le point",
    "rappel": "Me faire rappeler",
    "contact": "Me faire rappeler",
    "aide": "Aide",
    "langue": "Langue",
    "lisibilite": "Lisibilité",
}
PLACES = {"domaines": "par domaine", "secteurs": "par secteur", "recherche": "recherche", "liste": "liste",
          "reach": "comment vous joindre", "when": "quand et pourquoi", "consent": "accord", "topic": "sujet",
          "receipt": "reçu"}  # fmt: skip


def page_name(page: str | None) -> str:
    """`metiers/a1101` → `Métiers · A1101`; what is not known keeps its own name."""
    if not page:
        return "–"
    section, _, rest = page.partition("/")
    head = SECTIONS.get(section, section)
    if not rest:
        return head
    return f"{head} · {PLACES.get(rest, rest.upper() if _is_code(rest) else rest.replace('-', ' ').capitalize())}"


def _is_code(text: str) -> bool:
    return len(text) <= 6 and any(character.isdigit() for character in text)
