"""What each refusal says to people (BACKOFFICE §3 “Error”, §11 voice). `links`: an empty address is the page itself."""

from typing import Any

RETRY = ("Réessayer", "")
HOME = ("Aller à l’accueil", "/")
DEFAULTS: dict[str, Any] = {
    "tone": "warn",
    "shape": "tri",
    "more": "",
    "works": "",
    "waits": "",
    "lost": None,
    "reference": "",
    "links": [HOME],
}
_AWAY = {
    "title": "Un service ne répond pas",
    "tone": "bad",
    "shape": "oct",
    "sentence": "Un service dont cette page dépend ne répond plus.",
    "more": "Les bornes, elles, continuent d’accueillir : ce qu’elles ont à dire attend sur leur disque.",
    "works": "les bornes, les pages déjà ouvertes",
    "waits": "états, nouvelles demandes, commandes",
    "lost": "rien",
    "links": [RETRY, HOME],
}
TEXTS: dict[int, dict[str, Any]] = {
    401: {
        "title": "Connexion nécessaire",
        "tone": "run",
        "shape": "ring",
        "sentence": "Votre session est terminée.",
        "links": [("Se connecter", "/connexion")],
    },
    403: {"title": "Accès réservé", "shape": "slash", "sentence": "Ce n’est pas ouvert à votre rôle."},
    404: {
        "title": "Page introuvable",
        "tone": "off",
        "shape": "ring",
        "sentence": "Rien ne se trouve à cette adresse.",
        "more": "Le lien est peut-être incomplet, ou ce qu’il désignait a été retiré.",
    },
    405: {
        "title": "Geste impossible",
        "tone": "off",
        "shape": "slash",
        "sentence": "Cette adresse attend autre chose.",
    },
    409: {
        "title": "Déjà changé",
        "sentence": "Quelqu’un a changé cela entre-temps.",
        "more": "Rien de ce que vous avez envoyé n’a été appliqué.",
    },
    413: {"title": "Trop volumineux", "sentence": "C’est trop volumineux pour être reçu."},
    422: {
        "title": "Valeur à revoir",
        "sentence": "Une valeur de cette adresse ou de ce formulaire ne convient pas.",
    },
    429: {"title": "Un instant", "shape": "clock", "sentence": "Trop d’essais à la suite."},
    500: {
        "title": "Cette page n’a pas pu être faite",
        "tone": "bad",
        "shape": "oct",
        "sentence": "Le serveur a rencontré une erreur en préparant cette page.",
        "more": "Les bornes, elles, continuent d’accueillir. La référence dit à l’astreinte où regarder.",
        "works": "les bornes, les autres pages",
        "waits": "ce que vous vouliez faire",
        "lost": "rien de ce qui était enregistré",
        "links": [RETRY, HOME],
    },
    502: _AWAY,
    503: _AWAY,
}
