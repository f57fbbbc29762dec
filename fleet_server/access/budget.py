"""So many tries in so long, for each address: in memory, and of a bounded number of addresses."""

import threading
from collections import OrderedDict
from datetime import datetime, timedelta


class Budget:
    """Sliding: a try counts for `window`. Past `addresses`, the one that tried the longest ago is forgotten."""

    def __init__(self, tries: int, window: timedelta, addresses: int = 10_000) -> None:
        self._tries = tries
        self._window = window
        self._addresses = addresses
        self._spent: OrderedDict[str, list[datetime]] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, address: str, now: datetime) -> timedelta | None:
        """How long until this address may try again; None: it may now."""
        with self._lock:
            spent = self._recent(address, now)
            return spent[-self._tries] + self._window - now if len(spent) >= self._tries else None

    def spend(self, address: str, now: datetime) -> bool:
        """One try. True: the first of this address for a while."""
        with self._lock:
            spent = self._recent(address, now)
            self._spent[address] = [*spent, now][-self._tries :]
            self._spent.move_to_end(address)
            while len(self._spent) > self._addresses:
                self._spent.popitem(last=False)
            return not spent

    def _recent(self, address: str, now: datetime) -> list[datetime]:
        return [at for at in self._spent.get(address, ()) if now - at < self._window]
