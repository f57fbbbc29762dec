"""What an order to many terminals will do, told before it is given. Pure; the moment may differ, never the reasons."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fleet_server.web.french import agreed, day, hour, plural

_NAMED = 4
"""Of more than so many, the number tells more than the names."""
_AT_ONCE = ("window.restart",)
"""Asked for when the window is in trouble: they end a visit without being forced."""


@dataclass(frozen=True, slots=True)
class Aim:
    """One terminal that an order is meant for. `refusal`: why it can be given none. `waiting`: orders before it."""

    id: str
    name: str
    refusal: str = ""
    online: bool = False
    in_visit: bool = False
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class Effect:
    """One line of the confirmation. `names`: all of them; the words name few."""

    shape: str
    tone: str
    words: str
    names: tuple[str, ...] = ()


@dataclass
class Foreseen:
    """Names of terminals, by what happens to them. `cut`: at once, and a visit ends by it."""

    now: list[str] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)
    after_visit: list[str] = field(default_factory=list)
    away: list[str] = field(default_factory=list)
    refused: dict[str, list[str]] = field(default_factory=dict)
    behind: list[str] = field(default_factory=list)
    """Of those above, those whose line is not empty: what waits there goes first."""
    gentle: bool = True
    """No visit ends by it, whoever stands there by then."""

    @property
    def given(self) -> int:
        return len(self.now) + len(self.cut) + len(self.after_visit) + len(self.away)

    @property
    def total(self) -> int:
        return self.given + sum(len(names) for names in self.refused.values())


def foresee(order: dict[str, Any], aims: Sequence[Aim]) -> Foreseen:
    """`order` is a valid one, as a `wire.command.Order` is written."""
    by_force = bool(order.get("force")) or order["kind"] in _AT_ONCE
    found = Foreseen(gentle=not by_force)
    for aim in aims:
        if aim.refusal:
            found.refused.setdefault(aim.refusal, []).append(aim.name)
            continue
        if not aim.online:
            found.away.append(aim.name)
        elif aim.in_visit and by_force:
            found.cut.append(aim.name)
        elif aim.in_visit and "force" in order:
            found.after_visit.append(aim.name)
        else:
            found.now.append(aim.name)
        if aim.waiting:
            found.behind.append(aim.name)
    return found


def sentence(found: Foreseen, until: datetime, now: datetime) -> str:
    """`7 bornes : 5 maintenant, 1 à la fin de la visite ; Laval est hors ligne : elle l’aura si elle revient avant
    18:00 ; 1 ne peut pas : pas encore enrôlée.`"""
    parts = [
        f"{len(names)} {words}"
        for names, words in (
            (found.now, "maintenant"),
            (found.cut, "maintenant, en coupant une visite"),
            (found.after_visit, "à la fin de la visite"),
        )
        if names
    ]
    said = [", ".join(parts)] if parts else []
    if found.away:
        many = len(found.away) > 1
        said.append(f"{few(found.away)} {'sont' if many else 'est'} hors ligne : {_if_back(many, until, now)}")
    said += [f"{len(names)} ne {_can(names)} pas : {why}" for why, names in found.refused.items()]
    return f"{_terminals(found.total)} : {' ; '.join(said)}." if said else "Aucune borne n’est choisie."


def effects(found: Foreseen, until: datetime, now: datetime) -> list[Effect]:
    """The same, a line each, with the names."""
    lines = []
    if found.now:
        lines.append(Effect("check", "ok", f"{few(found.now)} : maintenant.", tuple(found.now)))
    if found.cut:
        one = f"{few(found.cut)} : maintenant ; la personne qui s’en sert perd sa visite."
        lines.append(Effect("tri", "bad", one, tuple(found.cut)))
    if found.after_visit:
        words = f"{few(found.after_visit)} : à la fin de la visite en cours."
        lines.append(Effect("half", "run", words, tuple(found.after_visit)))
    if found.away:
        many = len(found.away) > 1
        words = f"{few(found.away)} : hors ligne, {_if_back(many, until, now)}."
        lines.append(Effect("clock", "warn", words, tuple(found.away)))
    if found.behind:
        words = f"{few(found.behind)} : après les commandes qui attendent déjà."
        lines.append(Effect("dash", "off", words, tuple(found.behind)))
    for why, names in found.refused.items():
        lines.append(Effect("slash", "off", f"{few(names)} : rien, {why}.", tuple(names)))
    if found.given and found.gentle:
        lines.append(Effect("check", "off", "Aucune visite n’est interrompue."))
    return lines


@dataclass
class Open:
    """What is open, by names of terminals or of commands. `untaken`: never sent; `sent`: not answered yet; `waiting`:
    accepted, for the end of a visit; `begun`: too late."""

    untaken: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)

    def add(self, name: str, state: str, not_begun: bool) -> None:
        line = {"queued": self.untaken, "sent": self.sent}.get(state, self.waiting)
        (line if not_begun else self.begun).append(name)


def called_off(found: Open, noun: str = "borne") -> tuple[list[Effect], int]:
    """What calling off does to what is open, and how many it reaches. `noun`: of what the names are, `commande` those
    of one terminal."""
    lines = []
    if found.untaken:
        said = agreed(len(found.untaken), "n’aura pas lieu", "n’auront pas lieu")
        lines.append(Effect("slash", "off", f"{few(found.untaken, noun)} : {said}.", tuple(found.untaken)))
    for names, one, many in (
        (found.sent, "envoyée, sans réponse encore", "envoyées, sans réponse encore"),
        (found.waiting, "acceptée, attend la fin d’une visite", "acceptées, attendent la fin d’une visite"),
    ):
        if names:
            said = f"{agreed(len(names), one, many)} ; {_by_terminal(len(names), noun)}"
            lines.append(Effect("clock", "warn", f"{few(names, noun)} : {said}.", tuple(names)))
    if begun := found.begun:
        said = agreed(len(begun), "déjà commencée ou annulée, se termine", "déjà commencées ou annulées, se terminent")
        lines.append(Effect("half", "run", f"{few(begun, noun)} : {said}.", tuple(begun)))
    return lines, len(found.untaken) + len(found.sent) + len(found.waiting)


def _by_terminal(count: int, noun: str) -> str:
    if count == 1:
        return "la borne l’annule si elle ne l’a pas commencée entre-temps"
    if noun == "borne":
        return "les bornes les annulent si elles ne les ont pas commencées entre-temps"
    return "la borne les annule si elle ne les a pas commencées entre-temps"


def was_called_off(ended: int, asked: int) -> str:
    """Of commands, once it is done: what has ended, and what a terminal has yet to confirm."""
    said = [plural(ended, "commande annulée", "commandes annulées")] if ended else []
    if asked:
        said.append(f"annulation demandée pour {plural(asked, 'commande')}, réponse à venir")
    words = " ; ".join(said) or "rien n’attendait"
    return f"{words[0].upper()}{words[1:]}."


def few(names: Sequence[str], noun: str = "borne") -> str:
    """`Laval et Segré`; of many, how many."""
    if len(names) > _NAMED:
        return f"{len(names)} {noun}s"
    return " et ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else list(names))


def before(until: datetime, now: datetime) -> str:
    """`avant 18:00`, with the day when it is another."""
    return f"avant {hour(until)}" if day(until) == day(now) else f"avant le {day(until)} à {hour(until)}"


def _if_back(many: bool, until: datetime, now: datetime) -> str:
    if many:
        return f"elles l’auront si elles reviennent {before(until, now)}"
    return f"elle l’aura si elle revient {before(until, now)}"


def _can(names: Sequence[str]) -> str:
    return "peuvent" if len(names) > 1 else "peut"


def _terminals(count: int) -> str:
    return f"{count} borne{'s' if count > 1 else ''}"
