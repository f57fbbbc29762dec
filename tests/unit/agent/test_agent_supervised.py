"""What systemd hears of the agent, on a socket such as it gives."""

import asyncio
import contextlib
import socket
import time

import pytest

from agent.supervised import while_serving


@pytest.fixture(params=["a file", "an abstract name"])
def systemd(request, tmp_path, monkeypatch):
    name = str(tmp_path / "notify")
    if request.param == "an abstract name":
        name = f"@balise-{name}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(name.replace("@", "\0"))
        listening.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        yield listening


def heard(systemd):
    said = []
    with contextlib.suppress(BlockingIOError):
        while True:
            said.append(systemd.recv(100))
    return said


async def served(seconds):
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await while_serving()


async def test_it_is_ready_and_its_loop_turns(systemd, monkeypatch):
    monkeypatch.setenv("WATCHDOG_USEC", "200000")
    await served(0.3)
    said = heard(systemd)
    assert len(said) > 2
    assert set(said) == {b"READY=1\nWATCHDOG=1"}


async def test_a_loop_that_hangs_says_nothing(systemd, monkeypatch):
    monkeypatch.setenv("WATCHDOG_USEC", "200000")
    task = asyncio.create_task(while_serving())
    await asyncio.sleep(0.1)
    heard(systemd)
    time.sleep(0.5)  # noqa: ASYNC251  # the hang
    assert heard(systemd) == []
    task.cancel()


async def test_without_a_watchdog_it_is_ready_and_no_more(systemd, monkeypatch):
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    await served(0.2)
    assert heard(systemd) == [b"READY=1\nWATCHDOG=1"]


async def test_where_nobody_listens_it_goes_on(monkeypatch):
    monkeypatch.setenv("NOTIFY_SOCKET", "/nowhere/notify")
    monkeypatch.setenv("WATCHDOG_USEC", "200000")
    await served(0.2)
