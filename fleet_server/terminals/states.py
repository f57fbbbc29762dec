"""How a terminal is, from what it last said, the hours of its place and the time. Pure; words for people in French."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from fleet_server.terminals.away import ONLINE_WITHIN
from fleet_server.terminals.opening import Opening
from fleet_server.terminals.progress import progress_in_words
from fleet_server.terminals.reasons import why
from fleet_server.terminals.software_standing import MOVING, Standing, standing
from fleet_server.terminals.upkeep.spells import NOTHING, Upkeep
from fleet_server.terminals.upkeep.words import in_short
from wire.state import Desired, Reported

HOT = 75.0
DISK_LOW, DISK_LOW_BYTES = 0.15, 10 * 10**9
"""Both: a tenth of a large disk is more than a kiosk ever fills."""
DISK_OUT = 0.05
BACKLOG = timedelta(hours=1)
CERTIFICATE_LOW = timedelta(days=21)
"""It is renewed by itself 30 days before its end: by then that has failed for nine days."""
ABSENT = timedelta(minutes=2)
"""A window that is started anew is away for some seconds."""
NAMED = 6
"""In one sentence; of more, the last ones are counted: the list below has them all."""
LATE = timedelta(minutes=15)
"""How long a wish may take before the terminal counts as drifting; visits and downloads take their time."""


@dataclass(frozen=True, slots=True)
class Condition:
    """`key` as in FLEET (`web.vocabulary`), a short detail for the list, and what is wrong, in sentences."""

    key: str
    detail: str
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Vitals:
    """Of the last health sample."""

    temperature: float | None = None
    disk_free: float | None = None
    disk_free_bytes: int = 0


def condition(
    status: str, isolated: str, heard_at: datetime | None, report: Reported | None, want: Desired | None,
    wished_at: datetime | None, vitals: Vitals, opening: Opening, now: datetime,
    upkeep: Upkeep = NOTHING,
) -> Condition:  # fmt: skip
    if status != "accepted":
        return Condition(status, {"pending": "pas encore enrôlée"}.get(status, ""))
    if isolated:
        return Condition("isolated", "deux machines, une clé", (isolated + " Enrôlez de nouveau la bonne.",))
    if upkeep.current:
        return Condition("maintenance", in_short(upkeep, now))  # silent or not: it is not down
    if report and report.maintenance_until and report.maintenance_until > now:
        return Condition("maintenance", "ordonnée d’ici")
    if heard_at is None or now - heard_at > ONLINE_WITHIN:
        if opening.state == "closed":
            return Condition("closed", "normal, lieu fermé")
        return Condition("offline", "jamais vue" if heard_at is None else "ne répond plus",
                         ("Le réseau du lieu et la prise sont à voir d’abord. "
                          "Ce qu’elle a compté l’attend sur son disque.",))  # fmt: skip
    problems = _problems(report, vitals, now)
    if problems:
        return Condition("degraded", problems[0][0], tuple(sentence for _, sentence in problems))
    if opening.state == "closed":
        return Condition("closed", "normal, lieu fermé")
    software = standing(want, report, now) if want and report else Standing("unknown")
    if software.key in MOVING:
        return Condition("updating", f"logiciel : {software.said}")
    if software.key == "drift":
        return Condition("drift", "logiciel en dérive", (f"Son logiciel a dérivé : elle {software.said}.",))
    if report and report.content.phase in ("downloading", "waiting", "verifying"):
        return Condition("updating", progress_in_words(report.content, want.settings.timezone if want else "", now))
    if want and report and report.revision < want.revision and wished_at and now - wished_at > LATE:
        return Condition("drift", "souhait pas encore appliqué",
                         (f"Elle en est au souhait n° {report.revision}, le n° {want.revision} attend.",))  # fmt: skip
    return Condition("online", "en visite" if report and report.window.in_visit else "en attente de visite")


def _problems(report: Reported | None, vitals: Vitals, now: datetime) -> list[tuple[str, str]]:
    """(in a few words, in a sentence)"""
    found: list[tuple[str, str]] = []
    if report:
        window, content, outbox = report.window, report.content, report.outbox
        if window.status == "out_of_service":
            found.append(("écran hors service", "L’écran montre « hors service » : la fenêtre n’a pas redémarré."))
        elif window.status == "stalled" and window.painted_at is None:
            found.append(("rien à l’écran",
                          "L’écran n’affiche rien depuis le démarrage ; la borne relance sa fenêtre."))  # fmt: skip
        elif window.status == "stalled":
            found.append(("écran figé", "La page ne dessine plus ; la borne essaie de la relancer par elle-même."))
        elif is_dark(report):
            found.append(("pas de fenêtre",
                          "Sa fenêtre n’est pas ouverte : l’écran n’affiche rien de la borne."))  # fmt: skip
        if content.phase == "rolled_back" and content.target:
            found.append(("revenue en arrière",
                          f"L’édition {content.target.label} a été refusée : {why(content.reason)}."))  # fmt: skip
        if content.phase == "failed" and content.target:
            found.append(("contenu pas arrivé",
                          f"L’édition {content.target.label} n’a pas pu être prise : "
                          f"{why(content.reason)}."))  # fmt: skip
        update = report.software_state
        if update.phase in ("rolled_back", "failed") and update.target:
            short = "logiciel revenu en arrière" if update.phase == "rolled_back" else "logiciel pas installé"
            again = " Un autre essai ne servirait à rien." if update.rejected else ""
            found.append(
                (short, f"Elle n’a pas gardé la version {update.target.version} : {why(update.reason)}.{again}")
            )
        if holds_back(report, now):
            found.append(("messages en attente", f"{outbox.waiting} événements attendent d’être envoyés."))
        if outbox.requests_overdue:
            many = outbox.requests_overdue > 1
            found.append(("demandes retenues",
                          f"{outbox.requests_overdue} demande{'s' if many else ''} de rappel "
                          f"attend{'ent' if many else ''} de partir depuis plus d’une heure."))  # fmt: skip
        if report.certificate_until and report.certificate_until - now < CERTIFICATE_LOW:
            left = max(0, (report.certificate_until - now).days)
            found.append(("certificat à renouveler",
                          f"Son certificat prend fin dans {left} jour{'s' if left > 1 else ''} et ne s’est pas "
                          "renouvelé : elle n’entrera plus chez le courtier."))  # fmt: skip
        if not report.clock_trusted:
            found.append(("horloge non sûre", "Son horloge n’a pas encore été vérifiée ; l’heure reçue fait foi."))
    if vitals.temperature is not None and vitals.temperature > HOT:
        found.append((f"{vitals.temperature:.0f} °C", f"Processeur à {vitals.temperature:.0f} °C, seuil {HOT:.0f} °C."))
    if vitals.disk_free is not None and (
        vitals.disk_free < DISK_OUT or (vitals.disk_free < DISK_LOW and vitals.disk_free_bytes < DISK_LOW_BYTES)
    ):
        share = round(vitals.disk_free * 100)
        found.append((f"disque à {100 - share} %", f"Il reste {share} % de place sur son disque."))
    return found


def is_dark(report: Reported) -> bool:
    """Whether it has been without a window for long. Both moments are by its own clock, whatever that says."""
    window = report.window
    since = window.absent_since or window.painted_at
    return window.status == "absent" and since is not None and report.at - since > ABSENT


def holds_back(report: Reported | None, now: datetime) -> bool:
    """Whether it said that it has had something to send for long."""
    oldest = report.outbox.oldest_at if report else None
    return oldest is not None and now - oldest > BACKLOG


def fleet_sentence(conditions: dict[str, Condition], names: dict[str, str]) -> str:
    """What matters now, in words: the sentence under the title."""
    if not conditions:
        return "Aucune borne pour l’instant."
    silent = sorted(names[one] for one, how in conditions.items() if how.key in ("offline", "isolated"))
    weak = sorted(names[one] for one, how in conditions.items() if how.key in ("degraded", "drift"))
    worked_on = sorted(names[one] for one, how in conditions.items() if how.key == "maintenance")
    serving = sum(how.key in ("online", "updating", "degraded", "drift") for how in conditions.values())
    parts = [f"{serving} borne{'s' if serving > 1 else ''} sur {len(conditions)} en service."]
    if silent:
        parts.append(f"{_and(silent)} ne répond{'ent' if len(silent) > 1 else ''} plus.")
    if worked_on:
        parts.append(f"En maintenance : {_and(worked_on)}.")
    if weak:
        parts.append(f"À regarder : {_and(weak)}.")
    return " ".join(parts)


def _and(names: list[str]) -> str:
    if len(names) > NAMED:
        return f"{', '.join(names[: NAMED - 1])} et {len(names) - NAMED + 1} autres"
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " et " + names[-1]
