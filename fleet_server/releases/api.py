"""What terminals fetch: TUF metadata, manifests, files. Static, public, and worth nothing unless it verifies."""

import gzip
import re
from functools import lru_cache
from pathlib import Path as FilePath
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Request, Response
from fastapi.responses import FileResponse

from fleet_server.context import ContextDep
from fleet_server.releases.blob_response import BlobResponse
from fleet_server.releases.blobs import blob_path
from fleet_server.web.errors import refusals
from wire.message import Digest

router = APIRouter(tags=["releases"], responses=refusals(404, 422))
_METADATA = re.compile(r"^(\d{1,9}\.)?(root|targets|software|content|snapshot|timestamp)\.json$")
_FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}
_FRESH = {"Cache-Control": "no-cache"}
_Name = Annotated[str, Path(max_length=80)]
_SoftwareManifest = Annotated[
    str, Path(max_length=140, pattern=r"^[0-9a-f]{64}\.[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}\.json$")
]
"""In one piece: a version has dots, and a path of two parts would cut at the last."""


@router.get("/releases/metadata/{name}", response_class=FileResponse)
def metadata(name: _Name, ctx: ContextDep) -> FileResponse:
    """TUF metadata: `N.root.json`, and so `targets`, `software`, `content`, `snapshot`; `timestamp.json`."""
    path = ctx.settings.data_dir / "releases" / "metadata" / name
    if not _METADATA.match(name) or not path.exists():
        raise HTTPException(404, {"error": "not_found", "message": "No such metadata."})
    return FileResponse(path, media_type="application/json", headers=_FRESH if name[0] == "t" else _FOREVER)


@router.get("/releases/targets/releases/{digest}.{release}.json", response_class=FileResponse)
def manifest(digest: Digest, release: Digest, ctx: ContextDep, request: Request) -> Response:
    """A release's manifest (`wire.release.Manifest`), whose SHA-256 is both names: gzip for who takes it."""
    path = ctx.settings.data_dir / "releases" / "targets" / "releases" / f"{digest}.{release}.json"
    if not path.exists():
        raise HTTPException(404, {"error": "not_found", "message": "No such release."})
    headers = _FOREVER | {"Vary": "Accept-Encoding"}
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return FileResponse(path, media_type="application/json", headers=headers)
    return Response(_compressed(path), media_type="application/json", headers=headers | {"Content-Encoding": "gzip"})


@lru_cache(maxsize=2)
def _compressed(path: FilePath) -> bytes:
    """A whole fleet asks for the same one within minutes; what a digest names never changes."""
    return gzip.compress(path.read_bytes(), 9, mtime=0)


@router.get("/releases/targets/software/{name}", response_class=FileResponse)
def software(name: _SoftwareManifest, ctx: ContextDep) -> FileResponse:
    """A software release's manifest, `<sha256>.<version>.json`, signed by a key that the server does not have."""
    path = ctx.settings.data_dir / "releases" / "targets" / "software" / name
    if not path.exists():
        raise HTTPException(404, {"error": "not_found", "message": "No such software release."})
    return FileResponse(path, media_type="application/json", headers=_FOREVER)


@router.get("/blobs/{sha256}", response_class=FileResponse)
async def blob(sha256: Digest, ctx: ContextDep) -> BlobResponse:
    """A file by its SHA-256; Range is answered, so that a terminal resumes at any byte."""
    # No turn of a thread: two looks at a directory cost less, and an edition has some hundred files.
    path = blob_path(ctx.settings.data_dir / "blobs", sha256)
    if not path.exists():
        raise HTTPException(404, {"error": "not_found", "message": "No such file."})
    return BlobResponse(path, sha256, _FOREVER)
