"""Which terminals are looked for, and in which order: one table of each, for pages, the API and the command line. Pure.

BadSearch     nothing is looked for: its words say what is accepted
"""

import inspect
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

from fleet_server.terminals.place_kinds import KINDS

if TYPE_CHECKING:
    from fleet_server.terminals.cards import Card

TEXT_MOST = 80


class BadSearch(ValueError):
    """`problems`: by criterion, or "sort"; sentences. `rest`: the search without what is wrong."""

    def __init__(self, problems: Mapping[str, str], rest: "Search") -> None:
        super().__init__(" ".join(problems.values()))
        self.problems, self.rest = problems, rest


class State(NamedTuple):
    """`word` in an address, `label` on a counter and a chip, `keys`: the conditions of `states` that it means."""

    word: str
    label: str
    keys: tuple[str, ...]
    counted: bool = True
    """Has a counter above the list; what is not counted there is rare, and found within another one or by its name."""


STATES = {
    "offline": State("hors-ligne", "hors ligne", ("offline", "isolated")),
    "degraded": State("degradee", "à regarder", ("degraded", "drift")),
    "updating": State("mise-a-jour", "mise à jour", ("updating",)),
    "online": State("en-ligne", "en ligne", ("online",)),
    "maintenance": State("en-maintenance", "en maintenance", ("maintenance",)),
    "closed": State("fermee", "fermée", ("closed",)),
    "pending": State("a-accepter", "à accepter", ("pending",)),
    "isolated": State("isolee", "isolée", ("isolated",), counted=False),
    "drift": State("en-ecart", "en écart", ("drift",), counted=False),
    "rejected": State("refusee", "refusée", ("rejected",), counted=False),
}


@dataclass(frozen=True, slots=True)
class Criterion:
    """`word`: its name in the address of a page. `values`: where only these are accepted, each with its word in an
    address and on a chip. `has`: what of a terminal a filter offers to choose from."""

    word: str
    label: str
    help: str
    fits: Callable[["Card", str], bool]
    has: Callable[["Card"], Iterable[str]] = lambda card: ()
    values: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    most: int = TEXT_MOST
    lower: bool = False
    """Case does not count: it is kept, and sought, in small letters."""

    @property
    def flag(self) -> bool:
        """It is asked for or not; there is nothing to choose."""
        return tuple(self.values) == ("true",)

    def said(self, value: str) -> str:
        """On a chip: « Groupe : mairies »."""
        shown = self.values[value][1] if self.values else f"« {value} »" if self.word == "q" else value
        return shown if self.flag else f"{self.label} : {shown}"


CRITERIA: dict[str, Criterion] = {
    "text": Criterion("q", "Texte", "Nom, lieu, commune ou identifiant, sans accents si l’on veut",
                      lambda card, value: plain(value) in _sought(card)),
    "state": Criterion("etat", "État", f"État : {', '.join(STATES)}",
                       lambda card, value: card.condition.key in STATES[value].keys,
                       values={name: (one.word, one.label) for name, one in STATES.items()}),
    "group": Criterion("groupe", "Groupe", "Groupe",
                       lambda card, value: value in card.terminal.groups, lambda card: card.terminal.groups,
                       lower=True),
    "tag": Criterion("etiquette", "Étiquette", "Étiquette",
                     lambda card, value: value in card.terminal.tags, lambda card: card.terminal.tags, lower=True),
    "kind": Criterion("genre", "Type de lieu", f"Type de lieu : {', '.join(KINDS)}",
                      lambda card, value: value == card.want.place.kind, lambda card: (card.want.place.kind,),
                      {kind: (kind.replace("_", "-"), label) for kind, label in KINDS.items()}),
    "department": Criterion("departement", "Département", "Département : 53",
                            lambda card, value: value == card.want.place.department,
                            lambda card: (card.want.place.department,), most=3),
    "software": Criterion("logiciel", "Logiciel", "Version du logiciel qui tourne",
                          lambda card, value: value == _software(card), lambda card: (_software(card) or "",)),
    "release": Criterion("edition", "Édition", "Édition en place",
                         lambda card, value: value == card.release,
                         lambda card: (card.release if card.release != "–" else "",)),
    "drift": Criterion("ecart", "Écart", "En écart avec le souhait", lambda card, value: card.differs,
                       values={"true": ("oui", "En écart avec le souhait")}),
}  # fmt: skip
"""By the name that programs use."""


@dataclass(frozen=True, slots=True)
class Sort:
    """`key` None: not known, which comes last either way. `falling`: how a first click sorts."""

    word: str
    rising_label: str
    falling_label: str
    key: Callable[["Card"], Any]
    falling: bool = False


SORTS: dict[str, Sort] = {
    "name": Sort("nom", "par nom", "par nom, de Z à A", lambda card: plain(card.terminal.name)),
    "opening": Sort("lieu", "lieux ouverts d’abord", "lieux fermés d’abord",
                    lambda card: {"open": 0, "closed": 1}.get(card.opening.state)),
    "release": Sort("edition", "édition la plus ancienne d’abord", "édition la plus récente d’abord",
                    lambda card: _in_order(card.release) or None),
    "software": Sort("logiciel", "logiciel le plus ancien d’abord", "logiciel le plus récent d’abord",
                     lambda card: _in_order(_software(card) or "") or None),
    "screen": Sort("ecran", "écran dessiné il y a le plus longtemps d’abord", "écran dessiné le plus récemment d’abord",
                   lambda card: card.report.window.painted_at if card.report else None),
    "visits": Sort("visites", "le moins de visites aujourd’hui d’abord", "le plus de visites aujourd’hui d’abord",
                   lambda card: (card.visits[-1], sum(card.visits)), falling=True),
    "heard": Sort("vue", "vue il y a le plus longtemps d’abord", "vue le plus récemment d’abord",
                  lambda card: card.heard_at, falling=True),
}  # fmt: skip
"""By the name that programs use; `-` before it turns it round. Without any: who needs something first."""
SORT_HELP = f"Ordre : {', '.join(SORTS)} ; « - » devant le renverse. Sans lui, qui demande quelqu’un d’abord"


@dataclass(frozen=True, slots=True)
class Search:
    """`given`: criterion → value, all of them to be met; `sort` as in `SORTS`. `search` makes it of what is asked."""

    given: Mapping[str, str] = field(default_factory=dict)
    sort: str = ""

    def finds(self, card: "Card", but: str = "") -> bool:
        """`but`: whatever that criterion asks."""
        return all(CRITERIA[name].fits(card, value) for name, value in self.given.items() if name != but)

    def among(self, cards: list["Card"]) -> list["Card"]:
        """Those found, in the order asked for; `cards` are in the order of who needs something first."""
        found = [card for card in cards if self.finds(card)]
        if not self.sort:
            return found
        key = SORTS[self.sort.removeprefix("-")].key
        known = [card for card in found if key(card) is not None]
        unknown = [card for card in found if key(card) is None]
        return sorted(known, key=key, reverse=self.sort.startswith("-")) + unknown

    def but(self, **changes: str) -> "Search":
        """With some criteria (or the sort) changed; empty takes one away."""
        given = dict(self.given) | {name: value for name, value in changes.items() if name != "sort"}
        return search(given, changes.get("sort", self.sort))

    def query(self, **more: object) -> str:
        """As in the address of the page, each criterion at its place; `more`: what is not a search (`page`)."""
        said = {one.word: one.values[self.given[name]][0] if one.values else self.given[name]
                for name, one in CRITERIA.items() if name in self.given}  # fmt: skip
        if self.sort:
            said["tri"] = ("-" if self.sort.startswith("-") else "") + SORTS[self.sort.removeprefix("-")].word
        return urlencode(said | {name: value for name, value in more.items() if value})

    def sorted_how(self) -> str:
        if not self.sort:
            return "qui demande quelqu’un d’abord"
        sort = SORTS[self.sort.removeprefix("-")]
        return sort.falling_label if self.sort.startswith("-") else sort.rising_label

    def said(self) -> str:
        """For people, in the order of the criteria."""
        return ", ".join(one.said(self.given[name]) for name, one in CRITERIA.items() if name in self.given)


def search(given: Mapping[str, str | bool], sort: str = "") -> Search:
    """From the names and values that programs use; those that are empty ask nothing. Raises `BadSearch`."""
    texts = {name: "true" if value is True else " ".join((value or "").split()) for name, value in given.items()}
    asked = {name: text.lower() if CRITERIA[name].lower else text for name, text in texts.items() if text}
    problems = {name: problem for name, value in asked.items() if (problem := _problem(CRITERIA[name], value))}
    if sort.removeprefix("-") not in ("", *SORTS) or sort == "-":
        problems["sort"] = f"« {sort[:40]} » n’est pas un ordre. Il y a : {', '.join(SORTS)}."
    found = Search({name: value for name, value in asked.items() if name not in problems},
                   "" if "sort" in problems else sort)  # fmt: skip
    if problems:
        raise BadSearch(problems, found)
    return found


def from_page(asked: Mapping[str, str]) -> Search:
    """From the words of a page's address; others are left out. Raises `BadSearch`, in these words."""
    problems, given = {}, {}
    for name, one in CRITERIA.items():
        value = " ".join(asked.get(one.word, "").split())
        known = {word: meant for meant, (word, _) in one.values.items()}
        if value and known and value not in known:
            problems[name] = f"« {one.word}={value[:40]} » n’existe pas. Il y a : {', '.join(known)}."
        elif value:
            given[name] = known.get(value, value)
    sort = asked.get("tri", "").strip()
    turned, word = sort.startswith("-"), sort.removeprefix("-")
    sorts = {one.word: name for name, one in SORTS.items()}
    if sort and word not in sorts:
        problems["sort"] = f"« tri={sort[:40]} » n’existe pas. Il y a : {', '.join(sorts)}."
    try:
        found = search(given, ("-" if turned else "") + sorts[word] if word in sorts else "")
    except BadSearch as bad:
        problems, found = {**problems, **bad.problems}, bad.rest
    if problems:
        raise BadSearch(problems, found)
    return found


def with_criteria(function: Any, parameter: Callable[[str, Criterion], inspect.Parameter]) -> Any:
    """`function` takes them as `**given`: each becomes a parameter by its name, as FastAPI and Typer read them."""
    signature = inspect.signature(function, eval_str=True)
    own = [one for one in signature.parameters.values() if one.kind is not one.VAR_KEYWORD]
    named = [parameter(name, criterion) for name, criterion in CRITERIA.items() if name not in signature.parameters]
    function.__signature__ = signature.replace(parameters=sorted([*own, *named], key=lambda one: one.kind))
    return function


def plain(text: str) -> str:
    """Without accents, case, hyphens and apostrophes."""
    letters = "".join(one for one in unicodedata.normalize("NFD", text) if not unicodedata.combining(one))
    return " ".join("".join(" " if one in "-’'" else one for one in letters).casefold().split())


def _problem(criterion: Criterion, value: str) -> str:
    if criterion.values and value not in criterion.values:
        return f"{criterion.label} : « {value[:40]} » n’existe pas. Il y a : {', '.join(criterion.values)}."
    if len(value) > criterion.most:
        return f"{criterion.label} : {criterion.most} caractères au plus, « {value[:20]}… » en a {len(value)}."
    if criterion.word == "q" and not plain(value):  # would be in every text: the whole fleet, as if it were found
        return f"{criterion.label} : « {value} » ne cherche rien. Il y faut une lettre ou un chiffre."
    return ""


def _sought(card: "Card") -> str:
    place = card.want.place
    return plain(f"{card.terminal.name} {place.name} {place.commune_name} {card.terminal.id}")


def _software(card: "Card") -> str | None:
    return card.report.software if card.report else None


def _in_order(label: str) -> list[int]:
    """`2026.48-10` comes after `2026.48-9`, `0.10.0` after `0.9.2`."""
    return [int(number) for number in re.findall(r"\d+", label)]
