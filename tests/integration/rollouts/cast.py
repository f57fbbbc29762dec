"""A real server's rooms and database, and terminals that report as they would, on a clock that tests move."""

from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlmodel import Session, select

from fleet_server.db import transaction
from fleet_server.releases.models import ContentRelease
from fleet_server.rollouts.acts import ACTS, Asked, create
from fleet_server.rollouts.models import Rollout, RolloutTerminal
from fleet_server.rollouts.plan import Kind, Plan, Target
from fleet_server.rollouts.turn import turn
from fleet_server.terminals.inbound import Said, take
from fleet_server.terminals.labels import set_tags
from fleet_server.terminals.layers import settings_of
from fleet_server.terminals.models import SettingLayer, Terminal, TerminalDesired, TerminalLive
from fleet_server.terminals.registry import add_terminal
from fleet_server.web.viewer import Viewer
from tests.back_office import build
from wire.state import ContentState, Place, Release, Reported

HALL = Place(
    site="laval", name="Mairie de Laval", kind="mairie", commune="53130", commune_name="Laval", department="53",
    latitude=48.07, longitude=-0.77,
)  # fmt: skip
YANIS = Viewer(1, "yanis", "Yanis Belkacem", frozenset({"operator"}), "")
ANNE = Viewer(3, "anne", "Anne Delorme", frozenset({"admin"}), "")
OLD, NEW, NEWER = (Release(id=digit * 64, label=label) for digit, label in
                   (("a", "2026.47"), ("b", "2026.48"), ("c", "2026.49")))  # fmt: skip
BOOT = "0192a1b2-0000-7000-8000-000000000001"
ALL = Target(everyone=True)


class Cast:
    """`fleet["Laval"]` is a terminal's id."""

    def __init__(self, directory: Path) -> None:
        self.office = build(directory, whole=True)
        self.ctx, self.clock = self.office.context, self.office.clock
        self.ids: dict[str, str] = {}
        self._numbers: dict[str, int] = {}
        with transaction(self.ctx.engine) as session:
            for release in (OLD, NEW, NEWER):
                session.add(ContentRelease(id=release.id, label=release.label, pack="p", built_at=self.clock(),
                                           published_at=self.clock()))  # fmt: skip

    def add(self, *names: str, groups: tuple[str, ...] = (), place: Place = HALL) -> None:
        with transaction(self.ctx.engine) as session:
            for name in names:
                one = add_terminal(session, name, place, list(groups), self.clock())
                one.status, one.generation = "accepted", 1
                session.get_one(TerminalDesired, one.id).release_id = OLD.id
                session.get_one(TerminalDesired, one.id).release_label = OLD.label
                session.add(one)
                self.ids[name] = one.id
        for name in names:
            self.says(name, active=OLD, phase="committed")

    def says(self, name: str, active: Release = OLD, phase: Any = "idle", target: Release | None = None,
             reason: str = "", caught_up: bool = True, rejected: bool = False) -> None:  # fmt: skip
        """A report as the agent makes it. `caught_up`: with the wish it has now."""
        terminal = self.ids[name]
        self._numbers[name] = self._numbers.get(name, 0) + 1
        with Session(self.ctx.engine) as session:
            revision = session.get_one(TerminalDesired, terminal).revision
            one = session.get_one(Terminal, terminal)
            layers = session.exec(select(SettingLayer)).all()
            settings = settings_of(terminal, one.groups, layers)
        revision = revision if caught_up else max(0, revision - 1)
        report = Reported(
            number=self._numbers[name], generation=1, boot=BOOT, at=self.clock(), clock_trusted=True,
            software="1.4.2", revision=revision, settings=settings,
            content=ContentState(active=active, phase=phase, target=target or active, revision=revision, reason=reason,
                                 rejected=rejected),
        )  # fmt: skip
        take(self.ctx, [Said("reported", terminal, report.model_dump_json().encode())])

    def shows(self, release: Release, *names: str) -> None:
        for name in names:
            self.says(name, active=release, phase="committed")

    def roll_out(self, what: Release | dict[str, Any] = NEW, target: Target = ALL, by: Viewer | None = YANIS,
                 kind: Kind | None = None, **plan: Any) -> int:  # fmt: skip
        """Made and submitted, and started where nobody has to approve it. Its number."""
        with transaction(self.ctx.engine) as session:
            given = {"label": what.label} if isinstance(what, Release) else what
            kind = kind or ("content" if isinstance(what, Release) else "settings")
            made = create(session, self.ctx, kind, given, target, Plan(**plan), Asked(by))
        self.act("submit", made.id or 0, by)
        if self.rollout(made.id or 0).state == "ready":
            self.act("start", made.id or 0, by)
        return made.id or 0

    def act(self, name: str, number: int, by: Viewer | None = YANIS, reason: str = "", *terminals: str) -> Any:
        with transaction(self.ctx.engine) as session:
            ids = tuple(self.ids[one] for one in terminals)
            return ACTS[name](session, self.ctx, session.get_one(Rollout, number), Asked(by, reason, ids))

    def turn(self, times: int = 1) -> None:
        for _ in range(times):
            turn(self.ctx)

    def tag(self, tag: str, *names: str) -> None:
        with transaction(self.ctx.engine) as session:
            for name in names:
                set_tags(session, session.get_one(Terminal, self.ids[name]), [tag], ANNE, self.clock())

    def wait(self, **gap: float) -> None:
        self.clock.pass_by(timedelta(**gap))

    def rollout(self, number: int) -> Rollout:
        with Session(self.ctx.engine) as session:
            return session.get_one(Rollout, number)

    def states(self, number: int) -> dict[str, str]:
        names = {terminal: name for name, terminal in self.ids.items()}
        with Session(self.ctx.engine) as session:
            rows = session.exec(select(RolloutTerminal).where(RolloutTerminal.rollout == number))
            return {names[row.terminal]: row.state for row in rows}

    def row(self, number: int, name: str) -> RolloutTerminal:
        with Session(self.ctx.engine) as session:
            return session.get_one(RolloutTerminal, (number, self.ids[name]))

    def transaction(self) -> AbstractContextManager[Session]:
        return transaction(self.ctx.engine)

    def wanted(self, name: str) -> TerminalDesired:
        with Session(self.ctx.engine) as session:
            return session.get_one(TerminalDesired, self.ids[name])

    def own_settings(self, name: str) -> dict[str, Any]:
        with Session(self.ctx.engine) as session:
            layer = session.get(SettingLayer, ("terminal", self.ids[name]))
            return layer.values if layer else {}

    def quiet(self, name: str) -> None:
        """It was last heard of long ago."""
        with transaction(self.ctx.engine) as session:
            live = session.get_one(TerminalLive, self.ids[name])
            live.heard_at = self.clock() - timedelta(days=1)
            session.add(live)
