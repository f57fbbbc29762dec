"""Every state people see: shape, tone and French word, in one table (BACKOFFICE §4). Data keeps the English state.

Shapes are those of `bits.html`; tones `ok` green, `run` blue, `warn` amber, `bad` red, `off` grey, `you` orange.
"""

from typing import NamedTuple


class State(NamedTuple):
    shape: str
    tone: str
    word: str


UNKNOWN = State("ring", "off", "Inconnu")

STATES: dict[str, dict[str, State]] = {
    "terminal": {
        "online": State("dot", "ok", "En ligne"),
        "degraded": State("tri", "warn", "Dégradée"),
        "offline": State("oct", "bad", "Hors ligne"),
        "closed": State("moon", "off", "Fermée"),
        "updating": State("half", "run", "Mise à jour"),
        "drift": State("diamond", "warn", "En écart"),
        "maintenance": State("pause", "off", "En maintenance"),
        "pending": State("dash", "off", "À accepter"),
        "rejected": State("slash", "off", "Refusée"),
        "decommissioned": State("slash", "off", "Retirée"),
        "isolated": State("oct", "bad", "Isolée"),
        "unknown": State("ring", "off", "Inconnue"),
    },
    "rollout": {
        "draft": State("ring", "off", "Brouillon"),
        "waiting_for_approval": State("lamp", "you", "À approuver"),
        "ready": State("dash", "off", "Prêt"),
        "running": State("half", "run", "En cours"),
        "paused": State("pause", "warn", "En pause"),
        "stopped": State("stop", "bad", "Arrêté"),
        "finished": State("check", "ok", "Terminé"),
    },
    "rollout_terminal": {
        "queued": State("clock", "off", "En file"),
        "downloading": State("half", "run", "Télécharge"),
        "installing": State("half", "run", "Installe"),
        "restarting": State("half", "run", "Redémarre"),
        "waiting": State("half", "run", "Attend la fin de visite"),
        "verifying": State("half", "run", "Vérification"),
        "in_progress": State("half", "run", "En cours"),
        "succeeded": State("check", "ok", "Réussie"),
        "rolling_back": State("back", "warn", "Revient en arrière"),
        "rolled_back": State("back", "warn", "Revenue en arrière"),
        "failed": State("oct", "bad", "Échec"),
        "timed_out": State("oct", "bad", "Sans réponse"),
        "rejected": State("slash", "off", "Refusée"),
        "removed": State("slash", "off", "Sortie"),
        "cancelled": State("slash", "off", "Annulée"),
    },
    "software": {
        "unknown": UNKNOWN,
        "as_is": State("ring", "off", "Rien n’est demandé"),
        "current": State("check", "ok", "À jour"),
        "wanted": State("clock", "off", "Demandée"),
        "downloading": State("half", "run", "Télécharge"),
        "installing": State("half", "run", "Installe"),
        "restarting": State("half", "run", "Redémarre"),
        "verifying": State("half", "run", "À l’essai"),
        "rolling_back": State("back", "warn", "Revient en arrière"),
        "rolled_back": State("back", "warn", "Revenue en arrière"),
        "failed": State("oct", "bad", "Échec"),
        "rejected": State("slash", "bad", "Refusée"),
        "drift": State("diamond", "warn", "Dérive"),
    },
    "content": {
        "unknown": UNKNOWN,
        "as_is": State("ring", "off", "Rien n’est demandé"),
        "current": State("check", "ok", "À jour"),
        "wanted": State("clock", "off", "Demandée"),
        "downloading": State("half", "run", "Télécharge"),
        "waiting": State("clock", "run", "Reçue, attend"),
        "verifying": State("half", "run", "Vérification"),
        "rolled_back": State("back", "warn", "Revenue en arrière"),
        "failed": State("oct", "bad", "Échec"),
        "rejected": State("slash", "bad", "Refusée"),
    },
    "command": {
        "queued": State("clock", "off", "En file"),
        "sent": State("dash", "run", "Envoyée"),
        "accepted": State("half", "run", "Acceptée"),
        "succeeded": State("check", "ok", "Réussie"),
        "failed": State("oct", "bad", "Échouée"),
        "rejected": State("slash", "off", "Refusée"),
        "expired": State("clock", "warn", "Expirée"),
        "cancelled": State("slash", "off", "Annulée"),
    },
    "request": {
        "new": State("lamp", "you", "À prendre"),
        "taken": State("half", "run", "Prise"),
        "to_call_back": State("clock", "warn", "À rappeler"),
        "contacted": State("dot", "run", "Contactée"),
        "converted": State("check", "ok", "Devenue parcours"),
        "redirected": State("check", "ok", "Réorientée"),
        "unreachable": State("slash", "off", "Injoignable"),
        "withdrawn": State("slash", "off", "Retirée"),
        "spam": State("slash", "off", "Indésirable"),
        "unreadable": State("oct", "bad", "Illisible"),
    },
    "maintenance": {
        "planned": State("clock", "off", "Prévus"),
        "in_force": State("half", "run", "En cours"),
        "ended": State("check", "ok", "Terminés"),
        "called_off": State("slash", "off", "Annulés"),
    },
    "place": {
        "open": State("ring", "ok", "Ouvert"),
        "closed": State("slash", "off", "Fermé"),
        "unknown": State("ring", "off", "Horaires inconnus"),
    },
    "setting": {
        "applied": State("check", "ok", "Appliqué"),
        "wanted": State("half", "run", "Demandé"),
        "waiting": State("clock", "off", "Attend la borne"),
    },
    "window": {
        "painting": State("dot", "ok", "Dessine"),
        "stalled": State("tri", "warn", "Figé"),
        "out_of_service": State("oct", "bad", "Hors service"),
        "absent": State("slash", "off", "Sans fenêtre"),
        "unknown": State("ring", "off", "Inconnu"),
    },
    "enrolment": {
        "open": State("dash", "run", "Valable"),
        "used": State("check", "ok", "Utilisé"),
        "expired": State("clock", "warn", "Expiré"),
        "revoked": State("slash", "off", "Révoqué"),
    },
    "token": {
        "active": State("dot", "ok", "En cours"),
        "expired": State("clock", "warn", "Expiré"),
        "revoked": State("slash", "off", "Révoqué"),
    },
    "account": {
        "active": State("dot", "ok", "Actif"),
        "invited": State("dash", "run", "Invité"),
        "expired": State("clock", "warn", "Invitation expirée"),
        "closed": State("slash", "off", "Fermé"),
    },
}


def state_of(thing: str, state: str) -> State:
    """What to show for `state` of `thing`; a state this table does not know is shown as unknown, never hidden."""
    return STATES[thing].get(state, UNKNOWN)
