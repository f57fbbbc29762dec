"""Orders: once per (id, execution), answered whatever happens, and never a picture of what a visitor types."""

import asyncio
import hashlib
import shutil
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from agent.clock import Clock
from agent.commands import Around, Commands, Named, Said
from agent.fleet import Unreachable
from agent.host_tools import HostTools
from agent.maintenance import Maintenance
from agent.orders import BUSY, Orders
from agent.page import Heartbeat, Page
from agent.screen import Screen
from agent.window_process import NoPicture
from tests.unit.agent.screen_neighbours import START, Hand
from wire.command import Command, CommandOutcome, Identify, Order, RestartWindow, TakeScreenshot
from wire.ids import uuid7


class Cut(BaseException):
    pass


class Terminal:
    """What stands around `Commands`: a window, a server that takes files, the outbox."""

    def __init__(self, path: Path, window: bool = True) -> None:
        self.hand = Hand()
        self.page = Page(self.hand.monotonic, self.hand.now)
        self.alive = True
        self.restarts = 0
        self.identified: list[int] = []
        self.files: dict[str, bytes] = {}
        self.answers: list[tuple[CommandOutcome, str, str | None]] = []
        self.fails: BaseException | None = None
        self.while_restarting: Callable[[], object] = lambda: None
        self.may_end = asyncio.Event()
        self.may_end.set()
        self.path = path
        self.has_window = window
        self.in_visit = False
        self.screen = Screen("0.1.0", lambda: (self.hand.now(), True))
        self.screen.identify = self.identified.append  # type: ignore[method-assign]
        self.clock = Clock(path.with_name("clock"), self.hand.now, self.hand.monotonic)
        self.maintenance = Maintenance(path.with_name("maintenance.json"), self.clock)
        self.tools = HostTools()
        self.results: list[dict[str, object]] = []
        self.begin()

    def begin(self, boot: str = "one") -> None:
        """The agent starts; `boot`: of the machine."""
        orders = Orders(
            self.page, self.screen, self.maintenance, self.tools, self.put_file, lambda most: b"logs", self.bench
        )
        if self.has_window:
            orders.window, orders.restart, orders.reload = self, self.restart, self.reload
        around = Around(boot, lambda: self.in_visit, lambda command: self.hand.now() > command.expires_at)
        self.commands = Commands(self.path, orders.obey, self.answer, around)

    async def reload(self) -> None:
        self.page.hear(Heartbeat(frames=1, page="fresh"))

    async def bench(self, touch_s: int) -> dict[str, object]:
        return {"page": None, "host": {"touch_s": touch_s}}

    async def restart(self) -> None:
        if self.fails:
            raise self.fails
        self.while_restarting()
        await self.may_end.wait()
        self.restarts += 1

    async def screenshot(self) -> bytes:
        if self.fails:
            raise self.fails
        return b"RIFFpicture"

    async def put_file(self, digest: str, body: bytes, content_type: str) -> None:
        self.files[digest] = body

    async def answer(self, command: Named, said: Sequence[Said]) -> None:
        self.answers += [(one.outcome, one.reason, one.file) for one in said]
        self.results += [one.result for one in said]

    @property
    def outcomes(self) -> list[str]:
        return [outcome for outcome, _, _ in self.answers]


def command(order: Order, execution: int = 1, number: int = 1) -> Command:
    return Command(
        id=uuid7(1, number), execution=execution, issued_at=START, expires_at=START + timedelta(hours=1), order=order
    )


@pytest.fixture
def laval(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path / "commands.json")


async def test_an_order_is_accepted_then_succeeds(laval: Terminal) -> None:
    await laval.commands.receive(command(RestartWindow()))
    assert laval.outcomes == ["accepted", "succeeded"]
    assert laval.restarts == 1


async def test_the_same_order_again_repeats_the_answer_only(laval: Terminal) -> None:
    for _ in range(3):
        await laval.commands.receive(command(RestartWindow()))
    assert laval.restarts == 1
    assert laval.outcomes == ["accepted", "succeeded", "succeeded", "succeeded"]


async def test_another_execution_of_it_is_another_order(laval: Terminal) -> None:
    await laval.commands.receive(command(RestartWindow()))
    await laval.commands.receive(command(RestartWindow(), execution=2))
    assert laval.restarts == 2


async def test_it_is_known_after_a_restart_of_the_agent(laval: Terminal) -> None:
    await laval.commands.receive(command(RestartWindow()))
    laval.begin()
    await laval.commands.receive(command(RestartWindow()))
    assert laval.restarts == 1


async def test_an_order_cut_off_in_the_middle_is_not_begun_again_but_said_to_have_failed(laval: Terminal) -> None:
    laval.fails = Cut()
    with pytest.raises(Cut):
        await laval.commands.receive(command(RestartWindow()))
    laval.fails = None
    laval.begin()
    await laval.commands.receive(command(RestartWindow()))
    assert laval.restarts == 0
    assert laval.answers[-1][:2] == ("failed", "the agent was restarted meanwhile")


async def test_where_nothing_can_be_kept_nothing_is_done_and_later_it_is(laval: Terminal, tmp_path: Path) -> None:
    laval.path = tmp_path / "full" / "commands.json"
    laval.begin()
    with pytest.raises(OSError, match="No such file"):
        await laval.commands.receive(command(RestartWindow()))
    assert (laval.restarts, laval.answers) == (0, [])
    laval.path.parent.mkdir()
    await laval.commands.receive(command(RestartWindow()))
    assert (laval.restarts, laval.outcomes) == (1, ["accepted", "succeeded"])


async def test_an_order_whose_end_can_not_be_kept_is_answered_all_the_same_and_not_begun_again(
    laval: Terminal, tmp_path: Path
) -> None:
    laval.path = tmp_path / "fills" / "commands.json"
    laval.path.parent.mkdir()
    laval.while_restarting = lambda: shutil.rmtree(laval.path.parent)
    laval.begin()
    await laval.commands.receive(command(RestartWindow()))
    await laval.commands.receive(command(RestartWindow()))
    assert (laval.restarts, laval.outcomes) == (1, ["accepted", "succeeded", "succeeded"])


async def test_what_a_power_cut_left_half_written_costs_that_line_only(laval: Terminal) -> None:
    await laval.commands.receive(command(RestartWindow(), number=1))
    await laval.commands.receive(command(RestartWindow(), number=2))
    whole = laval.path.read_bytes()
    laval.path.write_bytes(whole[:-20])  # the end of the second
    laval.begin()
    await laval.commands.receive(command(RestartWindow(), number=3))
    laval.begin()
    for number in (1, 2, 3):
        await laval.commands.receive(command(RestartWindow(), number=number))
    assert laval.restarts == 3
    assert [outcome for outcome, _, _ in laval.answers[-3:]] == ["succeeded", "failed", "succeeded"]


async def test_an_order_that_takes_its_time_is_accepted_at_once_and_once_however_often_it_comes(
    laval: Terminal,
) -> None:
    laval.may_end = asyncio.Event()
    first = asyncio.create_task(laval.commands.receive(command(RestartWindow())))
    await asyncio.wait({first}, timeout=0.5)
    assert laval.outcomes == ["accepted"]
    for _ in range(20):
        await laval.commands.receive(command(RestartWindow()))
    laval.may_end.set()
    await first
    assert (laval.restarts, laval.outcomes) == (1, ["accepted", "succeeded"])


async def test_a_screenshot_is_sent_and_named_by_its_digest(laval: Terminal) -> None:
    await laval.commands.receive(command(TakeScreenshot()))
    digest = hashlib.sha256(b"RIFFpicture").hexdigest()
    assert laval.files == {digest: b"RIFFpicture"}
    assert laval.answers[-1] == ("succeeded", "", digest)


@pytest.mark.parametrize("screen", ["rappel", "rappel/name", "contact/phone", "form"])
async def test_no_screenshot_is_taken_while_a_form_is_open(laval: Terminal, screen: str) -> None:
    laval.page.hear(Heartbeat(frames=1, screen=screen, in_visit=True))
    await laval.commands.receive(command(TakeScreenshot()))
    assert laval.answers[-1][:2] == ("rejected", BUSY)
    assert laval.files == {}


async def test_a_form_opened_while_the_picture_was_taken_keeps_it_here(laval: Terminal) -> None:
    async def slow_picture() -> bytes:
        laval.page.hear(Heartbeat(frames=1, screen="rappel/name", in_visit=True))
        return b"RIFFa name"

    laval.screenshot = slow_picture  # type: ignore[method-assign]
    await laval.commands.receive(command(TakeScreenshot()))
    assert laval.outcomes == ["accepted", "rejected"]
    assert laval.files == {}


async def test_a_form_that_the_page_tells_of_after_the_picture_keeps_it_here_too(laval: Terminal) -> None:
    laval.page.hear(Heartbeat(frames=1, screen="home", in_visit=True))
    taking = asyncio.create_task(laval.commands.receive(command(TakeScreenshot())))
    await asyncio.sleep(0.3)
    assert laval.files == {}
    laval.page.hear(Heartbeat(frames=1, screen="rappel/name", in_visit=True))
    await taking
    assert laval.answers[-1][:2] == ("rejected", BUSY)
    assert laval.files == {}


async def test_a_page_that_does_not_say_in_time_what_it_shows_is_refused_in_the_same_words(
    laval: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a refusal tells of nobody: its hour is in the timeline, and a contact request has a day and an hour."""
    monkeypatch.setattr("agent.orders._PAGE_SPEAKS_WITHIN_S", 0.2)
    laval.page.hear(Heartbeat(frames=1, screen="home"))
    await laval.commands.receive(command(TakeScreenshot()))
    assert laval.answers[-1] == ("rejected", BUSY, None)
    assert laval.files == {}


async def test_of_a_page_that_has_fallen_silent_a_picture_is_taken(laval: Terminal) -> None:
    laval.page.hear(Heartbeat(frames=1, screen="home"))
    laval.hand.pass_s(31)
    await laval.commands.receive(command(TakeScreenshot()))
    assert laval.answers[-1][0] == "succeeded"


@pytest.mark.parametrize("trouble", [NoPicture("no window is open"), Unreachable("no answer"), OSError("disk")])
async def test_what_goes_wrong_is_said(laval: Terminal, trouble: Exception) -> None:
    laval.fails = trouble
    await laval.commands.receive(command(TakeScreenshot()))
    assert laval.answers[-1][:2] == ("failed", str(trouble))


async def test_a_terminal_without_window_rejects_what_needs_one_and_identifies_itself(tmp_path: Path) -> None:
    browser = Terminal(tmp_path / "commands.json", window=False)
    await browser.commands.receive(command(RestartWindow(), number=1))
    await browser.commands.receive(command(TakeScreenshot(), number=2))
    await browser.commands.receive(command(Identify(seconds=30), number=3))
    assert browser.outcomes == ["accepted", "rejected", "accepted", "rejected", "accepted", "succeeded"]
    assert browser.identified == [30]


async def test_what_is_kept_on_disk_is_bounded_and_still_known(laval: Terminal) -> None:
    for number in range(700):
        await laval.commands.receive(command(Identify(), number=number))
    assert len(laval.path.read_bytes().splitlines()) <= 2_100
    laval.begin()
    for number in range(510, 700):
        await laval.commands.receive(command(Identify(), number=number))
    assert len(laval.identified) == 700


async def test_only_the_newest_two_hundred_are_remembered(laval: Terminal) -> None:
    for number in range(230):
        await laval.commands.receive(command(Identify(), number=number))
    await laval.commands.receive(command(Identify(), number=100))
    assert len(laval.identified) == 230
