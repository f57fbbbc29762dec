"""/api/v1/crl: whom a broker must refuse; /api/v1/ca: whom it must believe. Public: dates, serial numbers, reasons."""

from typing import Any

from fastapi import APIRouter, HTTPException, Response
from fastapi.responses import FileResponse

from fleet_server.certificates.revoked import list_file
from fleet_server.certificates.told import signed_bundle
from fleet_server.context import ContextDep
from fleet_server.web.errors import refusals
from wire.message import Digest

router = APIRouter(prefix="/api/v1", tags=["operating"])
_PEM: dict[int | str, dict[str, Any]] = {200: {"content": {"application/x-pem-file": {}}}}
_CMS: dict[int | str, dict[str, Any]] = {200: {"content": {"application/pkcs7-mime": {}}}}
_FRESH = {"Cache-Control": "no-cache"}


@router.get("/crl", response_class=Response, responses=_PEM | refusals(404), summary="Revoked certificates (CRL, PEM)")
def revoked(ctx: ContextDep) -> FileResponse:
    """One list of each authority, signed by it; written again within a second of a revocation."""
    path = list_file(ctx.settings)
    if not path.exists():
        raise HTTPException(404, {"error": "not_made_yet", "message": "The list is made when the server starts."})
    return FileResponse(path, media_type="application/x-pem-file", headers=_FRESH)


@router.get(
    "/ca/{sha256}", response_class=Response, responses=_CMS | refusals(404, 422), summary="Authorities (CMS, PEM)"
)
def authorities(sha256: Digest, ctx: ContextDep) -> Response:
    """All authorities of this fleet, signed by the one whose certificate has this SHA-256: 404 where it is none now."""
    by = next((one for one in ctx.keys.authorities if one.digest == sha256), None)
    if by is None:
        raise HTTPException(404, {"error": "unknown_authority", "message": "No authority of this fleet, or not now."})
    return Response(signed_bundle(ctx.keys, by), media_type="application/pkcs7-mime", headers=_FRESH)
