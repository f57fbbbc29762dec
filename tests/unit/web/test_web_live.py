"""A change is never missed: not between rendering and connecting, not from another thread, not over a restart."""

import asyncio
import threading

from fleet_server.web.live import Live, stream_url


async def next_of(stream):
    return await asyncio.wait_for(anext(stream), timeout=10)


async def test_a_change_from_another_thread_wakes_the_listener():
    live = Live()
    stream = live.changes({"flotte": live.version("flotte")})
    waiting = asyncio.ensure_future(next_of(stream))
    await asyncio.sleep(0)
    threading.Thread(target=live.touch, args=("flotte",)).start()
    assert (await waiting)[0] == "flotte"
    await stream.aclose()


async def test_a_change_before_the_page_listens_is_told_at_once():
    live = Live()
    rendered = live.version("flotte")
    live.touch("flotte")
    stream = live.changes({"flotte": rendered, "demandes": live.version("demandes")})
    assert await next_of(stream) == ("flotte", rendered + 1)
    await stream.aclose()


async def test_many_changes_at_once_are_told_once():
    live = Live()
    stream = live.changes({"flotte": live.version("flotte")})
    before = live.version("flotte")
    for _ in range(50):
        live.touch("flotte")
    assert await next_of(stream) == ("flotte", before + 50)
    await stream.aclose()


async def test_another_subject_does_not_wake_a_page():
    live = Live()
    stream = live.changes({"flotte": live.version("flotte")})
    waiting = asyncio.ensure_future(next_of(stream))
    await asyncio.sleep(0)
    live.touch("demandes")
    await asyncio.sleep(0.05)
    assert not waiting.done()
    live.touch("flotte")
    assert (await waiting)[0] == "flotte"
    await stream.aclose()


async def test_a_listener_that_leaves_is_forgotten():
    live = Live()
    stream = live.changes({"flotte": live.version("flotte") - 1})
    await next_of(stream)
    await stream.aclose()
    assert not live._waiting


def test_a_page_listens_with_the_versions_it_shows():
    live = Live()
    version = live.version("flotte")
    live.touch("borne:laval-01")
    assert (
        stream_url(live, "flotte,borne:laval-01") == f"/direct?sujets=flotte,borne:laval-01&vu={version},{version + 1}"
    )
