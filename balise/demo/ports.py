"""Ports of 127.0.0.1: the one asked for must be free, the others are taken where there is room."""

import socket
from collections.abc import Iterable

from balise.demo.refusal import Refused


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: a port whose last connections are fading is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def require_free(port: int) -> None:
    """Raises `Refused`."""
    if port < 1024 or port > 65000:
        raise Refused(f"PORT={port} : choisissez un port entre 1024 et 65000.")
    if not is_free(port):
        raise Refused(f"Le port {port} est déjà pris sur cette machine : recommencez avec un autre, PORT={port + 100}.")


def free_near(preferred: int, taken: Iterable[int] = ()) -> int:
    """`preferred`, or the next one that is free and not in `taken`."""
    avoided = set(taken)
    for port in range(preferred, preferred + 400):
        if port not in avoided and is_free(port):
            return port
    raise Refused(f"Aucun port libre entre {preferred} et {preferred + 400}.")
