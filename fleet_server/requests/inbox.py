"""The inbox: which requests wait, for whom, since when. Reads only; opening what they say is for the page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import cached_property
from urllib.parse import urlencode

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from sqlalchemy import ColumnElement, func, or_
from sqlmodel import Session, col, select

from fleet_server.requests.models import CLOSED, OPEN, ContactRequest
from fleet_server.requests.open import Unreadable, open_request
from fleet_server.requests.working_time import PARIS, PROMISED_HOURS, working_hours
from wire.request import ContactForm

PAGE = 50
# A deposit dated outside this span comes from a terminal whose clock was lost.
_BELIEVABLE = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Filters:
    """What the address asks for. `state`: `nouvelle`, `miennes`, `prises`, `rappel`, `close` or empty (all open)."""

    state: str = ""
    late: bool = False
    site: str = ""
    page: int = 1

    def query(self, **changed: object) -> str:
        """These filters as a query string, with some changed; empty ones leave."""
        new = replace(self, **changed)  # type: ignore[arg-type]
        named = {"etat": new.state, "retard": "oui" if new.late else "", "lieu": new.site}
        kept = {name: value for name, value in named.items() if value} | ({"page": new.page} if new.page > 1 else {})
        return f"?{urlencode(kept)}" if kept else ""


@dataclass(frozen=True)
class Card:
    """One request as a page shows it; opened on first use, for the time of one answer."""

    row: ContactRequest
    now: datetime
    keys: Mapping[str, X25519PrivateKey]

    @cached_property
    def opened(self) -> ContactForm | Unreadable:
        return open_request(self.row, self.keys)

    @property
    def form(self) -> ContactForm | None:
        return self.opened if isinstance(self.opened, ContactForm) else None

    @property
    def title(self) -> str:
        return self.form.name if self.form else "Demande illisible"

    @cached_property
    def deposited(self) -> datetime | None:
        """Beginning of the hour of the deposit; None when the terminal's clock can't be believed."""
        try:
            at = datetime.combine(date.fromisoformat(self.row.day), time(self.row.hour), PARIS)
        except ValueError:
            return None
        return at if self.now - _BELIEVABLE < at < self.now + timedelta(hours=2) else None

    @cached_property
    def waited(self) -> float | None:
        """Working hours until the first response, or until now."""
        until = self.row.first_response_at or self.row.closed_at or self.now
        return None if self.deposited is None else working_hours(self.deposited, until)

    @property
    def late(self) -> bool:
        unanswered = self.row.state in OPEN and self.row.first_response_at is None
        return unanswered and self.waited is not None and self.waited > PROMISED_HOURS

    def matches(self, filters: Filters, login: str) -> bool:
        row = self.row
        if (filters.site and row.site != filters.site) or (filters.late and not self.late):
            return False
        match filters.state:
            case "nouvelle":
                return row.state == "new"
            case "miennes":
                return row.state in ("taken", "contacted") and row.taken_by == login
            case "prises":
                return row.state in ("taken", "contacted") and row.taken_by != login
            case "rappel":
                return row.state in OPEN and row.call_back_at is not None and row.taken_by == login
            case "close":
                return row.state in CLOSED
            case _:
                return row.state in OPEN


@dataclass(frozen=True)
class Group:
    title: str
    cards: Sequence[Card]


@dataclass(frozen=True)
class Inbox:
    """`counts`: per value of `etat`, and `late`: what each filter would leave with the others kept."""

    groups: Sequence[Group]
    counts: Mapping[str, int]
    sites: Sequence[tuple[str, str]]
    pages: int

    @property
    def cards(self) -> list[Card]:
        return [card for group in self.groups for card in group.cards]


def waiting(session: Session) -> int:
    """How many requests nobody has taken: the rail's counter."""
    return session.exec(select(func.count()).where(ContactRequest.state == "new")).one()


def late(session: Session, now: datetime) -> int:
    """How many have waited longer than promised for a first answer. Opens none."""
    unanswered = select(ContactRequest).where(
        col(ContactRequest.state).in_(OPEN), col(ContactRequest.first_response_at).is_(None)
    )
    return sum(Card(row, now, {}).late for row in session.exec(unanswered))


def inbox(session: Session, filters: Filters, login: str, now: datetime,
          keys: Mapping[str, X25519PrivateKey], chosen: str = "") -> Inbox:  # fmt: skip
    """Three queries whatever the number of requests. `chosen` stays in its list although it no longer matches."""
    here = or_(col(ContactRequest.state).in_(OPEN), col(ContactRequest.id) == chosen)
    cards = sorted(
        (Card(row, now, keys) for row in session.exec(select(ContactRequest).where(here))), key=_oldest_first
    )

    def count(**changed: object) -> int:
        return sum(card.matches(replace(filters, **changed), login) for card in cards)  # type: ignore[arg-type]

    counts = {state: count(state=state) for state in ("nouvelle", "miennes", "prises", "rappel", "")}
    counts["late"] = count(late=True)
    counts["close"] = session.exec(select(func.count()).where(*_closed_here(filters))).one()
    if filters.state == "close":
        groups = [Group("La dernière close d’abord", _closed(session, filters, now, keys))]
    else:
        groups = _grouped([card for card in cards if card.row.id == chosen or card.matches(filters, login)], login)
    sites = {card.row.site: card.row.commune_name or card.row.place for card in cards if card.row.site}
    pages = max(1, -(-counts["close"] // PAGE)) if filters.state == "close" else 1
    by_name = sorted(sites.items(), key=lambda site: site[1])
    return Inbox([group for group in groups if group.cards], counts, by_name, pages)


def _grouped(cards: Sequence[Card], login: str) -> list[Group]:
    taken = [card for card in cards if card.row.state != "new"]
    return [
        Group("La plus ancienne d’abord", [card for card in cards if card.row.state == "new"]),
        Group("Prises par moi", [card for card in taken if card.row.taken_by == login]),
        Group("Prises dans l’équipe", [card for card in taken if card.row.taken_by != login]),
    ]


def _closed(session: Session, filters: Filters, now: datetime, keys: Mapping[str, X25519PrivateKey]) -> list[Card]:
    newest = select(ContactRequest).where(*_closed_here(filters)).order_by(
        col(ContactRequest.closed_at).desc(), col(ContactRequest.id)
    )  # fmt: skip
    return [Card(row, now, keys) for row in session.exec(newest.offset((filters.page - 1) * PAGE).limit(PAGE))]


def _closed_here(filters: Filters) -> list[ColumnElement[bool]]:
    site = [col(ContactRequest.site) == filters.site] if filters.site else []
    return [col(ContactRequest.state).in_(CLOSED), *site]


def _oldest_first(card: Card) -> tuple[datetime, str]:
    """A deposit without a believable date comes first: it may be the oldest."""
    return card.deposited or datetime.min.replace(tzinfo=PARIS), card.row.id
