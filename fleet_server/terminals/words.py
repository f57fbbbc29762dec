"""The French words for orders and events of terminals."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fleet_server.terminals.models import TerminalEvent
from fleet_server.terminals.reasons import reason_words
from fleet_server.web.french import span

ORDERS = {
    "window.restart": "Relancer la fenêtre",
    "screenshot.take": "Photographier l’écran",
    "identify": "Montrer son nom à l’écran",
    "message.show": "Afficher un message",
    "message.clear": "Retirer le message",
    "page.reload": "Recharger la page",
    "maintenance.set": "Maintenance",
    "logs.fetch": "Relever les journaux",
    "bench.run": "Lancer le banc de mise en service",
    "volume.set": "Régler le volume",
    "brightness.set": "Régler la luminosité",
    "host.reboot": "Redémarrer la machine",
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
    "window.renderer_killed": ("half", "warn", "Page bloquée, arrêtée et relancée"),
    "machine.started": ("dot", "run", "Machine démarrée"),
    "agent.started": ("ring", "off", "Logiciel de la borne relancé"),
    "software.downloading": ("half", "run", "Version demandée, téléchargement"),
    "software.installing": ("half", "run", "Version téléchargée, installation"),
    "software.restarting": ("half", "run", "Version installée, attend de démarrer"),
    "software.verifying": ("half", "run", "Version à l’essai"),
    "software.rolling_back": ("back", "warn", "Version refusée, retour en cours"),
    "software.committed": ("check", "ok", "Version gardée"),
    "software.rolled_back": ("back", "warn", "Version refusée, retour à la précédente"),
    "software.failed": ("oct", "bad", "Version pas installée"),
    "link.away": ("oct", "bad", "Hors ligne"),
    "link.unheard": ("ring", "off", "Sans nouvelles, le serveur était arrêté"),
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
    "cancelled": ("slash", "off", "Commande annulée avant de commencer"),
}


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of a terminal's thread."""

    at: datetime
    shape: str
    tone: str
    words: str
    detail: str


def order_words(order: dict[str, Any]) -> str:
    """An order with what it was asked with: « Régler le volume à 40 % »."""
    kind = str(order.get("kind", ""))
    by_force = ", sans attendre la fin de la visite" if order.get("force") else ""
    match kind:
        case "volume.set" | "brightness.set":
            return f"{ORDERS[kind]} à {order.get('percent')}\u00a0%"
        case "message.show":
            return f"{ORDERS[kind]}\u00a0: «\u00a0{order.get('text', '')}\u00a0»"
        case "maintenance.set":
            asked = f"Mettre en maintenance {order.get('minutes')} min" if order.get("on") else "Sortir de maintenance"
            return asked + by_force
        case _:
            return ORDERS.get(kind, kind) + by_force


def figures(result: dict[str, Any], under: str = "") -> list[tuple[str, str]]:
    """What a terminal measured, flat and under its own technical names: `page.rungs.1.dropped` → `0`."""
    found: list[tuple[str, str]] = []
    for name, value in result.items():
        at = f"{under}{name}"
        if isinstance(value, list) and any(isinstance(one, dict | list) for one in value):
            value = {str(number): one for number, one in enumerate(value, 1)}
        if isinstance(value, dict):
            found += figures(value, f"{at}.")
        elif isinstance(value, list):
            found.append((at, ", ".join(map(str, value))))
        else:
            found.append((at, {None: "–", True: "oui", False: "non"}.get(value, str(value))))
    return found


def fact_of(event: TerminalEvent) -> Fact:
    detail = event.detail
    if event.kind == "command.answered":
        shape, tone, words = OUTCOMES.get(str(detail.get("outcome")), ("ring", "off", "Réponse à une commande"))
    else:
        plain = event.what.replace(".", " : ").replace("_", " ")
        shape, tone, words = EVENTS.get(event.what or event.kind, ("ring", "off", plain or event.kind))
    said = [reason_words(str(detail[name])) for name in ("label", "reason") if detail.get(name)]
    if detail.get("version"):
        before = f", avant {detail['before']}" if detail.get("before") else ""
        said.append(f"version {detail['version']}{before}")
    if detail.get("away_s"):
        said.append(f"pendant {span(float(detail['away_s']))}")
    if detail.get("ordered"):
        said.append("par une commande")
    if "from_" in detail:
        said.append(f"n° {detail['from_']} à {detail['to']}")
    if "revision" in detail:
        said.append(f"souhait n° {detail['revision']}")
    return Fact(event.at, shape, tone, words, " · ".join(said))
