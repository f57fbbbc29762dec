"""What the server wants of each terminal: one small signed document with a revision, pushed as a hint, pulled as truth.

A wish moves the revision in the transaction that makes it; the push leaves after the commit. A revision is above all
that the terminal ever reported, so a server restored from a backup is not taken for an older one.
"""

import base64
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import Case, case, update
from sqlmodel import Session, col, select

from fleet_server.context import Context
from fleet_server.db import after_commit, reading
from fleet_server.keys import Keys
from fleet_server.terminals.layers import added, settings_of
from fleet_server.terminals.models import SettingLayer, Terminal, TerminalDesired
from fleet_server.terminals.registry import places
from wire import topics
from wire.sign import seal
from wire.software import SoftwareRelease
from wire.state import Activation, Desired, Release, SealingKey

_AT_ONCE = Activation()


def sealing_key(keys: Keys) -> SealingKey:
    public = keys.sealing[keys.sealing_current].public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return SealingKey(kid=keys.sealing_current, public=base64.urlsafe_b64encode(public).decode().rstrip("="))


def desired_of(session: Session, keys: Keys, terminals: list[Terminal]) -> dict[str, Desired]:
    """What is wanted of these terminals now. Three queries, whatever their number."""
    ids = [terminal.id for terminal in terminals]
    rows = {
        row.terminal: row for row in session.exec(select(TerminalDesired).where(col(TerminalDesired.terminal).in_(ids)))
    }
    layers = session.exec(select(SettingLayer)).all()
    stand, key = places(session, ids), sealing_key(keys)
    return {
        terminal.id: Desired(
            revision=rows[terminal.id].revision, name=terminal.name, place=stand[terminal.id],
            release=_release(rows[terminal.id]), activation=Activation.model_validate(rows[terminal.id].activation),
            software=_software(rows[terminal.id]),
            software_activation=Activation.model_validate(rows[terminal.id].software_activation),
            software_revision=rows[terminal.id].software_revision,
            settings=settings_of(terminal.id, terminal.groups, layers), sealing_key=key,
        )
        for terminal in terminals
    }  # fmt: skip


def wished_release(row: TerminalDesired) -> Release | None:
    return _release(row)


def _release(row: TerminalDesired) -> Release | None:
    return Release(id=row.release_id, label=row.release_label) if row.release_id else None


def _software(row: TerminalDesired) -> SoftwareRelease | None:
    return SoftwareRelease(version=row.software_version, id=row.software_id) if row.software_id else None


def wish_release(
    session: Session,
    ctx: Context,
    release: Release | None,
    terminal_ids: Iterable[str] | None = None,
    activation: Activation = _AT_ONCE,
) -> int:
    """From now on these terminals (None: all) should run this content release. Returns how many."""
    values = {
        "release_id": release.id if release else None, "release_label": release.label if release else "",
        "activation": activation.model_dump(mode="json", exclude_defaults=True),
    }  # fmt: skip
    return wish(session, ctx, terminal_ids, values)


def wish_software(
    session: Session,
    ctx: Context,
    release: SoftwareRelease | None,
    terminal_ids: Iterable[str] | None = None,
    activation: Activation = _AT_ONCE,
) -> int:
    """From now on these terminals (None: all) should run this software. Returns how many."""
    values = {
        "software_id": release.id if release else None, "software_version": release.version if release else "",
        "software_activation": activation.model_dump(mode="json", exclude_defaults=True),
        "software_revision": _next_revision(),
    }  # fmt: skip
    return wish(session, ctx, terminal_ids, values)


def wish(
    session: Session, ctx: Context, terminal_ids: Iterable[str] | None, values: dict[str, Any] | None = None
) -> int:
    """Something changed in what is wanted: one revision more, pushed once this is committed."""
    ids = None if terminal_ids is None else sorted(set(terminal_ids))
    statement = update(TerminalDesired).values(revision=_next_revision(), wished_at=ctx.now(), **(values or {}))
    if ids is not None:
        statement = statement.where(col(TerminalDesired.terminal).in_(ids))
    count = session.execute(statement.execution_options(synchronize_session=False)).rowcount  # type: ignore[attr-defined]
    after_commit(session, lambda: push(ctx, ids))
    return int(count)


def _next_revision() -> Case[int]:
    """In SQL: above what was wished, and above what was reported to a server that this one is a backup of."""
    return case(
        (TerminalDesired.highest_reported > TerminalDesired.revision, TerminalDesired.highest_reported + 1),  # type: ignore[arg-type]
        else_=TerminalDesired.revision + 1,
    )


def change_settings(
    session: Session, ctx: Context, scope: str, target: str, values: dict[str, Any], by: str,
    terminal_ids: Iterable[str] | None = None,
) -> int:  # fmt: skip
    """This layer (`scope`, `target`: see `SettingLayer`) now sets these values and no others; `terminal_ids`: whom that
    concerns (None: all). Returns how many are told."""
    layer = session.get(SettingLayer, (scope, target))
    if layer is None:
        layer = SettingLayer(scope=scope, target=target, revision=0, changed_at=ctx.now())
    layer.values, layer.revision, layer.changed_at, layer.changed_by = values, layer.revision + 1, ctx.now(), by
    session.add(layer)
    session.flush()
    return wish(session, ctx, terminal_ids)


def merge_own_settings(
    session: Session, ctx: Context, values: Mapping[str, Any], terminal_ids: Sequence[str], whole: bool = False
) -> int:
    """Set these values in the own layer of each of these terminals, None taking one away; what is not named stays, nor
    does a text take those of other languages away unless it is `whole`. Returns how many are told. One query and one
    statement, whatever their number."""
    query = select(SettingLayer).where(SettingLayer.scope == "terminal", col(SettingLayer.target).in_(terminal_ids))
    known = {layer.target: layer for layer in session.exec(query)}
    for terminal in terminal_ids:
        layer = known.get(terminal) or SettingLayer(scope="terminal", target=terminal, revision=0, changed_at=ctx.now())
        made = {name: value if whole else added(layer.values.get(name), value) for name, value in values.items()}
        layer.values = {name: value for name, value in {**layer.values, **made}.items() if value is not None}
        layer.revision, layer.changed_at, layer.changed_by = layer.revision + 1, ctx.now(), "Déploiement"
        session.add(layer)
    session.flush()
    return wish(session, ctx, terminal_ids)


def push(ctx: Context, terminal_ids: Iterable[str] | None = None) -> dict[str, int]:
    """Send the signed state to accepted terminals (None: all). Returns the revision sent to each."""
    with reading(ctx.engine) as session:
        query = select(Terminal).where(Terminal.status == "accepted", Terminal.generation > 0)
        if terminal_ids is not None:
            query = query.where(col(Terminal.id).in_(list(terminal_ids)))
        terminals = list(session.exec(query))
        wanted = desired_of(session, ctx.keys, terminals)
    for terminal in terminals:
        body = seal("desired", wanted[terminal.id], terminal.id, terminal.generation, ctx.keys.signing)
        ctx.send(topics.desired(terminal.id), body)
        ctx.live.touch(f"borne:{terminal.id}")
    ctx.live.touch("flotte")
    return {terminal.id: wanted[terminal.id].revision for terminal in terminals}


class Pusher:
    """Pushes wishes that another process made (the command line): each turn, what has grown since the last.

    What was wished before the first turn is told at each presence, and by every acknowledgement.
    """

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._sent: dict[str, int] | None = None

    def turn(self) -> int:
        with reading(self._ctx.engine) as session:
            revisions = dict(session.exec(select(TerminalDesired.terminal, TerminalDesired.revision)).all())
        seen = revisions if self._sent is None else self._sent
        due = [terminal for terminal, revision in revisions.items() if seen.get(terminal, 0) < revision]
        if due:
            push(self._ctx, due)
        self._sent = revisions
        return len(due)


def restored_below(session: Session, ctx: Context, reported: Mapping[str, int]) -> int:
    """Terminals that name a revision above ours: the database is younger than what was wished. Wish again, above it.
    How many."""
    rows = session.exec(select(TerminalDesired).where(col(TerminalDesired.terminal).in_(sorted(reported)))).all()
    above = []
    for row in rows:
        if reported[row.terminal] > row.highest_reported:
            row.highest_reported = reported[row.terminal]
            if row.highest_reported > row.revision:
                above.append(row.terminal)
    session.flush()
    return wish(session, ctx, above) if above else 0


def changed_since(row: TerminalDesired, moment: datetime | None) -> bool:
    return moment is None or row.wished_at > moment
