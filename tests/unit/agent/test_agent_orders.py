"""Every other order: in turn, after the visit, with a receipt, by the host's tools or refused with the reason."""

import asyncio
import gzip
import io
import json
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.bench import measure_disk, screens
from agent.clock import Clock
from agent.commands import WAITS
from agent.edid import read_edid
from agent.host_tools import HostTools
from agent.logbook import HALF, MAX_PACKED, Logbook, packed
from agent.maintenance import Maintenance
from agent.page import Heartbeat
from agent.redact import REMOVED, redacted
from tests.unit.agent.screen_neighbours import START, Hand
from tests.unit.agent.test_agent_commands import Terminal, command
from wire.command import (
    ClearMessage,
    FetchLogs,
    Identify,
    Order,
    RebootHost,
    ReloadPage,
    RunBench,
    SetBrightness,
    SetMaintenance,
    SetVolume,
    ShowMessage,
)


@pytest.fixture
def laval(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path / "commands.json")


async def exists(path: Path) -> None:
    while not path.exists():  # noqa: ASYNC110, ASYNC240  # another process makes it
        await asyncio.sleep(0.02)


# ---- in turn, and after the visit ------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [ReloadPage(), RebootHost(), SetMaintenance(on=True), RunBench(touch_s=0)])
async def test_what_would_take_the_screen_waits_for_the_end_of_the_visit(laval: Terminal, order: Order) -> None:
    laval.in_visit = True
    running = asyncio.create_task(laval.commands.receive(command(order)))
    await asyncio.sleep(0.6)
    assert laval.answers == [("accepted", WAITS, None)]
    laval.in_visit = False
    await running
    assert laval.outcomes[1] == "accepted"
    assert laval.outcomes[-1] in ("succeeded", "rejected")


async def test_by_force_it_does_not_wait(laval: Terminal) -> None:
    laval.in_visit = True
    await laval.commands.receive(command(SetMaintenance(on=True, force=True)))
    assert laval.outcomes == ["accepted", "succeeded"]
    assert laval.maintenance.until


async def test_what_waited_until_its_time_was_over_is_not_done(laval: Terminal) -> None:
    laval.in_visit = True
    running = asyncio.create_task(laval.commands.receive(command(SetMaintenance(on=True))))
    await asyncio.sleep(0.3)
    laval.hand.pass_s(3601)
    await running
    assert (laval.outcomes, laval.maintenance.until) == (["accepted", "expired"], None)
    await laval.commands.receive(command(SetMaintenance(on=True)))
    assert laval.outcomes[-1] == "expired"


async def test_what_waits_is_begun_after_a_restart_of_the_agent_when_it_comes_again(laval: Terminal) -> None:
    laval.in_visit = True
    running = asyncio.create_task(laval.commands.receive(command(SetMaintenance(on=True))))
    await asyncio.sleep(0.3)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    laval.begin()
    laval.in_visit = False
    await laval.commands.receive(command(SetMaintenance(on=True)))
    assert laval.outcomes[-1] == "succeeded"


def come(laval: Terminal, *given: Order, first: int = 0) -> list[asyncio.Task[None]]:
    return [
        asyncio.create_task(laval.commands.receive(command(order, number=number)))
        for number, order in enumerate(given, first)
    ]


async def test_orders_are_carried_out_in_the_order_in_which_they_came(laval: Terminal) -> None:
    await asyncio.gather(*come(laval, SetMaintenance(on=True), Identify(seconds=10), Identify(seconds=20)))
    assert laval.maintenance.until
    assert laval.identified == [10, 20]


async def test_what_waits_for_the_end_of_a_visit_holds_back_only_what_would_take_the_screen_too(
    laval: Terminal,
) -> None:
    laval.in_visit = True
    waiting = come(laval, SetMaintenance(on=True), Identify(seconds=10), SetMaintenance(on=False), Identify(seconds=20))
    await asyncio.wait(waiting, timeout=0.4)
    assert laval.identified == [10, 20]
    assert [task.done() for task in waiting] == [False, True, False, True]
    laval.in_visit = False
    await asyncio.gather(*waiting)
    assert laval.maintenance.until is None, "on, then off: as they came"


async def test_a_forced_one_ends_the_visit_and_what_waited_before_it_goes_first(laval: Terminal) -> None:
    laval.in_visit = True
    waiting = come(laval, SetMaintenance(on=True, minutes=60))
    await asyncio.sleep(0.3)
    assert laval.maintenance.until is None
    forced = come(laval, SetMaintenance(on=True, minutes=20, force=True), first=7)
    await asyncio.gather(*waiting, *forced)
    assert laval.maintenance.until == START + timedelta(minutes=20)
    assert laval.outcomes == ["accepted", "accepted", "succeeded", "accepted", "succeeded"]


async def test_the_repeated_answer_of_a_forced_one_ends_no_visit(laval: Terminal) -> None:
    laval.in_visit = True
    forced = SetMaintenance(on=True, minutes=20, force=True)
    await asyncio.gather(*come(laval, forced))
    waiting = come(laval, SetMaintenance(on=False), first=7)
    await asyncio.sleep(0.1)
    await asyncio.gather(*come(laval, forced))
    await asyncio.sleep(0.4)
    assert [task.done() for task in waiting] == [False]
    laval.hand.pass_s(3601)
    await asyncio.gather(*come(laval, SetMaintenance(on=False, force=True), first=8), *waiting)
    assert laval.outcomes[-2:] == ["expired", "expired"]


async def test_fifty_copies_of_one_order_are_one(laval: Terminal) -> None:
    await asyncio.gather(*(laval.commands.receive(command(Identify(seconds=10))) for _ in range(50)))
    assert laval.identified == [10]


# ---- a reboot --------------------------------------------------------------------------------------------------------


async def test_a_reboot_is_answered_after_it_with_the_new_boot(laval: Terminal, tmp_path: Path) -> None:
    told = tmp_path / "told"
    laval.tools = HostTools(reboot_command=f"touch {told}")
    laval.begin(boot="one")
    running = asyncio.create_task(laval.commands.receive(command(RebootHost())))
    await exists(told)
    await asyncio.sleep(0.2)
    running.cancel()  # the machine goes down
    await asyncio.gather(running, return_exceptions=True)
    assert laval.outcomes == ["accepted"]
    laval.begin(boot="two")
    await laval.commands.settle()
    assert laval.outcomes == ["accepted", "succeeded"]
    assert laval.results[-1] == {"boot_id": "two", "boot_before": "one"}
    told.unlink()
    await laval.commands.receive(command(RebootHost()))
    assert (told.exists(), laval.outcomes[-1]) == (False, "succeeded")


async def test_an_agent_restarted_on_a_machine_that_was_not_says_so(laval: Terminal, tmp_path: Path) -> None:
    laval.tools = HostTools(reboot_command=f"touch {tmp_path / 'told'}")
    laval.begin(boot="one")
    running = asyncio.create_task(laval.commands.receive(command(RebootHost())))
    await exists(tmp_path / "told")
    await asyncio.sleep(0.2)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    laval.begin(boot="one")
    await laval.commands.settle()
    assert laval.outcomes == ["accepted"]
    await laval.commands.receive(command(RebootHost()))
    assert laval.answers[-1][:2] == ("failed", "the agent was restarted meanwhile")


# ---- the host's tools ------------------------------------------------------------------------------------------------


async def test_volume_and_brightness_are_passed_to_the_hosts_own_commands(laval: Terminal, tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/called\n')
    tool.chmod(0o755)
    laval.tools = HostTools(f"{tool} volume {{percent}}%", f"{tool} light {{percent}}")
    laval.begin()
    await laval.commands.receive(command(SetVolume(percent=40), number=1))
    await laval.commands.receive(command(SetBrightness(percent=80), number=2))
    assert (tmp_path / "called").read_text().splitlines() == ["volume 40%", "light 80"]
    assert laval.outcomes == ["accepted", "succeeded"] * 2


@pytest.mark.parametrize(
    ("tools", "order", "outcome", "said"),
    [
        (HostTools(), SetVolume(percent=1), "rejected", "this host has no tool for the volume (wpctl, amixer)"),
        (HostTools(), SetBrightness(percent=10), "rejected", "this host has no tool for the brightness of the screen"),
        (HostTools(), RebootHost(), "rejected", "no command to reboot this host is configured"),
        (HostTools("/no/such {percent}"), SetVolume(percent=1), "rejected", "/no/such can't be run"),
        (HostTools("sh -c 'echo no sink >&2; exit 3' {percent}"), SetVolume(percent=1), "failed", "3: no sink"),
        (HostTools(reboot_command="false"), RebootHost(), "failed", "false ended with 1"),
    ],
)
async def test_a_host_that_can_not_says_why(
    laval: Terminal, monkeypatch: pytest.MonkeyPatch, tools: HostTools, order: Order, outcome: str, said: str
) -> None:
    laval.tools = tools
    laval.begin()
    monkeypatch.setattr("agent.host_tools.shutil.which", lambda name: None)
    await laval.commands.receive(command(order))
    assert laval.outcomes[-1] == outcome
    assert said in laval.answers[-1][1]


# ---- the screen ------------------------------------------------------------------------------------------------------


async def test_a_message_is_shown_for_its_time_and_can_be_cleared(laval: Terminal) -> None:
    await laval.commands.receive(command(ShowMessage(text="Fermé à 17 h", seconds=60), number=1))
    until = (START + timedelta(seconds=60)).isoformat()
    assert laval.screen.snapshot()["message"] == {"text": "Fermé à 17 h", "until": until}
    await laval.commands.receive(command(ClearMessage(), number=2))
    assert laval.screen.snapshot()["message"] is None


async def test_a_page_is_loaded_anew_when_another_one_has_spoken(laval: Terminal) -> None:
    laval.page.hear(Heartbeat(frames=1, page="old"))
    await laval.commands.receive(command(ReloadPage()))
    assert laval.outcomes == ["accepted", "succeeded"]
    browser = Terminal(laval.path.with_name("browser.json"), window=False)
    await browser.commands.receive(command(ReloadPage()))
    assert browser.answers[-1][:2] == ("rejected", "no page is open")


async def test_what_the_bench_measured_is_the_receipt(laval: Terminal) -> None:
    await laval.commands.receive(command(RunBench(touch_s=0)))
    assert laval.results[-1] == {"page": None, "host": {"touch_s": 0}}


# ---- maintenance -----------------------------------------------------------------------------------------------------


def maintenance(tmp_path: Path, hand: Hand, learnt: bool = True) -> Maintenance:
    clock = Clock(tmp_path / "clock", hand.now, hand.monotonic)
    if learnt:
        clock.learn(hand.now(), clock.elapsed())
    return Maintenance(tmp_path / "maintenance.json", clock)


def test_maintenance_survives_a_restart_and_ends_by_itself(tmp_path: Path) -> None:
    hand = Hand()
    maintenance(tmp_path, hand).set(30)
    hand.pass_s(29 * 60)
    again = maintenance(tmp_path, hand)
    seen: list[object] = []
    again.changed = seen.append
    again.turn()
    assert again.until == START + timedelta(minutes=30)
    hand.pass_s(60)
    again.turn()
    assert (again.until, seen) == (None, [None])
    assert maintenance(tmp_path, hand).until is None


def test_maintenance_called_off_stays_off(tmp_path: Path) -> None:
    hand = Hand()
    begun = maintenance(tmp_path, hand)
    begun.set(30)
    begun.set(0)
    assert (begun.until, maintenance(tmp_path, hand).until) == (None, None)


def test_a_clock_far_behind_keeps_a_terminal_in_maintenance_no_longer_than_was_asked(tmp_path: Path) -> None:
    hand = Hand()
    maintenance(tmp_path, hand).set(30)
    (tmp_path / "clock").unlink()
    hand.at -= 2 * 3600  # the battery of its clock is dead
    behind = maintenance(tmp_path, hand, learnt=False)
    assert behind.until
    hand.pass_s(30 * 60)
    behind.turn()
    assert behind.until is None


@pytest.mark.parametrize("kept", ["", "{", "[]", '{"until": "soon"}', '{"until": "2026-01-01T00:00:00Z"}'])
def test_a_damaged_file_is_no_maintenance(tmp_path: Path, kept: str) -> None:
    (tmp_path / "maintenance.json").write_text(kept)
    assert maintenance(tmp_path, Hand()).until is None


# ---- logs ------------------------------------------------------------------------------------------------------------

SECRETS = [
    '{"event": "x", "token": "abc"}', '{"event": "x", "detail": {"password": "abc"}}',
    '{"event": "pairing asked", "code": "1234-5678"}', '{"url": "http://127.0.0.1/#k=abc", "event": "x"}',
    "Authorization: Bearer abc", "balise-enrol-1.eyJhYmMi.abc", "balise_abcdefghijklmnop", "see #k=abc&x",
    "eyJhbGciOiJFZERTQSJ9.eyJhYmMiOiIxIn0.abc", "password=abc", "eyJhbGciOiJFabc",
    "http://u:abc@host/", "abc@exemple.fr",
    "appelez le 06 12 34 56 78", "+33 6 12 34 56 78 et 0612345678", "k3YabcdEFGH1234567890ijklMNOPqrstUVWX-_z",
    "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----",
]  # fmt: skip


@pytest.mark.parametrize("line", SECRETS)
def test_no_secret_and_no_person_is_in_what_leaves(line: str) -> None:
    for wrapped in (line, f"before {line}", json.dumps({"event": "failed", "reason": line})):
        shown = redacted(wrapped)
        assert REMOVED in shown
        for leak in ("abc", "1234-5678", "34 56 78", "0612345678"):
            assert leak not in shown, shown


@pytest.mark.parametrize("run", ["a", "eyJ", "a."])
def test_a_long_run_of_anything_is_gone_over_once(run: str) -> None:
    """Two million letters: anew from each of them it would take hours, in which the agent does nothing else."""
    assert redacted(f"{run * (2_000_000 // len(run))} a@exemple.fr").endswith(REMOVED)


KEPT = {
    "event": "link down", "terminal": "b-k7m2xq4z", "release": "ab" * 32, "again_in_s": 2.5, "level": "info",
    "boot": "0192f0c1-7d3a-7000-8000-00000000abcd", "timestamp": "2026-11-24T09:00:00Z", "error": "ConnectionRefused",
}  # fmt: skip


def test_what_a_log_is_read_for_stays() -> None:
    assert json.loads(redacted(json.dumps(KEPT))) == KEPT


@given(st.text(max_size=300), st.sampled_from(SECRETS[4:-1]))
def test_whatever_stands_around_a_secret_it_goes(around: str, secret: str) -> None:
    assert REMOVED in redacted(json.dumps({"event": f"{around} {secret} {around}"}))


def test_the_log_is_kept_within_its_bound_and_its_newest_part_is_packed(tmp_path: Path) -> None:
    out = io.StringIO()
    book = Logbook(tmp_path, out)
    line = json.dumps({"event": "turn failed", "detail": "x" * 900}) + "\n"
    for number in range(5000):
        book.write(line.replace("turn", f"turn {number}"))
    assert len(out.getvalue()) > 4_000_000
    sizes = [path.stat().st_size for path in tmp_path.glob("agent.log*")]
    assert len(sizes) == 2
    assert max(sizes) <= HALF
    assert (tmp_path / "agent.log").stat().st_mode & 0o077 == 0
    said = gzip.decompress(packed(tmp_path, 20_000)).decode().splitlines()
    assert json.loads(said[-1])["event"] == "turn 4999 failed"
    assert 15 <= len(said) <= 22
    again = Logbook(tmp_path, out)
    again.write("the next\n")
    assert gzip.decompress(packed(tmp_path, 100)).decode() == "the next\n"


def test_what_does_not_compress_is_cut_to_what_may_be_sent(tmp_path: Path) -> None:
    noise = b"".join(bytes([33 + (n * n * 7 + n // 3) % 90]) for n in range(3_000_000))
    (tmp_path / "agent.log").write_bytes(noise + b"\nlast\n")
    assert len(packed(tmp_path, 4_000_000)) <= MAX_PACKED
    assert packed(tmp_path / "none", 1000) == gzip.compress(b"", mtime=0)


def test_a_full_disk_keeps_nothing_from_being_said(tmp_path: Path) -> None:
    out = io.StringIO()
    Logbook(tmp_path / "gone", out).write("said\n")
    assert out.getvalue() == "said\n"


async def test_logs_are_sent_and_named_by_their_digest(laval: Terminal) -> None:
    await laval.commands.receive(command(FetchLogs()))
    assert list(laval.files.values()) == [b"logs"]
    assert laval.answers[-1] == ("succeeded", "", next(iter(laval.files)))


# ---- the bench, on the host ------------------------------------------------------------------------------------------


def edid(px: tuple[int, int], mm: tuple[int, int]) -> bytes:
    timing = bytearray(18)
    timing[0:2] = (14850).to_bytes(2, "little")
    timing[2], timing[4] = px[0] & 0xFF, (px[0] >> 8) << 4
    timing[5], timing[7] = px[1] & 0xFF, (px[1] >> 8) << 4
    timing[12], timing[13], timing[14] = mm[0] & 0xFF, mm[1] & 0xFF, (mm[0] >> 8) << 4 | mm[1] >> 8
    return b"\x00\xff\xff\xff\xff\xff\xff\x00" + bytes(46) + bytes(timing) + bytes(56)


def test_millimetres_per_pixel_come_from_the_screen_itself(tmp_path: Path) -> None:
    output = tmp_path / "card0-HDMI-A-1"
    output.mkdir()
    (output / "edid").write_bytes(edid((1920, 1080), (597, 336)))
    (tmp_path / "card0-DP-1").mkdir()
    (tmp_path / "card0-DP-1" / "edid").write_bytes(b"")
    assert screens(tmp_path) == [
        {"output": "card0-HDMI-A-1", "px": [1920, 1080], "mm": [597, 336], "mm_per_px": 0.3109}
    ]
    assert screens(tmp_path / "none") == []


@given(st.binary(max_size=300))
def test_whatever_a_screen_says_is_read_or_passed_over(raw: bytes) -> None:
    read_edid(raw)
    read_edid(b"\x00\xff\xff\xff\xff\xff\xff\x00" + raw)


def test_the_disk_is_measured_and_left_as_it_was(tmp_path: Path) -> None:
    measured = measure_disk(tmp_path)
    assert measured["disk_mb_s"] > 0
    assert measured["disk_sync_ms"] > 0
    assert list(tmp_path.iterdir()) == []
