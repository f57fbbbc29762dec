"""Software updates of seven real hosts, under the unit as shipped: whatever the new version does, and whenever the
power goes, each comes back by itself, and what the server shows of it is never better than it is.
"""

import random
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from balise.demo.places import TERMINALS
from fleet_server.software.build import locked_wheels
from tests.fleet import Fleet
from tests.hosts.machines import GATEWAY, Network
from tests.hosts.terminal import ROOT, STATE, VERSION, Terminal, installed
from tests.launched import Versions
from tests.processes import eventually
from wire.software import SoftwareRelease

CUTS = 6
ALARM_S = 20
QUICK = {"update_steady_s": 2, "update_within_s": 15, "reported_every_s": 2}
DISK_MIB = 640


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed(tmp_path_factory.mktemp("installed"))


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Versions:
    folder = tmp_path_factory.mktemp("versions")
    locked_wheels(ROOT / "locks" / "agent.txt", folder / "libraries", (3, 11), "x86_64")
    return Versions(folder, sorted((folder / "libraries").glob("*.whl")))


@pytest.fixture
def seven(tmp_path: Path, layer: Path, versions: Versions) -> Iterator[tuple[Fleet, list[Terminal]]]:
    with (
        Network("updates") as network,
        Fleet(tmp_path / "fleet", "mosquitto", tls=True, address=GATEWAY) as fleet,
        ExitStack() as hosts,
    ):
        terminals = [
            hosts.enter_context(Terminal(network, fleet, one.name, tmp_path / str(number), layer))
            for number, one in enumerate(TERMINALS)
        ]
        small_disk(hosts, terminals[0], tmp_path / "disk")
        for terminal in terminals:
            terminal.prepare(**QUICK)
            with (terminal.root / "etc/balise/agent.env").open("a") as settings:
                settings.write(f"BALISE_TRIAL_S={ALARM_S}\n")
            quick = terminal.root / "etc/systemd/system/balise-agent.service.d" / "quick.conf"
            quick.parent.mkdir()
            quick.write_text("[Service]\nWatchdogSec=5\nTimeoutAbortSec=1\n")
            terminal.plug_in()
        yield fleet, terminals


def small_disk(hosts: ExitStack, terminal: Terminal, image: Path) -> None:
    """One that a version can fill: the state of this terminal, on a disk of its own."""
    state = terminal.root / STATE
    with image.open("wb") as file:
        file.truncate(DISK_MIB * 2**20)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", "-d", str(state), str(image)], check=True)
    subprocess.run(["mount", "-o", "loop", str(image), str(state)], check=True)
    hosts.callback(subprocess.run, ["umount", str(state)], check=True)


class Watching:
    """What the server shows of each terminal, again and again: `lies` are those that were better than it is."""

    def __init__(self, fleet: Fleet, good: Sequence[str]) -> None:
        self._fleet = fleet
        self._good = set(good)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.lies: list[dict[str, Any]] = []
        self.looks = 0

    def __enter__(self) -> "Watching":
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.2):
            for kiosk in self._fleet.kiosks.values():
                report = self._fleet.report(kiosk)
                state = report.get("software_state", {})
                kept = (state.get("release") or {}).get("version")
                if kept and (kept != report["software"] or kept not in self._good or not state["committed_boot"]):
                    self.lies.append(report)
            self.looks += 1


def runs(terminal: Terminal, version: str, phase: str, target: SoftwareRelease) -> bool:
    """As the server sees it, and as the host has it."""
    report = terminal.report()
    state = report.get("software_state", {})
    said = (report.get("software"), state.get("phase"), (state.get("target") or {}).get("id"))
    pointer = terminal.root / STATE / "software" / "current"
    return said == (version, phase, target.id) and pointer.readlink().name == version and terminal.online()


def await_all(terminals: Sequence[Terminal], version: str, phase: str, targets: Sequence[SoftwareRelease]) -> None:
    for terminal, target in zip(terminals, targets, strict=True):
        eventually(
            lambda terminal=terminal, target=target: runs(terminal, version, phase, target), 240,
            what=f"{terminal.name} ends {phase} with {version} after {target.version}: "
                 f"{terminal.report().get('software_state')}, its journal: {terminal.journal()}",
        )  # fmt: skip


BAD = {
    "fills-the-disk": """
import os, pathlib
room = os.environ["BALISE_AGENT_STATE_DIR"]
try:
    with pathlib.Path(room, "rubbish").open("ab") as file:
        while True:
            file.write(bytes(2**20))
            file.flush()
except OSError:
    raise SystemExit(1)
""",
    "dies-at-once": "raise SystemExit(3)",
    "dies-soon": "import threading, os\nthreading.Timer(2, os._exit, [1]).start()",
    "hangs-at-once": "import time\ntime.sleep(3600)",
    "hangs-soon": "import os, signal, threading\nthreading.Timer(2, os.kill, [os.getpid(), signal.SIGSTOP]).start()",
    "breaks-the-network": "import socket\ndef nowhere(*_, **__):\n    raise OSError('no resolver')\n"
                          "socket.getaddrinfo = nowhere",
    "forgets-all": "import os, pathlib\npathlib.Path(os.environ['BALISE_AGENT_STATE_DIR'], 'software', "
                         "'update.json').write_text('rubbish')\nraise SystemExit(1)",
}  # fmt: skip
"""One for each host, the first for that with a small disk."""


def test_seven_hosts_are_updated_through_power_cuts_and_come_back_from_every_bad_version(
    seven: tuple[Fleet, list[Terminal]], versions: Versions
) -> None:
    fleet, terminals = seven
    for terminal in terminals:
        eventually(terminal.online, 120, what=f"{terminal.name} is online, its journal: {terminal.journal()}")
    good = fleet.publish_software(versions.plain("good"))
    with Watching(fleet, [VERSION, "good"]) as watching:
        fleet.want_software(good)
        cut_at_random(terminals, CUTS, random.Random(5))
        await_all(terminals, "good", "committed", [good] * len(terminals))
        bad = [fleet.publish_software(versions.beginning(name, code)) for name, code in BAD.items()]
        for terminal, release in zip(terminals, bad, strict=True):
            fleet.want_software(release, fleet.kiosks[terminal.id])
        await_all(terminals, "good", "rolled_back", bad)
        damaged = (terminals[1], terminals[-1])  # the last has lost its record, too
        for terminal in damaged:
            damage_libraries(terminal, "good")
        await_all(damaged, VERSION, "rolled_back", (bad[1], bad[-1]))
        assert all("good died 5 times" in terminal.report()["software_state"]["reason"] for terminal in damaged)
    assert all(terminal.report()["software_state"]["reason"] for terminal in terminals)
    assert not watching.lies
    assert watching.looks > 50


def damage_libraries(terminal: Terminal, version: str) -> None:
    """As a disk that loses files: its Python starts, and nothing of it works."""
    terminal.cut_power()
    (library,) = (terminal.root / STATE / "software" / "slots" / version).glob("lib/*/site-packages/pydantic")
    shutil.rmtree(library)
    terminal.plug_in()


def cut_at_random(terminals: Sequence[Terminal], cuts: int, rng: random.Random) -> None:
    for _ in range(cuts):  # while it fetches, makes its slot, restarts, verifies: nobody chooses the moment
        victim = rng.choice(terminals)
        time.sleep(rng.uniform(0, 3))
        victim.cut_power()
        victim.plug_in()


@pytest.mark.soak
def test_a_hundred_power_cuts_in_updates_leave_every_host_running(
    seven: tuple[Fleet, list[Terminal]], versions: Versions
) -> None:
    fleet, terminals = seven
    for terminal in terminals:
        eventually(terminal.online, 120, what=terminal.name)
    names = [f"good-{number}" for number in range(10)]
    with Watching(fleet, [VERSION, *names]) as watching:
        for number, name in enumerate(names):
            release = fleet.publish_software(versions.plain(name))
            fleet.want_software(release)
            cut_at_random(terminals, 12, random.Random(number))
            ask_again(fleet, terminals, release)
            await_all(terminals, name, "committed", [release] * len(terminals))
    assert not watching.lies


def ask_again(fleet: Fleet, terminals: Sequence[Terminal], release: SoftwareRelease) -> None:
    """A host whose power goes three times in one trial has gone back, and says so: it tries again when it is asked."""

    def at_rest(terminal: Terminal) -> str:
        state = terminal.report().get("software_state", {})
        of_this = (state.get("target") or {}).get("id") == release.id
        return str(state["phase"]) if of_this and state["phase"] in ("committed", "rolled_back") else ""

    for terminal in terminals:
        said = f"{terminal.name} ends its update to {release.version}, its journal: {terminal.journal()}"
        if eventually(lambda terminal=terminal: at_rest(terminal), 300, what=said) == "rolled_back":
            fleet.want_software(release, fleet.kiosks[terminal.id])
