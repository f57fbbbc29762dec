"""Which terminals are made of what: the questions of the list, of programs, and of whoever chooses terminals by them.

Each is one query whatever the size of the fleet. Terminals that were retired are never found.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, literal, or_, select
from sqlmodel import Session, col

from fleet_server.inventory.models import Package, TerminalInventory
from fleet_server.terminals.models import Terminal

FACETS = ("model", "system", "kernel", "python", "agent")
"""What terminals are counted by: columns of `TerminalInventory`."""
MOST_VERSIONS = 200
_PACKAGE = (col(Package.source), col(Package.name), col(Package.version))


@dataclass(frozen=True, slots=True)
class Question:
    """Empty means any; values are compared whole, but `version`, which may be the beginning of one (`3.0.`)."""

    model: str = ""
    system: str = ""
    kernel: str = ""
    python: str = ""
    agent: str = ""
    package: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """One terminal. `version`: of the package asked for, empty where none was."""

    terminal: str
    name: str
    model: str
    memory_bytes: int
    system: str
    kernel: str
    python: str
    agent: str
    packages: int
    came_at: datetime
    version: str


@dataclass(frozen=True, slots=True)
class VersionCount:
    source: str
    name: str
    version: str
    terminals: int


def matching(session: Session, question: Question) -> set[str]:
    """Ids of those that match: for rollouts, and for whoever else chooses terminals."""
    return set(session.execute(_asked(select(col(TerminalInventory.terminal)), question)).scalars())


def models_of(session: Session) -> dict[str, str]:
    """Terminal → what its machine calls itself, of those that have told. One query."""
    query = select(col(TerminalInventory.terminal), col(TerminalInventory.model))
    return dict(iter(session.execute(query).tuples()))


def found(session: Session, question: Question) -> list[Found]:
    """By name. One query."""
    row = TerminalInventory
    names = ("model", "memory_bytes", "system", "kernel", "python", "agent", "package_count", "came_at")
    version = (
        select(func.aggregate_strings(col(Package.version), ", ")).where(_has(question)).scalar_subquery()
        if question.package
        else literal("")
    )
    columns = select(col(row.terminal), col(Terminal.name), *(getattr(row, name) for name in names), version)
    query = _asked(columns, question).order_by(col(Terminal.name), col(row.terminal))
    return [Found(*one) for one in session.execute(query)]


def counts(session: Session, question: Question = Question()) -> dict[str, Counter[str]]:
    """By facet: value → how many of those that match. One query; a machine that says nothing counts under ""."""
    columns = select(*(getattr(TerminalInventory, name) for name in FACETS))
    made: dict[str, Counter[str]] = {name: Counter() for name in FACETS}
    for values in session.execute(_asked(columns, question)):
        for name, value in zip(FACETS, values, strict=True):
            made[name][value] += 1
    return made


def versions(session: Session, words: str) -> list[VersionCount]:
    """Packages whose name contains `words`, by version, with how many terminals have each. At most `MOST_VERSIONS`."""
    many = func.count(col(TerminalInventory.terminal))
    query = (
        select(*_PACKAGE, many)
        .join(TerminalInventory, col(TerminalInventory.packages) == col(Package.packages))
        .join(Terminal, col(Terminal.id) == col(TerminalInventory.terminal))
        .where(col(Terminal.status) != "decommissioned", _contains(words))
        .group_by(*_PACKAGE)
        .order_by(_first(words), col(Package.name), col(Package.source), many.desc(), col(Package.version))
        .limit(MOST_VERSIONS)
    )
    return [VersionCount(*one) for one in session.execute(query)]


def packages_of(
    session: Session, row: TerminalInventory, words: str, first: int, most: int
) -> tuple[int, Sequence[Row[tuple[str, str, str]]]]:
    """How many match, and `most` of them from `first` on: source, name, version. Two queries."""
    query = select(*_PACKAGE).where(col(Package.packages) == row.packages, _contains(words))
    total = session.execute(select(func.count()).select_from(query.subquery())).scalar_one()
    ordered = query.order_by(col(Package.source).desc(), col(Package.name)).offset(first).limit(most)
    return total, session.execute(ordered).all()


def of_terminal(session: Session, terminal: str) -> TerminalInventory | None:
    return session.get(TerminalInventory, terminal)


def _contains(words: str) -> ColumnElement[bool]:
    return col(Package.name).contains(words.strip().lower(), autoescape=True)


def _first(words: str) -> Any:
    """The package that is asked for by its whole name, before those that only contain it."""
    return col(Package.name) != words.strip().lower()


def _asked(query: Any, question: Question) -> Any:
    row = TerminalInventory
    query = query.join(Terminal, col(Terminal.id) == col(row.terminal)).where(col(Terminal.status) != "decommissioned")
    for name in FACETS:
        if value := getattr(question, name):
            query = query.where(getattr(row, name) == value)
    if question.package:
        query = query.where(select(col(Package.name)).where(_has(question)).exists())
    return query


def _has(question: Question) -> ColumnElement[bool]:
    """Of packages: those of the terminal that are asked for. One name may be Debian's and Python's at once."""
    named = and_(col(Package.packages) == col(TerminalInventory.packages), col(Package.name) == question.package)
    return and_(named, _is_version(question.version)) if question.version else named


def _is_version(version: str) -> ColumnElement[bool]:
    return or_(col(Package.version) == version, col(Package.version).startswith(version, autoescape=True))
