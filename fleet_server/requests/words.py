"""How a request reads to the counsellor: sentences and small words, in French."""

from datetime import datetime, timedelta
from typing import get_args

from fleet_server.requests.acts import ActName
from fleet_server.requests.inbox import Card
from fleet_server.requests.working_time import CLOSES, PARIS, is_working_day, next_working_morning
from fleet_server.web.french import day, long_day
from wire.request import ContactForm

CHANNELS = {"phone": "au téléphone", "sms": "par SMS", "email": "par courriel"}
TIMES = {"morning": "le matin", "noon": "entre midi et deux", "afternoon": "l’après-midi", "evening": "après 17 h",
         "any": ""}  # fmt: skip
LANGUAGES = {"fr": "français", "fr-simple": "français simple", "en": "anglais"}
ORGANISATIONS = (
    "Cnam Pays de la Loire", "Région, Choisir mon métier", "France Travail", "Apec", "Cap emploi", "Mission locale",
    "CEP des salariés", "Transitions Pro", "CIO", "France services", "Campus connecté",
)  # fmt: skip
"""Where a person may be redirected; another one may be typed."""

SAID: dict[str, tuple[str, str]] = {
    "take": ("Prise", "Vous suivez maintenant cette demande."),
    "take_over": ("Reprise", "Vous suivez maintenant cette demande."),
    "release": ("Rendue à l’équipe", "Demande rendue à l’équipe."),
    "no_answer": ("Essai sans réponse", "Essai noté."),
    "answered": ("A répondu", "Réponse notée."),
    "converted": ("Devenue parcours", "Demande close : elle est devenue un parcours."),
    "redirected": ("Réorientée", "Demande close : réorientée."),
    "unreachable": ("Dite injoignable", "Demande close : injoignable."),
    "withdrawn": ("Retirée par la personne", "Demande close : retirée."),
    "spam": ("Indésirable", "Demande écartée comme indésirable."),
    "reopen": ("Rouverte", "Demande rouverte, vous la suivez."),
    "undo": ("Dernier geste annulé", "C’est annulé."),
}
"""Act → what the timeline says, and what the toast says: it travels in a cookie, so it names nobody."""
assert set(get_args(ActName)) < SAID.keys()


def wish(form: ContactForm) -> tuple[str, str]:
    """How and when the person wants to be reached: `("à joindre au téléphone", "plutôt le matin")`."""
    times = [TIMES[when] for when in form.when if TIMES[when]]
    return f"à joindre {CHANNELS[form.channel]}", f"plutôt {' ou '.join(times)}" if times else "quand vous voulez"


def phone(number: str) -> str:
    """As people read it aloud: by pairs."""
    digits = number.replace(" ", "")
    return " ".join(digits[at : at + 2] for at in range(0, 10, 2)) if digits.isdigit() and len(digits) == 10 else number


def deposited(card: Card) -> str:
    """Only the hour is known, on purpose."""
    if card.deposited is None:
        return "date inconnue : la borne n’était pas à l’heure"
    date = card.deposited.date()
    near_day = long_day(date).rsplit(" ", 1)[0] if card.now.date() - date < timedelta(days=60) else day(date, year=True)
    return f"{near_day}, entre {card.row.hour} h et {(card.row.hour + 1) % 24} h"


def delay(card: Card) -> str:
    """How long the person has waited, in working hours; empty when nobody can know."""
    if card.waited is None:
        return "date inconnue"
    return (
        "moins d’une heure" if card.waited < 1 else f"{card.waited:.0f} h ouvrées" if card.waited >= 2 else "1 h ouvrée"
    )


def attempt(card: Card) -> str:
    """`1er essai`, `2e essai`; empty before the first."""
    number = card.row.attempts
    return "" if not number else "1er essai" if number == 1 else f"{number}e essai"


def to_call_back(card: Card) -> str:
    at = card.row.call_back_at
    if at is None:
        return ""
    here, today = at.astimezone(PARIS), card.now.astimezone(PARIS).date()
    which = (
        "aujourd’hui" if here.date() == today else "demain" if here.date() == today + timedelta(days=1) else day(here)
    )
    return f"rappel {which} à {here:%-H:%M}"


def call_back(choice: str, now: datetime) -> datetime | None:
    """When to try again: in two hours, at the next working morning, or in the evening of a working day."""
    here = now.astimezone(PARIS)
    match choice:
        case "heures":
            return now + timedelta(hours=2)
        case "matin":
            return next_working_morning(now)
        case "soir":
            evening = here.replace(hour=CLOSES.hour, minute=15, second=0, microsecond=0)
            if is_working_day(here.date()) and here < evening:
                return evening
            return next_working_morning(now).replace(hour=CLOSES.hour, minute=15)
        case _:
            return None


def kept_words(kept: timedelta) -> str:
    """`12 mois` for a year of days."""
    months = round(kept.days / 30.4)
    return f"{months} mois" if abs(kept.days - months * 30.4) < 2 else f"{kept.days} jours"
