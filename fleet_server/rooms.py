"""What the rooms give to the composition root: routers, recorders of events, and who hears from terminals."""

import time
from collections.abc import Callable, Sequence

from fastapi import FastAPI
from sqlalchemy import Connection

from fleet_server.access import pages as access_pages
from fleet_server.access.caller import Callers
from fleet_server.certificates import api as certificate_api
from fleet_server.context import Context
from fleet_server.evaluation import frequentation
from fleet_server.evaluation.usage import record_usage
from fleet_server.ingest import Received, Recorder
from fleet_server.inventory import api as inventory_api
from fleet_server.inventory import pages as inventory_pages
from fleet_server.inventory import terminal_api as inventory_terminal_api
from fleet_server.inventory.keep import held
from fleet_server.releases import api as release_api
from fleet_server.releases import pages as release_pages
from fleet_server.releases import software_api
from fleet_server.releases.upload_pages import MOST_SENT, PUBLISH
from fleet_server.requests import api as request_api
from fleet_server.requests import pages as request_pages
from fleet_server.rollouts import api as rollout_api
from fleet_server.rollouts import pages as rollout_pages
from fleet_server.terminals import api as terminal_api
from fleet_server.terminals import command_api as terminal_command_api
from fleet_server.terminals import fleet_api, inbound, note_api, view_api
from fleet_server.terminals import pages as terminal_pages
from fleet_server.terminals.files import MAX_FILE_BYTES
from fleet_server.terminals.record import RECORDERS
from fleet_server.terminals.registry import names
from fleet_server.terminals.upkeep import api as upkeep_api
from fleet_server.terminals.upkeep import pages as upkeep_pages
from fleet_server.timeline import api as timeline_api
from fleet_server.timeline import pages as timeline_pages
from fleet_server.web.body_limit import BodyLimit
from fleet_server.web.site import install_web
from wire.events import USAGE_KINDS
from wire.inventory import MAX_PACKED_BYTES

_FLEET = ("operator", "admin")
LIVE_ROLES = {
    "flotte": _FLEET, "borne": _FLEET, "commandes": _FLEET, "enrolement": _FLEET, "demandes": ("counsellor",),
    "deploiements": _FLEET, "deploiement": _FLEET,
    "frequentation": ("operator", "counsellor", "admin"),
}  # fmt: skip
"""Who may be told that something of a subject changed: those who may open its pages. A subject not named: nobody."""


def install(app: FastAPI) -> None:
    """`app.state.context` is set by then."""
    install_web(app)
    larger = {
        ("PUT", "/api/v1/terminal/files/"): MAX_FILE_BYTES,
        ("PUT", "/api/v1/terminal/inventory/"): MAX_PACKED_BYTES,
        ("POST", PUBLISH): MOST_SENT,
    }
    app.add_middleware(BodyLimit, larger=larger)
    pages = (
        access_pages,
        frequentation,
        request_pages,
        terminal_pages,
        release_pages,
        rollout_pages,
        inventory_pages,
        timeline_pages,
        upkeep_pages,
    )
    apis = (
        request_api, terminal_api, fleet_api, view_api, note_api, terminal_command_api, release_api, software_api,
        certificate_api, rollout_api, inventory_terminal_api, inventory_api, timeline_api, upkeep_api,
    )  # fmt: skip
    for part in (*pages, *apis):
        app.include_router(part.router)
    app.state.rail_counts = {
        "requests": request_pages.rail_count,
        "fleet": terminal_pages.rail_count,
        "rollouts": rollout_pages.rail_count,
    }
    app.state.palette_sources = [terminal_pages.palette_source]
    app.state.terminal_names = names
    app.state.inventory_held = held
    app.state.strangers = terminal_api.Strangers()
    app.state.callers = Callers()
    app.state.inventory_senders = inventory_terminal_api.Senders()
    app.state.live_roles = LIVE_ROLES


def recorders(answered: Callable[[], None] = lambda: None) -> dict[str, Recorder]:
    """By kind of event. `answered`: told when commands were, before that is committed."""
    record_answers = RECORDERS["command.answered"]

    def record(connection: Connection, rows: Sequence[Received]) -> None:
        record_answers(connection, rows)
        answered()

    return dict.fromkeys(USAGE_KINDS, record_usage) | RECORDERS | {"command.answered": record}


class Hearing:
    """What came from terminals, told to their room and to the pages that show it."""

    # A terminal is online when heard within 120 s: noting it more often would only write more.
    NOTED_EVERY_S = 10.0
    NOTED_AT_ONCE = 10_000

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._noted: dict[str, float] = {}
        self._answered = False

    def answered(self) -> None:
        """Commands were, in what is being committed."""
        self._answered = True

    def batches(self, terminals: set[str]) -> None:
        """These have just had a batch committed."""
        now, never = time.monotonic(), -self.NOTED_EVERY_S
        due = [terminal for terminal in terminals if now - self._noted.get(terminal, never) >= self.NOTED_EVERY_S]
        for start in range(0, len(due), self.NOTED_AT_ONCE):
            inbound.heard(self._ctx, set(due[start : start + self.NOTED_AT_ONCE]))
        self._noted |= dict.fromkeys(due, now)
        for subject in ("frequentation", "flotte", *(f"borne:{terminal}" for terminal in terminals)):
            self._ctx.live.touch(subject)
        if self._answered:
            self._answered = False
            self._ctx.live.touch("commandes")

    def states(self, came: Sequence[tuple[str, str, bytes]]) -> None:
        """(channel, terminal, payload), in their order."""
        inbound.take(self._ctx, [inbound.Said(*one) for one in came])
