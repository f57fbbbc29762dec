"""Style, script, fonts: served under the digest of all of them, so browsers keep them, and never a stale one."""

import gzip
import hashlib
import mimetypes
from functools import cache
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request, Response

ASSETS = Path(__file__).parent / "assets"
_SERVED = {".css", ".js", ".woff2", ".svg", ".png", ".webp"}
_COMPRESSED = {".css", ".js", ".svg"}

router = APIRouter()


@cache
def files() -> dict[str, Path]:
    """What may be served, by the name in its address: nothing outside this list is ever read."""
    return {
        str(path.relative_to(ASSETS)): path
        for path in sorted(ASSETS.rglob("*"))
        if path.suffix in _SERVED and "node_modules" not in path.parts
    }


@cache
def digest() -> str:
    mixed = hashlib.sha256()
    for name, path in files().items():
        mixed.update(name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return mixed.hexdigest()[:16]


def asset(name: str) -> str:
    """The address of an asset. Raises `LookupError` naming the remedy when it has not been built."""
    if name not in files():
        raise LookupError(f"{name} manque dans {ASSETS} : lancez « make build ».")
    return f"/static/{digest()}/{name}"


@cache
def _body(name: str, compressed: bool) -> bytes:
    raw = files()[name].read_bytes()
    return gzip.compress(raw, 9, mtime=0) if compressed else raw


@router.get("/static/{version}/{name:path}", include_in_schema=False)
def static(request: Request, version: str, name: str) -> Response:
    path = files().get(name)
    if path is None:
        raise HTTPException(404)
    compressed = path.suffix in _COMPRESSED and "gzip" in request.headers.get("accept-encoding", "")
    kept = "public, max-age=31536000, immutable" if version == digest() else "no-cache"
    headers = {"Cache-Control": kept, "Vary": "Accept-Encoding"} | ({"Content-Encoding": "gzip"} if compressed else {})
    media = "font/woff2" if path.suffix == ".woff2" else mimetypes.guess_type(name)[0]
    return Response(_body(name, compressed), media_type=media, headers=headers)
