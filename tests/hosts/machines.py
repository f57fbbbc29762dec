"""Real hosts: systemd as PID 1, a file system and a network cable of their own, and a plug that can be pulled.

    with Network("fleet") as network, Host(network, "laval", directory) as laval:
        laval.run("systemctl", "is-system-running", "--wait")
        laval.cut_power()          # nothing is told, nothing is flushed by it
        laval.plug_in()

All of them hang on a bridge in a network namespace of the test: this machine's own network is never touched, and
nothing leads out of it. The test itself is in there while it is within `Network`, and what it starts is too.
"""

import ctypes
import itertools
import os
import signal
import subprocess
import threading
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from tests.hosts.base import base
from tests.processes import eventually

GATEWAY = "10.77.0.1"
"""Where the server side listens."""
REBOOTED = 133
"""What systemd-nspawn ends with when the host asked to be started again."""
_CLONE_NEWNET = 0x40000000
_CGROUPS = Path("/sys/fs/cgroup/unified") if Path("/sys/fs/cgroup/unified").is_dir() else Path("/sys/fs/cgroup")


class Network:
    """A bridge in a namespace of its own, where the calling thread is until the end of the block."""

    def __init__(self, name: str) -> None:
        self.name = f"balise-{os.getpid()}-{name}"
        self._addresses = itertools.count(11)
        self._home = -1

    def __enter__(self) -> Self:
        base()  # made, where it is not yet, while there is still a way out
        ip("netns", "add", self.name)
        self.ip("link", "set", "lo", "up")
        self.ip("link", "add", "fleet", "type", "bridge")
        self.ip("addr", "add", f"{GATEWAY}/24", "dev", "fleet")
        self.ip("link", "set", "fleet", "up")
        self._home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        descriptor = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
        _join(descriptor)
        os.close(descriptor)
        return self

    def __exit__(self, *exc: object) -> None:
        _join(self._home)
        os.close(self._home)
        ip("netns", "del", self.name)

    def ip(self, *words: str) -> None:
        ip("-n", self.name, *words)

    def plug(self, host: str) -> tuple[str, str]:
        """A cable for a host: its namespace, and the end of the cable on our side. The host's end is `host0`."""
        number = next(self._addresses)
        namespace, cable = f"{self.name}-{number}", f"to{number}"
        ip("netns", "add", namespace)
        self.ip("link", "add", cable, "type", "veth", "peer", "name", "host0", "netns", namespace)
        self.ip("link", "set", cable, "master", "fleet", "up")
        for words in (["addr", "add", f"10.77.0.{number}/24", "dev", "host0"], ["link", "set", "host0", "up"]):
            ip("-n", namespace, *words)
        return namespace, cable


class Host:
    """One machine. `layers`: files over those of `base`, the first on top. What it writes outlives power cuts, and
    goes with the test's directory."""

    def __init__(self, network: Network, name: str, directory: Path, layers: Sequence[Path] = ()) -> None:
        self.network = network
        self.name = name
        self.root = directory / "root"
        self.log = directory / "console.log"
        self._directory = directory
        self._layers = layers
        self._cgroup = _CGROUPS / f"{network.name}-{name}"
        self._namespace = self._cable = ""
        self._powered = threading.Event()
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._socket: threading.Thread | None = None
        self.boots = 0

    def __enter__(self) -> Self:
        for name in ("up", "work", "root"):
            (self._directory / name).mkdir(parents=True)
        lower = ":".join(map(str, [*self._layers, base()]))
        layers = f"lowerdir={lower},upperdir={self._directory / 'up'},workdir={self._directory / 'work'}"
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", layers, str(self.root)], check=True)
        (self.root / "etc" / "hostname").write_text(self.name)
        (self.root / "etc" / "hosts").write_text(f"127.0.0.1 localhost\n127.0.1.1 {self.name}\n")
        self._namespace, self._cable = self.network.plug(self.name)
        return self

    def __exit__(self, *exc: object) -> None:
        self.cut_power()
        subprocess.run(["umount", str(self.root)], check=True)
        ip("netns", "del", self._namespace)
        if self._cgroup.is_dir():
            eventually(self._cgroup_gone, what=f"{self.name} leaves nothing behind")

    # ---- its plug ----------------------------------------------------------------------------------------------------

    def plug_in(self) -> Self:
        """Boots it; it boots again by itself when it asks to, until the power is cut. Returns once systemd answers."""
        self._powered.set()
        self._socket = threading.Thread(target=self._feed, daemon=True)
        boots = self.boots
        self._socket.start()
        eventually(lambda: self.boots > boots and self.answers(), what=f"{self.name} has booted")
        return self

    def cut_power(self) -> None:
        """As somebody who pulls the plug: PID 1 and all else are gone at once."""
        self._powered.clear()
        if (leader := self._leader()) is not None:
            os.kill(leader, signal.SIGKILL)
        if self._socket:
            self._socket.join()
            self._socket = None

    def cut_link(self) -> None:
        self.network.ip("link", "set", self._cable, "down")

    def restore_link(self) -> None:
        self.network.ip("link", "set", self._cable, "up")

    # ---- within ------------------------------------------------------------------------------------------------------

    def run(self, *command: str, check: bool = True) -> str:
        """What `command` says on the host, as root. Raises `CalledProcessError` with it when it fails."""
        leader = self._leader()
        assert leader, f"{self.name} is off"
        done = subprocess.run(
            ["nsenter", "-t", str(leader), "--all", "--", *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=120,
        )  # fmt: skip
        if check and done.returncode != 0:
            raise subprocess.CalledProcessError(done.returncode, command, done.stdout)
        return done.stdout.strip()

    def answers(self) -> bool:
        """Whether its systemd takes orders."""
        return self._leader() is not None and self.run("systemctl", "is-system-running", check=False) in (
            "running", "degraded",
        )  # fmt: skip

    def _feed(self) -> None:
        while self._powered.is_set():
            self.boots += 1
            with self.log.open("ab") as console:
                self._nspawn = subprocess.Popen(
                    self._boot(), stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT,
                    start_new_session=True,
                )  # fmt: skip
            if self._nspawn.wait() != REBOOTED:
                return

    def _boot(self) -> Sequence[str]:
        """In a mount namespace where cgroups are v2 only, as the host will see them."""
        self._cgroup.mkdir(exist_ok=True)
        nspawn = (
            f"exec env SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 systemd-nspawn --quiet --register=no --keep-unit "
            f"--directory={self.root} --machine={self.name} --hostname={self.name} --uuid={uuid.uuid4().hex} "
            f"--network-namespace-path=/run/netns/{self._namespace} --capability=CAP_NET_ADMIN,CAP_NET_RAW "
            f"--boot --link-journal=no --resolv-conf=off --timezone=off --console=pipe"
        )
        within = (
            "mkdir -p /run/systemd/nspawn && mount -t tmpfs none /run/systemd/nspawn && umount -R /sys/fs/cgroup && "
            f"mount -t cgroup2 none /sys/fs/cgroup && {nspawn}"
        )
        outside = f'echo $$ >{self._cgroup}/cgroup.procs && exec unshare --mount --propagation private sh -c "$0"'
        return ["sh", "-c", outside, within]

    def _leader(self) -> int | None:
        """Its PID 1, by our numbers."""
        if self._nspawn is None or self._nspawn.poll() is not None:
            return None
        children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children")
        found = children.read_text().split() if children.exists() else []
        return int(found[0]) if found else None

    def _cgroup_gone(self) -> bool:
        for path in sorted(self._cgroup.rglob("*"), key=lambda path: -len(path.parts)):
            if path.is_dir():
                _rmdir(path)
        return _rmdir(self._cgroup)


def _rmdir(path: Path) -> bool:
    try:
        path.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _join(namespace: int) -> None:
    """This thread, and what it starts, from now on. (`os.setns` comes with Python 3.12.)"""
    if ctypes.CDLL(None, use_errno=True).setns(namespace, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
