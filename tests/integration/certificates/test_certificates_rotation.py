"""One authority, and one signing key, followed by another: with what agents really do, and a server cut anywhere."""

import asyncio
import dataclasses
import os
from datetime import timedelta

import pytest
from cryptography.x509 import load_pem_x509_certificate
from sqlmodel import select
from typer.testing import CliRunner

import fleet_server.keys
import fleet_server.succession
from agent.believing import believed
from agent.clock import Clock
from agent.enrol import enrol_with_token
from agent.fleet import Fleet as Asks
from agent.fleet import Rejected
from agent.standing import Standing
from fleet_server.access.audit_models import AuditEntry
from fleet_server.certificates import revoked
from fleet_server.certificates.ca import issuer_id
from fleet_server.certificates.cli import ca as ca_commands
from fleet_server.certificates.rotation import Refused, one_at_a_time, plan, take
from fleet_server.certificates.rotation_ca import FleetAuthority
from fleet_server.certificates.rotation_signing import MessageKey
from fleet_server.db import reading, transaction
from fleet_server.keys import bundle, load_keys
from fleet_server.terminals.enrolment import put_out, void_invitations
from fleet_server.terminals.heard import trust_heard
from fleet_server.terminals.pairings import open_pairing, polled, status_of
from fleet_server.terminals.registry import get_terminal
from tests.back_office import build, served
from tests.integration.terminals.cast import Fleet, Kiosk, new_csr
from wire.enrol import PairingRequest, decode_token, encode_token
from wire.sign import Foreign
from wire.trust import signing_digest


class Terminal:
    """What the agent is made of, less its loops: it looks when it is told to."""

    def __init__(self, fleet, name, directory, token=""):
        self.fleet, self.name = fleet, name
        given = decode_token(token or fleet.add(name)[1]).model_copy(update={"server": fleet.office.url})
        self.identity = enrol_with_token(encode_token(given), directory / name, fleet.office.clock)
        self.clock = Clock(directory / f"{name}.clock", system=fleet.office.clock, built=fleet.office.clock())
        self.asks = Asks(self.identity, self.clock)
        self.standing = Standing(self.identity, lambda fresh: setattr(self.asks, "identity", fresh))
        enrolment = self.identity.enrolment
        self.told = Kiosk(fleet.office, self.identity.key, {"terminal": enrolment.terminal, "generation": 1})

    def looks(self):
        """The state is pulled, whom it names is believed, the certificate renewed where that is due, and all told."""

        async def turn():
            state = self.asks.pull_state()
            await self.standing.believe(state.trust)
            if self.standing.is_renewal_due(self.clock.now()):
                await self.standing.renew(self.asks, self.clock.now())

        asyncio.run(turn())
        self.identity = self.standing.identity
        self.told.reports(trust=believed(self.identity))
        return self

    @property
    def issuer(self):
        return issuer_id(self.identity.certificate)


@pytest.fixture
def fleet(tmp_path):
    office = build(tmp_path, demo=True, whole=True)
    with served(office):
        here = office.context.settings.model_copy(update={"public_url": office.url})
        office.context = office.app.state.context = dataclasses.replace(office.context, settings=here)
        yield Fleet(office)


def subject(fleet, kind="ca"):
    ctx = fleet.office.context
    return FleetAuthority(ctx, void_invitations) if kind == "ca" else MessageKey(ctx)


def planned(fleet, step, kind="ca"):
    return plan(fleet.office.context, subject(fleet, kind), step, trust_heard)


def step(fleet, name, kind="ca", because=""):
    take(fleet.office.context, subject(fleet, kind), planned(fleet, name, kind), because)


def acts(fleet):
    with reading(fleet.office.context.engine) as session:
        rows = session.exec(select(AuditEntry).where(AuditEntry.act.startswith("server.")).order_by(AuditEntry.id))
        return [(row.act, row.detail) for row in rows]


def passes(fleet, days):
    fleet.office.clock.pass_by(timedelta(days=days))


# ---- the authority ---------------------------------------------------------------------------------------------------


def test_a_whole_change_of_the_authority_loses_no_terminal(fleet, tmp_path):
    laval, cholet, away = (Terminal(fleet, name, tmp_path).looks() for name in ("Laval", "Cholet", "Segré"))
    keys, old = fleet.office.context.keys, fleet.office.context.keys.authority
    step(fleet, "begin")
    new = keys.authorities[1]
    assert keys.authority.id == old.id, "nobody knows the other yet"
    assert len(planned(fleet, "switch").lacking) == 3
    laval.looks(), cholet.looks()
    assert laval.issuer == old.id
    assert planned(fleet, "switch").lacking == [f"Segré ({away.told.id}) : ne connaît pas encore la nouvelle autorité"]
    with pytest.raises(Refused):
        step(fleet, "switch")
    assert keys.authority.id == old.id
    step(fleet, "switch", because="Segré est en travaux")
    laval.looks(), cholet.looks()
    assert (laval.issuer, cholet.issuer) == (new.id, new.id)
    fresh = Terminal(fleet, "Sablé-sur-Sarthe", tmp_path).looks()
    assert (fresh.issuer, len(fresh.identity.authorities)) == (new.id, 2), "the broker may still be of the old one"
    (missing,) = planned(fleet, "finish").lacking
    assert missing.startswith(f"Segré ({away.told.id}) : tient un certificat de l’ancienne, jusqu’au 22/02/2027")
    passes(fleet, 89)
    laval.looks(), cholet.looks(), fresh.looks()
    passes(fleet, 2)
    step(fleet, "finish")
    assert [one.id for one in keys.authorities] == [new.id]
    assert [one.by for one in keys.vouchers] == [old.digest], "nothing makes who knows the new one believe the old"
    # Away from before the beginning until after the end, its certificate over: by its key, and the chain of vouchers.
    assert old.certificate in away.identity.authorities
    away.looks().looks()
    for one in (away, laval, cholet, fresh):
        one.looks()
        assert (one.issuer, one.identity.authorities) == (new.id, (new.certificate,))
    assert acts(fleet) == [
        ("server.ca_begun", {}),
        ("server.ca_switched", {"reason": "Segré est en travaux", "lacking": [
            f"Segré ({away.told.id}) : ne connaît pas encore la nouvelle autorité"]}),
        ("server.ca_finished", {}),
    ]  # fmt: skip


def test_a_token_made_before_the_switch_names_another_authority_and_serves_no_more(fleet, tmp_path):
    step(fleet, "begin")
    token = fleet.add("Laval")[1]
    step(fleet, "switch")
    with pytest.raises(Rejected) as refusal:
        Terminal(fleet, "Laval", tmp_path, token)
    assert refusal.value.code == "token_unknown"


def test_a_pairing_that_waits_at_the_switch_is_refused(fleet):
    """The authority that it began with would not be the one of its certificate: the terminal begins another."""
    step(fleet, "begin")
    ctx = fleet.office.context
    with transaction(ctx.engine) as session:
        asked = PairingRequest(csr=new_csr(Kiosk(fleet.office).key), commitment="0" * 64, hardware="NUC 13")
        opened = open_pairing(session, ctx, asked)
    step(fleet, "switch")
    with reading(ctx.engine) as session:
        assert status_of(polled(session, opened.pairing, opened.poll), ctx.now()) == "refused"


def test_an_agent_of_before_is_named_and_renews_by_the_one_it_knows_while_that_is_there(fleet):
    kiosk = fleet.enrolled("Laval")
    kiosk.reports()
    keys, old = fleet.office.context.keys, fleet.office.context.keys.authority

    def renews():
        body = f'{{"csr": {new_csr(kiosk.key)!r}}}'.replace("'", '"').encode()
        return kiosk.http("POST", "/api/v1/terminal/renew", body=body, content_type="application/json")

    def issuer(answer):
        return issuer_id(load_pem_x509_certificate(answer.json()["certificate"].encode()))

    step(fleet, "begin")
    (missing,) = planned(fleet, "switch").lacking
    assert missing.endswith("a un logiciel qui ne le dit pas encore : mettez-le à jour")
    step(fleet, "switch", because="essai")
    assert issuer(renews()) == old.id, "one by the new authority it would refuse, and keep one that ends"
    step(fleet, "finish", because="essai")
    answer = renews()
    assert (answer.status_code, answer.json()["error"]) == (403, "unknown_authority")
    assert keys.cas.now().stage == "alone"


@pytest.mark.parametrize("wrong", ["switch", "finish"])
def test_steps_are_taken_in_order(fleet, wrong):
    if wrong == "switch":
        with pytest.raises(Refused, match="commencez par"):
            planned(fleet, wrong)
        return
    step(fleet, "begin")
    with pytest.raises(Refused, match="d’abord"):
        planned(fleet, wrong)
    step(fleet, "switch")
    with pytest.raises(Refused, match="déjà en cours"):
        planned(fleet, "begin")


def begins_by_command(fleet):
    done = CliRunner().invoke(ca_commands, ["begin", "--data-dir", str(fleet.office.context.settings.data_dir)])
    return done.exit_code, done.output


def test_two_that_take_a_step_at_once_do_not_remove_each_others_keys(fleet):
    cas, keys_dir = fleet.office.context.keys.cas, fleet.office.context.settings.keys_dir
    with one_at_a_time(keys_dir, os.geteuid()):
        status, said = begins_by_command(fleet)
    assert (status, "attendez" in said, cas.now().stage) == (1, True, "alone"), said
    with one_at_a_time(keys_dir, os.geteuid()):
        step(fleet, "begin")
    assert cas.now().stage == "announced", "whoever waits takes it after"


def test_a_step_is_refused_to_a_user_whose_files_the_server_could_not_read(fleet):
    owner = os.geteuid()
    refusal = pytest.raises(Refused, match=f"sudo -u '#{owner}' balise")
    with refusal, one_at_a_time(fleet.office.context.settings.keys_dir, owner + 1):
        pytest.fail("let in")


def test_a_server_that_lost_what_is_in_force_does_not_take_up_the_key_that_was_given_up(fleet):
    for name in ("begin", "switch", "finish"):
        step(fleet, name, "signing")
    keys = fleet.office.context.keys
    (keys.signers.folder / "in-force.json").unlink()
    with pytest.raises(FileNotFoundError):
        load_keys(keys.directory)


def test_each_authority_lists_its_own_revoked(fleet, tmp_path):
    laval, ctx = Terminal(fleet, "Laval", tmp_path).looks(), fleet.office.context
    first = laval.identity.certificate.serial_number
    step(fleet, "begin")
    laval.looks()
    step(fleet, "switch")
    laval.looks()
    with transaction(ctx.engine) as session:
        put_out(session, ctx, get_terminal(session, laval.told.id), "stolen", None)
    revoked.keep_list(ctx.settings, ctx.keys, ctx.engine, ctx.now())
    lists = revoked.read_lists(revoked.list_file(ctx.settings))
    assert [{entry.serial_number for entry in one} for one in lists] == [
        {laval.identity.certificate.serial_number}, {first},
    ]  # fmt: skip


# ---- cut anywhere ----------------------------------------------------------------------------------------------------


class Killed(BaseException):
    pass


class Disk:
    """Counts durable writes and removals, and ends the process before the `fatal`-th."""

    def __init__(self, monkeypatch):
        self.count, self.fatal = 0, -1
        write = fleet_server.succession.write_durably
        for module in (fleet_server.succession, fleet_server.keys, revoked):
            monkeypatch.setattr(module, "write_durably", lambda *given: (self.strikes(), write(*given)))
        unlink = fleet_server.succession.Path.unlink
        monkeypatch.setattr(fleet_server.succession.Path, "unlink",
                            lambda path, **more: (self.strikes(path), unlink(path, **more)))  # fmt: skip

    def strikes(self, path=None):
        if path is None or path.suffix == ".pem":
            self.count += 1
            if self.count == self.fatal:
                raise Killed


def as_another_process(fleet):
    context = fleet.office.context
    fresh = dataclasses.replace(context, keys=load_keys(context.settings.keys_dir))
    fleet.office.context = fleet.office.app.state.context = fresh


WRITES = {"ca": {"begin": 6, "switch": 2, "finish": 6}, "signing": {"begin": 3, "switch": 1, "finish": 3}}
"""Where each step can be cut: the test says so when it is not true any more."""
CUTS = [
    (kind, name, nth) for kind, steps in WRITES.items() for name, most in steps.items() for nth in range(1, most + 1)
]


@pytest.mark.parametrize(("kind", "name", "nth"), CUTS)
def test_a_step_cut_anywhere_is_ended_by_taking_it_again(fleet, monkeypatch, kind, name, nth):
    order = ["begin", "switch", "finish"]
    for before in order[: order.index(name)]:
        step(fleet, before, kind)
    disk = Disk(monkeypatch)
    disk.fatal = nth
    with pytest.raises(Killed):
        step(fleet, name, kind)
    disk.fatal = -1
    as_another_process(fleet)
    assert fleet.enrolled("Laval").state().desired.name == "Laval", "meanwhile the server serves"
    keys = fleet.office.context.keys
    line = keys.cas if kind == "ca" else keys.signers
    step(fleet, name, kind, because="celle d’avant a été coupée")
    assert line.now().stage == {"begin": "announced", "switch": "switched", "finish": "alone"}[name]
    assert {path.stem for path in line.folder.glob("*.pem")} == set(line.now().names)
    origin = keys.directory / ("ca.pem" if kind == "ca" else "signing.pem")
    assert origin.exists() == (name != "finish"), "the key of the beginning is erased where it first lay too"
    done = {"begin": "begun", "switch": "switched", "finish": "finished"}[name]
    assert f"server.{kind}_{done}" in [act for act, _ in acts(fleet)], "written down before it was taken"
    if kind == "ca":
        assert (keys.directory / "ca.crt").read_text() == bundle(keys)
        lists = revoked.read_lists(revoked.list_file(fleet.office.context.settings))
        assert len(lists) == len(keys.authorities)
        assert (keys.authority.digest in [one.by for one in keys.vouchers]) == (name != "finish")


@pytest.mark.parametrize("kind", ["ca", "signing"])
def test_every_write_of_every_step_is_among_those_cut(fleet, monkeypatch, kind):
    disk, found = Disk(monkeypatch), {}
    for name in ("begin", "switch", "finish"):
        disk.count = 0
        step(fleet, name, kind)
        found[name] = disk.count
    assert found == WRITES[kind]


# ---- the signing key -------------------------------------------------------------------------------------------------


def known(terminal):
    return set(believed(terminal.identity).signing_keys)


def test_a_whole_change_of_the_signing_key(fleet, tmp_path):
    laval, away = Terminal(fleet, "Laval", tmp_path).looks(), Terminal(fleet, "Segré", tmp_path).looks()
    signers = fleet.office.context.keys.signers
    old = signers.now().keys[0]
    step(fleet, "begin", "signing")
    laval.looks()
    assert len(known(laval)) == 2
    assert planned(fleet, "switch", "signing").lacking == [
        f"Segré ({away.told.id}) : ne connaît pas encore la nouvelle clé"
    ]
    with pytest.raises(Refused):
        step(fleet, "switch", "signing")
    step(fleet, "switch", "signing", because="urgence")
    new = signers.now().keys[0]
    assert signing_digest(new.public_key()) != signing_digest(old.public_key())
    # It was away for the switch: answered by the key that it knows, it learns the other.
    assert len(planned(fleet, "finish", "signing").lacking) == 1
    away.looks(), laval.looks()
    step(fleet, "finish", "signing")
    for one in (laval, away):
        one.looks()
        assert known(one) == {signing_digest(new.public_key())}


def test_a_terminal_that_the_last_step_was_forced_upon_must_be_enrolled_again(fleet, tmp_path):
    away = Terminal(fleet, "Segré", tmp_path).looks()
    step(fleet, "begin", "signing")
    step(fleet, "switch", "signing", because="clé volée")
    step(fleet, "finish", "signing", because="clé volée")
    with pytest.raises(Foreign):
        away.looks()
