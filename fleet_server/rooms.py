"""What the rooms give to the composition root: routers, recorders of events, and who hears from terminals."""

import threading
import time
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

from fastapi import FastAPI
from sqlalchemy import Connection

from fleet_server.access import pages as access_pages
from fleet_server.context import Context
from fleet_server.evaluation import frequentation
from fleet_server.evaluation.usage import record_usage
from fleet_server.ingest import Known, Received, Recorder
from fleet_server.requests import pages as request_pages
from fleet_server.web.site import install_web
from wire.events import USAGE_KINDS

_HEARD_EVERY_S = 10.0
"""A terminal is online when heard within 120 s: noting it more often would only write more."""


def _soon(name: str) -> ModuleType | None:
    try:
        return import_module(name)
    except ModuleNotFoundError as missing:
        if not (missing.name or "").startswith("fleet_server"):
            raise
        return None


inbound = _soon("fleet_server.terminals.inbound")
record = _soon("fleet_server.terminals.record")
registry = _soon("fleet_server.terminals.registry")
_ROUTERS = (
    "terminals.pages", "terminals.api", "terminals.settings_pages", "terminals.enrol_pages", "terminals.command_pages",
    "requests.api", "contents.pages", "releases.pages", "releases.api",
)  # fmt: skip


def install(app: FastAPI) -> None:
    """`app.state.context` is set by then."""
    install_web(app)
    for part in (access_pages, frequentation, request_pages):
        app.include_router(part.router)
    for name in _ROUTERS:
        if module := _soon(f"fleet_server.{name}"):
            app.include_router(module.router)
    app.state.rail_counts = {"requests": request_pages.rail_count}
    app.state.terminal_names = registry.names if registry else lambda session: {}


def recorders(ctx: Context) -> dict[str, Recorder]:
    """By kind of event. Pages that show them are told once the rows are there (a hint: they look by themselves)."""

    def usage(connection: Connection, rows: Sequence[Received]) -> None:
        record_usage(connection, rows)

    found: dict[str, Recorder] = dict.fromkeys(USAGE_KINDS, usage)
    nothing: Recorder = lambda connection, rows: None  # noqa: E731
    found["health.sampled"] = getattr(record, "record_health", nothing)
    found["command.answered"] = getattr(record, "record_command_answers", nothing)
    for kind in ("state.changed", "outbox.replaced", "event.set_aside"):
        found[kind] = getattr(record, "record_state_changes", nothing)
    return found


def terminals_known(connection: Connection, ids: set[str]) -> dict[str, Known]:
    """Whom ingest listens to."""
    if registry and hasattr(registry, "known"):
        return {id: Known(*pair) for id, pair in registry.known(connection, ids).items()}
    return {id: Known(1, 1) for id in ids}


class Hearing:
    """Tells the terminals' room that these were heard, each at most every 10 s, and the pages that something came."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._told: dict[str, float] = {}
        self._lock = threading.Lock()

    def batches(self, terminals: set[str]) -> None:
        now = time.monotonic()
        due = {terminal for terminal in terminals if now - self._told.get(terminal, -_HEARD_EVERY_S) >= _HEARD_EVERY_S}
        self._told |= dict.fromkeys(due, now)
        if due and inbound:
            inbound.heard(self._ctx, due)
        self._ctx.live.touch("frequentation")

    def presence(self, terminal: str, payload: bytes) -> None:
        if inbound:
            inbound.presence(self._ctx, terminal, payload)

    def reported(self, terminal: str, payload: bytes) -> None:
        if inbound:
            inbound.reported(self._ctx, terminal, payload)
