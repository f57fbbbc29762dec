"""What a counsellor may do with a request: a table of acts, decided purely, then one guarded update.

NotNow    say why to the person: the request is not in a state for this act
Overtaken someone else acted first: show what they did
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import update
from sqlmodel import Session, col, select

from fleet_server.requests.models import CLOSED, OPEN, ContactAct, ContactRequest, State

ActName = Literal[
    "take", "take_over", "release", "no_answer", "answered", "converted", "redirected", "unreachable", "withdrawn",
    "spam", "reopen",
]  # fmt: skip


class NotNow(Exception):
    """The message is French and says what is possible instead."""


class Overtaken(Exception):
    """The request changed since the page was drawn."""


@dataclass(frozen=True, slots=True)
class Rule:
    """From which states to which (None: its own).

    `attempt`: the person was tried once more; `answer`: it counts as a first response.
    """

    allowed: tuple[State, ...]
    to: State | None
    attempt: bool = False
    answer: bool = False


RULES: dict[ActName, Rule] = {
    "take": Rule(("new",), "taken"),
    "take_over": Rule(("taken", "contacted"), None),
    "release": Rule(("taken", "contacted"), "new"),
    "no_answer": Rule(("taken", "contacted"), "taken", attempt=True, answer=True),
    "answered": Rule(("taken", "contacted"), "contacted", attempt=True, answer=True),
    "converted": Rule(("taken", "contacted"), "converted", answer=True),
    "redirected": Rule(("new", "taken", "contacted"), "redirected", answer=True),
    "unreachable": Rule(("taken", "contacted"), "unreachable", answer=True),
    "withdrawn": Rule(("new", "taken", "contacted"), "withdrawn"),
    "spam": Rule(("new", "taken"), "spam"),
    "reopen": Rule(CLOSED, "taken"),
}


@dataclass(frozen=True, slots=True)
class Deed:
    """Who does what, when. `detail` is an organisation (redirected) or nothing: never a person's words."""

    act: ActName
    by: str
    by_name: str
    now: datetime
    detail: str = ""
    call_back_at: datetime | None = None


def decide(request: ContactRequest, deed: Deed) -> dict[str, Any]:
    """The columns this act changes, with their new values. Raises `NotNow`."""
    rule = RULES[deed.act]
    if request.state not in rule.allowed:
        raise NotNow(_refusal(request))
    if deed.act == "unreachable" and request.attempts == 0:
        raise NotNow("Un essai au moins avant de la dire injoignable : notez-le d’abord.")
    changes: dict[str, Any] = {"state": rule.to or request.state, "call_back_at": deed.call_back_at}
    if deed.act == "release":
        changes |= {"taken_by": "", "taken_by_name": "", "taken_at": None}
    elif request.state == "new" or deed.act in ("reopen", "take_over"):
        changes |= {"taken_by": deed.by, "taken_by_name": deed.by_name, "taken_at": deed.now}
    if rule.attempt:
        changes["attempts"] = request.attempts + 1
    if rule.answer and request.first_response_at is None:
        changes["first_response_at"] = deed.now
    if rule.to in CLOSED:
        changes["closed_at"] = deed.now
    elif request.state in CLOSED:
        changes["closed_at"] = None
    if deed.act == "redirected":
        changes["redirected_to"] = deed.detail
    return changes


def perform(session: Session, request: ContactRequest, deed: Deed, seen: int) -> ContactAct:
    """Do it, if nobody did anything since revision `seen`. Raises `NotNow` or `Overtaken`."""
    if request.revision != seen:
        raise Overtaken
    changes = decide(request, deed)
    before = {name: _plain(getattr(request, name)) for name in changes}
    return _write(session, request, changes, deed, before)


def undo(session: Session, request: ContactRequest, by: str, by_name: str, now: datetime) -> ContactAct:
    """Put back what one's own last act changed. Raises `NotNow` when there is none, or somebody acted since."""
    last = session.exec(
        select(ContactAct).where(ContactAct.request == request.id, ContactAct.revision == request.revision)
    ).first()
    if last is None or last.act == "undo":
        raise NotNow("Il n’y a rien à annuler sur cette demande.")
    if last.by != by:
        raise NotNow(f"{last.by_name} a agi depuis sur cette demande : c’est à revoir ensemble.")
    changes = {name: _typed(name, value) for name, value in last.before.items()}
    return _write(session, request, changes, Deed("take", by, by_name, now), {}, act="undo", detail=last.act)


def _write(session: Session, request: ContactRequest, changes: dict[str, Any], deed: Deed, before: dict[str, Any],
           act: str = "", detail: str = "") -> ContactAct:  # fmt: skip
    revision = request.revision + 1
    guarded = (
        update(ContactRequest)
        .where(col(ContactRequest.id) == request.id, col(ContactRequest.revision) == request.revision)
        .values(**changes, revision=revision)
        .execution_options(synchronize_session=False)
    )
    if session.connection().execute(guarded).rowcount != 1:
        raise Overtaken
    done = ContactAct(
        request=request.id, revision=revision, at=deed.now, by=deed.by, by_name=deed.by_name,
        act=act or deed.act, detail=detail or deed.detail, before=before,
    )  # fmt: skip
    session.add(done)
    session.flush()
    session.refresh(request)
    return done


def _refusal(request: ContactRequest) -> str:
    if request.state in OPEN and request.taken_by_name:
        return f"{request.taken_by_name} s’en occupe déjà."
    if request.state in CLOSED:
        return "Cette demande est close. Rouvrez-la d’abord."
    return "Prenez d’abord la demande."


_TIMES = {"taken_at", "first_response_at", "call_back_at", "closed_at"}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _typed(name: str, value: Any) -> Any:
    return datetime.fromisoformat(value) if name in _TIMES and value else value
