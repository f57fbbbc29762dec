"""An order called off: what has not begun never does, what has goes on; whichever comes first, and whatever dies."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from agent.commands import WAITS
from agent.host_tools import HostTools
from agent.ledger import Ledger
from tests.unit.agent.test_agent_commands import Cut, Terminal, command
from tests.unit.agent.test_agent_orders import come, exists
from wire.command import CallOff, Command, Identify, RebootHost, RestartWindow, SetMaintenance

ON = SetMaintenance(on=True, minutes=60)


@pytest.fixture
def laval(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path / "commands.json")


def called(one: Command) -> CallOff:
    return CallOff(id=one.id, execution=one.execution)


async def told(laval: Terminal) -> None:
    while not laval.answers:  # noqa: ASYNC110  # for milliseconds
        await asyncio.sleep(0.01)


async def test_what_waits_for_the_end_of_a_visit_never_begins_once_it_is_called_off(laval: Terminal) -> None:
    laval.in_visit = True
    [waiting] = come(laval, ON)
    await told(laval)
    await laval.commands.call_off(called(command(ON, number=0)))
    laval.in_visit = False
    await waiting
    assert (laval.maintenance.until, laval.outcomes) == (None, ["accepted", "cancelled"])
    assert laval.answers[0][1] == WAITS
    await laval.commands.receive(command(ON, number=0))  # the copy that was late
    assert (laval.maintenance.until, laval.outcomes[-1]) == (None, "cancelled")
    await laval.commands.receive(command(ON, number=0, execution=2))  # and again is another
    assert laval.maintenance.until


async def test_what_has_yet_to_come_is_called_off_too_over_a_restart(laval: Terminal) -> None:
    await laval.commands.call_off(called(command(RestartWindow())))
    laval.begin()
    await laval.commands.receive(command(RestartWindow()))
    assert (laval.restarts, laval.outcomes) == (0, ["cancelled", "cancelled"])


async def test_what_has_begun_goes_on_and_is_answered_as_it_ends(laval: Terminal) -> None:
    laval.may_end = asyncio.Event()
    running = asyncio.create_task(laval.commands.receive(command(RestartWindow())))
    await told(laval)
    await laval.commands.call_off(called(command(RestartWindow())))
    assert laval.outcomes == ["accepted"]
    laval.may_end.set()
    await running
    await laval.commands.call_off(called(command(RestartWindow())))
    assert (laval.restarts, laval.outcomes) == (1, ["accepted", "succeeded", "succeeded"])


async def test_what_stands_behind_another_is_called_off_alone(laval: Terminal) -> None:
    laval.in_visit = True
    waiting = come(laval, ON, SetMaintenance(on=False))
    await told(laval)
    await laval.commands.call_off(called(command(SetMaintenance(on=False), number=1)))
    laval.in_visit = False
    await asyncio.gather(*waiting)
    assert laval.maintenance.until
    assert sorted(laval.outcomes) == ["accepted", "accepted", "cancelled", "succeeded"]


async def test_a_forced_one_that_is_called_off_ends_no_visit(laval: Terminal) -> None:
    laval.in_visit = True
    waiting = come(laval, ON)
    await told(laval)
    forced = SetMaintenance(on=True, minutes=20, force=True)
    await laval.commands.call_off(called(command(forced, number=7)))
    behind = come(laval, forced, first=7)
    await asyncio.sleep(0.6)
    assert (laval.maintenance.until, waiting[0].done()) == (None, False)
    await laval.commands.call_off(called(command(ON, number=0)))
    await asyncio.gather(*waiting, *behind)
    assert laval.maintenance.until is None


@pytest.mark.parametrize("after_ms", [*range(0, 60, 4), 100, 250, 260])
async def test_called_off_as_it_begins_it_either_ran_or_never_does(
    laval: Terminal, monkeypatch: pytest.MonkeyPatch, after_ms: int
) -> None:
    """A slow disk, so that each reaches the other in the middle of being kept."""
    keep = Ledger.keep

    def slowly(ledger: Ledger[Any], name: str, value: Any) -> None:
        time.sleep(0.02)
        keep(ledger, name, value)

    monkeypatch.setattr(Ledger, "keep", slowly)
    laval.in_visit = True
    [waiting] = come(laval, ON)
    await told(laval)
    laval.in_visit = False
    await asyncio.sleep(after_ms / 1000)
    await laval.commands.call_off(called(command(ON, number=0)))
    await waiting
    ran = laval.maintenance.until is not None
    ends = {outcome for outcome in laval.outcomes if outcome != "accepted"}
    assert ends == ({"succeeded"} if ran else {"cancelled"})
    laval.begin()  # and what was kept says the same
    await laval.commands.receive(command(ON, number=0))
    assert laval.outcomes[-1] == ends.pop()


async def test_an_agent_killed_before_it_could_answer_keeps_to_it(laval: Terminal) -> None:
    async def cut(*_: object) -> None:
        raise Cut

    answer, laval.answer = laval.answer, cut  # type: ignore[method-assign]
    laval.begin()
    with pytest.raises(Cut):
        await laval.commands.call_off(called(command(ON)))
    laval.answer = answer  # type: ignore[method-assign]
    laval.begin()
    await laval.commands.receive(command(ON))
    await laval.commands.call_off(called(command(ON)))
    assert (laval.maintenance.until, laval.outcomes) == (None, ["cancelled", "cancelled"])


async def test_where_that_can_not_be_kept_nothing_is_called_off(laval: Terminal, tmp_path: Path) -> None:
    laval.path = tmp_path / "full" / "commands.json"
    laval.begin()
    with pytest.raises(OSError, match="No such file"):
        await laval.commands.call_off(called(command(Identify(seconds=10))))
    laval.path.parent.mkdir()
    await laval.commands.receive(command(Identify(seconds=10)))
    assert (laval.identified, laval.outcomes) == ([10], ["accepted", "succeeded"])


async def test_what_an_agent_that_is_no_more_had_begun_is_not_called_off(laval: Terminal, tmp_path: Path) -> None:
    laval.tools = HostTools(reboot_command=f"touch {tmp_path / 'told'}")
    laval.begin(boot="one")
    running = asyncio.create_task(laval.commands.receive(command(RebootHost())))
    await exists(tmp_path / "told")
    await told(laval)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    laval.begin(boot="one")
    await laval.commands.call_off(called(command(RebootHost())))
    assert laval.answers[-1][:2] == ("failed", "the agent was restarted meanwhile")
