"""How long things are kept: what is past its time goes, portion by portion, while everything else runs.

Contact requests go by a rule and in a way of their own (`requests.purge`). Never touched here: visits (`usage_event`,
Fréquentation), where terminals stood, what was lost.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import ColumnElement, Table, and_, delete, func, or_, select, update
from sqlmodel import SQLModel

from fleet_server.access.sessions import LIFETIME
from fleet_server.context import Context
from fleet_server.db import reading, transaction
from fleet_server.requests.purge import due, purge
from fleet_server.settings import Settings
from fleet_server.terminals.commands import OPEN
from fleet_server.terminals.files import forget_before

EVERY_S = 3600.0
"""Often and little, rather than once a night and long."""
TURN_S = 2.0
PORTION = 1_000
_BREATH_S = 0.02
"""Between two portions, so that whoever waits to write does."""
SILENCE = timedelta(days=30)
"""Longer than a fleet ever rests: past it the clock is doubted, until the next start."""
_TOKENS_KEPT = timedelta(days=30)
_FAILURES_KEPT = timedelta(days=1)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Rule:
    """Rows of this table, known by this one column, for which this holds, are past their time."""

    table: Table
    key: str
    past: ColumnElement[bool]


def rules(settings: Settings, now: datetime) -> list[Rule]:
    """The audit log last: a database may refuse its part."""

    def before(days: int) -> datetime:
        return now - timedelta(days=days)

    health, events, commands, tokens, sessions, failures, audit, changes, sets, inventories, batches, works = (
        SQLModel.metadata.tables[name]
        for name in ("terminal_health", "terminal_event", "terminal_command", "terminal_token", "access_web_session",
                     "access_sign_in_failure", "access_audit_entry", "inventory_change", "inventory_set",
                     "inventory_terminal", "terminal_command_batch", "terminal_maintenance")
    )  # fmt: skip
    closed = commands.c.state.not_in(OPEN)
    return [
        Rule(health, "id", health.c.at < before(settings.kept_health_days)),
        Rule(events, "id", events.c.at < before(settings.kept_events_days)),
        Rule(commands, "id", and_(closed, commands.c.queued_at < before(settings.kept_events_days))),
        Rule(batches, "id", and_(batches.c.given_at < before(settings.kept_events_days),
                                 batches.c.id.not_in(select(commands.c.bulk)))),
        Rule(changes, "id", changes.c.at < before(settings.kept_events_days)),
        Rule(works, "id", works.c.ends_at < before(settings.kept_events_days)),
        Rule(sets, "digest", and_(sets.c.made_at < before(1), sets.c.digest.not_in(select(inventories.c.packages)))),
        Rule(tokens, "digest", tokens.c.expires_at < now - _TOKENS_KEPT),
        Rule(sessions, "id", sessions.c.created_at < now - LIFETIME),
        Rule(failures, "key", and_(failures.c.last_at < now - _FAILURES_KEPT,
                                   or_(failures.c.blocked_until.is_(None), failures.c.blocked_until < now))),
        Rule(audit, "id", audit.c.at < before(settings.kept_audit_days)),
    ]  # fmt: skip


def forgetting(ctx: Context) -> Callable[[], object]:
    """`forget_past` for a server that starts now. A machine that woke in another year must not lose its past: nothing
    goes in a run that began too long after the last terminal had been heard."""
    with reading(ctx.engine) as session:
        heard = session.execute(select(func.max(SQLModel.metadata.tables["terminal_live"].c.heard_at))).scalar_one()
    if heard and ctx.server_start - heard > SILENCE:
        log.error("retention.clock_doubted", last_heard=heard.isoformat(), now=ctx.server_start.isoformat())
        return lambda: None
    return lambda: forget_past(ctx)


def forget_past(ctx: Context, turn_s: float = TURN_S) -> Counter[str]:
    """One turn: how many rows went, by table. What it has no time for, the next one takes."""
    now, until = ctx.now(), time.monotonic() + turn_s
    gone: Counter[str] = Counter()
    gone["files"] = _screenshots(ctx, now - timedelta(days=ctx.settings.kept_screenshots_days))
    try:
        while time.monotonic() < until and (count := purge(ctx)):
            gone["contact_request"] += count
            time.sleep(_BREATH_S)
        for rule in rules(ctx.settings, now):
            while time.monotonic() < until:
                count = _portion(ctx, rule)
                gone[rule.table.name] += count
                if count < PORTION:
                    break
                time.sleep(_BREATH_S)
    finally:
        if gone.total():
            log.info("retention.forgot", **+gone)
    return +gone


def past_its_time(ctx: Context) -> Counter[str]:
    """What `forget_past` would take now, with all the time it needs: how many rows, by table. Nothing goes."""
    found: Counter[str] = Counter()
    with reading(ctx.engine) as session:
        found["contact_request"] = due(session, ctx.now(), timedelta(days=ctx.settings.kept_requests_days))
        for rule in rules(ctx.settings, ctx.now()):
            some = select(func.count()).select_from(rule.table).where(rule.past)
            found[rule.table.name] += session.execute(some).scalar_one()
    return +found


def _portion(ctx: Context, rule: Rule) -> int:
    key = rule.table.c[rule.key]
    some = select(key).where(rule.past).limit(PORTION)
    with transaction(ctx.engine) as session:
        return session.connection().execute(delete(rule.table).where(key.in_(some))).rowcount


def _screenshots(ctx: Context, before: datetime) -> int:
    """The pictures, and what the pages say of them."""
    commands = SQLModel.metadata.tables["terminal_command"]
    past = and_(commands.c.file != "", commands.c.answered_at < before)
    some = select(commands.c.id).where(past).limit(PORTION)
    with transaction(ctx.engine) as session:
        session.connection().execute(update(commands).where(commands.c.id.in_(some)).values(file=""))
    return forget_before(ctx.settings.data_dir / "files", before)
