"""/api/v1/crl: whom a broker must refuse. Public, as such lists are: serial numbers, dates and reasons."""

from typing import Any

from fastapi import APIRouter, HTTPException, Response
from fastapi.responses import FileResponse

from fleet_server.certificates.revoked import list_file
from fleet_server.context import ContextDep
from fleet_server.web.errors import refusals

router = APIRouter(prefix="/api/v1", tags=["operating"])
_PEM: dict[int | str, dict[str, Any]] = {200: {"content": {"application/x-pem-file": {}}}}


@router.get("/crl", response_class=Response, responses=_PEM | refusals(404), summary="Revoked certificates (CRL, PEM)")
def revoked(ctx: ContextDep) -> FileResponse:
    """Signed by the fleet CA; written again within a second of a revocation."""
    path = list_file(ctx.settings)
    if not path.exists():
        raise HTTPException(404, {"error": "not_made_yet", "message": "The list is made when the server starts."})
    return FileResponse(path, media_type="application/x-pem-file", headers={"Cache-Control": "no-cache"})
