"""Whom a terminal believes, and how its server changes that from afar, by real keys."""

import json
from datetime import UTC, datetime

import pytest
from agent_server import Authority, Server, free_port, pem, running, until
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from cryptography.x509 import load_pem_x509_certificate

from agent.believing import believe, believed
from agent.clock import Clock
from agent.enrol import enrol_with_token
from agent.fleet import Fleet
from agent.identity import keep_identity, load_identity
from agent.renewal import renew_when_needed
from wire.sign import Foreign, Unreadable
from wire.trust import Trust, authority_digest, signing_digest, vouch_for


def now():
    return datetime.now(UTC)


def digest(authority):
    return authority_digest(authority.certificate)


def vouched(authority, by):
    return vouch_for(authority.certificate, by.certificate, by.key)


def public(key):
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def told(*authorities, vouchers=(), signing=()):
    return Trust(
        authorities=tuple(map(digest, authorities)), vouchers=vouchers, signing_keys=tuple(map(public, signing))
    )


@pytest.fixture
def first():
    return Authority()


@pytest.fixture
def alone(first):
    server = Server(free_port(), first)
    server.open_http()
    yield server
    server.close_http()


@pytest.fixture
def identity(alone, tmp_path):
    return enrol_with_token(alone.token(), tmp_path, now)


def test_an_authority_is_believed_where_the_known_one_vouches_for_it(identity, first):
    second = Authority()
    fresh = believe(identity, told(first, second, vouchers=(vouched(second, first),)))
    assert believed(fresh).authorities == (digest(first), digest(second))
    keep_identity(fresh)
    kept = load_identity(identity.directory)
    assert kept.authorities == (first.certificate, second.certificate)
    assert pem(second.certificate) in kept.ca_pem.read_text(), "by which the broker is judged"


def test_the_same_again_changes_nothing(identity, first, alone):
    assert believe(identity, told(first, signing=(alone.signing,))) is identity


@pytest.mark.parametrize("by", ["itself", "a stranger", "nobody", "the one known, for another"])
def test_an_authority_that_nobody_known_vouches_for_is_none(identity, first, by):
    second, stranger = Authority(), Authority()
    vouchers = {
        "itself": (vouched(second, second),), "a stranger": (vouched(second, stranger),), "nobody": (),
        "the one known, for another": (
            vouched(second, first).model_copy(update={"certificate": pem(stranger.certificate)}),
            vouched(second, stranger).model_copy(update={"by": digest(first)}),
        ),
    }[by]  # fmt: skip
    with pytest.raises(Foreign, match="nobody known here"):
        believe(identity, told(first, second, vouchers=vouchers))


def test_a_terminal_that_was_away_for_two_changes_follows_them_one_by_one(identity, first):
    second, third = Authority(), Authority()
    vouchers = (vouched(third, second), vouched(second, first))
    fresh = believe(identity, told(third, vouchers=vouchers))
    assert believed(fresh).authorities == (digest(first), digest(third)), "its own certificate's stays until it renews"


def test_a_certificate_of_a_terminal_is_no_authority(identity, first):
    """Else whoever the authority gave a certificate could be vouched for, and issue."""
    leaf = Authority()
    leaf.certificate = first.issue("laval-01", leaf.key.public_key())
    with pytest.raises(Foreign):
        believe(identity, told(first, leaf, vouchers=(vouched(leaf, first),)))


def test_the_one_that_issued_the_certificate_stays_until_that_is_replaced(identity, first, alone):
    second = Authority()
    fresh = believe(identity, told(second, vouchers=(vouched(second, first),)))
    keep_identity(fresh)
    fleet = Fleet(fresh, Clock(identity.directory / "clock"))
    alone.authority = second
    assert renew_when_needed(fresh, fleet, now()) is fresh
    renewed = renew_when_needed(fresh, fleet, now(), digest(second))
    assert believed(renewed).certificate_by == digest(second)
    assert believed(believe(renewed, told(second))).authorities == (digest(second),)


def test_an_agent_of_before_still_reads_what_this_one_keeps(identity, first, alone):
    """A software update that is rolled back: the older version looks at the first of each kind only."""
    second, signing = Authority(), Ed25519PrivateKey.generate()
    trust = told(first, second, vouchers=(vouched(second, first),), signing=(alone.signing, signing))
    keep_identity(believe(identity, trust))
    kept = json.loads((identity.directory / "identity.json").read_bytes())["enrolment"]
    issuer = load_pem_x509_certificate(kept["ca"].encode())
    load_pem_x509_certificate(kept["certificate"].encode()).verify_directly_issued_by(issuer)
    key = load_pem_public_key(kept["signing_key"].encode())
    assert signing_digest(key) == signing_digest(alone.signing.public_key())


def test_the_next_signing_key_is_told_by_the_present_one_and_two_are_kept_at_most(identity, first, alone):
    second, third = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    both = believe(identity, told(first, signing=(alone.signing, second)))
    later = believe(both, told(first, signing=(second, third)))
    assert believed(later).signing_keys == tuple(signing_digest(key.public_key()) for key in (second, third))


def test_a_signing_key_that_can_not_be_read_is_refused(identity, first):
    with pytest.raises(Unreadable):
        believe(identity, Trust(authorities=(digest(first),), signing_keys=("-----BEGIN PUBLIC KEY-----",)))


async def test_a_running_terminal_takes_the_new_ones_says_so_and_renews(server, make_terminal, first, authority):
    second, signing = Authority(), Ed25519PrivateKey.generate()
    terminal = make_terminal()
    async with running(terminal):
        await until(lambda: server.reported)
        assert server.reported[-1].trust.certificate_by == digest(authority)
        server.trust = told(
            authority, second, vouchers=(vouched(second, authority),), signing=(server.signing, signing)
        )
        await terminal.pull()
        await until(lambda: len(server.reported[-1].trust.authorities) == 2)
        assert server.renewals == 0, "nobody issues by it yet"
        server.wish(idle_end_s=66)
        await until(lambda: server.reported[-1].settings.idle_end_s == 66)
        # Signed by the next key; issued by the next authority.
        server.signing, server.trust = signing, told(second, authority, signing=(signing,))
        server.authority = second
        try:
            await terminal.pull()
            server.wish(idle_end_s=77)
            await until(lambda: server.reported[-1].trust.certificate_by == digest(second))
            await until(lambda: server.reported[-1].settings.idle_end_s == 77)
        finally:
            server.authority = authority
    assert load_identity(terminal.settings.state_dir / "identity").authorities[0] == second.certificate


async def test_what_can_not_be_believed_costs_nothing_else(server, make_terminal, authority):
    terminal = make_terminal()
    async with running(terminal):
        server.trust = told(Authority())
        server.wish(push=False, idle_end_s=88)
        await terminal.pull()
        await until(lambda: server.reported and server.reported[-1].settings)
        await until(lambda: server.reported[-1].settings.idle_end_s == 88)
        await until(lambda: server.reported[-1].facts.get("refused_trust", 0) > 0)
        assert server.reported[-1].trust.authorities == (digest(authority),)
