"""Bring the wheels of one version here: `python -m agent.software.fetch`, a process of its own as `agent.fetch` is.

A job (JSON) comes on stdin; lines go out, and failures are told, as there. `rejected`: this version can't run here.
"""

import platform
import sys
from pathlib import Path

import urllib3
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from pydantic import ValidationError

from agent.fetch import Line, arrive, check_room, told
from agent.resume import Garbled
from agent.software.fitting import Unfit, fitting
from agent.software.wheels import Wheels
from agent.trust import connections, trusted_target
from wire.software import MAX_SOFTWARE_MANIFEST_BYTES, SoftwareManifest, SoftwareRelease

UNPACKED = 4
"""An environment takes so many times its wheels, and less: there is room for it before the first byte comes."""


class Job(Line):
    """`root`: of the slots."""

    software: Path
    target: SoftwareRelease


def fetch(job: Job) -> None:
    """Returns once every wheel is here, verified and synced. Raises `Failure`, `OSError`."""
    wheels, pool = Wheels(job.software), connections(job)
    wheels.prepare()
    manifest = _manifest(job, wheels, pool)
    _check_python(manifest)
    needed = fitting(manifest)
    wheels.collect(job.target.id, needed)
    missing, total = wheels.missing(needed), sum(wheel.size for wheel in needed)
    check_room(job, wheels.partial, missing, total * UNPACKED)
    arrive(job, pool, wheels.partial, missing, total, wheels.keep)


def _manifest(job: Job, wheels: Wheels, pool: urllib3.PoolManager) -> SoftwareManifest:
    if held := wheels.manifest(job.target.id):
        return held
    raw = trusted_target(job, f"software/{job.target.version}.json", MAX_SOFTWARE_MANIFEST_BYTES, pool)
    try:
        manifest = wheels.keep_manifest(job.target.id, raw)
    except ValidationError as error:
        raise Unfit(f"its manifest is not one that this software reads: {error}"[:200]) from error
    except ValueError as error:
        raise Garbled(f"{type(error).__name__}: {error}"[:200]) from error
    if manifest.version != job.target.version:
        raise Unfit(f"the manifest is of version {manifest.version}")
    return manifest


def _check_python(manifest: SoftwareManifest) -> None:
    try:
        fits = SpecifierSet(manifest.python).contains(platform.python_version(), prereleases=True)
    except InvalidSpecifier as error:
        raise Unfit(f"unreadable: {error}") from error
    if not fits:
        raise Unfit(f"it needs Python {manifest.python}, this terminal has {platform.python_version()}")


if __name__ == "__main__":
    told(lambda: fetch(Job.model_validate_json(sys.stdin.readline())))
