"""What is installed: Debian's packages, and those that the agent itself runs on. Read from files, no process."""

import sys
from pathlib import Path

from agent.inventory.host import Host
from agent.inventory.reading import debian_packages, python_packages
from wire.inventory import MOST_PACKAGES

_STATUS = "var/lib/dpkg/status"
_MOST_STATUS = 32 * 2**20


def read_debian(host: Host) -> dict[str, str]:
    return debian_packages(host.lines(_STATUS, _MOST_STATUS), MOST_PACKAGES)


def read_python(path: list[str] | None = None) -> dict[str, str]:
    """From the names of folders: opening each one's metadata takes fifty times as long."""
    found: dict[str, str] = {}
    for one in sys.path if path is None else path:
        folder = Path(one)
        if folder.name in ("site-packages", "dist-packages"):
            found = python_packages(Host(folder).entries(".")) | found  # the first on the path is the one that runs
    return found
