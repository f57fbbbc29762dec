"""What the simulation shows while it runs, and says at its end."""

from collections import Counter
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table

from balise.simulate.terminal import Simulated

_STAGES = {
    "download": "téléchargement", "install": "installation", "verify": "vérification", "command": "commande",
    "silent": "silence", "crash": "arrêt brutal", "clock": "horloge fausse",
}  # fmt: skip
_PHASES = {
    "idle": "sans édition", "downloading": "reçoit", "waiting": "attend son heure", "verifying": "vérifie",
    "committed": "en place", "rolled_back": "revenue en arrière", "failed": "échec",
}  # fmt: skip


def summary(fleet: Sequence[Simulated]) -> str:
    told, waiting = sum(one.told for one in fleet), sum(one.waiting for one in fleet)
    line = f"{len(fleet)} bornes ({_states(fleet)}) : {told} événements racontés, {max(0, told - waiting)} confirmés"
    failed = failures(fleet)
    return f"{line}\nPannes simulées : {_listed(failed, _STAGES)}" if failed else line


def shown(fleet: Sequence[Simulated], said: Sequence[str]) -> RenderableType:
    """A table of the moment, then what the drills gave."""
    told, waiting = sum(one.told for one in fleet), sum(one.waiting for one in fleet)
    phases = Counter(one.content for one in fleet if one.content)
    table = Table(show_header=False, box=None)
    table.add_row("Bornes", f"{len(fleet)} ({_states(fleet)})")
    table.add_row("Événements", f"{told} racontés, {waiting} en attente")
    table.add_row("Éditions", _listed(phases, _PHASES))
    table.add_row("Pannes simulées", _listed(failures(fleet), _STAGES) or "aucune")
    return Group(table, *said)


def failures(fleet: Sequence[Simulated]) -> Counter[str]:
    return +sum((one.failed for one in fleet), Counter[str]())


def _states(fleet: Sequence[Simulated]) -> str:
    states = Counter(one.state for one in fleet)
    return ", ".join(f"{count} {state}" for state, count in sorted(states.items()))


def _listed(counts: Counter[str], words: dict[str, str]) -> str:
    return ", ".join(f"{counts[key]} {word}" for key, word in words.items() if counts[key])
