"""Where terminals stand on the map of the region: marks in the map's own units, labels kept off each other."""

from dataclasses import dataclass

from fleet_server.terminals.cards import Card
from fleet_server.web.vocabulary import state_of

# The two formulas of `web/assets/pays-de-la-loire.json`.
_X, _Y = (40.943, 215.142), (-61.084, 3129.527)
# What the map shows of its units (`viewBox`), and how large a label is in them.
_LEFT, _RIGHT = 107.0, 256.0
_LABEL_HEIGHT = 7.0
_LETTER = 3.05
NAMED = 40
"""As many of the first get a name; the others are marks alone, or the map would be a smear, and long to draw."""
_ALWAYS = 12
"""Up to so many, a name is written even over another one."""

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Mark:
    x: float
    y: float
    shape: str
    tone: str
    name: str
    word: str
    dx: float
    dy: float
    anchor: str


def marks(cards: list[Card]) -> list[Mark]:
    """One mark a terminal; each label takes the first free side within the map: right, left, below, above."""
    taken = [_dot(card) for card in cards]
    made = [_unnamed(card) for card in cards[NAMED:]]
    for card in sorted(cards[:NAMED], key=lambda one: one.want.place.latitude):
        state = state_of("terminal", card.condition.key)
        x, y = _at(card)
        name, width = card.terminal.name, len(card.terminal.name) * _LETTER
        shift = max(_LEFT - (x - width / 2), 0.0) + min(_RIGHT - (x + width / 2), 0.0)
        sides = (
            (7.0, 2.2, "start", (x + 6, y - 4, x + 7 + width, y + 4)),
            (-7.0, 2.2, "end", (x - 7 - width, y - 4, x - 6, y + 4)),
            (shift, 11.5, "middle", (x + shift - width / 2, y + 5, x + shift + width / 2, y + 5 + _LABEL_HEIGHT)),
            (shift, -7.0, "middle", (x + shift - width / 2, y - 6 - _LABEL_HEIGHT, x + shift + width / 2, y - 6)),
        )
        free = (one for one in sides if one[3][0] >= _LEFT and one[3][2] <= _RIGHT + 1 and not _meets(one[3], taken))
        side = next(free, sides[2] if len(cards) <= _ALWAYS else None)
        if side is None:
            made.append(_unnamed(card))
            continue
        taken.append(side[3])
        made.append(Mark(round(x, 1), round(y, 1), state.shape, state.tone, name, state.word, *side[:3]))
    return made


def _unnamed(card: Card) -> Mark:
    state, (x, y) = state_of("terminal", card.condition.key), _at(card)
    return Mark(round(x, 1), round(y, 1), state.shape, state.tone, "", state.word, 0, 0, "start")


def _meets(a: Box, others: list[Box]) -> bool:
    return any(a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3] for b in others)


def _at(card: Card) -> tuple[float, float]:
    place = card.want.place
    return _X[0] * place.longitude + _X[1], _Y[0] * place.latitude + _Y[1]


def _dot(card: Card) -> Box:
    x, y = _at(card)
    return x - 4.6, y - 4.6, x + 4.6, y + 4.6
