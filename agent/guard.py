"""Who may talk to the local API: pages of its own origin, and, under `/api/`, those that know the token of this boot.

A web page elsewhere, or a name that was made to point at 127.0.0.1, fails on `Host` and `Origin`.
"""

import hmac
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; media-src 'self' blob:; worker-src 'self' blob:; manifest-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = [
    (b"content-security-policy", CSP.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), usb=(), serial=(), bluetooth=(), payment=()"),
]


class Guard:
    """ASGI, around the whole of the local API. `token`: the page's secret. `port`: where it listens."""

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        self._app = app
        self._bearer = f"Bearer {token}".encode()
        self._host = f"127.0.0.1:{port}".encode()
        self._origin = b"http://" + self._host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return

        async def send_guarded(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *_HEADERS]
            await send(message)

        refusal = self._refusal(scope)
        await (refusal or self._app)(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        hosts, origins, proofs = [], [], []
        for name, value in scope["headers"]:
            match name:
                case b"host":
                    hosts.append(value)
                case b"origin":
                    origins.append(value)
                case b"authorization":
                    proofs.append(value)
        if hosts != [self._host] or any(origin != self._origin for origin in origins):
            return refused(403, "foreign", "only a page of this terminal may ask")
        known = len(proofs) == 1 and hmac.compare_digest(proofs[0], self._bearer)
        if scope["path"].startswith("/api/") and not known:
            return refused(403, "token", "the page does not know the token of this boot: open it anew")
        return None


def refused(status: int, code: str, message: str, **more: str) -> JSONResponse:
    return JSONResponse({"error": code, "message": message} | more, status)
