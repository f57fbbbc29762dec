"""How much of a request is taken, declared or not: what is sent is counted as it comes, never collected."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from fastapi import HTTPException

from fleet_server.web.headers import Receive, Scope, Send

MOST = 64 * 1024


class BodyLimit:
    """Pure ASGI. Refuses from within the reading, so that the refusal is told like any other error.

    `larger`: what begins with (method, path) may bring so many bytes.
    """

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]],
                 larger: Mapping[tuple[str, str], int]) -> None:  # fmt: skip
        self.app = app
        self.larger = larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self._limit(scope["method"], scope["path"])
        declared = int(dict(scope["headers"]).get(b"content-length", b"0"))
        came = 0

        async def counted() -> MutableMapping[str, Any]:
            nonlocal came
            message = await receive() if declared <= limit else {}
            came += len(message.get("body", b""))
            if max(declared, came) > limit:
                raise HTTPException(413, f"Cette adresse reçoit au plus {_told(limit)} à la fois.")
            return message

        await self.app(scope, counted, send)

    def _limit(self, method: str, path: str) -> int:
        fitting = (most for (verb, start), most in self.larger.items() if method == verb and path.startswith(start))
        return next(fitting, MOST)


def _told(limit: int) -> str:
    return f"{limit // 1024} Kio" if limit < 1_000_000 else f"{limit // 1_000_000} Mo"
