"""Run the benchmarks, print the table, write `var/bench/results.json`.

`ONLY=ingest` runs the benchmarks whose name begins so; the others' last results are kept in the file.
"""

import importlib
import json
import os
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.measure import Measure

RESULTS = Path("var/bench/results.json")
# Module of this package → the names it measures, in the order of the table.
PARTS = {
    "ingest": ("ingest.live", "ingest.live.cpu", "ingest.backlog"),
    "desired": ("desired.reported.mosquitto", "desired.reported.embedded"),
    "command": ("command.answer.7",),
    "thousand": ("fleet.rss.1000", "rollout.desired.1000", "command.answer.1000", "fleet.reconnect.1000"),
    "agent": ("agent.rss", "agent.cpu"),
    "sync": ("sync.first", "sync.resume", "sync.changed"),
    "kiosk": ("kiosk.first_load",),
}


def main(only: str) -> int:
    console = Console()
    if not console.is_terminal:
        console = Console(width=150)  # in a log, whole names
    chosen = [part for part, names in PARTS.items() if any(name.startswith(only) for name in names)]
    if not chosen:
        console.print(f"ONLY={only}: nothing of that name. There are: {', '.join(PARTS)}.")
        return 2
    measured: list[Measure] = []
    for part in chosen:
        with console.status(f"{part} …"):
            measured += importlib.import_module(f"benchmarks.{part}").measures()
    console.print(table(measured))
    write(measured)
    return 0


def table(measured: list[Measure]) -> Table:
    shown = Table(title="Balise, measured on this machine")
    for column in ("what", "value", "unit", "beside", "reference", "ratio", "goal", ""):
        shown.add_column(column, justify="right" if column in ("value", "reference", "ratio") else "left")
    for one in measured:
        ratio = f"{one.ratio:.2f}"
        verdict = "[green]holds[/]" if one.holds else "[red]missed[/]"
        shown.add_row(one.name, f"{one.value:,.4g}", one.unit, one.reference.name, f"{one.reference.value:,.4g}", ratio,
                      one.goal, verdict)  # fmt: skip
    return shown


def write(measured: list[Measure]) -> None:
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    kept = {row["name"]: row for row in json.loads(RESULTS.read_text())} if RESULTS.exists() else {}
    kept |= {one.name: one.as_json() for one in measured}
    RESULTS.write_text(json.dumps(list(kept.values()), indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    sys.exit(main(os.environ.get("ONLY", "")))
