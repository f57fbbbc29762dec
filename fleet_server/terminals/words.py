"""The French words for orders and events of terminals."""

from dataclasses import dataclass
from datetime import datetime

from fleet_server.terminals.models import TerminalEvent

ORDERS = {
    "window.restart": "Relancer la fenêtre",
    "screenshot.take": "Photographier l’écran",
    "identify": "Montrer son nom à l’écran",
}
# what → (shape, tone, words)
EVENTS = {
    "content.activated": ("check", "ok", "Édition active"),
    "content.committed": ("check", "ok", "Édition gardée"),
    "content.rolled_back": ("back", "warn", "Édition refusée, retour à la précédente"),
    "content.failed": ("oct", "bad", "Édition pas arrivée"),
    "settings.applied": ("check", "ok", "Réglages appliqués"),
    "certificate.renewed": ("check", "ok", "Certificat renouvelé"),
    "window.reloaded": ("half", "warn", "Page rechargée"),
    "window.restarted": ("half", "warn", "Fenêtre relancée"),
    "window.out_of_service": ("oct", "bad", "Écran hors service"),
    "window.back": ("check", "ok", "Écran de retour"),
    "requests.replaced": ("oct", "bad", "Fichier des demandes abîmé, remplacé"),
    "outbox.replaced": ("oct", "bad", "Fichier des événements abîmé, remplacé"),
    "event.set_aside": ("tri", "warn", "Événement illisible, mis de côté"),
    "dropped": ("tri", "warn", "Mesures abandonnées, disque plein"),
}
OUTCOMES = {
    "accepted": ("half", "run", "Commande acceptée"),
    "succeeded": ("check", "ok", "Commande réussie"),
    "failed": ("oct", "bad", "Commande échouée"),
    "rejected": ("slash", "off", "Commande refusée"),
    "expired": ("clock", "warn", "Commande expirée"),
}


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of a terminal's thread."""

    at: datetime
    shape: str
    tone: str
    words: str
    detail: str


def fact_of(event: TerminalEvent) -> Fact:
    detail = event.detail
    if event.kind == "command.answered":
        shape, tone, words = OUTCOMES.get(str(detail.get("outcome")), ("ring", "off", "Réponse à une commande"))
    else:
        plain = event.what.replace(".", " : ").replace("_", " ")
        shape, tone, words = EVENTS.get(event.what or event.kind, ("ring", "off", plain or event.kind))
    said = [str(detail[name]) for name in ("label", "reason") if detail.get(name)]
    if "from_" in detail:
        said.append(f"n° {detail['from_']} à {detail['to']}")
    if "revision" in detail:
        said.append(f"souhait n° {detail['revision']}")
    return Fact(event.at, shape, tone, words, " · ".join(said))
