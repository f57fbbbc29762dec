"""Software updated under a real window: what a person sees decides whether the new version stays."""

from collections.abc import Iterator

import pytest

from tests.display import Display
from tests.fleet import Fleet, eventually
from tests.launched import Launched, Versions

DARK = {"agent/ui/index.html": "<!doctype html><title>Nothing</title>"}
"""Served as it should be, and never on the screen."""
DRAWN = 50
"""Colours, more than a blank window has."""


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Versions:
    return Versions(tmp_path_factory.mktemp("versions"))


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with Fleet(tmp_path_factory.mktemp("fleet")) as fleet:
        yield fleet


@pytest.fixture
def laval(fleet: Fleet, versions: Versions, screen: Display) -> Iterator[Launched]:
    with Launched(
        fleet, fleet.add("Laval"), versions.plain("1"), trial_s=180, env=screen.env, window=1, reported_every_s=2,
        update_steady_s=3, update_within_s=60,
    ) as laval:  # fmt: skip
        eventually(lambda: paints(laval, screen), 120, what="the first version is on the screen")
        yield laval


def paints(laval: Launched, screen: Display) -> bool:
    """As the terminal says it, and as the screen has it."""
    return laval.report().get("window", {}).get("status") == "painting" and screen.colours() > DRAWN


def test_a_version_whose_page_paints_stays(fleet: Fleet, versions: Versions, laval: Launched, screen: Display) -> None:
    fleet.want_software(fleet.publish_software(versions.plain("2")), laval.kiosk)
    assert laval.reported("2", "committed")["software_state"]["previous"] == "1"
    assert laval.record()["painting_before"]
    eventually(lambda: paints(laval, screen), what="the second version is on the screen")


def test_a_version_whose_page_stays_dark_goes_and_the_one_before_paints_again(
    fleet: Fleet, versions: Versions, laval: Launched, screen: Display
) -> None:
    fleet.want_software(fleet.publish_software(versions.changed("dark", DARK)), laval.kiosk)
    eventually(lambda: laval.phase() == "verifying", 120, what="it is on trial")
    eventually(lambda: screen.colours() <= DRAWN, what="the screen is dark")
    assert laval.reported("1", "rolled_back")["software_state"]["reason"] == "no page is painting"
    eventually(lambda: paints(laval, screen), what="the first version is on the screen again")
