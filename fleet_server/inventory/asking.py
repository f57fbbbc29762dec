"""Which terminals are made of what: the questions of the list, of programs, and of rollouts.

Each is one query whatever the size of the fleet. Only terminals in service are found.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy import ColumnElement, Row, and_, func, literal, select
from sqlmodel import Session, col

from fleet_server.inventory.models import Package, TerminalInventory
from fleet_server.terminals.models import Terminal

FACETS = ("model", "system", "kernel", "python", "agent")
"""What terminals are counted by: columns of `TerminalInventory`."""
MOST_VERSIONS = 200
_SERVING = col(Terminal.status) == "accepted"
_PACKAGE = (col(Package.source), col(Package.name), col(Package.version))


@dataclass(frozen=True, slots=True)
class Question:
    """Empty means any; values are compared whole. `version` of `package`: a whole one, or its beginning and a star
    (`3.0.*`). Names of packages are in small letters, as they are kept."""

    model: str = ""
    system: str = ""
    kernel: str = ""
    python: str = ""
    agent: str = ""
    package: str = ""
    version: str = ""

    @property
    def given(self) -> dict[str, str]:
        return {name: value for name, value in asdict(self).items() if value}


def question_of(**typed: str) -> Question:
    """As people and programs type it."""
    typed = {name: value.strip() for name, value in typed.items()}
    return Question(**typed | {"package": _small(typed.get("package", ""))})


class MadeOf(BaseModel):
    """One terminal in a few words. `version`: of the package asked for, empty where none was."""

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


def models_of(session: Session) -> dict[str, str]:
    """Terminal → what its machine calls itself, of those that have told. One query."""
    query = select(col(TerminalInventory.terminal), col(TerminalInventory.model))
    return {row.terminal: row.model for row in session.execute(query)}


def found(session: Session, question: Question, first: int = 0, most: int | None = None) -> list[MadeOf]:
    """By name; `most` of them from `first` on. One query."""
    row = TerminalInventory
    names = ("model", "memory_bytes", "system", "kernel", "python", "agent", "came_at")
    version: Any = literal("")
    if question.package:
        asked = _has(question.package, question.version)
        version = select(func.aggregate_strings(col(Package.version), ", ")).where(asked).scalar_subquery()
    columns = (getattr(row, name) for name in names)
    query = select(
        col(row.terminal), col(Terminal.name), *columns, col(row.package_count).label("packages"),
        version.label("version"),
    )  # fmt: skip
    query = _asked(query, question).order_by(col(Terminal.name), col(row.terminal)).offset(first).limit(most)
    return [MadeOf(**one._mapping) for one in session.execute(query)]


def how_many(session: Session, question: Question) -> int:
    """`found`, counted. One query."""
    count: int = session.execute(_asked(select(func.count()).select_from(TerminalInventory), question)).scalar_one()
    return count


def counts(session: Session, question: Question = Question()) -> dict[str, Counter[str]]:
    """By facet: value → how many there are of those that match in all else, so that another value may be chosen
    instead. One query; a machine that says nothing counts under ""."""
    columns = [getattr(TerminalInventory, name) for name in FACETS]
    asked = [getattr(question, name) for name in FACETS]
    query = _in_service(select(*columns, func.count()), question.package, question.version).group_by(*columns)
    made: dict[str, Counter[str]] = {name: Counter() for name in FACETS}
    for *values, many in session.execute(query):
        differs = [name for name, value, one in zip(FACETS, values, asked, strict=True) if one not in ("", value)]
        for name, value in zip(FACETS, values, strict=True):
            if differs in ([], [name]):
                made[name][value] += many
    return made


def versions(session: Session, words: str) -> list[VersionCount]:
    """Packages whose name contains `words`, by version, with how many terminals have each. At most `MOST_VERSIONS`."""
    many = func.count(col(TerminalInventory.terminal))
    query = (
        select(*_PACKAGE, many)
        .join(TerminalInventory, col(TerminalInventory.packages) == col(Package.packages))
        .join(Terminal, col(Terminal.id) == col(TerminalInventory.terminal))
        .where(_SERVING, _contains(words))
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


def _small(words: str) -> str:
    return words.strip().lower()


def _contains(words: str) -> ColumnElement[bool]:
    return col(Package.name).contains(_small(words), autoescape=True)


def _first(words: str) -> Any:
    """The package that is asked for by its whole name, before those that only contain it."""
    return col(Package.name) != _small(words)


def _asked(query: Any, question: Question) -> Any:
    query = _in_service(query, question.package, question.version)
    for name in FACETS:
        if value := getattr(question, name):
            query = query.where(getattr(TerminalInventory, name) == value)
    return query


def _in_service(query: Any, package: str, version: str) -> Any:
    """Of terminals in service, those that have this package."""
    row = TerminalInventory
    query = query.join(Terminal, col(Terminal.id) == col(row.terminal)).where(_SERVING)
    return query.where(select(col(Package.name)).where(_has(package, version)).exists()) if package else query


def _has(package: str, version: str) -> ColumnElement[bool]:
    """Of packages: those of the terminal that are asked for. One name may be Debian's and Python's at once."""
    named = and_(col(Package.packages) == col(TerminalInventory.packages), col(Package.name) == package)
    return and_(named, _is_version(version)) if version else named


def _is_version(version: str) -> ColumnElement[bool]:
    if version.endswith("*"):
        return col(Package.version).startswith(version[:-1], autoescape=True)
    return col(Package.version) == version
