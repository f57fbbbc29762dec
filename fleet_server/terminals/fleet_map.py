"""Where terminals stand on the map of the region: marks in the map's own units, kept off each other, and their names.

Pure. The outlines are those of the departments, kept in the assets: nothing is fetched from anywhere.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import cos, hypot, pi, sin
from urllib.parse import urlencode

from fleet_server.terminals.cards import ORDER, Card
from fleet_server.web.vocabulary import State, state_of
from wire.state import Place

# The two formulas of `web/assets/pays-de-la-loire.json`.
_X, _Y = (40.943, 215.142), (-61.084, 3129.527)
# What the map shows of its units (`viewBox`), how large a mark and a label are in them.
_LEFT, _RIGHT, _TOP, _BOTTOM = 107.0, 256.0, 159.0, 305.0
_RADIUS = 4.9
_LABEL_HEIGHT = 7.0
_LETTER = 3.05
NAMED = 40
"""As many of the first get a name and a link; the others are marks alone, or the map would be a smear, and long to draw
and to go through by keyboard: the list beside has them all."""
TOGETHER = 6
"""So many at one spot are drawn around it; more are one mark with their number."""
_ALWAYS = 12
"""Up to so many, a name is written even over another one."""

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Stand:
    """What the map knows of a terminal. `key`: its state, `detail` in a few words."""

    id: str
    name: str
    place: Place
    key: str
    detail: str = ""

    @property
    def at(self) -> tuple[float, float]:
        return _X[0] * self.place.longitude + _X[1], _Y[0] * self.place.latitude + _Y[1]

    @property
    def is_positioned(self) -> bool:
        return (self.place.latitude, self.place.longitude) != (0, 0)

    @property
    def said(self) -> str:
        word = state_of("terminal", self.key).word.lower()
        where = self.place.name if self.place.commune_name in self.place.name else (
            f"{self.place.name} à {self.place.commune_name}"
        )  # fmt: skip
        return f"{self.name}, {where} : {word}{f', {self.detail}' if self.detail else ''}"


@dataclass(frozen=True, slots=True)
class Mark:
    """`name`: written beside it, empty where there is no room; `said`: what it is, in words, empty for one that only
    the list tells; `link`: where it leads."""

    x: float
    y: float
    shape: str
    tone: str
    name: str = ""
    dx: float = 0
    dy: float = 0
    anchor: str = "start"
    said: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Drawn:
    """`states`: those that are on the map, with how many; `off`: terminals that are not on it, and why."""

    marks: tuple[Mark, ...]
    states: tuple[tuple[State, int], ...]
    off: tuple[tuple[Stand, str], ...]


@dataclass(frozen=True, slots=True)
class _Spot:
    """A mark before it has a name. `stands`: one, or all that are drawn as one."""

    x: float
    y: float
    stands: tuple[Stand, ...]

    @property
    def box(self) -> Box:
        return self.x - 4.6, self.y - 4.6, self.x + 4.6, self.y + 4.6

    @property
    def worst(self) -> Stand:
        return min(self.stands, key=lambda one: ORDER.index(one.key))


def drawn(cards: Sequence[Card]) -> Drawn:
    return laid_out([
        Stand(card.terminal.id, card.terminal.name, card.want.place, card.condition.key, card.condition.detail)
        for card in cards
    ])  # fmt: skip


def laid_out(stands: Sequence[Stand]) -> Drawn:
    """In their order, who needs something first: the first ones have their names."""
    on = [one for one in stands if one.is_positioned and _is_within(*one.at)]
    spots = list(_spots(on))
    keys = Counter(one.key for one in on)
    states = tuple((state_of("terminal", key), keys[key]) for key in ORDER if keys[key])
    off = tuple((one, "hors de la région" if one.is_positioned else "position non donnée")
                for one in stands if one not in on)  # fmt: skip
    return Drawn(tuple(_named(spots, {one.id: rank for rank, one in enumerate(on)})), states, off)


def _is_within(x: float, y: float) -> bool:
    return _LEFT <= x <= _RIGHT and _TOP <= y <= _BOTTOM


def _spots(stands: Sequence[Stand]) -> Iterator[_Spot]:
    """Terminals of one place or one commune would cover each other: they stand around the spot they share."""
    groups: list[tuple[float, float, list[Stand]]] = []
    for one in sorted(stands, key=lambda one: (one.place.latitude, one.place.longitude, one.name)):
        x, y = one.at
        mine = next((group for group in groups if hypot(group[0] - x, group[1] - y) < _RADIUS), None)
        if mine:
            mine[2].append(one)
        else:
            groups.append((x, y, [one]))
    for x, y, together in groups:
        count = len(together)
        if count == 1 or count > TOGETHER:
            yield _Spot(x, y, tuple(together))
            continue
        ring = _RADIUS / sin(pi / count)
        for place, one in enumerate(together):
            turn = pi + 2 * pi * place / count
            yield _Spot(x + ring * cos(turn), y + ring * sin(turn), (one,))


def _named(spots: Sequence[_Spot], ranks: dict[str, int]) -> Iterator[Mark]:
    """Each label takes the first free side within the map: right, left, below, above."""
    taken = [spot.box for spot in spots]
    for spot in sorted(spots, key=lambda spot: -spot.y):
        first, alone = spot.worst, len(spot.stands) == 1
        state = state_of("terminal", first.key)
        at = Mark(round(spot.x, 1), round(spot.y, 1), state.shape, state.tone)
        if alone and ranks[first.id] >= NAMED:
            yield at
            continue
        commune = first.place.commune_name
        name = first.name if alone else f"{commune}, {len(spot.stands)} bornes"
        said = first.said if alone else f"{name}, dont {first.name} : {state.word.lower()}"
        link = f"/bornes/{first.id}" if alone else f"/flotte?{urlencode({'text': commune})}"
        side = _side(spot, len(name) * _LETTER, taken, always=len(spots) <= _ALWAYS)
        if side is None:
            yield Mark(at.x, at.y, at.shape, at.tone, said=said, link=link)
            continue
        dx, dy, anchor, box = side
        taken.append(box)
        yield Mark(at.x, at.y, at.shape, at.tone, name, dx, dy, anchor, said, link)


def _side(spot: _Spot, width: float, taken: Sequence[Box], always: bool) -> tuple[float, float, str, Box] | None:
    x, y = spot.x, spot.y
    shift = max(_LEFT - (x - width / 2), 0.0) + min(_RIGHT - (x + width / 2), 0.0)
    sides = (
        (7.0, 2.2, "start", (x + 6, y - 4, x + 7 + width, y + 4)),
        (-7.0, 2.2, "end", (x - 7 - width, y - 4, x - 6, y + 4)),
        (shift, 11.5, "middle", (x + shift - width / 2, y + 5, x + shift + width / 2, y + 5 + _LABEL_HEIGHT)),
        (shift, -7.0, "middle", (x + shift - width / 2, y - 6 - _LABEL_HEIGHT, x + shift + width / 2, y - 6)),
    )
    others = [box for box in taken if box != spot.box]
    free = (one for one in sides if one[3][0] >= _LEFT and one[3][2] <= _RIGHT + 1 and not _meets(one[3], others))
    return next(free, sides[2] if always else None)


def _meets(a: Box, others: Sequence[Box]) -> bool:
    return any(a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3] for b in others)
