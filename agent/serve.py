"""Serve an ASGI application on 127.0.0.1 within the agent's event loop, leaving signals to the agent."""

import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from agent.supervised import while_serving


class PortTaken(OSError):
    """Something else listens there: choose another port, or end it."""


def listen(port: int) -> socket.socket:
    """A socket on 127.0.0.1 (0: any free port). Raises `PortTaken`."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # asyncio does this only for sockets it made itself. Without, each answer waits 40 ms for an acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        raise PortTaken(error.errno, f"port {port} of 127.0.0.1 can't be used ({error.strerror})") from error
    return listener


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        """Without uvicorn's ten ticks a second, for a terminal at rest."""
        await while_serving()


async def serve(app: ASGIApp, listener: socket.socket) -> None:
    """Until cancelled."""
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", ws="none", http="h11", loop="asyncio",
        timeout_keep_alive=75, timeout_graceful_shutdown=1,
        h11_max_incomplete_event_size=16 * 1024, server_header=False, proxy_headers=False, date_header=False,
    )  # fmt: skip
    try:
        await _Server(config).serve(sockets=[listener])
    finally:
        listener.close()
