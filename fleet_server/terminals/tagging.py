"""Tags of many terminals at once: all of them, or none."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlmodel import Session

from fleet_server.terminals.labels import NotTaken, read_tags, set_tags
from fleet_server.terminals.models import Terminal
from fleet_server.web.viewer import Viewer


def retag(
    session: Session, terminals: Sequence[Terminal], put: Iterable[str], taken: Iterable[str], viewer: Viewer | None,
    now: datetime,
) -> int:  # fmt: skip
    """How many of them that changed; each leaves its line in the audit log. Raises `NotTaken`: nothing is changed."""
    put, taken = read_tags(put), {" ".join(tag.split()).lower() for tag in taken}
    if both := taken & set(put):
        raise NotTaken(f"« {min(both)} » est à la fois à mettre et à enlever.")
    wanted = {}
    for one in terminals:
        try:
            wanted[one.id] = read_tags({*one.tags, *put} - taken)
        except NotTaken as refused:
            raise NotTaken(f"{one.name} : {refused} Rien n’a changé.") from refused
    return sum(set_tags(session, one, wanted[one.id], viewer, now) for one in terminals)


def tags_of(terminals: Iterable[Terminal]) -> list[tuple[str, int]]:
    """What they have, with how many of them have it; the most frequent first."""
    counts = Counter(tag for one in terminals for tag in one.tags)
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
