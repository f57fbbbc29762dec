"""What runs on the machine besides us: the system's release, its kernel, its time zone and language."""

import os
import platform

from agent.inventory.host import Host, plain
from agent.inventory.reading import assignments
from wire.inventory import System


def read_system(host: Host) -> System:
    release = assignments(host.text("etc/os-release") or host.text("usr/lib/os-release"))
    # Debian's own number has the point release, which os-release leaves out; a testing system has a name there.
    debian = host.line("etc/debian_version")
    return System(
        host=plain(os.uname().nodename), name=release.get("PRETTY_NAME", ""),
        release=debian if debian[:1].isdecimal() else release.get("VERSION_ID", ""),
        kernel=plain(os.uname().release), python=platform.python_version(), timezone=_timezone(host),
        locale=_locale(host),
    )  # fmt: skip


def _timezone(host: Host) -> str:
    linked = host.target("etc/localtime").partition("zoneinfo/")[2]
    return plain(linked) or host.line("etc/timezone")


def _locale(host: Host) -> str:
    said = assignments(host.text("etc/default/locale") or host.text("etc/locale.conf"))
    return said.get("LC_ALL") or said.get("LANG", "")
