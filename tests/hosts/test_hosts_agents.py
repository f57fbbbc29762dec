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
from tests.hosts.machines import GATEWAY, Network
from tests.hosts.terminal import Terminal, installed
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
