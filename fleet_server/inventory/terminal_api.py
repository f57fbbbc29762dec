"""What a terminal is made of, as it says: one document, sent when the server's account of it is another."""

from fastapi import APIRouter, HTTPException
from fastapi.concurrency import run_in_threadpool

from fleet_server.context import Context, ContextDep
from fleet_server.db import transaction
from fleet_server.inventory.keep import BadInventory, keep, unpacked
from fleet_server.terminals.public import ProvenDep
from fleet_server.web.errors import refusals
from wire.message import Digest

router = APIRouter(prefix="/api/v1", tags=["terminal"])


@router.put("/terminal/inventory/{sha256}", status_code=204, responses=refusals(401, 403, 413, 422))
async def put_inventory(sha256: Digest, proof: ProvenDep, ctx: ContextDep) -> None:
    """A `wire.inventory.Inventory`, JSON in gzip, named by the SHA-256 of its JSON: at most 1 MiB once unpacked."""
    try:
        await run_in_threadpool(_keep, ctx, proof.terminal.id, sha256, proof.body)
    except BadInventory as error:
        raise HTTPException(422, {"error": "bad_inventory", "message": f"Refusé : {error}."}) from error


def _keep(ctx: Context, terminal: str, digest: str, packed: bytes) -> None:
    inventory = unpacked(packed, digest)
    with transaction(ctx.engine) as session:
        keep(session, terminal, digest, inventory, ctx.now())
    ctx.live.touch(f"borne:{terminal}")
