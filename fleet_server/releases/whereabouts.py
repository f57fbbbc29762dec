"""Which edition is where: what was wished of each terminal, and what each says it shows. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from fleet_server.releases.models import ContentRelease
from fleet_server.terminals.cards import Card
from fleet_server.terminals.progress import progress_in_words
from fleet_server.terminals.reasons import reason_words
from fleet_server.web.vocabulary import State, state_of
from wire.state import ContentState

_TOLD = ("downloading", "waiting", "verifying", "rolled_back", "failed")


@dataclass(frozen=True, slots=True)
class Edition:
    """A release with the terminals asked to show it, those that do, and those that keep it to go back to."""

    row: ContentRelease
    wanted: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    newer_than_wanted: bool = False

    @property
    def state(self) -> State:
        if self.wanted:
            there = len(set(self.wanted) & set(self.shown))
            if there == len(self.wanted):
                return State("check", "ok", f"Sur {_terminals(there)}")
            return State("half", "run", f"Sur {_terminals(there)}, {len(self.wanted) - there} en route")
        if self.shown:
            return State("half", "run", f"Encore sur {_terminals(len(self.shown))}")
        if self.newer_than_wanted:
            return State("dash", "off", "Prête")
        return State("ring", "off", "Gardée pour revenir en arrière" if self.kept else "Ancienne")


def editions(rows: Sequence[ContentRelease], cards: Sequence[Card]) -> list[Edition]:
    """In the order of `rows`, newest first."""
    wanted = {card.terminal.id: card.want.release.id for card in cards if card.want.release}
    newest_wanted = next((place for place, row in enumerate(rows) if row.id in wanted.values()), len(rows))
    made = []
    for place, row in enumerate(rows):
        contents = {card.terminal.id: content_of(card) for card in cards}
        made.append(
            Edition(
                row,
                wanted=[terminal for terminal, release in wanted.items() if release == row.id],
                shown=[one for one, content in contents.items() if content.active and content.active.id == row.id],
                kept=[one for one, content in contents.items() if content.previous and content.previous.id == row.id],
                newer_than_wanted=place < newest_wanted,
            )
        )
    return made


def content_of(card: Card) -> ContentState:
    return card.report.content if card.report else ContentState()


def step_of(card: Card, now: datetime) -> tuple[State, str]:
    """Where this terminal is on its way to what is wished: a state, and a detail in words."""
    content, want = content_of(card), card.want.release
    if want is None:
        return State("ring", "off", "Rien de demandé"), ""
    if content.active and content.active.id == want.id:
        return State("check", "ok", "À jour"), ""
    if card.report is None:
        return state_of("rollout_terminal", "queued"), "la borne n’a encore rien dit"
    if content.target and content.target.id == want.id and content.phase in _TOLD:
        return state_of("rollout_terminal", content.phase), _detail(card, content, now)
    return state_of("rollout_terminal", "queued"), ""


def _detail(card: Card, content: ContentState, now: datetime) -> str:
    on_its_way = content.lacks_bytes or content.waits_for
    if content.phase in ("downloading", "waiting") and on_its_way:
        return progress_in_words(content, card.want.settings.timezone, now)
    return f"{round(content.progress * 100)} %" if content.phase == "downloading" else reason_words(content.reason)


def _terminals(count: int) -> str:
    return f"{count} borne{'s' if count > 1 else ''}"
