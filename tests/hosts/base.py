"""The file system that every host of the tests starts from: a Debian 12 of the mirror this machine itself uses.

Made once and kept beside the other things that are built (`var/hosts/`), 320 MB, about a minute.
"""

import fcntl
import os
import re
import shutil
import subprocess
from pathlib import Path

BUILT = Path(__file__).parents[2] / "var" / "hosts"
SUITE = "bookworm"
PACKAGES = "systemd,systemd-sysv,dbus,python3,python3-venv,iproute2,ca-certificates"
NEEDED = {
    "debootstrap": "debootstrap", "systemd-nspawn": "systemd-container", "ip": "iproute2", "nsenter": "util-linux",
}  # fmt: skip
"""Program → the Debian package that brings it."""


class CannotBoot(Exception):
    """This machine can not run hosts; the message says why, and what would help."""


def base() -> Path:
    """The root of the file system, made when it is not there yet. Raises `CannotBoot`."""
    _check_machine()
    BUILT.mkdir(parents=True, exist_ok=True)
    root = BUILT / "base"
    with (BUILT / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            _make(root)
    return root


def _check_machine() -> None:
    if os.geteuid() != 0:
        raise CannotBoot("hosts are booted by root only: run the tests as root")
    if missing := sorted({package for program, package in NEEDED.items() if not shutil.which(program)}):
        raise CannotBoot(f"apt-get install --no-install-recommends {' '.join(missing)}")
    if not Path("/sys/fs/cgroup/unified").is_dir() and not Path("/sys/fs/cgroup/cgroup.procs").exists():
        raise CannotBoot("no cgroup v2 tree at /sys/fs/cgroup or /sys/fs/cgroup/unified")


def _make(root: Path) -> None:
    fresh = root.with_name("base.new")
    shutil.rmtree(fresh, ignore_errors=True)
    command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, str(fresh), _mirror()]
    made = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if made.returncode != 0:
        raise CannotBoot(f"debootstrap failed: {made.stdout[-800:]}")
    (fresh / "etc" / "machine-id").write_text("")
    for heavy in ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale", "usr/share/man"):
        shutil.rmtree(fresh / heavy, ignore_errors=True)
    # Hosts have no way out: what waits for the network or for time would only slow their start.
    for unit in ("systemd-timesyncd", "apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_all.timer"):
        subprocess.run(["systemctl", f"--root={fresh}", "mask", unit], check=False, capture_output=True)
    fresh.rename(root)


def _mirror() -> str:
    """Where this machine gets its own packages."""
    folder = Path("/etc/apt")
    for path in [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))]:
        text = path.read_text() if path.exists() else ""
        if found := re.search(r"^(?:URIs:|deb(?: \[.*?\])?)\s+(https?://\S+)", text, re.MULTILINE):
            return found[1]
    raise CannotBoot("no mirror of Debian in /etc/apt: nothing to make a host of")
