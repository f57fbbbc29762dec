"""What befalls simulated terminals: drawn beforehand, the same for the same seed, in the shares that were asked."""

from itertools import islice

import pytest

from balise.simulate.drills import BadDrill, Drill, carry_out, read_drills
from balise.simulate.story import PERIOD_S, STAGES, BadOdds, Odds, Story, read_odds

NAMES = [f"simulee-{number:04}" for number in range(400)]
EVERYTHING = Odds(**dict.fromkeys(STAGES, 0.3))


def told(seed: int, name: str) -> list[object]:
    story = Story(seed, name, EVERYTHING)
    failing = [(stage, number, story.fails(stage, number)) for stage in STAGES for number in range(8)]
    return [*failing, *islice(story.fates(), 30), story.draw("arrival").random()]


def test_the_same_seed_tells_the_same_story_in_whatever_order_it_is_asked() -> None:
    first = {name: told(1, name) for name in NAMES[:50]}
    assert {name: told(1, name) for name in reversed(NAMES[:50])} == first
    assert {name: told(2, name) for name in NAMES[:50]} != first
    assert len({str(one) for one in first.values()}) == 50


@pytest.mark.parametrize("stage", STAGES)
def test_each_stage_fails_as_often_as_asked_and_no_other(stage: str) -> None:
    stories = [Story(1, name, Odds(**{stage: 0.1})) for name in NAMES]
    counts = {each: sum(story.fails(each, number) for story in stories for number in range(10)) for each in STAGES}
    assert 300 < counts.pop(stage) < 500
    assert set(counts.values()) == {0}


def test_what_befalls_a_terminal_comes_in_its_time_and_a_silence_ends() -> None:
    fates = [fate for name in NAMES[:50] for fate in islice(Story(3, name, EVERYTHING).fates(), 40)]
    assert {fate.kind for fate in fates} == {"silent", "crash", "none"}
    assert all((fate.lasts_s > 0) == (fate.kind == "silent") for fate in fates)
    mine = list(islice(Story(3, NAMES[0], EVERYTHING).fates(), 40))
    assert mine == sorted(mine, key=lambda fate: fate.at_s)
    assert mine[-1].at_s > 5 * PERIOD_S


def test_odds_and_drills_are_read() -> None:
    assert read_odds(["download=0.02", "crash=1"]) == Odds(download=0.02, crash=1.0)
    restart = ("systemctl", "restart", "mosquitto")
    assert read_drills(["broker@90", "reconnect@60.5"], "systemctl restart mosquitto") == (
        Drill("reconnect", 60.5), Drill("broker", 90.0, restart),
    )  # fmt: skip


@pytest.mark.parametrize("given", ["download", "download=2", "upload=0.1", "download=-1", "download=nan", "=0.1"])
def test_odds_that_are_none_are_refused_by_name(given: str) -> None:
    with pytest.raises(BadOdds, match=f"--fail {given} : donnez"):
        read_odds([given])


@pytest.mark.parametrize(
    "given", ["reconnect", "reconnect@soon", "reconnect@²", "reconnect@-1", "reconnect@nan", "server@5", "broker@5"]
)
def test_drills_that_are_none_are_refused_by_name(given: str) -> None:
    with pytest.raises(BadDrill, match="--drill"):
        read_drills([given], "")


def test_a_command_that_is_no_command_is_refused_before_anything_begins() -> None:
    with pytest.raises(BadDrill, match="--broker-restart"):
        read_drills(["broker@5"], "systemctl 'restart")


async def test_a_broker_that_could_not_be_restarted_is_told_and_ends_nothing() -> None:
    assert await carry_out(Drill("broker", 5, ("no-such-program",)), []) == "courtier : « no-such-program » a échoué"
