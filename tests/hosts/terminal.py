"""Hosts that are terminals: the agent installed as on a kiosk, without the window, started by systemd."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from agent.software import launcher
from agent.software.slots import Slots
from tests.fleet import Fleet
from tests.hosts.base import base
from tests.hosts.machines import Host, Network

ROOT = Path(__file__).parents[2]
VERSION = "0.1.0"
STATE = Path("var/lib/private/balise-agent")
"""Of the agent, in a host's root: systemd makes `/var/lib/balise-agent` a link to it (`DynamicUser=`)."""
SLOTS = STATE / "software" / "slots"
_UNIT = ROOT / "provisioning" / "terminal" / "balise-agent.service"
_LAUNCHER = ROOT / "agent" / "software" / "launcher.py"
_USER = 61999
"""Of those that systemd gives to services. It keeps to the one whose the state is, and need not give the files away."""


def installed(directory: Path) -> Path:
    """A layer over `base`: launcher, unit enabled, the first version in its slot. About 15 s, once for many hosts."""
    slot = SLOTS / VERSION
    # Made within, so that the environment's own links say what they must say on the host.
    subprocess.run(["chroot", str(base()), "python3", "-m", "venv", "--without-pip", f"/{slot}"], check=True)
    shutil.copytree(base() / slot, directory / slot, symlinks=True)
    shutil.rmtree(base() / STATE)
    packages = next((directory / slot).glob("lib/python3.*")) / "site-packages"
    uv = [str(ROOT / ".venv" / "bin" / "uv"), "pip", "install", "-q", "--target", str(packages), "--python-version"]
    python = packages.parent.name.removeprefix("python")
    locked = ["--require-hashes", "-r", str(ROOT / "locks" / "agent.txt")]
    subprocess.run([*uv, python, "--only-binary", ":all:", *locked], check=True)
    constraints = ["--build-constraints", str(ROOT / "locks" / "build.txt")]
    subprocess.run([*uv, python, "--no-deps", *constraints, str(ROOT)], check=True)
    Slots(directory / STATE / "software").finish(VERSION)
    launcher.point(str(directory / STATE / "software"), VERSION)
    (directory / "opt/balise").mkdir(parents=True)
    shutil.copy(_LAUNCHER, directory / "opt/balise/launcher.py")
    units = directory / "etc/systemd/system"
    (units / "multi-user.target.wants").mkdir(parents=True)
    shutil.copy(_UNIT, units)
    (units / "multi-user.target.wants" / _UNIT.name).symlink_to(f"/etc/systemd/system/{_UNIT.name}")
    owned(directory)
    return directory


def owned(layer: Path) -> None:
    """The state is the agent's, and nobody else reads it."""
    state = layer / STATE
    state.parent.chmod(0o700)
    state.chmod(0o700)
    subprocess.run(["chown", "--recursive", "--no-dereference", f"{_USER}:{_USER}", str(state)], check=True)


class Terminal(Host):
    """A host whose agent enrols by a one-time token at its first start."""

    def __init__(self, network: Network, fleet: Fleet, name: str, directory: Path, layer: Path) -> None:
        self._fleet = fleet
        self.id = fleet.add(name).terminal
        super().__init__(network, self.id, directory, [layer])

    def prepare(self, **settings: Any) -> "Terminal":
        """`settings`: the agent's own, by name."""
        given = {"enrol": self._fleet.token(self.id), "port": 8090} | settings
        folder = self.root / "etc" / "balise"
        folder.mkdir(parents=True)
        lines = (f"BALISE_AGENT_{name.upper()}={value}\n" for name, value in given.items())
        (folder / "agent.env").write_text("".join(lines))
        return self

    def report(self) -> dict[str, Any]:
        """The last the server has heard of it; empty before the first."""
        rows = self._fleet.rows("select report from terminal_live where terminal = ?", self.id)
        return (json.loads(rows[0][0]) or {}) if rows and rows[0][0] else {}

    def online(self) -> bool:
        """As the server sees it: connected, and its report is of the boot that connected."""
        rows = self._fleet.rows("select connected, boot from terminal_live where terminal = ?", self.id)
        return bool(rows and rows[0][0]) and rows[0][1] == self.report().get("boot")

    def journal(self) -> str:
        return self.run("journalctl", "-u", "balise-agent", "--no-pager", "-n", "60", check=False)
