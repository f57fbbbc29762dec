"""The real agent core on a real broker, embedded or mosquitto with mutual TLS and ACL."""

import asyncio
import threading
from datetime import UTC, datetime, timedelta

from agent_neighbours import SimulatedServer
from agent_server import running, until
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.commands import Around, Brought, Commands
from wire import topics
from wire.command import Identify
from wire.events import PageViewed
from wire.request import SealedRequest


def page(terminal, name="home"):
    return PageViewed(**terminal.stamp(), page=name)


def sealed(number=1):
    return SealedRequest(
        id=f"00000000-0000-4000-8000-{number:012d}", terminal="laval-01", generation=1, kid="k1", consent="2026-11",
        day="2026-11-24", hour=9, enc="A" * 43, ciphertext="B" * 100,
    )  # fmt: skip


async def test_a_tap_reaches_the_server_and_is_acknowledged(server, make_terminal):
    terminal = make_terminal()
    async with running(terminal):
        await terminal.tell(page(terminal))
        await until(lambda: server.told("page.viewed"))
        await until(lambda: terminal.outbox.state().waiting == 0)
    assert [presence.online for presence in server.presence][:1] == [True]


async def test_it_reports_on_connect_and_at_each_change_with_a_growing_number(server, make_terminal):
    terminal = make_terminal()
    async with running(terminal):
        await until(lambda: server.reported and server.reported[-1].revision == 1)
        server.wish(idle_end_s=120)
        await until(lambda: server.reported[-1].revision == 2)
    numbers = [report.number for report in server.reported]
    assert numbers == sorted(set(numbers))
    assert server.reported[-1].settings.idle_end_s == 120
    assert server.reported[-1].clock_trusted
    again = make_terminal()
    async with running(again):
        await until(lambda: server.reported[-1].number > 2 * 2**32)


async def test_a_wish_that_was_not_pushed_is_pulled_when_an_acknowledgement_names_it(server, make_terminal):
    terminal = make_terminal()
    async with running(terminal):
        await until(lambda: terminal.desired.revision == 1 and terminal.online)
        server.wish(push=False, idle_end_s=200)
        await terminal.tell(page(terminal))
        await until(lambda: terminal.desired.revision == 2)
    assert make_terminal().desired.current.settings.idle_end_s == 200


async def test_unsigned_foreign_and_older_wishes_are_refused_and_counted(server, make_terminal):
    terminal = make_terminal()
    async with running(terminal):
        await until(lambda: terminal.desired.revision == 1 and terminal.online)
        older = server.wish()
        await until(lambda: terminal.desired.revision == 2)
        server.wish()
        await until(lambda: terminal.desired.revision == 3)
        known, server.signing = server.signing, Ed25519PrivateKey.generate()
        server.wish()
        server.signing, server.revision = known, 3
        server.send(topics.desired("laval-01"), b"not a signature")
        server.send(topics.desired("laval-01"), older)
        await until(lambda: terminal.desired.refused.total() == 3)
    assert terminal.desired.refused == {"foreign": 1, "unreadable": 1, "older": 1}
    assert terminal.desired.revision == 3


def commands(terminal, folder, obeyed):
    """The agent's own, without a screen behind it."""

    async def obey(order):
        obeyed.append(order)
        return Brought()

    async def answer(command, said):
        told = (terminal.answer(command, one.outcome, one.reason, one.file, one.result) for one in said)
        await terminal.tell(*told)

    return Commands(folder / "commands.json", obey, answer, Around("boot", lambda: False, terminal.is_over))


async def test_a_command_is_obeyed_only_when_signed_for_this_terminal_and_enrolment_and_in_time(server, make_terminal):
    terminal = make_terminal()
    obeyed = []
    terminal.on_command = commands(terminal, terminal.settings.state_dir, obeyed).receive
    async with running(terminal):
        await until(lambda: terminal.online and terminal.clock.trusted)
        server.order(server.command(), key=Ed25519PrivateKey.generate())
        server.order(server.command(), generation=7)
        server.generations["cholet-01"] = 1
        server.order(server.command(), terminal="cholet-01")
        await until(lambda: terminal.refused_commands == 3)
        late = server.command(ago=timedelta(hours=1))
        server.order(late)
        await until(lambda: server.told("command.answered"))
        good = server.command()
        server.order(good)
        await until(lambda: obeyed)
    assert obeyed == [good.order]
    answer = server.told("command.answered")[0]
    assert (answer["command"], answer["outcome"]) == (late.id, "expired")


async def test_an_order_that_the_disk_has_no_room_for_is_logged_and_answered_when_it_comes_again(
    server, make_terminal, caplog, capsys
):
    terminal = make_terminal()
    folder = terminal.settings.state_dir / "orders"
    terminal.on_command = commands(terminal, folder, []).receive
    order = server.command(Identify(seconds=20))
    async with running(terminal) as loops:
        await until(lambda: terminal.online)
        server.order(order)
        await until(lambda: "command not answered" in capsys.readouterr().out)
        assert not loops.done()
        folder.mkdir()
        server.order(order)
        await until(lambda: [told["outcome"] for told in server.told("command.answered")] == ["accepted", "succeeded"])
    assert "never retrieved" not in caplog.text


async def test_batches_are_resent_until_answered_and_counted_once(server, make_terminal):
    terminal = make_terminal()
    async with running(terminal):
        await until(lambda: server.told("health.sampled") and terminal.outbox.state().waiting == 0)
        server.commit_only = True
        await terminal.tell(*(page(terminal) for _ in range(20)))
        await until(lambda: server.told("page.viewed"))
        await asyncio.sleep(1)
        server.commit_only = False
        await until(lambda: terminal.outbox.state().waiting == 0)
    assert len(server.told("page.viewed")) == 20
    assert server.data.repeats == 0


async def test_days_offline_then_everything_in_order(server, make_terminal):
    terminal = make_terminal()
    server.close_broker()
    server.close_http()
    async with running(terminal):
        told = [page(terminal, f"page/{n}") for n in range(1200)]
        for start in range(0, 1200, 100):
            await terminal.tell(*told[start : start + 100])
        server.open_http()
        server.open_broker()
        await until(lambda: terminal.outbox.state().waiting == 0)
    assert [event["page"] for event in server.told("page.viewed")] == [event.page for event in told]


async def test_a_restored_server_gets_everything_again_events_and_requests(server, make_terminal):
    terminal = make_terminal()
    server.settings = {"request_delay_s": (0, 0)}
    async with running(terminal):
        await until(lambda: terminal.requests.delay_s == (0, 0))
        terminal.requests.keep(sealed(), "visit")
        await terminal.tell(*(page(terminal) for _ in range(10)))
        await until(lambda: terminal.outbox.state().waiting == 0 and server.requests)
        whole = dict(server.data.events)
        server.data, server.requests, server.start = SimulatedServer(), [], datetime.now(UTC)
        await terminal.tell(page(terminal))
        await until(lambda: terminal.outbox.state().waiting == 0 and server.requests)
    assert whole.items() <= server.data.events.items()
    assert {request["id"] for request in server.requests} == {sealed().id}


async def test_a_new_run_of_the_server_hears_the_report_again(server, make_terminal):
    terminal = make_terminal()
    async with running(terminal):
        await until(lambda: terminal.desired.current and server.reported)
        await terminal.tell(page(terminal))
        await until(lambda: terminal.outbox.state().waiting == 0)
        await asyncio.sleep(0.2)
        before = len(server.reported)
        server.start = datetime.now(UTC)
        await terminal.tell(page(terminal))
        await until(lambda: len(server.reported) > before)


async def test_a_killed_broker_comes_back_and_nothing_is_lost(broker, server, make_terminal):
    terminal = make_terminal()
    async with running(terminal):
        await terminal.tell(page(terminal, "before"))
        await until(lambda: server.told("page.viewed"))
        broker.kill()
        await until(lambda: not terminal.online)
        await terminal.tell(page(terminal, "meanwhile"))
        broker.start()
        await until(lambda: len(server.told("page.viewed")) == 2)


async def test_the_last_will_names_the_connection_that_died(broker, server, make_terminal):
    terminal = make_terminal()
    async with running(terminal):
        await until(lambda: server.presence)
        connection = server.presence[0].connection
        # The process is gone without a goodbye.
        terminal.link._connection._client.socket().shutdown(2)
        await until(lambda: any(not each.online and each.connection == connection for each in server.presence))


async def test_a_clean_stop_says_goodbye(server, make_terminal):
    terminal = make_terminal()
    async with running(terminal):
        await until(lambda: server.presence)
    await until(lambda: not server.presence[-1].online)


async def test_a_request_leaves_by_https_alone_and_is_kept_until_taken(server, make_terminal):
    terminal = make_terminal()
    server.settings = {"request_delay_s": (0, 1)}
    server.unprocessable = {sealed(2).id}
    async with running(terminal):
        await until(lambda: terminal.requests.delay_s == (0, 1))
        terminal.requests.keep(sealed(1), "visit")
        terminal.requests.keep(sealed(2), "visit")
        await until(lambda: server.requests and terminal.requests.waiting() == 1)
    assert [request["id"] for request in server.requests] == [sealed(1).id]
    assert sealed(1).id not in str(server.data.events)
    assert make_terminal().requests.waiting() == 1


async def test_messages_of_another_terminal_do_not_reach_it_and_garbage_is_counted(server, make_terminal):
    terminal = make_terminal()
    async with running(terminal):
        await until(lambda: terminal.online)
        server.send(topics.ack("laval-01"), b"{}")
        server.send(topics.ack("laval-01"), b"\xff" * 1000)
        await until(lambda: terminal.link.refused["ack"] == 2)
        await terminal.tell(page(terminal))
        await until(lambda: server.told("page.viewed"))


async def test_the_loop_goes_on_while_the_disk_works(server, make_terminal):
    """Fsyncs happen in threads: the local API answers meanwhile."""
    terminal = make_terminal()
    async with running(terminal):
        await asyncio.gather(*(terminal.tell(page(terminal)) for _ in range(50)))
        assert threading.current_thread() is threading.main_thread()
        await until(lambda: len(server.told("page.viewed")) == 50)


async def test_a_batch_that_the_pulled_account_confirms_does_not_hold_up_the_next(server, make_terminal):
    terminal = make_terminal()
    async with running(terminal):
        await until(lambda: server.told("health.sampled") and terminal.outbox.state().waiting == 0)
        server.commit_only = True
        await terminal.tell(page(terminal))
        await until(lambda: server.told("page.viewed"))
        await terminal.pull()
        assert terminal.outbox.state().waiting == 0
        server.commit_only = False
        await terminal.tell(page(terminal))
        await until(lambda: len(server.told("page.viewed")) == 2)
