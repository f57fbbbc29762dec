"""Why something did not go well on a terminal, as it tells it in English, in people's words. Pure."""

import re

REASONS = {
    "waits for the end of the visit": "attend la fin de la visite",
    "the screen was busy": "l’écran était occupé",
    "this terminal has no window of its own": "cette borne n’a pas de fenêtre à elle",
    "this terminal has no window": "cette borne n’a pas de fenêtre",
    "no page is open": "aucune page n’est ouverte",
    "the page did not come back": "la page n’est pas revenue",
    "the agent was restarted meanwhile": "l’agent a redémarré entre-temps",
    "no command to reboot this host is configured": "aucune commande de redémarrage n’est réglée sur cette machine",
    "this host has no tool for the volume (wpctl, amixer)": "cette machine n’a pas d’outil pour le volume",
    "this host has no tool for the brightness of the screen (brightnessctl)":
        "cette machine n’a pas d’outil pour la luminosité",
    # Of an update.
    "no page is painting": "aucune page ne s’affiche",
    "the content is not valid": "le contenu n’est plus valable",
    "the link to the broker is not back": "la liaison avec le serveur n’est pas revenue",
    "it is not steady": "elle n’est pas restée stable assez longtemps",
    "its state was lost": "son suivi a été perdu pendant l’essai",
    "the disk took only a part": "le disque n’a pris qu’une partie",
    "a wheel is no longer here": "un de ses paquets n’est plus là",
    "installed by hand, not from a slot: it can't be updated from afar":
        "installée à la main : elle ne peut pas être mise à jour à distance",
}  # fmt: skip
"""Whole sentences; anything else is tried against `PATTERNS`."""
PATTERNS = [
    (re.compile(pattern), words)
    for pattern, words in (
        (r"(\S+) died (\d+) times soon after its start", r"la version \1 s’est arrêtée \2 fois peu après son départ"),
        (r"tried (\d+) times, died each time in (\w+)", r"essayée \1 fois, arrêtée chaque fois en route (\2)"),
        (r"it needs Python (\S+), this terminal has (\S+)", r"il lui faut Python \1, cette borne a \2"),
        (r"no wheel of (\S+) is for this machine and its Python", r"le paquet \1 n’existe pas pour cette machine"),
        (r"it does not start within (\d+) s", r"elle ne démarre pas en \1 s"),
        (r"its first start was killed by signal (\d+)", r"son premier départ a été interrompu (signal \1)"),
        (r"it can't be started: (.*)", r"elle ne peut pas démarrer : \1"),
        (r"(\S+) is missing", r"il manque \1"),
        (r"(\S+) is not JSON", r"\1 n’est pas du JSON"),
        (r"(\S+) is not an object", r"\1 n’a pas la forme attendue"),
        (r"index\.json has format (\S+), this software reads (\S+)",
         r"l’édition est au format \1, ce logiciel lit le format \2"),
        (r"its manifest is not one that this software reads: (.*)", r"ce logiciel ne sait pas lire sa liste : \1"),
        (r"the manifest is of version (\S+)", r"la liste est celle de la version \1"),
        (r"(\d+) bytes lack: .*", r"il manque \1 octets sur le disque"),
        (r"ended after (\d+) of (\d+) bytes", r"la réponse s’arrête à \1 octets sur \2"),
        (r"\[Errno 28\].*", r"le disque est plein"),
    )
]  # fmt: skip
"""`(what the terminal says, what people read)`: what stands in the brackets is a fact, kept as it is."""


def reason_words(reason: str) -> str:
    """What is not known is shown as it came: better in English than not at all. Several, with a semicolon between."""
    return " ; ".join(_words(one) for one in reason.split("; "))


def why(reason: str) -> str:
    """The same, where something must stand."""
    return reason_words(reason) or "sans dire pourquoi"


def _words(reason: str) -> str:
    for pattern, words in PATTERNS:
        if found := pattern.fullmatch(reason):
            return found.expand(words)
    return REASONS.get(reason, reason)
