"""The way back of a terminal whose server once told a time in the future."""

from datetime import UTC, datetime, timedelta

import pytest
from agent_server import Server, free_port, pem, running, until

from agent.clock import Clock
from agent.enrol import Pairing, enrol_with_token
from agent.fleet import Fleet, Unreachable
from wire.enrol import decode_token, encode_token
from wire.sign import Untrusted

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


@pytest.fixture
def over_https(authority, tmp_path, monkeypatch):
    """A server on HTTPS, its certificate of these dates, by an authority that this machine believes."""
    (tmp_path / "ca.pem").write_text(pem(authority.certificate))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    opened = []

    def open_it(**dates):
        server = Server(free_port(), authority, https=authority.pair("server", tmp_path, server=True, **dates))
        server.open_http()
        opened.append(server)
        return server

    yield open_it
    for server in opened:
        server.close_http()


def of_the_year_2000(directory):
    """As a machine shows it whose battery is flat, with software that was made a year ago."""
    return Clock(
        directory / "clock", system=lambda: datetime(2000, 1, 1, tzinfo=UTC), built=now() - timedelta(days=365)
    )


@pytest.mark.parametrize("way", ["token", "pairing"])
def test_a_terminal_that_wakes_in_the_year_2000_enrols_and_learns_the_time(over_https, tmp_path, way):
    """The server's certificate begins after all that this clock has ever shown."""
    server, clock = over_https(begins=now() - timedelta(days=1)), of_the_year_2000(tmp_path)
    assert clock.now() < now() - timedelta(days=300)
    if way == "token":
        identity = enrol_with_token(server.token(), tmp_path / "identity", lambda: clock.floor)
    else:
        pairing = Pairing(server.url, tmp_path / "identity", lambda: clock.floor)
        server.pairings["p1"]["status"] = "accepted"
        identity = pairing.ask()
    fleet = Fleet(identity, clock)
    with pytest.raises(Unreachable, match="certificate valid from"):
        fleet.put_file("0" * 64, b"RIFF", "image/webp")  # until it knows the time it says nothing more
    fleet.pull_state()
    assert is_right(clock)
    fleet.put_file("0" * 64, b"RIFF", "image/webp")


def test_a_certificate_that_had_ended_before_this_software_was_made_is_no_servers(over_https, tmp_path):
    server = over_https(begins=now() - timedelta(days=500), ends=now() - timedelta(days=400))
    with pytest.raises(Unreachable, match="certificate valid from"):
        enrol_with_token(server.token(), tmp_path / "identity", lambda: of_the_year_2000(tmp_path).floor)
    assert len(server.tokens) == 1, "its secret was not told"


def test_whoever_kept_an_ended_certificate_is_still_not_the_server_that_the_token_names(over_https, tmp_path):
    """All that is let through is a name that had been right once: the fleet's own authority decides."""
    server = over_https(begins=now() - timedelta(days=300), ends=now() - timedelta(days=200))
    token = decode_token(server.token())
    with pytest.raises(Untrusted, match="another server answers"):
        enrol_with_token(encode_token(token.model_copy(update={"ca": "0" * 64})), tmp_path / "identity",
                         lambda: of_the_year_2000(tmp_path).floor)  # fmt: skip
    assert not (tmp_path / "identity" / "identity.json").exists()
