"""The simulated fleet: tokens from the server's own folder, then one event loop for all its terminals."""

import asyncio
import contextlib
import resource
import signal
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import structlog
from rich.console import Console

from balise.simulate.terminal import Simulated, is_set_within

_THREADS = 32
_FILES_PER_TERMINAL = 16
DRAIN_S = 60.0


class Refused(Exception):
    """One French sentence with the remedy."""


@dataclass(frozen=True, slots=True)
class Plan:
    """`spread`, `pace` and `lasting` in seconds; `lasting` 0: until told to stop."""

    terminals: int
    state_dir: Path
    seed: int
    spread: float
    pace: float
    lasting: float


def run(plan: Plan, data_dir: Path | None) -> None:
    """Raises `Refused`."""
    _allow_files(plan.terminals * _FILES_PER_TERMINAL)
    tokens = server_tokens(plan, data_dir)
    _log_to(plan.state_dir / "simulate.log")
    fleet = [
        Simulated(name, plan.state_dir / name, token, plan.seed + n) for n, (name, token) in enumerate(tokens.items())
    ]
    asyncio.run(_run(plan, fleet))


def server_tokens(plan: Plan, data_dir: Path | None) -> dict[str, str]:
    """Name → one-time token; empty for a terminal that an earlier run enrolled."""
    try:
        from balise.simulate.registered import register
    except ModuleNotFoundError as missing:
        raise Refused(f"Il manque « {missing.name} » : la simulation tourne là où est le serveur.") from missing
    names = [f"simulee-{n:04}" for n in range(1, plan.terminals + 1)]
    new = [name for name in names if not (plan.state_dir / name / "identity").exists()]
    try:
        return dict.fromkeys(names, "") | register(new, data_dir)
    except FileNotFoundError as missing:
        raise Refused(f"Pas de serveur ici ({missing.filename}) : --data-dir, ou « balise server init ».") from missing


async def _run(plan: Plan, fleet: list[Simulated]) -> None:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(_THREADS, "simulate"))
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    console = Console(highlight=False)
    with console.status("Les bornes arrivent") as status:
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(one.run(plan.spread, plan.pace, stop)) for one in fleet]
            telling = tasks.create_task(_tell(fleet, status.update))
            await is_set_within(stop, plan.lasting or None)
            stop.set()
            status.update("Les derniers événements partent")
            await _drained(fleet)
            said = summary(fleet)
            for task in (*running, telling):
                task.cancel()
    console.print(said)


async def _drained(fleet: list[Simulated]) -> None:
    """Until the server has confirmed everything, or for a minute."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_S):
            while any(one.waiting for one in fleet):  # noqa: ASYNC110 - outboxes live in threads
                await asyncio.sleep(0.2)


async def _tell(fleet: list[Simulated], update: Callable[[str], None]) -> None:
    while True:
        update(summary(fleet))
        await asyncio.sleep(1)


def summary(fleet: list[Simulated]) -> str:
    states = Counter(one.state for one in fleet)
    told, waiting = sum(one.told for one in fleet), sum(one.waiting for one in fleet)
    words = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    return f"{len(fleet)} bornes ({words}) : {told} événements racontés, {told - waiting} confirmés"


def _log_to(path: Path) -> None:
    """What the cores say goes to a file: two hundred of them on one screen say nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    structlog.configure(
        processors=[structlog.processors.TimeStamper(fmt="iso"), structlog.processors.JSONRenderer()],
        logger_factory=structlog.WriteLoggerFactory(path.open("a")),
    )


def _allow_files(wanted: int) -> None:
    """Each terminal holds a few files and sockets open. Raises `Refused`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= wanted:
        return
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise Refused(f"Il faut {wanted} fichiers ouverts, ce compte en permet {hard} : ulimit -n, ou moins de bornes.")
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
