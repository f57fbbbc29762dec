"""The audit log as a chain: each link seals a line's field names and the salted digests of their values, and the link
before it. Pure: rows in, the first break out.

A link holds no value, so it is kept for ever. A value goes with its salt: what remains of it in the link tells nothing,
and the chain stays whole. See docs/decisions/0013.
"""

import hashlib
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

GENESIS = "0" * 64
"""What the first link follows."""
GROUPS = ("detail", "before", "after")
"""Columns that hold named values: each is a field of its own, `before.name`."""


@dataclass(frozen=True, slots=True)
class Line:
    """What one line says. `at`: aware. `terminals`: ids of those it was about."""

    at: datetime
    account_id: int | None
    who: str
    act: str
    subject: str
    terminals: list[str]
    detail: dict[str, Any]
    before: dict[str, Any]
    after: dict[str, Any]

    def fields(self) -> dict[str, Any]:
        plain = {"account": self.account_id, "who": self.who, "subject": self.subject, "terminals": self.terminals}
        named = {f"{group}.{name}": value for group in GROUPS for name, value in getattr(self, group).items()}
        return plain | named


@dataclass(frozen=True, slots=True)
class Link:
    """`digests`: field → digest of its salted value. `seal` covers all the rest."""

    number: int
    at: datetime
    act: str
    digests: dict[str, str]
    previous: str
    seal: str


@dataclass(frozen=True, slots=True)
class Head:
    """Where the chain ends: as the database says, or as somebody noted it earlier."""

    number: int = 0
    seal: str = GENESIS


@dataclass(frozen=True, slots=True)
class Row:
    """One number, as found: a link, a line with the salts it still has, or one of them without the other."""

    number: int
    link: Link | None
    line: Line | None
    salts: dict[str, str] = field(default_factory=dict)


class Broken(Exception):
    """The first line where the chain does not hold."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(f"ligne n° {number} : {reason}")
        self.number = number
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Whole:
    """The chain holds up to `head`; `erased` lines have lost a value or more, `forgotten` all of them."""

    head: Head
    erased: int = 0
    forgotten: int = 0


def new_salts(line: Line) -> dict[str, str]:
    """One a field: to give up one value's salt leaves the others provable."""
    return {name: secrets.token_urlsafe(16) for name in line.fields()}


def linked(after: Head, line: Line, salts: dict[str, str]) -> Link:
    digests = {name: _digest([salts[name], name, value]) for name, value in line.fields().items()}
    number = after.number + 1
    return Link(number, line.at, line.act, digests, after.seal, seal_of(number, line.at, line.act, digests, after.seal))


def seal_of(number: int, at: datetime, act: str, digests: dict[str, str], previous: str) -> str:
    return _digest([number, at.astimezone(UTC).isoformat(timespec="microseconds"), act, digests, previous])


def _digest(value: Any) -> str:
    plain = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(plain.encode()).hexdigest()


def verify(rows: Iterable[Row], head: Head, now: datetime, kept: timedelta, noted: Head | None = None) -> Whole:
    """`rows` by number, every one there is; `head` as the database says it. Raises `Broken`.

    `kept`: a line that lost everything must be at least so old. `noted`: a head written down earlier, elsewhere: what
    whoever can write to the database could not have changed as well.
    """
    last, erased, forgotten, met = Head(), 0, 0, noted is None or noted.number == 0
    for row in rows:
        link = _in_place(row, last)
        if row.line is None:
            forgotten += 1
            if now - link.at < kept:
                raise Broken(row.number, f"ses valeurs manquent, et elle a moins de {kept.days} jours")
        else:
            erased += bool(_erased(row, link))
        last = Head(row.number, link.seal)
        if noted and noted.number == last.number:
            met = noted.seal == last.seal
            if not met:
                raise Broken(row.number, "son sceau n’est pas celui qui avait été noté")
    if last != head:
        raise Broken(last.number + 1, f"elle manque : le journal va jusqu’au n° {head.number}")
    if not met and noted:
        raise Broken(last.number + 1, f"elle manque : le n° {noted.number} avait été noté")
    return Whole(last, erased, forgotten)


def _in_place(row: Row, last: Head) -> Link:
    """The row's link, once it is sure that it follows and was not changed."""
    if row.number != last.number + 1:
        raise Broken(last.number + 1, "elle manque")
    if row.link is None:
        raise Broken(row.number, "elle n’a pas de maillon : elle a été ajoutée")
    link = row.link
    if link.previous != last.seal:
        raise Broken(row.number, "elle ne suit pas la précédente")
    if link.seal != seal_of(link.number, link.at, link.act, link.digests, link.previous):
        raise Broken(row.number, "son maillon a été changé")
    return link


def _erased(row: Row, link: Link) -> list[str]:
    """The fields that were erased; raises for one that was changed or added."""
    assert row.line is not None
    if (row.line.at, row.line.act) != (link.at, link.act):
        raise Broken(row.number, "son heure ou son geste a été changé")
    found = row.line.fields()
    added = sorted(found.keys() - link.digests.keys())
    if added:
        raise Broken(row.number, f"« {added[0]} » a été ajouté")
    for name, digest in sorted(link.digests.items()):
        salt, value = row.salts.get(name), found.get(name)
        # What nobody was named in (no terminal, no account) has nothing to erase: its salt is there like any other.
        if salt is None and value not in (None, "", []):
            raise Broken(row.number, f"« {name} » n’est plus prouvé, et n’est pas effacé")
        if salt is not None and _digest([salt, name, value]) != digest:
            raise Broken(row.number, f"« {name} » a été changé")
    return [name for name in link.digests if name not in row.salts]
