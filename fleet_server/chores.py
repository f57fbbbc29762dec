"""What is done by the clock: each chore is one testable turn, the loop around them only waits."""

import threading
import time
from collections.abc import Callable, Mapping

import structlog

log = structlog.get_logger()
Chore = tuple[float, Callable[[], object]]
"""(every so many seconds, one turn)"""


class Chores:
    """A thread of its own while the context is open. A turn that fails is logged, and comes again at its time."""

    def __init__(self, chores: Mapping[str, Chore]) -> None:
        self._chores = chores
        self._due = dict.fromkeys(chores, 0.0)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="chores", daemon=True)

    def __enter__(self) -> "Chores":
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(max(0.0, min(self._due.values()) - time.monotonic())):
            for name, (every_s, turn) in self._chores.items():
                if self._due[name] <= time.monotonic():
                    try:
                        turn()
                    except Exception as error:
                        log.error("chore.failed", chore=name, exc_info=error)
                    self._due[name] = time.monotonic() + every_s
