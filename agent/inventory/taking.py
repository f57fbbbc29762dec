"""The whole document, within bounds whatever the machine says of itself. In a process of its own: see `taken`."""

import gzip
import hashlib

from agent import VERSION
from agent.inventory.hardware import read_hardware
from agent.inventory.host import Host
from agent.inventory.packages import read_debian, read_python
from agent.inventory.system import read_system
from agent.inventory.taken import Taken
from wire.inventory import MAX_INVENTORY_BYTES, MAX_PACKED_BYTES, Inventory, encode


def read_inventory(host: Host) -> Inventory:
    (packages, more), (python, more_python) = read_debian(host), read_python()
    return Inventory(
        agent=VERSION, hardware=read_hardware(host), system=read_system(host), packages=packages,
        python_packages=python, packages_untold=more + more_python,
    )  # fmt: skip


def take(host: Host) -> Taken:
    inventory = read_inventory(host)
    raw = encode(inventory)
    packed = _pack(raw)
    while len(raw) > MAX_INVENTORY_BYTES or len(packed) > MAX_PACKED_BYTES:
        # Half of the packages are better than no word of the machine; nothing else can be so large.
        kept = dict(sorted(inventory.packages.items())[: len(inventory.packages) // 2])
        untold = inventory.packages_untold + len(inventory.packages) - len(kept)
        inventory = inventory.model_copy(update={"packages": kept, "packages_untold": untold})
        raw = encode(inventory)
        packed = _pack(raw)
    return Taken(hashlib.sha256(raw).hexdigest(), packed, inventory.hardware.board.full_name[:120])


def _pack(raw: bytes) -> bytes:
    return gzip.compress(raw, 6, mtime=0)
