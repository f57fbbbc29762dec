"""One file, whole or from any byte on, by the kernel where the server offers that."""

import asyncio
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from fleet_server.zero_copy import EXTENSION

_RANGE = re.compile(r"^bytes=(\d{1,15})-(\d{0,15})$")
_PIECE = 512 * 1024


class BlobResponse(Response):
    """`Range: bytes=N-` and `bytes=N-M` are answered; any other form is not understood, and gets the whole."""

    def __init__(self, path: Path, etag: str, headers: Mapping[str, str]) -> None:
        super().__init__(headers=dict(headers) | {"ETag": f'"{etag}"', "Accept-Ranges": "bytes"},
                         media_type="application/octet-stream")  # fmt: skip
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._path.open("rb") as file:  # no slower than a turn of a thread
            size = os.fstat(file.fileno()).st_size
            first, last = self._span(scope, size)
            count = 0 if self.status_code == 416 else last - first + 1
            self.headers["Content-Length"] = str(count)
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            if scope["method"] == "HEAD" or count == 0:
                await send({"type": "http.response.body", "body": b""})
            elif EXTENSION in scope.get("extensions", {}):
                await send({"type": EXTENSION, "file": file, "offset": first, "count": count, "more_body": False})
            else:
                await self._read(file, first, count, send)

    def _span(self, scope: Scope, size: int) -> tuple[int, int]:
        """The first and the last byte asked for; sets the status."""
        asked = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        found = _RANGE.match(asked.get("range", ""))
        if found is None or asked.get("if-range", self.headers["ETag"]) != self.headers["ETag"]:
            return 0, size - 1
        first, last = int(found[1]), min(int(found[2] or size), size - 1)
        if first > last:
            self.status_code = 416
            self.headers["Content-Range"] = f"bytes */{size}"
        else:
            self.status_code = 206
            self.headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        return first, last

    async def _read(self, file: BinaryIO, first: int, count: int, send: Send) -> None:
        file.seek(first)
        while count:
            piece = await asyncio.to_thread(file.read, min(_PIECE, count))
            count = count - len(piece) if piece else 0
            await send({"type": "http.response.body", "body": piece, "more_body": count > 0})
