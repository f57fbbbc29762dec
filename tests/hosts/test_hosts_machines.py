"""The hosts themselves: what the tests of updates stand on."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.hosts.machines import GATEWAY, Host, Network
from tests.processes import eventually


@pytest.fixture
def network() -> Iterator[Network]:
    with Network("machines") as network:
        yield network


def test_seven_hosts_boot_and_reach_the_gateway(network: Network, tmp_path: Path) -> None:
    with ExitStack() as hosts:
        seven = [hosts.enter_context(Host(network, f"t{n}", tmp_path / f"t{n}")) for n in range(7)]
        for host in seven:
            host.plug_in()
            assert host.run("hostname") == host.name
            assert GATEWAY in host.run("ip", "route", "get", GATEWAY)


def test_a_power_cut_leaves_the_files_and_takes_the_processes(network: Network, tmp_path: Path) -> None:
    with Host(network, "laval", tmp_path / "laval") as laval:
        laval.plug_in()
        boot = laval.run("cat", "/proc/sys/kernel/random/boot_id")
        laval.run("sh", "-c", "echo kept >/var/kept; systemd-run --unit=here sleep 1000; touch /run/gone")
        laval.cut_power()
        assert not laval.answers()
        laval.plug_in()
        assert laval.run("cat", "/var/kept") == "kept"
        assert laval.run("ls", "/run/gone", check=False).startswith("ls:")
        assert laval.run("systemctl", "is-active", "here", check=False) == "inactive"
        assert laval.run("cat", "/proc/sys/kernel/random/boot_id") != boot


def test_a_host_that_asks_for_it_boots_again(network: Network, tmp_path: Path) -> None:
    with Host(network, "laval", tmp_path / "laval") as laval:
        laval.plug_in()
        laval.run("systemctl", "reboot", check=False)
        eventually(lambda: laval.boots == 2 and laval.answers(), what="a second boot")
