"""What each act in the audit log reads as. An act, or a detail, that is not here is shown by its own name."""

import re
from typing import Any

from fleet_server.web.viewer import ROLES

FAMILIES = {
    "account": "Comptes",
    "terminal": "Bornes",
    "maintenance": "Travaux prévus",
    "release": "Éditions",
    "trust": "Clés des éditions",
    "rollout": "Déploiements",
    "request": "Demandes",
    "usage": "Fréquentation",
    "token": "Jetons d’API",
    "audit": "Journal d’audit",
    "server": "Serveur",
}
ACTS = {
    "account.created": "Compte créé",
    "account.invited": "Invitation envoyée",
    "account.invited_again": "Nouvelle invitation",
    "account.invitation_accepted": "Invitation acceptée",
    "account.changed": "Compte modifié",
    "account.closed": "Compte fermé",
    "account.reopened": "Compte rouvert",
    "account.password_changed": "Mot de passe changé",
    "account.signed_in": "Connexion",
    "account.signed_out": "Déconnexion",
    "account.sign_in_refused": "Connexion refusée",
    "terminal.added": "Borne ajoutée",
    "terminal.settings_changed": "Réglages modifiés",
    "terminal.renamed": "Borne renommée",
    "terminal.moved": "Borne déplacée",
    "terminal.regrouped": "Borne changée de groupes",
    "terminal.tagged": "Étiquettes changées",
    "terminal.noted": "Note écrite",
    "terminal.note_changed": "Note corrigée",
    "terminal.note_deleted": "Note supprimée",
    "terminal.token_made": "Jeton d’enrôlement créé",
    "terminal.token_revoked": "Jeton d’enrôlement révoqué",
    "terminal.enrolled": "Borne enrôlée",
    "terminal.enrolment_refused": "Enrôlement refusé",
    "terminal.certificate_renewed": "Certificat renouvelé",
    "terminal.pairing_accepted": "Appairage accepté",
    "terminal.pairing_refused": "Appairage refusé",
    "terminal.pairing_wrong_code": "Code d’appairage inexact",
    "terminal.isolated": "Borne isolée",
    "terminal.decommissioned": "Borne retirée",
    "terminal.declared_stolen": "Borne déclarée volée",
    "terminal.put_out": "Connexion de la borne coupée au courtier",
    "terminal.command_given": "Commande donnée",
    "terminal.command_cancelled": "Commande annulée",
    "terminal.command_given_again": "Commande relancée",
    "terminal.commands_given": "Commande donnée à plusieurs bornes",
    "terminal.commands_cancelled": "Lot de commandes annulé",
    "terminal.commands_given_again": "Lot de commandes relancé",
    "terminal.commands_purged": "File de commandes vidée",
    "terminal.logs_read": "Journaux d’une borne lus",
    "terminal.inventory_exported": "Inventaire des bornes exporté",
    "terminal.list_exported": "Liste des bornes exportée",
    "terminal.view_shared": "Vue de la flotte partagée",
    "terminal.view_unshared": "Vue de la flotte retirée du partage",
    "terminal.view_renamed": "Vue de la flotte renommée",
    "terminal.view_deleted": "Vue de la flotte supprimée",
    "terminal.view_restored": "Vue de la flotte rétablie",
    "maintenance.planned": "Travaux prévus",
    "maintenance.changed": "Travaux changés",
    "maintenance.called_off": "Travaux annulés",
    "maintenance.ended": "Travaux terminés plus tôt",
    "maintenance.reopened": "Travaux rétablis",
    "release.published": "Édition publiée",
    "release.wished": "Édition demandée aux bornes",
    "release.rolled_back": "Retour à une édition",
    "software.staged": "Version du logiciel préparée",
    "software.published": "Version du logiciel publiée",
    "software.wished": "Version du logiciel demandée aux bornes",
    "rollout.created": "Déploiement préparé",
    "rollout.submitted": "Déploiement proposé",
    "rollout.approved": "Déploiement approuvé",
    "rollout.refused": "Déploiement renvoyé à son auteur",
    "rollout.started": "Déploiement lancé",
    "rollout.paused": "Déploiement mis en pause",
    "rollout.resumed": "Déploiement repris",
    "rollout.stopped": "Déploiement arrêté",
    "rollout.stopped_itself": "Déploiement arrêté de lui-même",
    "rollout.finished": "Déploiement terminé",
    "rollout.retried": "Nouvel essai dans un déploiement",
    "rollout.forced": "Déploiement forcé",
    "request.opened": "Demande lue",
    "request.listed": "Demandes listées",
    "request.taken": "Demande prise",
    "request.released": "Demande rendue",
    "request.moved": "Demande avancée",
    "request.purged": "Demandes effacées, leur temps passé",
    "request.undone": "Geste annulé sur une demande",
    "usage.exported": "Fréquentation exportée",
    "trust.init": "Clés mises à part du serveur",
    "trust.add": "Clé à ajouter",
    "trust.remove": "Clé à retirer",
    "trust.rotate": "Clé à remplacer",
    "trust.revoke": "Clé à révoquer",
    "trust.rotate_online": "Clé du serveur à remplacer",
    "trust.threshold": "Nombre de signatures à changer",
    "trust.renew": "Dates à repousser",
    "trust.import": "Signatures reçues",
    "trust.publish": "Changement de clés publié",
    "trust.abandon": "Changement de clés abandonné",
    "token.made": "Jeton d’API créé",
    "token.revoked": "Jeton d’API révoqué",
    "audit.erased": "Personne effacée du journal",
    "server.initialised": "Serveur créé",
    "server.ca_begun": "Autorité de la flotte : la suivante annoncée",
    "server.ca_switched": "Autorité de la flotte : la nouvelle délivre",
    "server.ca_finished": "Autorité de la flotte : l’ancienne effacée",
    "server.signing_begun": "Clé de signature : la suivante annoncée",
    "server.signing_switched": "Clé de signature : la nouvelle signe",
    "server.signing_finished": "Clé de signature : l’ancienne effacée",
}
WORDS = {
    "name": "nom",
    "roles": "rôles",
    "place": "lieu",
    "groups": "groupes",
    "tags": "étiquettes",
    "note": "note",
    "lines": "lignes",
    "asked": "demandé",
    "count": "nombre",
    "changes": "changements",
    "begins_at": "début",
    "ends_at": "fin",
    "first": "du",
    "last": "au",
    "simulated": "simulées",
    "reason": "raison",
    "kind": "genre",
    "label": "édition",
    "terminals": "bornes",
    "state": "état",
    "scope": "portée",
    "revision": "révision",
    "token": "jeton",
    "scopes": "droits",
    "until": "jusqu’au",
    "hint": "début",
    "certificates": "certificats révoqués",
    "generation": "enrôlement n°",
    "how": "par",
    "id": "empreinte",
    "order": "commande",
    "command": "numéro",
    "execution": "exécution",
    "skipped": "laissées de côté",
    "readable": "lisible",
    "shown": "montrées",
    "erased": "effacées",
    "kept_days": "gardées, en jours",
    "act": "geste",
    "from": "de",
    "to": "à",
    "tries": "essais",
    "why": "pourquoi",
    "lacking": "pas encore prêts",
}
_VALUES = ROLES | {"token": "jeton", "pairing": "code comparé"}
_DIGEST = re.compile(r"[0-9a-f]{64}")


def in_words(detail: Any) -> str:
    """The detail of an entry as a line of text."""
    match detail:
        case dict():
            return " · ".join(f"{WORDS.get(key, key)} : {in_words(value)}" for key, value in detail.items())
        case list():
            return ", ".join(in_words(value) for value in detail) or "rien"
        case "":
            return "rien"
        case bool():
            return "oui" if detail else "non"
        case None:
            return "rien"
        case _:
            said = str(detail)
            # The first of a digest tell it apart; sixty-four would hide all the rest of the line.
            return f"{said[:12]}…" if _DIGEST.fullmatch(said) else _VALUES.get(said, said)


def change_in_words(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, str, str]]:
    """What an act changed, by field: its word, what it was, what it became."""
    names = sorted({*before, *after})
    return [(WORDS.get(name, name), in_words(before.get(name)), in_words(after.get(name))) for name in names]
