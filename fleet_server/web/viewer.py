"""Who looks at a page: what the layout needs to know of the account that is signed in."""

from dataclasses import dataclass

ROLES = {"operator": "Exploitation", "counsellor": "Conseil", "admin": "Administration"}
"""Role → the word people read. What each may open is in `rail.PAGES` and on each route."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """`csrf` is the session's secret, never shown: forms carry tokens derived from it (`csrf_token`)."""

    id: int
    login: str
    name: str
    roles: frozenset[str]
    csrf: str

    def has(self, *roles: str) -> bool:
        return bool(self.roles & set(roles))

    @property
    def initials(self) -> str:
        words = [word for word in self.name.replace("-", " ").split() if word]
        return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper() or "?"

    @property
    def role_words(self) -> str:
        return ", ".join(word for role, word in ROLES.items() if role in self.roles)
