"""Where a page of the timeline goes on: after the moment, the source and the id of its last line."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Integer, and_, or_, true

FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(2199, 12, 31)
"""Beyond them no calendar and no database agree."""
_MOST = 2**31 - 1
_KEY = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6})Z~([a-z])~([A-Za-z0-9.:-]{1,60})$")


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """Lines are in this order, newest first: at one moment by source, then by id. Ids of one source sort as texts."""

    at: datetime
    source: str
    id: str

    def __str__(self) -> str:
        return f"{self.at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z~{self.source}~{self.id}"


def read_key(text: str) -> Key | None:
    """None for what is no key of ours: the first page."""
    found = _KEY.match(text)
    try:
        at = datetime.fromisoformat(found[1]).replace(tzinfo=UTC) if found else None
    except ValueError:
        return None
    return Key(at, found[2], found[3]) if found and at and FIRST_DAY < at.date() < LAST_DAY else None


def older(at: Any, ident: Any, source: str, before: Key | None) -> ColumnElement[bool]:
    """Rows of this source that come after `before` in the order of the page."""
    if before is None:
        return true()
    if source != before.source:
        return at <= before.at if source < before.source else at < before.at  # type: ignore[no-any-return]
    last: str | int = before.id
    if isinstance(ident.type, Integer):
        last = min(int(before.id), _MOST) if before.id.isdecimal() else 0
    # The first half lets an index on `at` serve.
    return and_(at <= before.at, or_(at < before.at, ident < last))
