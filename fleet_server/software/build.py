"""Make a release from the sources: our own wheel, and those that `locks/agent.txt` pins by hash.

The same sources, the same lock and the same tools make the same bytes (hatchling dates files by SOURCE_DATE_EPOCH, or
by a day of its own): whoever signs can make the release again, and compare its id.
"""

import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

from fleet_server.software.folder import BadFolder, Made, seal

LOCK = Path("locks") / "agent.txt"
OLDEST_PYTHON = (3, 11)
MACHINES = ("x86_64", "aarch64")
GLIBC = (2, 36)
"""Debian 12's: what runs there runs on what is newer."""


class NotMade(Exception):
    """A tool said no, or is not there. The message is for the person, French."""


def version_of(sources: Path) -> str:
    """What the sources call themselves. Raises `BadFolder`."""
    try:
        return str(tomllib.loads((sources / "pyproject.toml").read_text())["project"]["version"])
    except (OSError, KeyError, tomllib.TOMLDecodeError) as error:
        raise BadFolder(f"{sources} n’est pas le dossier des sources de Balise.") from error


def build(sources: Path, folder: Path, version: str, pythons: Iterable[str] = ("3.11",),
          machines: Iterable[str] = ("x86_64",), lock: Path | None = None) -> Made:  # fmt: skip
    """`folder` is made, and must not be there. `lock`: instead of the sources' own.

    Raises `NotMade`, `BadFolder`, `FileExistsError`, `OSError`.
    """
    wanted = sorted(_numbers(python) for python in set(pythons))
    folder.mkdir(parents=True)
    wheels = folder / "wheels"
    try:
        own_wheel(sources, wheels)
        for machine in machines:
            for python in wanted:
                locked_wheels(lock or sources / LOCK, wheels, python, machine)
        return seal(folder, version, needed_python(wheels, wanted))
    except BaseException:
        shutil.rmtree(folder)
        raise


def own_wheel(sources: Path, into: Path) -> None:
    """With the page that the kiosk shows, which must have been built."""
    if not (sources / "agent" / "ui" / "index.html").exists():
        raise NotMade(f"La page de la borne n’est pas construite dans {sources} : « make build » d’abord.")
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv is None:
        raise NotMade("Il manque « uv » : « make build » l’installe dans .venv, d’où lancer cette commande.")
    _run([uv, "build", "-q", "--wheel", "--no-create-gitignore", "--python", sys.executable, "--require-hashes",
          "--build-constraints", str(sources / "locks" / "build.txt"), "--out-dir", str(into), str(sources)],
         "Construire la roue de Balise a échoué")  # fmt: skip


def locked_wheels(lock: Path, into: Path, python: tuple[int, int], machine: str) -> None:
    """Nothing is compiled, nothing is taken that the lock does not name by its hash."""
    if machine not in MACHINES:
        raise NotMade(f"Machine inconnue : {machine}. Au choix : {', '.join(MACHINES)}.")
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in range(GLIBC[1], 16, -1)]
    older = ["manylinux2014", "manylinux2010", "manylinux1"] if machine == "x86_64" else ["manylinux2014"]
    tags = [*platforms, *(f"{name}_{machine}" for name in older), f"linux_{machine}"]
    _run([sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps", "--require-hashes",
          "--only-binary", ":all:", "--implementation", "cp", "--python-version", ".".join(map(str, python)),
          *(word for tag in tags for word in ("--platform", tag)), "--dest", str(into), "-r", str(lock)],
         f"Prendre les roues de {lock} a échoué")  # fmt: skip


def needed_python(wheels: Path, asked: list[tuple[int, int]]) -> str:
    """What these wheels run on: those bound to one Python (`cp311-cp311`) run on no other."""
    bound = {
        path.stem.split("-")[-3] for path in wheels.glob("*.whl") if path.stem.split("-")[-2] not in ("none", "abi3")
    }
    oldest, newest = asked[0], asked[-1]
    above = f",<{newest[0]}.{newest[1] + 1}" if bound else ""
    return f">={oldest[0]}.{oldest[1]}{above}"


def _numbers(python: str) -> tuple[int, int]:
    try:
        major, minor = map(int, python.split("."))
    except ValueError as error:
        raise NotMade(f"« {python} » n’est pas une version de Python : 3.11, par exemple.") from error
    if (major, minor) < OLDEST_PYTHON:
        raise NotMade(f"Python {python} est trop ancien : 3.11 au moins.")
    return major, minor


def _run(command: list[str], failure: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotMade(f"{failure} :\n{(done.stderr or done.stdout).strip()[-2000:]}")
