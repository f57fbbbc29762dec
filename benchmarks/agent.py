"""`agent.rss`, `agent.cpu`: the agent with its local API and no window, at rest, beside Prometheus' node_exporter.

Both do their work: the agent reports and samples its health, the exporter is scraped. One that nobody asks stays at two
thirds of its size.
"""

import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil

from benchmarks.measure import Measure, Reference
from tests.fleet import Fleet
from tests.processes import Process, eventually, free_port

RSS_RATIO, CPU_SHARE = 3.5, 0.1
SETTLES_S, REST_S = 15, 40


def measures() -> Iterator[Measure]:
    with tempfile.TemporaryDirectory() as made, Fleet(Path(made)) as fleet:
        kiosk = fleet.add("Laval").start()
        eventually(kiosk.screen, what="the page's agent answers")
        exporter, metrics = node_exporter(Path(made))
        try:
            eventually(lambda: answers(metrics), what="node_exporter answers")
            for _ in range(SETTLES_S):
                time.sleep(1)
                httpx.get(metrics, timeout=10).raise_for_status()
            process = psutil.Process(kiosk.pid)
            before = process.cpu_times()
            time.sleep(REST_S)
            after = process.cpu_times()
            beside = Reference("node_exporter RSS, MB", round(rss_mb(exporter.pid), 1))
            rss = rss_mb(kiosk.pid)
        finally:
            exporter.stop()
    cpu = 100 * (after.user - before.user + after.system - before.system) / REST_S
    yield Measure("agent.rss", round(rss, 1), "MB", beside, f"≤ {RSS_RATIO} × reference",
                  rss <= RSS_RATIO * beside.value)  # fmt: skip
    yield Measure("agent.cpu", round(cpu, 3), "% of a core", Reference("limit", CPU_SHARE), f"≤ {CPU_SHARE} %",
                  cpu <= CPU_SHARE)  # fmt: skip


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=10).is_success
    except httpx.TransportError:
        return False


def rss_mb(pid: int) -> float:
    return float(psutil.Process(pid).memory_info().rss) / 1e6


def node_exporter(directory: Path) -> tuple[Process, str]:
    """As Debian ships it, and where its metrics are."""
    command = shutil.which("prometheus-node-exporter") or shutil.which("node_exporter")
    if not command:
        raise RuntimeError("node_exporter is not installed: apt-get install prometheus-node-exporter")
    port = free_port()
    at = f"127.0.0.1:{port}"
    started = Process("node_exporter", [command, f"--web.listen-address={at}"], directory / "exporter.log")
    return started, f"http://{at}/metrics"
