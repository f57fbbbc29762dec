"""Files from the disk to the network without passing through Python: ASGI's `http.response.zerocopysend` for uvicorn.

h11 keeps the account of the body, the kernel moves its bytes (`loop.sendfile`, which reads and writes itself where the
connection is encrypted). An edition of 500 MB to seven terminals at once would otherwise take seconds of this process.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, BinaryIO

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

EXTENSION = "http.response.zerocopysend"
_AHEAD = 4 * 2**20
"""Read into memory before it is sent: a cold disk must not hold up everybody else's requests."""
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class _Length:
    """Stands in h11's account for bytes that it never sees."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count


class ZeroCopyProtocol(H11Protocol):
    """HTTP/1.1, offering the extension to the application; all else is uvicorn's."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.app = self._offering(self.app)

    def _offering(self, app: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        async def offering(scope: dict[str, Any], receive: Any, send: _Send) -> None:
            async def send_all(message: MutableMapping[str, Any]) -> None:
                if message["type"] != EXTENSION:
                    await send(message)
                    return
                await self._send_file(message["file"], message["offset"], message["count"])
                await send({"type": "http.response.body", "body": b"", "more_body": message.get("more_body", False)})

            scope.setdefault("extensions", {})[EXTENSION] = {}
            await app(scope, receive, send_all)

        return offering

    async def _send_file(self, file: BinaryIO, offset: int, count: int) -> None:
        loop = asyncio.get_running_loop()
        self.conn.send_with_data_passthrough(h11.Data(data=_Length(count)))  # type: ignore[arg-type]
        end = offset + count
        while offset < end and not self.transport.is_closing():
            step = min(_AHEAD, end - offset)
            os.posix_fadvise(file.fileno(), offset, 2 * _AHEAD, os.POSIX_FADV_WILLNEED)
            try:
                sent = await loop.sendfile(self.transport, file, offset, step)
            except (ConnectionError, RuntimeError):  # they hung up
                break
            if sent < step:  # shorter than it was when its length was told
                self.transport.close()
                return
            offset += sent
        if offset < end:
            self.transport.close()
