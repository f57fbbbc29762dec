"""What is installed: Debian's packages, and those that the agent itself runs on. Read from files, no process."""

import sys
from pathlib import Path

from agent.inventory.host import Host
from agent.inventory.reading import DIST_INFO, debian_packages, python_packages
from wire.inventory import MOST_PACKAGES

_STATUS = "var/lib/dpkg/status"
_MOST_STATUS = 32 * 2**20
_MOST_NAMES = 4 * MOST_PACKAGES


def read_debian(host: Host) -> tuple[dict[str, str], int]:
    """And how many more there are."""
    return debian_packages(host.lines(_STATUS, _MOST_STATUS), MOST_PACKAGES)


def read_python(path: list[str] | None = None, most: int = MOST_PACKAGES) -> tuple[dict[str, str], int]:
    """From the names of folders: opening each one's metadata takes fifty times as long. And how many more there are."""
    found: dict[str, str] = {}
    for one in sys.path if path is None else path:
        folder = Path(one)
        if folder.name in ("site-packages", "dist-packages"):
            names = Host(folder).entries(".", DIST_INFO, _MOST_NAMES)
            found = python_packages(names) | found  # the first on the path is the one that runs
    kept = dict(sorted(found.items())[:most])
    return kept, len(found) - len(kept)
