"""A line between a terminal and the server that counts what crosses it, and holds back next to nothing itself."""

import contextlib
import socket
import threading

_PIECE = 16 * 1024


class Relay:
    """`down`: bytes taken by the terminal's system so far, heads of answers included."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self.down = 0
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> "Relay":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                terminal, _ = self._listener.accept()
                # What this side's system holds has crossed nothing yet.
                terminal.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _PIECE)
                server = socket.create_connection(("127.0.0.1", self._to))
                for source, target, counts in ((terminal, server, False), (server, terminal, True)):
                    threading.Thread(target=self._pass_on, args=(source, target, counts), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, counts: bool) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(_PIECE):
                target.sendall(piece)
                if counts:
                    with self._lock:
                        self.down += len(piece)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
