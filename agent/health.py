"""How the machine is, once a minute."""

import os
import shutil
from pathlib import Path
from typing import Any

import psutil

from wire.events import HealthSampled


def sample(
    stamp: dict[str, Any],
    state_dir: Path,
    outbox_waiting: int,
    page_tick_age_ms: int | None,
    clock_offset_ms: int | None,
) -> HealthSampled:
    """CPU is the share since the previous sample (the first since the agent began)."""
    memory = psutil.virtual_memory()
    disk = shutil.disk_usage(state_dir)
    return HealthSampled(
        **stamp,
        cpu=psutil.cpu_percent(None) / 100,
        memory=memory.percent / 100,
        memory_bytes=memory.total,
        disk_free=disk.free / disk.total,
        disk_free_bytes=disk.free,
        temperature=temperature(),
        uptime_s=int(_uptime()),
        agent_rss_bytes=psutil.Process(os.getpid()).memory_info().rss,
        page_tick_age_ms=page_tick_age_ms,
        clock_offset_ms=clock_offset_ms,
        outbox_waiting=outbox_waiting,
    )


def temperature() -> float | None:
    """The hottest sensor, °C; None where the machine has none."""
    sensors = psutil.sensors_temperatures() if hasattr(psutil, "sensors_temperatures") else {}
    readings = [each.current for group in sensors.values() for each in group if 0 < each.current < 150]
    return max(readings, default=None)


def _uptime() -> float:
    # Not from the boot time on the wall clock, which may have been wrong.
    return float(Path("/proc/uptime").read_text().split()[0])


def facts() -> dict[str, Any]:
    """Informative, for the terminal's page."""
    return {
        "host": os.uname().nodename[:80],
        "system": f"{os.uname().sysname} {os.uname().release}"[:120],
        "cpus": os.cpu_count() or 0,
        "memory_bytes": psutil.virtual_memory().total,
    }
