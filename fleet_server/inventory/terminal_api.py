"""What a terminal is made of, as it says: one document, sent when the server's account of it is another."""

from datetime import timedelta
from math import ceil

from fastapi import APIRouter, HTTPException, Request
from fastapi.concurrency import run_in_threadpool

from fleet_server.access.budget import Budget
from fleet_server.context import Context, ContextDep
from fleet_server.db import transaction
from fleet_server.inventory.keep import BadInventory, keep, unpacked
from fleet_server.terminals.public import ProvenDep
from fleet_server.web.errors import refusals
from wire.message import Digest

router = APIRouter(prefix="/api/v1", tags=["terminal"])


class Senders:
    """What each terminal may still send. Opening a document takes the server 10 ms; a machine has another one a few
    times a month, or at each of a few starts in a row while somebody works on it. One per process."""

    def __init__(self) -> None:
        self.sent = Budget(20, timedelta(hours=1))


@router.put("/terminal/inventory/{sha256}", status_code=204, responses=refusals(401, 403, 413, 422, 429))
async def put_inventory(sha256: Digest, proof: ProvenDep, ctx: ContextDep, request: Request) -> None:
    """A `wire.inventory.Inventory`, JSON in gzip, named by the SHA-256 of its JSON: at most 1 MiB once unpacked.
    429 past twenty an hour."""
    _let_send(request.app.state.inventory_senders, ctx, proof.terminal.id)
    try:
        await run_in_threadpool(_keep, ctx, proof.terminal.id, sha256, proof.body)
    except BadInventory as error:
        raise HTTPException(422, {"error": "bad_inventory", "message": f"Refusé : {error}."}) from error


def _let_send(senders: Senders, ctx: Context, terminal: str) -> None:
    wait = senders.sent.wait(terminal, ctx.now())
    if wait:
        seconds = max(1, ceil(wait.total_seconds()))
        said = f"Trop d’inventaires de cette borne. Elle pourra recommencer dans {ceil(seconds / 60)} min."
        raise HTTPException(429, said, headers={"Retry-After": str(seconds)})
    senders.sent.spend(terminal, ctx.now())


def _keep(ctx: Context, terminal: str, digest: str, packed: bytes) -> None:
    inventory = unpacked(packed, digest)
    with transaction(ctx.engine) as session:
        keep(session, terminal, digest, inventory, ctx.now())
    ctx.live.touch(f"borne:{terminal}")
