import asyncio

import pytest

from agent.loops import Backoff, every


async def reached(turns, count):
    while len(turns) < count:  # noqa: ASYNC110
        await asyncio.sleep(0)


async def test_a_turn_that_fails_does_not_end_its_loop():
    turns = []

    async def turn():
        turns.append(len(turns))
        if len(turns) == 1:
            raise RuntimeError("a bad day")

    wake = asyncio.Event()
    task = asyncio.create_task(every(3600, turn, "test", wake))
    await reached(turns, 1)
    wake.set()
    await reached(turns, 2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_wake_during_the_turn_is_not_missed():
    wake, turns = asyncio.Event(), []

    async def turn():
        turns.append(None)
        if len(turns) == 1:
            wake.set()

    task = asyncio.create_task(every(3600, turn, "test", wake))
    await reached(turns, 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_loop_that_is_woken_and_cancelled_at_once_ends():
    for _ in range(50):
        wake = asyncio.Event()
        task = asyncio.create_task(every(3600, lambda: asyncio.sleep(0), "test", wake))
        for _ in range(4):
            await asyncio.sleep(0)
        wake.set()
        await asyncio.sleep(0)
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=5)
        assert done


def test_backing_off_doubles_up_to_its_most_and_jitters():
    backoff = Backoff(1, most=8)
    waits = [backoff.next() for _ in range(10)]
    for wait, middle in zip(waits, [1, 2, 4, 8, 8, 8, 8, 8, 8, 8], strict=True):
        assert 0.8 * middle <= wait <= 1.2 * middle
    assert len(set(waits)) == 10
    backoff.reset()
    assert backoff.next() <= 1.2
