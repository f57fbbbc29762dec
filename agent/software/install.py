"""Make the environment of one version at its final path, from wheels that are here: `python -m agent.software.install`.

No network, and no pip on the terminal. A job (JSON) comes on stdin; how it ended goes out, as from `agent.fetch`:
`rejected` when what is made can't be started, for a reason that is the version's own, else try again.
"""

import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from installer import install
from installer.destinations import SchemeDictionaryDestination
from installer.exceptions import InstallerError
from installer.sources import WheelFile
from pydantic import BaseModel

from agent import disk
from agent.fetch import told
from agent.resume import Failure, Missing
from agent.software import first_start
from agent.software.fitting import Unfit, fitting
from agent.software.slots import Slots
from agent.software.wheels import Wheels
from wire.software import SoftwareManifest, SoftwareRelease, Wheel

_SYNCING = 8
"""Files at once: the disk commits them together."""
_CHECK_S = 120
_CHECK = Path(first_start.__file__)


class NotNow(Failure):
    """It could not be tried: another time it may be found well."""

    kind = "not now"


class Job(BaseModel):
    software: Path
    target: SoftwareRelease


def make(job: Job) -> None:
    """Returns once the slot is whole and synced. Raises `Failure`, `OSError`."""
    slots, wheels = Slots(job.software), Wheels(job.software)
    manifest = wheels.manifest(job.target.id)
    if manifest is None or wheels.missing(needed := fitting(manifest)):
        raise Missing("a wheel is no longer here")
    slot = slots.begin(job.target.version)
    venv.EnvBuilder(symlinks=True).create(slot)
    _unpack(needed, wheels, slot)
    _check(manifest, slot)
    _sync(slot)
    slots.finish(job.target.version)


def _unpack(needed: Iterable[Wheel], wheels: Wheels, slot: Path) -> None:
    scheme = sysconfig.get_paths("venv", vars={"base": str(slot), "platbase": str(slot)})
    scheme["headers"] = scheme["include"]
    python = str(slot / "bin" / "python")
    to = SchemeDictionaryDestination(scheme, interpreter=python, script_kind="posix", bytecode_optimization_levels=[0])
    try:
        for wheel in needed:
            with zipfile.ZipFile(wheels.path(wheel.sha256)) as archive:
                archive.filename = wheel.name  # which says, by the standard, what is in it
                source = WheelFile(archive)
                source.validate_record()
                install(source, to, {"INSTALLER": b"balise"})
    except (InstallerError, zipfile.BadZipFile, ValueError, KeyError) as error:
        raise Unfit(f"{wheel.name}: {error}"[:200]) from error


def _check(manifest: SoftwareManifest, slot: Path) -> None:
    """What can't even be imported, or says itself that it can't serve, is not worth a restart of the screen."""
    try:
        done = subprocess.run(
            [slot / "bin" / "python", "-I", _CHECK, manifest.entry], capture_output=True, text=True,
            timeout=_CHECK_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise Unfit(f"it does not start within {_CHECK_S} s") from error
    if done.returncode < 0:
        raise NotNow(f"its first start was killed by signal {-done.returncode}")
    why = (done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1]
    if done.returncode == first_start.NOT_NOW:
        raise NotNow(why[:200])
    if done.returncode:
        raise Unfit(f"it can't be started: {why}"[:200])


def _sync(slot: Path) -> None:
    folders = [slot, *(path for path in slot.rglob("*") if path.is_dir() and not path.is_symlink())]
    files = (path for folder in folders for path in folder.iterdir() if path.is_file() and not path.is_symlink())
    with ThreadPoolExecutor(_SYNCING, "sync") as syncing:
        for _ in syncing.map(disk.sync_file, files):
            pass
    for folder in reversed(folders):
        disk.sync_dir(folder)


if __name__ == "__main__":
    told(lambda: make(Job.model_validate_json(sys.stdin.readline())))
