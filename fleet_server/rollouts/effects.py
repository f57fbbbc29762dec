"""What was decided, done: states, wishes and the journal in one transaction, in bulk for any number of terminals."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, insert, update
from sqlmodel import Session, SQLModel, col

from fleet_server.access.audit import record_act
from fleet_server.context import Context
from fleet_server.db import after_commit
from fleet_server.rollouts.engine import Act, End, Join, OpenWave, Recall, Settle, Soak, Start
from fleet_server.rollouts.kinds import AT_ONCE, KINDS, wished_revisions
from fleet_server.rollouts.models import WORKING, Rollout, RolloutEvent, RolloutTerminal
from fleet_server.rollouts.plan import Plan
from fleet_server.rollouts.seen import Seen
from fleet_server.rollouts.windows import effect_at
from wire.state import Activation

_MEMBERS = SQLModel.metadata.tables["rollout_terminal"]


def claimed(session: Session, rollout: Rollout) -> bool:
    """Guards everything that follows in this transaction: False when something else happened to it meanwhile."""
    guarded = update(Rollout).where(col(Rollout.id) == rollout.id, col(Rollout.revision) == rollout.revision)
    moved = session.execute(guarded.values(revision=rollout.revision + 1)).rowcount  # type: ignore[attr-defined]
    if moved == 1:
        rollout.revision += 1
    return bool(moved == 1)


class Effects:
    """Of acts on one rollout that is `claimed`. `rows`: its members; `by`: the person who asked."""

    def __init__(
        self, session: Session, ctx: Context, rollout: Rollout, rows: Mapping[str, RolloutTerminal],
        seen: Mapping[str, Seen], by: str = "",
    ) -> None:  # fmt: skip
        self._session, self._ctx, self._rollout, self._rows, self._seen = session, ctx, rollout, rows, seen
        self._now, self._by = ctx.now(), by
        self._plan = Plan.model_validate(rollout.plan)
        self._kind = KINDS[rollout.kind]
        self._journal: list[dict[str, Any]] = []

    def do(self, acts: Sequence[Act]) -> None:
        self._settle([act for act in acts if isinstance(act, Settle)])
        self._recall([act.terminal for act in acts if isinstance(act, Recall)])
        self._join([act for act in acts if isinstance(act, Join)])
        self.start([act.terminal for act in acts if isinstance(act, Start)])
        for act in acts:
            self._move(act)
        self.written()

    def start(self, ids: Sequence[str], force: bool = False) -> None:
        """Wish it of them, from when their place allows; one wish for all whose moment is the same."""
        alike: dict[str, list[str]] = defaultdict(list)
        effects: dict[str, datetime] = {}
        for terminal in ids:
            now_at_all = force or self._rollout.kind in AT_ONCE
            when = None if now_at_all else effect_at(self._plan.window, self._seen[terminal].stand, self._now)
            effects[terminal] = when or self._now
            alike[self._activation(effects[terminal], force).model_dump_json()].append(terminal)
        before = {terminal: self._before(terminal) for terminal in ids}
        for activation, some in alike.items():
            wanted = Activation.model_validate_json(activation)
            self._kind.wish(self._session, self._ctx, self._rollout.what, some, wanted)
        revisions = wished_revisions(self._session, ids) if ids else {}
        self._update(
            {
                "_terminal": terminal, "state": "in_progress", "reason": "", "started_at": self._now,
                "effect_at": effects[terminal], "ended_at": None, "revision": revisions[terminal],
                "wished_before": before[terminal],
            }
            for terminal in ids
        )  # fmt: skip
        self._note("in_progress", ids, "sans attendre" if force else "")

    def note(self, kind: str, detail: str = "") -> None:
        """In the journal of the rollout as a whole."""
        self._note(kind, [""], detail)

    def written(self) -> None:
        """The last of it: the journal, and those who look at the pages."""
        self._session.flush()
        if self._journal:
            self._session.execute(insert(RolloutEvent), self._journal)
            self._journal = []
        live, subject = self._ctx.live, f"deploiement:{self._rollout.id}"
        after_commit(self._session, lambda: live.touch("deploiements"))
        after_commit(self._session, lambda: live.touch(subject))

    # ---- within ------------------------------------------------------------------------------------------------------

    def _activation(self, effect: datetime, force: bool) -> Activation:
        window = self._plan.window
        if force:
            return Activation(force=True)
        latest = None if window.latest_s is None else self._now + timedelta(seconds=window.latest_s)
        return Activation(not_before=effect if effect > self._now else None, hours=window.hours, closed=window.closed,
                          by=latest)  # fmt: skip

    def _before(self, terminal: str) -> dict[str, Any]:
        """What to give back. On another try, or by force, what is wished now is this rollout's own."""
        row, what, one = self._rows.get(terminal), self._rollout.what, self._seen[terminal]
        return (
            row.before if row and row.revision and not self._kind.overtaken(what, one) else self._kind.before(what, one)
        )

    def _settle(self, acts: Sequence[Settle]) -> None:
        self._update(
            {
                "_terminal": act.terminal, "state": act.state, "reason": act.reason[:200],
                "ended_at": None if act.state in WORKING else self._now,
            }
            for act in acts
        )  # fmt: skip
        for act in acts:
            self._note(act.state, [act.terminal], act.reason)
        self._give_back(act.terminal for act in acts if act.give_back)

    def _recall(self, ids: Sequence[str]) -> None:
        for terminal in ids:
            self._note(self._rows[terminal].state, [terminal], "ce qui lui était demandé avant l’est de nouveau")
        self._give_back(ids)

    def _give_back(self, ids: Iterable[str]) -> None:
        back: dict[str, list[str]] = defaultdict(list)
        for terminal in ids:
            back[json.dumps(self._rows[terminal].before, sort_keys=True)].append(terminal)
        for before, some in back.items():
            self._kind.give_back(self._session, self._ctx, json.loads(before), some)

    def _join(self, acts: Sequence[Join]) -> None:
        if acts:
            rows: list[dict[str, Any]] = [
                {"rollout": self._rollout.id, "terminal": act.terminal, "wave": act.wave, "place": len(self._rows) + n,
                 "state": "queued", "reason": "", "attempt": 1, "revision": 0, "wished_before": {}}
                for n, act in enumerate(acts)
            ]  # fmt: skip
            self._session.execute(insert(_MEMBERS), rows)
            self._note("queued", [act.terminal for act in acts], "arrivée après le départ")

    def _move(self, act: Act) -> None:
        match act:
            case OpenWave(wave=wave):
                self._set(wave=wave, wave_since=self._now, soaking_since=None)
                self.note("opened", f"vague {wave + 1}")
            case Soak(on=on):
                self._set(soaking_since=self._now if on else None)
                self.note("soaking" if on else "opened", f"vague {self._rollout.wave + 1}")
            case End(state=state, reason=reason):
                self._end(state, reason)
            case _:
                pass

    def _end(self, state: str, reason: str) -> None:
        self._set(state=state, reason=reason, ended_at=self._now)
        self.note(state, reason)
        if not self._by:
            acts = {"stopped": "rollout.stopped_itself", "finished": "rollout.finished"}
            record_act(self._session, None, acts[state], str(self._rollout.id),
                       {"name": self._rollout.title, "reason": reason}, now=self._now)  # fmt: skip

    def _set(self, **values: Any) -> None:
        self._session.execute(update(Rollout).where(col(Rollout.id) == self._rollout.id).values(**values))

    def _update(self, rows: Iterable[dict[str, Any]]) -> None:
        given = list(rows)
        if given:
            names = [name for name in given[0] if name != "_terminal"]
            statement = (
                update(_MEMBERS)
                .where(_MEMBERS.c.rollout == self._rollout.id, _MEMBERS.c.terminal == bindparam("_terminal"))
                .values({_MEMBERS.c[name]: bindparam("new_" + name) for name in names})
            )
            # On the connection: the session would take rows given together for whole objects.
            self._session.connection().execute(
                statement,
                [{"_terminal": row["_terminal"]} | {"new_" + name: row[name] for name in names} for row in given],
            )

    def _note(self, kind: str, terminals: Iterable[str], detail: str = "") -> None:
        self._journal += [
            {"rollout": self._rollout.id, "terminal": one, "at": self._now, "kind": kind, "detail": detail[:300],
             "by": self._by}
            for one in terminals
        ]  # fmt: skip
