"""Which terminals are looked for: by text, state, group, tag, place, version. Pure."""

import unicodedata
from dataclasses import dataclass

from fleet_server.terminals.cards import Card


@dataclass(frozen=True, slots=True)
class Search:
    """Empty means any. `text` is sought in name, place, commune and id, whatever its accents, case and hyphens."""

    text: str = ""
    state: str = ""
    group: str = ""
    tag: str = ""
    kind: str = ""
    department: str = ""
    software: str = ""
    release: str = ""
    drift: bool = False

    def finds(self, card: Card) -> bool:
        place = card.want.place
        return (
            self.state in ("", card.condition.key)
            and (not self.group or self.group.lower() in card.terminal.groups)
            and (not self.tag or self.tag.lower() in card.terminal.tags)
            and self.kind in ("", place.kind)
            and self.department in ("", place.department)
            and self.software in ("", card.report.software if card.report else None)
            and self.release in ("", card.release)
            and (card.differs or not self.drift)
            and plain(self.text) in plain(f"{card.terminal.name} {place.name} {place.commune_name} {card.terminal.id}")
        )


def plain(text: str) -> str:
    """Without accents, case, hyphens and apostrophes."""
    letters = "".join(one for one in unicodedata.normalize("NFD", text) if not unicodedata.combining(one))
    return " ".join("".join(" " if one in "-’'" else one for one in letters).casefold().split())
