"""Where terminals stand on the map of the region: marks in the map's own units, labels kept off each other."""

from dataclasses import dataclass

from fleet_server.terminals.cards import Card
from fleet_server.web.vocabulary import state_of

# The two formulas of `web/assets/pays-de-la-loire.json`.
_X, _Y = (40.943, 215.142), (-61.084, 3129.527)
_LABEL_HEIGHT = 7.0
_LETTER = 2.9
_EDGES = (107.0, 256.0)


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
    """One mark a terminal; each label takes the first free side: right, left, below, above."""
    taken: list[tuple[float, float, float, float]] = []
    made = []
    for card in sorted(cards, key=lambda one: one.want.place.latitude):
        place, state = card.want.place, state_of("terminal", card.condition.key)
        x, y = _X[0] * place.longitude + _X[1], _Y[0] * place.latitude + _Y[1]
        name, width = card.terminal.name, len(card.terminal.name) * _LETTER
        sides = (
            (7.0, 2.2, "start", (x + 6, y - 4, x + 7 + width, y + 4)),
            (-7.0, 2.2, "end", (x - 7 - width, y - 4, x - 6, y + 4)),
            (0.0, 11.0, "middle", (x - width / 2, y + 4, x + width / 2, y + 4 + _LABEL_HEIGHT)),
            (0.0, -6.5, "middle", (x - width / 2, y - 6 - _LABEL_HEIGHT, x + width / 2, y - 5)),
        )
        free = (one for one in sides if _inside(one[3]) and not any(_overlap(one[3], other) for other in taken))
        side = next(free, sides[0])
        taken += [side[3], (x - 5, y - 5, x + 5, y + 5)]
        made.append(Mark(round(x, 1), round(y, 1), state.shape, state.tone, name, state.word, *side[:3]))
    return made


def _inside(box: tuple[float, float, float, float]) -> bool:
    return box[0] >= _EDGES[0] and box[2] <= _EDGES[1]


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
