"""The agent on seven real hosts, under its real unit: what it is told survives whatever happens to the power."""

import json
import random
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from balise.demo.places import TERMINALS
from tests.fleet import Fleet
from tests.hosts.machines import GATEWAY, Host, Network
from tests.hosts.terminal import STATE, VERSION, Terminal, installed
from tests.processes import eventually

CUTS = 6
KEPT = "select digest, package_count, facts from inventory_terminal where terminal = ?"


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed(tmp_path_factory.mktemp("installed"))


@pytest.fixture
def seven(tmp_path: Path, layer: Path) -> Iterator[tuple[Fleet, list[Terminal]]]:
    with (
        Network("agents") as network,
        Fleet(tmp_path / "fleet", "mosquitto", tls=True, address=GATEWAY) as fleet,
        ExitStack() as hosts,
    ):
        yield (
            fleet,
            [
                hosts.enter_context(Terminal(network, fleet, one.name, tmp_path / str(number), layer))
                for number, one in enumerate(TERMINALS)
            ],
        )


def test_seven_hosts_enrol_take_a_release_and_come_back_from_power_cuts(seven: tuple[Fleet, list[Terminal]]) -> None:
    fleet, terminals = seven
    label = fleet.publish()
    for terminal in terminals:
        terminal.prepare(reported_every_s=2).plug_in()
    rng = random.Random(3)
    for _ in range(CUTS):  # in the middle of enrolment, of the download, of the switch: nobody chooses the moment
        victim = rng.choice(terminals)
        time.sleep(rng.uniform(0, 1.5))
        victim.cut_power()
        victim.plug_in()
    for terminal in terminals:
        eventually(
            lambda terminal=terminal: terminal.online() and terminal.report()["content"]["phase"] == "committed", 180,
            what=f"{terminal.name} runs {label}, its journal: {terminal.journal()}",
        )  # fmt: skip
        assert terminal.report()["content"]["active"]["label"] == label
        # Read within the unit's walls, without any right: Debian's packages, the agent's own, the kernel.
        ((digest, packages, facts),) = eventually(lambda terminal=terminal: fleet.rows(KEPT, terminal.id), 60)
        assert packages > 50
        eventually(lambda terminal=terminal, digest=digest: terminal.report().get("inventory") == digest, 60)
        assert json.loads(facts)["system"]["name"].startswith("Debian")


@pytest.fixture
def alone(tmp_path: Path, layer: Path) -> Iterator[Host]:
    """A terminal that no server knows, whose page waits to be paired. Its unit as shipped, but that it waits less."""
    with Network("alone") as network, Host(network, "laval", tmp_path / "laval", [layer]) as laval:
        (laval.root / "etc/balise").mkdir()
        (laval.root / "etc/balise/agent.env").write_text(f"BALISE_AGENT_PAIR=http://{GATEWAY}:9\n")
        quick = laval.root / "etc/systemd/system/balise-agent.service.d" / "quick.conf"
        quick.parent.mkdir()
        quick.write_text("[Service]\nWatchdogSec=4\nTimeoutAbortSec=1\n")
        yield laval.plug_in()


def unit(host: Host, what: str) -> str:
    return host.run("systemctl", "show", "--value", f"--property={what}", "balise-agent")


def serves(host: Host) -> bool:
    return unit(host, "ActiveState") == "active"  # by Type=notify: the agent itself has said so


def test_a_loop_that_hangs_is_ended_and_started_again(alone: Host) -> None:
    eventually(lambda: serves(alone), 30, what="the agent serves")
    time.sleep(6)  # longer than the watchdog waits: an agent in good health is left alone
    assert unit(alone, "NRestarts") == "0"
    alone.run("systemctl", "kill", "--signal=STOP", "--kill-who=main", "balise-agent")
    eventually(lambda: unit(alone, "NRestarts") == "1" and serves(alone), 30, what="a second life")
    assert "Watchdog timeout" in alone.run("journalctl", "-u", "balise-agent", "--no-pager")


def test_a_lost_pointer_is_mended(alone: Host) -> None:
    eventually(lambda: serves(alone), 30, what="the agent serves")
    current = alone.root / STATE / "software" / "current"
    current.unlink()
    alone.run("systemctl", "restart", "balise-agent")  # fails unless it serves again
    assert current.readlink() == Path("slots") / VERSION


def test_a_power_cut_is_told_from_a_death(alone: Host) -> None:
    """What counts deaths and tries goes by it, within the walls of the unit."""
    counted = alone.root / STATE / "software" / "starts.json"
    eventually(lambda: serves(alone), 30, what="the agent serves")
    before = json.loads(counted.read_text())
    alone.run("systemctl", "kill", "--signal=KILL", "--kill-who=main", "balise-agent")
    eventually(lambda: json.loads(counted.read_text())["deaths"] == 1 and serves(alone), 30, what="a death is counted")
    assert json.loads(counted.read_text())["machine"] == before["machine"]
    alone.cut_power()
    alone.plug_in()
    eventually(lambda: serves(alone), 30, what="the agent serves again")
    after = json.loads(counted.read_text())
    assert (after["deaths"], after["machine"] != before["machine"]) == (0, True)
