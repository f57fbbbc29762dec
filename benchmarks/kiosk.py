"""`kiosk.first_load`: script and style that the kiosk's first screen needs, gzip."""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Measure, Reference

UI = Path("agent/ui")
LIMIT_KB = 150


def measures() -> Iterator[Measure]:
    total = sum(len(gzip.compress(path.read_bytes(), 9)) for path in first_load(UI)) / 1000
    limit = Reference("limit", LIMIT_KB)
    yield Measure("kiosk.first_load", round(total, 1), "kB gzip", limit, f"≤ {LIMIT_KB} kB", total <= LIMIT_KB)


def first_load(ui: Path) -> list[Path]:
    """What `index.html` names, and what those scripts import at once (not what they load later)."""
    waiting = [ui / name.lstrip("/") for name in re.findall(r'(?:src|href)="(/assets/[^"]+\.(?:js|css))"',
                                                            (ui / "index.html").read_text())]  # fmt: skip
    found: list[Path] = []
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.append(path)
        if path.suffix == ".js":
            static = re.findall(r'(?:^|[;}\s])(?:import|export)[^"\'();]*["\']\./([^"\']+\.js)["\']', path.read_text())
            waiting += [path.parent / name for name in static]
    return found
