"""The way back of a terminal whose server once told a time in the future."""

from datetime import UTC, datetime, timedelta

import pytest
from agent_server import Server, free_port, pem, running, until

from agent.clock import Clock
from agent.enrol import enrol_with_token
from agent.fleet import Fleet, Unreachable

FAR = timedelta(days=1500)


def now():
    return datetime.now(UTC)


def is_right(clock):
    return clock.trusted and abs((clock.now() - now()).total_seconds()) < 5


async def test_a_server_that_was_once_in_the_future_gets_its_terminals_back(server, make_terminal):
    """It has renewed their certificates in the meantime, for years that are not there yet."""
    lost = make_terminal()
    server.now = lambda: now() + FAR
    async with running(lost):
        await until(lambda: lost.identity.certificate.not_valid_before_utc > now())
    server.now = now
    terminal = make_terminal()  # from the same disk
    assert terminal.clock.now() > now() + FAR / 2
    async with running(terminal):
        await until(lambda: is_right(terminal.clock))
        await until(lambda: terminal.online and server.told("health.sampled"))
        await until(lambda: terminal.identity.certificate.not_valid_before_utc < now())


@pytest.mark.parametrize("rebooted", [False, True])
def test_a_certificate_that_is_over_in_that_future_does_not_keep_the_terminal_there(
    authority, tmp_path, monkeypatch, rebooted
):
    """Over HTTPS: only what tells the time is asked without judging dates by it."""
    https = authority.pair("server", tmp_path, server=True)
    (tmp_path / "ca.pem").write_text(pem(authority.certificate))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    server = Server(free_port(), authority, https=https)
    server.open_http()
    try:
        identity = enrol_with_token(server.token(), tmp_path / "identity", now)
        clock = Clock(tmp_path / "clock")
        server.now = lambda: now() + FAR
        Fleet(identity, clock).pull_state()
        if rebooted:
            clock = Clock(tmp_path / "clock")
        fleet = Fleet(identity, clock)
        with pytest.raises(Unreachable, match="certificate valid from"):
            fleet.put_file("0" * 64, b"RIFF", "image/webp")
        server.now = now
        fleet.pull_state()
        assert is_right(clock)
        fleet.put_file("0" * 64, b"RIFF", "image/webp")
    finally:
        server.close_http()
