"""/api/v1/software: versions of the terminals' software, and asking some terminals for one without a rollout."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from fleet_server.access.caller import CALLED, calling
from fleet_server.context import ContextDep, Writing
from fleet_server.releases.publish import only_by_rollout
from fleet_server.releases.software import find_software, software_releases, wish_software_of
from fleet_server.terminals.public import accepted
from fleet_server.web.errors import refusals
from fleet_server.web.viewer import Viewer
from wire.message import Digest, TerminalId
from wire.state import Activation

router = APIRouter(prefix="/api/v1/software", tags=["software"], responses=CALLED)
Reader = Annotated[Viewer, Depends(calling("terminals:read"))]
Writer = Annotated[Viewer, Depends(calling("rollouts:write"))]


class SoftwareView(BaseModel):
    """`id`: SHA-256 of its manifest; `size`: of its wheels, in bytes."""

    version: str
    id: Digest
    at: datetime | None
    notes: str
    files: int
    size: int


class Wish(BaseModel):
    """`activation`: when it may take effect; by default between two visits. `reason`: demanded to force."""

    model_config = ConfigDict(extra="forbid")
    terminals: Annotated[list[TerminalId], Field(min_length=1, max_length=2000)]
    activation: Activation = Activation()
    reason: str = Field("", max_length=200)


class Wished(BaseModel):
    count: int


@router.get("")
def versions(ctx: ContextDep, caller: Reader) -> list[SoftwareView]:
    """What is published, newest first. Scope `terminals:read`."""
    return [
        SoftwareView(version=one.release.version, id=one.release.id, at=one.at, notes=one.notes, files=one.files,
                     size=one.size)
        for one in software_releases(ctx.settings)
    ]  # fmt: skip


@router.post("/{version}/wish", responses=refusals(404, 409))
def wish(version: str, asked: Wish, ctx: ContextDep, session: Writing, caller: Writer) -> Wished:
    """From now on these terminals should run it. 404 when it or one of them does not exist, and nothing is wished.

    For more than a few terminals use a rollout, which stops by itself. 409 `refused` when it is forced and nobody says
    why, or when a second person approves whatever is asked (`BALISE_ROLLOUT_APPROVAL=all`). Scope `rollouts:write`.
    """
    if only_by_rollout(ctx):
        said = "Ici une seconde personne approuve ce qui part : préparez un déploiement."
        raise HTTPException(409, {"error": "refused", "message": said})
    if asked.activation.force and not asked.reason.strip():
        said = "Dites pourquoi : passer outre les horaires reste au journal."
        raise HTTPException(409, {"error": "refused", "message": said})
    found = find_software(ctx.settings, version)
    if found is None:
        raise HTTPException(404, "Aucune version publiée ne s’appelle ainsi.")
    unknown = sorted(set(asked.terminals) - {one.id for one in accepted(session)})
    if unknown:
        raise HTTPException(404, f"Aucune borne en service n’a l’identifiant {unknown[0]}.")
    return Wished(
        count=wish_software_of(session, ctx, found.release, asked.terminals, caller, asked.activation, asked.reason)
    )
