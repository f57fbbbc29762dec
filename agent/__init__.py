"""Balise on each terminal: what happened is kept and told, what is wanted is fetched, shown and reported."""

import sys
from pathlib import Path

_MADE = "0.1.0"
"""The same as the distribution's, kept here to spare an import."""


def _version() -> str:
    """What was signed and asked for by that name, where this runs from a slot (`agent.software`)."""
    environment = Path(sys.prefix)
    return environment.name if environment.parent.name == "slots" else _MADE


VERSION = _version()
"""Stated to the server with every event and report."""
