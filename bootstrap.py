#!/usr/bin/env python3
"""Prepare this checkout: `python3 bootstrap.py demo|test`. Standard library only; called by `make`.

Everything is made from the lock files (`locks/`, `package-lock.json`) and only when they, or the sources, have changed.
What is missing from the system is announced, and installed where that is allowed (root, or sudo without a password);
otherwise it is named in one sentence with the command to type.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
NODE = ROOT / ".venv-node"
OLDEST_NODE = (20, 19)  # kiosk_ui/package.json, "engines"
OLDEST_NPM = (10,)  # older ones misread optional packages of a platform in the lock file

# Debian 12 packages, by what shows that they are there: a program, or a library the loader can find.
VENV_PACKAGES = {"python3-venv": "module:ensurepip"}
WINDOW_PACKAGES = {
    "libegl1": "lib:libEGL.so.1",
    "libgl1": "lib:libGL.so.1",
    "libgl1-mesa-dri": "file:/usr/lib/*/dri/swrast_dri.so",
    "libnss3": "lib:libnss3.so",
    "libasound2": "lib:libasound.so.2",
    "libdbus-1-3": "lib:libdbus-1.so.3",
    "libfontconfig1": "lib:libfontconfig.so.1",
    "fonts-dejavu-core": "file:/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "libgbm1": "lib:libgbm.so.1",
    "libdrm2": "lib:libdrm.so.2",
    "libxcomposite1": "lib:libXcomposite.so.1",
    "libxdamage1": "lib:libXdamage.so.1",
    "libxrandr2": "lib:libXrandr.so.2",
    "libxtst6": "lib:libXtst.so.6",
    "libxkbfile1": "lib:libxkbfile.so.1",
    "libxkbcommon-x11-0": "lib:libxkbcommon-x11.so.0",
    "libxcb-cursor0": "lib:libxcb-cursor.so.0",
    "libxcb-icccm4": "lib:libxcb-icccm.so.4",
    "libxcb-image0": "lib:libxcb-image.so.0",
    "libxcb-keysyms1": "lib:libxcb-keysyms.so.1",
    "libxcb-randr0": "lib:libxcb-randr.so.0",
    "libxcb-render-util0": "lib:libxcb-render-util.so.0",
    "libxcb-shape0": "lib:libxcb-shape.so.0",
    "libxcb-xfixes0": "lib:libxcb-xfixes.so.0",
    "libxcb-xkb1": "lib:libxcb-xkb.so.1",
    "libx11-xcb1": "lib:libX11-xcb.so.1",
    "libglib2.0-0": "lib:libglib-2.0.so.0",
}
TEST_PACKAGES = {
    "chromium": "program:chromium",
    "mosquitto": "program:mosquitto",
    "xvfb": "program:Xvfb",
    "xauth": "program:xauth",
    "openbox": "program:openbox",
    "xdotool": "program:xdotool",
    "imagemagick": "program:import",
    "faketime": "program:faketime",
    "debootstrap": "program:debootstrap",
    "systemd-container": "program:systemd-nspawn",
    "iproute2": "program:ip",
}
BENCH_PACKAGES = {"rsync": "program:rsync", "prometheus-node-exporter": "program:prometheus-node-exporter"}


class Stop(Exception):
    """Nothing more can be done; the message says what to do."""


def main(purpose: str) -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 - any Python may be told so
        raise Stop(f"Balise demande Python 3.11 ou plus récent ; celui-ci est {sys.version.split()[0]}.")
    if not os.access(ROOT, os.W_OK):
        raise Stop(f"Pas le droit d’écrire dans {ROOT} : changez ses droits, ou clonez ailleurs.")
    from balise.demo.display import headless  # standard library only; late, for a Python too old to read it

    display = bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")) and not headless()
    needed = dict(VENV_PACKAGES)
    if purpose in ("test", "bench"):
        needed |= WINDOW_PACKAGES | TEST_PACKAGES
    if purpose == "bench":
        needed |= BENCH_PACKAGES
    system_packages(needed)
    if purpose == "demo" and display:
        system_packages(WINDOW_PACKAGES, optional="La fenêtre de la borne ne s’ouvrira pas")
    python_environment("all" if purpose in ("test", "bench") else "window" if display else "demo")
    node = find_node()
    kiosk, web = ROOT / "kiosk_ui", ROOT / "fleet_server" / "web"
    build("interface de la borne", kiosk, [kiosk], ROOT / "agent" / "ui", ["npm", "run", "build"], node)
    locked = [web / "assets" / name for name in ("package.json", "package-lock.json", "tabler-kept.txt")]
    assets = [str(VENV / "bin" / "python"), "-m", "fleet_server.web.build_assets"]
    vendor = web / "assets" / "vendor"
    build("habillage du back-office", web / "assets", [*locked, web / "build_assets.py"], vendor, assets, node)


# ---- system ----------------------------------------------------------------------------------------------------------


def present(sign: str) -> bool:
    kind, _, name = sign.partition(":")
    if kind == "program":
        return shutil.which(name) is not None
    if kind == "module":
        return subprocess.run([sys.executable, "-c", f"import {name}"], capture_output=True).returncode == 0
    if kind == "file":
        return any(Path("/").glob(name.lstrip("/")))
    return name in loader_cache()


_cache = None


def loader_cache() -> str:
    global _cache
    if _cache is None:
        ldconfig = shutil.which("ldconfig") or "/sbin/ldconfig"
        _cache = subprocess.run([ldconfig, "-p"], capture_output=True, text=True).stdout
    return _cache


def system_packages(wanted: dict, optional: str = "") -> None:
    """Install what is missing, or say how. `optional`: the consequence of going on without."""
    missing = [package for package, sign in wanted.items() if not present(sign)]
    if not missing:
        return
    names = " ".join(missing)
    command = f"apt-get install --no-install-recommends {names}"
    prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]
    allowed = shutil.which("apt-get") and (
        not prefix or (shutil.which("sudo") and subprocess.run([*prefix, "true"], capture_output=True).returncode == 0)
    )
    if allowed:
        say(f"Paquets du système qui manquent, installés maintenant : {names}")
        environment = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive"]
        install = [*environment, "apt-get", "install", "-y", "-q", "--no-install-recommends", *missing]
        if run_quietly(install) != 0:  # the lists may be old, or absent on a fresh machine
            run_quietly([*environment, "apt-get", "update", "-q"])
            if run_quietly(install) != 0:
                allowed = False
    if not allowed and optional:
        say(f"{optional} : il manque {names}. Pour l’avoir : sudo {command}")
    elif not allowed:
        raise Stop(f"Il manque des paquets du système. Tapez, puis recommencez :\n  sudo {command}")


# ---- Python ----------------------------------------------------------------------------------------------------------

SETS = ("demo", "window", "all")  # each holds the ones before it


def python_environment(wanted: str) -> None:
    """`.venv` from `locks/<set>.txt`. Where a larger set already is, that one is kept, or brought up to date."""
    stamp = VENV / "balise-set"
    made_from = stamp.read_text() if stamp.exists() else ""
    there = made_from.partition(" ")[0]
    if there in SETS and SETS.index(there) > SETS.index(wanted):
        wanted = there
    if made_from == lock_stamp(wanted):
        return
    started = step(f"Environnement Python ({wanted})")
    python = str(VENV / "bin" / "python")
    if not Path(python).exists():
        checked([sys.executable, "-m", "venv", str(VENV)], "Créer l’environnement Python a échoué")
    locks = ROOT / "locks"
    checked(
        [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--require-hashes", "-r",
         str(locks / "bootstrap.txt")],
        "Installer l’installeur « uv » a échoué",
    )  # fmt: skip
    uv = [str(VENV / "bin" / "uv"), "pip"]
    build_constraints = ["--build-constraints", str(locks / "build.txt")]
    checked(
        [*uv, "sync", "-q", "--python", python, "--require-hashes", *build_constraints, str(locks / f"{wanted}.txt")],
        "Installer les bibliothèques verrouillées a échoué",
    )
    checked(
        [*uv, "install", "-q", "--python", python, "--no-deps", *build_constraints, "-e", str(ROOT)],
        "Installer Balise dans son environnement a échoué",
    )
    stamp.write_text(lock_stamp(wanted))
    done(started)


def lock_stamp(name: str) -> str:
    """What the environment was made from: the set, its lock, the project file and this Python."""
    parts = [
        (ROOT / "locks" / f"{name}.txt").read_bytes(),
        (ROOT / "pyproject.toml").read_bytes(),
        sys.version.encode(),
    ]
    return f"{name} {hashlib.sha256(b''.join(parts)).hexdigest()}"


# ---- Node ------------------------------------------------------------------------------------------------------------


def find_node() -> dict:
    """The environment in which `node` and `npm` answer: the system's, or the wheel's."""
    if version_of("node") >= OLDEST_NODE and version_of("npm") >= OLDEST_NPM:
        return dict(os.environ)
    environment = dict(os.environ, PATH=f"{NODE / 'bin'}:{os.environ['PATH']}")
    lock = ROOT / "locks" / "node.txt"
    stamp = NODE / "balise-node"
    if not stamp.exists() or stamp.read_bytes() != lock.read_bytes():
        started = step("Node (par une roue Python, faute de Node sur cette machine)")
        checked([sys.executable, "-m", "venv", str(NODE)], "Créer l’environnement de Node a échoué")
        checked(
            [str(NODE / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check",
             "--require-hashes", "-r", str(lock)],
            "Installer Node a échoué",
        )  # fmt: skip
        stamp.write_bytes(lock.read_bytes())
        done(started)
    return environment


def version_of(program: str) -> tuple:
    """Of what is installed, as numbers; empty when it is not there or does not answer."""
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
    except OSError:
        return ()
    return tuple(int(part) for part in said.strip().lstrip("v").split(".")[:2] if part.isdigit())


def build(name: str, source: Path, inputs: list, target: Path, command: list, environment: dict) -> None:
    """`npm ci` in `source`, then the command, unless `target` was built from exactly these inputs."""
    stamp = target / ".built-from"
    sources = digest_of(inputs)
    if stamp.exists() and stamp.read_text() == sources:
        return
    started = step(f"Construction : {name}")
    install = ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"]
    checked(install, f"npm ci ({name}) a échoué", source, environment)
    checked(command, f"Construire « {name} » a échoué", source if command[0] == "npm" else ROOT, environment)
    target.mkdir(parents=True, exist_ok=True)
    stamp.write_text(sources)
    done(started)


def digest_of(inputs: list) -> str:
    mixed = hashlib.sha256()
    for given in inputs:
        for path in sorted(given.rglob("*")) if given.is_dir() else [given]:
            if "node_modules" not in path.parts and path.is_file():
                mixed.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return mixed.hexdigest()


# ---- saying and doing ------------------------------------------------------------------------------------------------


def say(text: str) -> None:
    print(text, flush=True)


def step(name: str) -> float:
    print(f"· {name} …", end=" ", flush=True)
    return time.monotonic()


def done(started: float) -> None:
    print(f"fait ({time.monotonic() - started:.0f} s)", flush=True)


def run_quietly(command: list) -> int:
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode


def checked(command: list, failure: str, directory: Path = ROOT, environment: "dict | None" = None) -> None:
    try:
        result = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True)
    except OSError as error:
        raise Stop(f"{failure} : {error}") from error
    if result.returncode:
        tail = "\n".join((result.stdout + result.stderr).strip().splitlines()[-15:])
        raise Stop(f"{failure}.\n{tail}")


if __name__ == "__main__":
    try:
        main(sys.argv[1] if len(sys.argv) > 1 else "demo")
    except Stop as stop:
        print(f"\n{stop}", file=sys.stderr)
        sys.exit(1)
    except PermissionError as error:
        print(
            f"\nPas le droit d’écrire dans {error.filename} : changez ses droits, ou clonez ailleurs.", file=sys.stderr
        )
        sys.exit(1)
    except KeyboardInterrupt:
        print("\nInterrompu. Recommencez quand vous voulez : ce qui est fait est gardé.", file=sys.stderr)
        sys.exit(130)
