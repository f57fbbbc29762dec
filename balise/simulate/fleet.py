"""The simulated fleet: tokens from the server's own folder, then one event loop for all its terminals."""

import asyncio
import contextlib
import resource
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import structlog
from rich.console import Console
from rich.live import Live

from balise.simulate.drills import Drill, carry_out
from balise.simulate.progress import shown, summary
from balise.simulate.story import Odds, Story
from balise.simulate.terminal import Simulated, is_set_within

_THREADS = 32
_FILES_PER_TERMINAL = 10
"""Measured: 8 at rest (two outboxes with their journals, the link), and one while it asks the server."""
_FILES_BESIDE = 300
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
    odds: Odds
    drills: tuple[Drill, ...]


def run(plan: Plan, data_dir: Path | None) -> None:
    """Raises `Refused`."""
    allow_files(plan.terminals * _FILES_PER_TERMINAL + _FILES_BESIDE)
    tokens = server_tokens(plan, data_dir)
    _log_to(plan.state_dir / "simulate.log")
    fleet = [
        Simulated(name, plan.state_dir / name, token, Story(plan.seed, name, plan.odds))
        for name, token in tokens.items()
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
    said: list[str] = []
    with Live(console=console, auto_refresh=False, transient=True) as live:
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(one.run(plan.spread, plan.pace, stop)) for one in fleet]
            beside = [tasks.create_task(_tell(fleet, said, live)), tasks.create_task(_drill(plan, fleet, said))]
            await is_set_within(stop, plan.lasting or None)
            stop.set()
            await _drained(fleet)
            said.append(summary(fleet))
            for task in (*running, *beside):
                task.cancel()
    for line in said:
        console.print(line, soft_wrap=True)


async def _drill(plan: Plan, fleet: list[Simulated], said: list[str]) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    for drill in plan.drills:
        await asyncio.sleep(began + drill.at_s - loop.time())
        said.append(await carry_out(drill, fleet))


async def _drained(fleet: list[Simulated]) -> None:
    """Until the server has confirmed everything, or for a minute."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_S):
            while any(one.waiting for one in fleet):  # noqa: ASYNC110 - outboxes live in threads
                await asyncio.sleep(0.2)


async def _tell(fleet: list[Simulated], said: list[str], live: Live) -> None:
    while True:
        live.update(shown(fleet, said), refresh=live.console.is_terminal)
        await asyncio.sleep(1)


def _log_to(path: Path) -> None:
    """What the cores say goes to a file: two hundred of them on one screen say nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    structlog.configure(
        processors=[structlog.processors.TimeStamper(fmt="iso"), structlog.processors.JSONRenderer()],
        logger_factory=structlog.WriteLoggerFactory(path.open("a")),
    )


def allow_files(wanted: int) -> None:
    """Each terminal holds a few files and sockets open. Raises `Refused`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= wanted:
        return
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise Refused(
            f"Il faut {wanted} fichiers ouverts, ce compte en permet {hard} (RLIMIT_NOFILE) : relevez « ulimit -Hn », "
            f"ou simulez au plus {(hard - _FILES_BESIDE) // _FILES_PER_TERMINAL} bornes."
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
