"""An authority, or the key that signs messages, is followed by another in three steps, and no terminal is lost by it.

begin    the next one is made, and told to terminals (and to the broker)      alone → announced
switch   it issues, or signs, from now on; the former one is still believed   announced → switched
finish   the former one is dropped                                            switched → alone

A step is written into the audit log before it is taken: one that was cut may be there twice, never not at all. Taken
again, it ends what was begun. Whether terminals and broker are ready is not presumed: they report it, it is asked.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from sqlmodel import Session

from fleet_server.access.audit import record_act
from fleet_server.context import Context
from fleet_server.db import reading, transaction
from fleet_server.succession import Stage
from wire.trust import Trusted

Step = Literal["begin", "switch", "finish"]
_FROM_TO: dict[Step, tuple[Stage, Stage]] = {
    "begin": ("alone", "announced"), "switch": ("announced", "switched"), "finish": ("switched", "alone"),
}  # fmt: skip
_DONE = {"begin": "begun", "switch": "switched", "finish": "finished"}
_OUT_OF_ORDER = {
    "begin": "Une relève est déjà en cours : finissez-la d’abord par « finish ».",
    "switch": "Rien n’est annoncé : commencez par « begin ».",
    "finish": "La suivante n’a pas encore pris la relève : « switch » d’abord.",
}


class Refused(Exception):
    """The message says why, to a person."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What an accepted terminal last reported; `trust` is None where its software says nothing of it."""

    terminal: str
    name: str
    reported: bool
    trust: Trusted | None

    @property
    def words(self) -> str:
        return f"{self.name} ({self.terminal})"

    @property
    def silence(self) -> str:
        """Why nothing is known of it; empty where it has told."""
        if not self.reported:
            return "n’a encore rien rapporté depuis son enrôlement"
        return "" if self.trust else "a un logiciel qui ne le dit pas encore : mettez-le à jour"


class Subject(Protocol):
    """What is followed by another. Its steps can be taken again, each."""

    name: str
    """`ca` or `signing`, as in the audit log."""

    @property
    def stage(self) -> Stage: ...
    def take(self, step: Step) -> None: ...
    def settle(self) -> None:
        """What follows from the stage that we are in, wherever the last step was cut."""

    def says(self, step: Step) -> list[str]: ...
    def lacking(self, step: Step, session: Session, heard: list[Heard]) -> list[str]: ...
    def prepare(self, step: Step, session: Session) -> None:
        """In the transaction that writes the step down."""


@dataclass(frozen=True, slots=True)
class Plan:
    """`taken`: the step was taken before, and only what was cut of it is left to do. `lacking`: who is not ready."""

    step: Step
    taken: bool
    says: list[str] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)


Hear = Callable[[Session], list[Heard]]


@contextmanager
def one_at_a_time(keys_dir: Path, me: int) -> Iterator[None]:
    """Around `plan` and `take`: of all processes. `me`: the user that this one runs as.

    Raises `Refused`, also for another user than the owner of the keys: the server could not read what they write.
    """
    descriptor = os.open(keys_dir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if (owner := os.fstat(descriptor).st_uid) != me:
            raise Refused(f"{keys_dir} est à un autre utilisateur : « sudo -u '#{owner}' balise server … ».")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused("Une autre commande fait une étape en ce moment : attendez qu’elle ait fini.") from None
        yield
    finally:
        os.close(descriptor)


def plan(ctx: Context, subject: Subject, step: Step, hear: Hear) -> Plan:
    """Raises `Refused` for a step that is not the next one."""
    before, after = _FROM_TO[step]
    if subject.stage == after and step != "begin":
        return Plan(step, True, ["C’est déjà fait ; ce qui aurait été interrompu est achevé."])
    if subject.stage == after:
        return Plan(step, True, ["La suivante est déjà annoncée ; ce qui aurait été interrompu est achevé."])
    if subject.stage != before:
        raise Refused(_OUT_OF_ORDER[step])
    with reading(ctx.engine) as session:
        return Plan(step, False, subject.says(step), subject.lacking(step, session, hear(session)))


def take(ctx: Context, subject: Subject, planned: Plan, forced_because: str = "") -> None:
    """Raises `Refused` when somebody is not ready, unless `forced_because` says why that is accepted."""
    if planned.lacking and not forced_because:
        raise Refused("Tous ne sont pas prêts : attendez, ou passez outre par --force --reason « … ».")
    if not planned.taken:
        forced = {"reason": forced_because, "lacking": planned.lacking} if planned.lacking else {}
        with transaction(ctx.engine) as session:
            subject.prepare(planned.step, session)
            record_act(session, None, f"server.{subject.name}_{_DONE[planned.step]}", "", forced, now=ctx.now())
        subject.take(planned.step)
    subject.settle()


def name_of(now: datetime) -> str:
    """Of a key's file."""
    return f"{now:%Y%m%dT%H%M%S%f}"
