"""A thousand terminals: `balise simulate` beside the shipped server, mosquitto between them, default settings.

`fleet.rss.1000`, `rollout.desired.1000`, `command.answer.1000`, `fleet.reconnect.1000`. All durable writes, the
server's and the thousand terminals', fall on one disk, whose file system is named.
"""

import re
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from benchmarks.command import file_system, measure, orders_in_turn
from benchmarks.measure import Measure, Reference
from tests.back_office import post
from tests.fleet import BALISE, Fleet
from tests.processes import Process, eventually

TERMINALS = 1000
COMMAND_MS, DESIRED_S, RECONNECT_S, RSS_MB = 200, 5, 30, 20
SETTLES_S = 5
IDLE_SHARE = 0.1
"""Of a core: below it the server does nothing but keep what is there."""
WITHIN_S = 300
_CONNECTED = "SELECT count(*) FROM terminal_live WHERE connected AND report IS NOT NULL"
_BEHIND = """SELECT count(*) FROM terminal_live AS live JOIN terminal_desired AS wish ON wish.terminal = live.terminal
 WHERE live.report IS NULL OR json_extract(live.report, '$.revision') < wish.revision"""


def measures() -> Iterator[Measure]:
    with tempfile.TemporaryDirectory() as made, Fleet(Path(made), "mosquitto") as fleet:
        disk = file_system(Path(made))
        simulated(fleet, "--spread", "30").end()  # enrolled: what follows is about terminals that are known
        eventually(lambda: fleet.rows(_CONNECTED) == [(0,)], what="all have left")
        assert fleet.server
        fleet.server.stop()
        fleet.start_server()
        look(fleet)  # what pages import is there before
        idle = rss_mb(fleet)
        running = simulated(fleet, "--spread", "10")
        rss = rss_mb(fleet) - idle
        look(fleet)
        seen = rss_mb(fleet) - idle
        what = f"MB over {idle:.0f} at rest; {seen:.0f} once somebody has looked at all of them"
        yield Measure("fleet.rss.1000", round(rss, 1), what, Reference("limit", RSS_MB), f"≤ {RSS_MB} MB",
                      rss <= RSS_MB)  # fmt: skip
        took = desired(fleet)
        yield Measure("rollout.desired.1000", round(took, 2), f"s, {disk}", Reference("limit", DESIRED_S),
                      f"≤ {DESIRED_S} s", took <= DESIRED_S)  # fmt: skip
        ids = [row[0] for row in fleet.rows("SELECT terminal FROM terminal_live ORDER BY terminal")]
        yield measure("command.answer.1000", orders_in_turn(fleet, ids, TERMINALS), COMMAND_MS, disk)
        back, idle_after, burst = reconnected(fleet)
        told, kept = running.end(), fleet.rows("SELECT count(*), count(DISTINCT id) FROM usage_event")[0]
        lost = told - kept[0]
        what = f"s, idle after {idle_after:.0f} s, {burst:.1f} s of CPU, {lost} of {told} events lost"
        holds = back <= RECONNECT_S and lost == 0 and kept[0] == kept[1]
        yield Measure("fleet.reconnect.1000", round(back, 1), what, Reference("limit", RECONNECT_S),
                      f"≤ {RECONNECT_S} s, 0 lost", holds)  # fmt: skip


class Simulation:
    """`balise simulate` in a process of its own."""

    def __init__(self, fleet: Fleet, options: tuple[str, ...]) -> None:
        command = [*BALISE, "simulate", "--terminals", str(TERMINALS), "--pace", "600", *options,
                   "--state-dir", str(fleet.directory / "simulated")]  # fmt: skip
        log = fleet.directory / "logs" / "simulate.log"
        self.process = Process("simulate", command, log, {"BALISE_DATA_DIR": str(fleet.data_dir)} | fleet.environment)

    def end(self) -> int:
        """How many events its visitors made, by all runs so far. Returns once the server has confirmed them."""
        self.process.child.send_signal(signal.SIGTERM)
        self.process.child.wait(WITHIN_S)
        found = re.findall(r"(\d+) événements racontés", self.process.said())
        return sum(int(one) for one in found)


def simulated(fleet: Fleet, *options: str) -> Simulation:
    running = Simulation(fleet, options)

    def all_there() -> bool:
        if not running.process.alive:
            raise RuntimeError(running.process.said()[-2000:])
        return fleet.rows(_CONNECTED) == [(TERMINALS,)]

    eventually(all_there, WITHIN_S, what=f"{TERMINALS} terminals are connected")
    at_rest(fleet)
    return running


def look(fleet: Fleet) -> None:
    with closing(fleet.signed_in("yanis")) as yanis:
        yanis.get("/flotte").raise_for_status()


def rss_mb(fleet: Fleet) -> float:
    """Of the server's process."""
    at_rest(fleet)
    return float(process(fleet).memory_info().rss) / 1e6


def process(fleet: Fleet) -> psutil.Process:
    assert fleet.server
    return psutil.Process(fleet.server.pid)


def at_rest(fleet: Fleet) -> float:
    """Seconds until the server has been idle for `SETTLES_S`."""
    server, began = process(fleet), time.monotonic()
    while time.monotonic() - began < WITHIN_S:
        before = cpu(server)
        time.sleep(SETTLES_S)
        if (cpu(server) - before) / SETTLES_S < IDLE_SHARE:
            return time.monotonic() - began - SETTLES_S
    raise RuntimeError(f"the server is never below {IDLE_SHARE:.0%} of a core")


def cpu(server: psutil.Process) -> float:
    used: Any = server.cpu_times()
    return float(used.user + used.system)


def desired(fleet: Fleet) -> float:
    """From an operator's change of everybody's settings to the last report of it, in the server's database."""
    with closing(fleet.signed_in("yanis")) as yanis:
        answer = post(yanis, "/reglages", idle_warning_s="75", idle_end_s="300", revision="1")
        if answer.status_code != 303:
            raise RuntimeError(answer.text[-500:])
    eventually(lambda: fleet.rows(_BEHIND) == [(0,)], WITHIN_S, 0.05, what="all have reported it")
    until = datetime.now(UTC)
    (wished,) = fleet.rows("SELECT min(wished_at) FROM terminal_desired")[0]
    return (until - datetime.fromisoformat(wished).replace(tzinfo=UTC)).total_seconds()


def reconnected(fleet: Fleet) -> tuple[float, float, float]:
    """The broker is killed and started again: seconds until all are back by new connections, until the server is idle,
    and what that cost it."""
    assert fleet.mosquitto
    connections = dict(fleet.rows("SELECT terminal, connection FROM terminal_live"))
    server = process(fleet)
    before = cpu(server)
    fleet.mosquitto.kill()
    fleet.mosquitto.start()
    began = time.monotonic()

    def all_back() -> bool:
        rows = fleet.rows("SELECT terminal, connection FROM terminal_live WHERE connected")
        return len({one for one, connection in rows if connections[one] != connection}) == TERMINALS

    eventually(all_back, WITHIN_S, what="all are back")
    back = time.monotonic() - began
    return back, at_rest(fleet), cpu(server) - before
