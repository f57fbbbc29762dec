"""What a terminal may ask and say: proofs, its state, presence and reports, commands, files, events into rows."""

import uuid
from datetime import timedelta

import httpx
import pytest
from sqlmodel import Session, select

from fleet_server.db import reading, transaction
from fleet_server.ingest import Received
from fleet_server.terminals import commands, inbound, queue
from fleet_server.terminals.desired import Pusher, wish, wish_release
from fleet_server.terminals.models import (
    Terminal,
    TerminalCommand,
    TerminalDesired,
    TerminalEvent,
    TerminalHealth,
    TerminalLive,  # fmt: skip
)
from fleet_server.terminals.record import RECORDERS
from tests.integration.terminals.cast import NEW, digest_of
from wire import topics
from wire.command import Command
from wire.events import CommandAnswered, Dropped, HealthSampled, StateChanged
from wire.sign import prove, unseal
from wire.state import Desired

STATE = "/api/v1/terminal/state?nonce=" + "n" * 22
PNG = b"\x89PNG\r\n\x1a\n" + b"pixels" * 20
WEBP = b"RIFF\x10\x00\x00\x00WEBPVP8 " + b"pixels"


def live(fleet, kiosk):
    with reading(fleet.office.context.engine) as session:
        return session.get_one(TerminalLive, kiosk.id)


def revision(fleet, kiosk):
    with reading(fleet.office.context.engine) as session:
        return session.get_one(TerminalDesired, kiosk.id).revision


# ---- proofs ----------------------------------------------------------------------------------------------------------


def test_the_state_is_signed_over_the_nonce_for_this_terminal_and_enrolment(fleet):
    kiosk = fleet.enrolled("Laval")
    state = kiosk.state(nonce="n" * 30)
    assert state.nonce == "n" * 30
    assert state.server_time == fleet.office.clock()
    assert (state.desired.name, state.desired.place.commune) == ("Laval", "53130")
    assert state.cursors == ()


def refusal(answer):
    return answer.status_code, answer.json()["error"]


def test_a_request_without_a_proof_is_refused(fleet):
    kiosk = fleet.enrolled("Laval")
    assert refusal(httpx.get(fleet.office.url + STATE)) == (401, "proof_missing")
    assert refusal(kiosk.http("GET", STATE, proof="not.a.jwt")) == (401, "proof_unreadable")


def test_a_proof_serves_one_request_only(fleet):
    kiosk = fleet.enrolled("Laval")
    other = kiosk.prove("GET", STATE.replace("n" * 22, "m" * 22))
    assert refusal(kiosk.http("GET", STATE, proof=other)) == (401, "proof_foreign")
    digest = digest_of(PNG)
    proof = kiosk.prove("PUT", f"/api/v1/terminal/files/{digest}", b"another body")
    answer = kiosk.http("PUT", f"/api/v1/terminal/files/{digest}", body=PNG, proof=proof, content_type="image/png")
    assert refusal(answer) == (401, "proof_foreign")


def test_a_proof_by_another_terminals_key_is_refused(fleet):
    laval, cholet = fleet.enrolled("Laval"), fleet.enrolled("Cholet")
    forged = prove("GET", STATE, b"", laval.id, 1, cholet.key, fleet.office.clock())
    assert refusal(laval.http("GET", STATE, proof=forged)) == (401, "proof_foreign")


def test_a_terminal_whose_clock_is_lost_may_pull_its_state_and_nothing_else(fleet):
    kiosk = fleet.enrolled("Laval")
    long_ago = fleet.office.clock() - timedelta(days=9000)
    assert kiosk.http("GET", STATE, proof=kiosk.prove("GET", STATE, at=long_ago)).status_code == 200
    path = f"/api/v1/terminal/files/{digest_of(PNG)}"
    late = kiosk.prove("PUT", path, PNG, at=long_ago)
    assert refusal(kiosk.http("PUT", path, body=PNG, proof=late, content_type="image/png")) == (401, "proof_outdated")


def test_a_retired_terminal_is_not_served(fleet):
    kiosk = fleet.enrolled("Laval")
    with transaction(fleet.office.context.engine) as session:
        session.get_one(Terminal, kiosk.id).status = "rejected"
    assert refusal(kiosk.http("GET", STATE)) == (403, "not_accepted")


def test_a_short_nonce_is_refused(fleet):
    kiosk = fleet.enrolled("Laval")
    assert refusal(kiosk.http("GET", "/api/v1/terminal/state?nonce=abc")) == (422, "bad_nonce")


# ---- presence and reports --------------------------------------------------------------------------------------------


def test_the_last_will_of_an_old_connection_does_not_count(fleet):
    kiosk = fleet.enrolled("Laval")
    kiosk.connects("1")
    kiosk.connects("2")
    kiosk.connects("1", online=False)
    assert live(fleet, kiosk).connected
    kiosk.connects("2", online=False)
    assert not live(fleet, kiosk).connected


def test_the_newest_report_wins_whatever_comes_last(fleet):
    kiosk = fleet.enrolled("Laval")
    kiosk.reports(number=5, software="0.2.0")
    kiosk.reports(number=4, software="0.1.0")
    assert live(fleet, kiosk).report["software"] == "0.2.0"


def test_a_report_that_repeats_the_last_does_not_count_as_a_change(fleet):
    kiosk = fleet.enrolled("Laval")
    kiosk.reports()
    first = live(fleet, kiosk).changed_at
    fleet.office.clock.pass_by(timedelta(minutes=5))
    kiosk.reports()
    assert live(fleet, kiosk).changed_at == first
    kiosk.reports(revision=2)
    assert live(fleet, kiosk).changed_at == fleet.office.clock()


@pytest.mark.parametrize("payload", [b"", b"{}", b"\xff\xfe", b"[1]", b'{"number": 1}', b"x" * 70_000])
def test_what_cannot_be_read_changes_nothing(fleet, payload):
    kiosk = fleet.enrolled("Laval")
    kiosk.says("reported", payload)
    kiosk.says("presence", payload)
    inbound.take(fleet.office.context, [inbound.Said("presence", "b-unknown1", payload)])
    assert live(fleet, kiosk).heard_at is None


def test_two_machines_on_one_key_are_isolated_and_shown(fleet):
    kiosk = fleet.enrolled("Laval")
    mine, clone = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))
    for boot in (mine, clone, mine):
        kiosk.connects(boot=boot)
    assert kiosk.http("GET", STATE).status_code == 200, "a restart or two are no clone yet"
    kiosk.connects(boot=clone)
    assert refusal(kiosk.http("GET", STATE)) == (403, "isolated")
    assert "Isolée" in fleet.office.signed_in("yanis").get("/flotte").text


# ---- wishes ----------------------------------------------------------------------------------------------------------


def test_a_wish_is_pushed_once_committed_signed_for_its_terminal(fleet):
    kiosk = fleet.enrolled("Laval")
    fleet.enrolled("Cholet")
    fleet.sent.clear()
    context = fleet.office.context
    with transaction(context.engine) as session:
        assert wish_release(session, context, NEW, [kiosk.id]) == 1
        assert fleet.sent == []
    [(topic, body)] = fleet.sent
    assert topic == topics.desired(kiosk.id)
    said = unseal("desired", Desired, body, kiosk.id, 1, context.keys.signing.public_key())
    assert (said.revision, said.release) == (2, NEW)
    assert kiosk.state().desired == said, "the truth that is pulled is the hint that was pushed"


def test_a_wish_that_is_rolled_back_is_never_pushed(fleet):
    fleet.enrolled("Laval")
    fleet.sent.clear()
    with Session(fleet.office.context.engine) as session:
        assert wish_release(session, fleet.office.context, NEW) == 1
        session.rollback()
    assert fleet.sent == []


def test_after_a_restore_the_next_revision_is_above_the_highest_reported(fleet):
    kiosk = fleet.enrolled("Laval")
    assert revision(fleet, kiosk) == 1
    kiosk.reports(revision=40)
    assert revision(fleet, kiosk) == 41
    kiosk.reports(revision=41)
    assert revision(fleet, kiosk) == 41, "and only once"
    with transaction(fleet.office.context.engine) as session:
        wish(session, fleet.office.context, [kiosk.id])
    assert revision(fleet, kiosk) == 42


def test_a_wish_made_by_another_process_is_pushed_at_the_next_turn(fleet):
    kiosk = fleet.enrolled("Laval")
    pusher = Pusher(fleet.office.context)
    assert pusher.turn() == 0
    with transaction(fleet.office.context.engine) as session:
        session.get_one(TerminalDesired, kiosk.id).revision = 9
    fleet.sent.clear()
    assert (pusher.turn(), len(fleet.sent)) == (1, 1)
    assert pusher.turn() == 0


# ---- commands --------------------------------------------------------------------------------------------------------


def given(fleet, kiosk, kind="window.restart"):
    with transaction(fleet.office.context.engine) as session:
        terminal = session.get_one(Terminal, kiosk.id)
        return commands.give(session, fleet.office.context, terminal, {"kind": kind}, None).id


def state_of(fleet, command):
    with reading(fleet.office.context.engine) as session:
        return session.get_one(TerminalCommand, command).state


def ordered(fleet, kiosk):
    public = fleet.office.context.keys.signing.public_key()
    bodies = [body for topic, body in fleet.sent if topic == topics.command(kiosk.id)]
    return [unseal("command", Command, body, kiosk.id, 1, public).id for body in bodies]


def tell(fleet, kiosk, event):
    kind = event.kind
    with fleet.office.context.engine.begin() as connection:
        RECORDERS[kind](connection, [Received(kiosk.id, 1, fleet.office.clock(), "o", 1, event)])


def stamped(fleet, **fields):
    now = fleet.office.clock()
    return {"id": str(uuid.uuid4()), "at": now, "mono_ms": 1, "boot": str(uuid.UUID(int=1)), "trusted": True,
            "software": "0.1.0"} | fields  # fmt: skip


def answers(fleet, kiosk, command, outcome, **fields):
    tell(fleet, kiosk, CommandAnswered(**stamped(fleet, command=command, execution=1, outcome=outcome, **fields)))


def test_a_command_is_sent_again_at_each_presence_until_answered(fleet):
    kiosk = fleet.enrolled("Laval")
    fleet.sent.clear()
    command = given(fleet, kiosk)
    assert state_of(fleet, command) == "queued"
    kiosk.connects()
    assert state_of(fleet, command) == "sent"
    kiosk.connects()
    assert ordered(fleet, kiosk) == [command] * 3
    answers(fleet, kiosk, command, "accepted")
    assert state_of(fleet, command) == "accepted"
    answers(fleet, kiosk, command, "succeeded")
    kiosk.connects()
    assert ordered(fleet, kiosk) == [command] * 3
    assert state_of(fleet, command) == "succeeded"


def test_what_many_terminals_say_at_once_is_taken_together_and_one_that_is_unreadable_costs_the_others_nothing(fleet):
    laval, cholet = fleet.enrolled("Laval"), fleet.enrolled("Cholet")
    commands_ = []
    for one in (laval, cholet, laval):
        fleet.office.clock.pass_by(timedelta(seconds=1))
        commands_.append(given(fleet, one))
    fleet.sent.clear()
    said = [inbound.Said("presence", one.id, one.presence()) for one in (laval, cholet)]
    inbound.take(fleet.office.context, [*said, inbound.Said("reported", laval.id, b"{"), *said])
    assert [ordered(fleet, laval), ordered(fleet, cholet)] == [[commands_[0], commands_[2]], [commands_[1]]]
    assert live(fleet, laval).connected
    assert live(fleet, cholet).connected
    assert {state_of(fleet, command) for command in commands_} == {"sent"}


def test_commands_of_one_instant_are_sent_in_the_order_of_asking_and_again_is_at_the_end(fleet):
    kiosk = fleet.enrolled("Laval")
    asked = [given(fleet, kiosk, "identify") for _ in range(12)]
    fleet.sent.clear()
    kiosk.connects()
    assert ordered(fleet, kiosk) == asked
    answers(fleet, kiosk, asked[3], "failed")
    with transaction(fleet.office.context.engine) as session:
        queue.again(session, fleet.office.context, session.get_one(TerminalCommand, asked[3]), None)
    fleet.sent.clear()
    kiosk.connects()
    assert ordered(fleet, kiosk) == [*asked[:3], *asked[4:], asked[3]]
    with reading(fleet.office.context.engine) as session:
        placed = queue.positions(session, session.exec(select(TerminalCommand)).all())
    assert [one for one, _ in sorted(placed.items(), key=lambda item: item[1])] == [*asked[:3], *asked[4:], asked[3]]


def test_an_answer_that_comes_late_or_twice_does_not_undo_the_end(fleet):
    kiosk = fleet.enrolled("Laval")
    command = given(fleet, kiosk)
    answers(fleet, kiosk, command, "failed", reason="pas de fenêtre")
    answers(fleet, kiosk, command, "accepted")
    answers(fleet, kiosk, command, "succeeded")
    assert state_of(fleet, command) == "failed"


def test_what_a_terminal_of_before_says_of_a_visitor_is_never_kept(fleet):
    kiosk = fleet.enrolled("Laval")
    command = given(fleet, kiosk, "screenshot.take")
    answers(fleet, kiosk, command, "rejected", reason="a visitor is filling in a form")
    with reading(fleet.office.context.engine) as session:
        assert session.get_one(TerminalCommand, command).reason == "the screen was busy"
        assert "form" not in str(session.exec(select(TerminalEvent.detail)).all())
    yanis = fleet.office.signed_in("yanis")
    for path in (f"/bornes/{kiosk.id}", f"/bornes/{kiosk.id}/chronologie", "/commandes"):
        assert "l’écran était occupé" in yanis.get(path).text


def test_a_terminal_cannot_answer_for_another(fleet):
    laval, cholet = fleet.enrolled("Laval"), fleet.enrolled("Cholet")
    laval.connects()
    command = given(fleet, laval)
    answers(fleet, cholet, command, "succeeded")
    assert state_of(fleet, command) == "sent"


def test_an_unanswered_command_expires_and_is_sent_no_more(fleet):
    kiosk = fleet.enrolled("Laval")
    command = given(fleet, kiosk)
    fleet.office.clock.pass_by(timedelta(hours=1, minutes=1))
    fleet.sent.clear()
    kiosk.connects()
    assert ordered(fleet, kiosk) == []
    fleet.office.clock.pass_by(timedelta(minutes=10))
    with transaction(fleet.office.context.engine) as session:
        assert commands.expire(session, fleet.office.clock()) == 1
    assert state_of(fleet, command) == "expired"
    answers(fleet, kiosk, command, "succeeded")
    assert state_of(fleet, command) == "succeeded", "the terminal knows better"


def test_a_terminal_is_given_no_more_than_twenty_commands_at_once(fleet):
    kiosk = fleet.enrolled("Laval")
    for _ in range(20):
        given(fleet, kiosk)
    with pytest.raises(commands.TooMany):
        given(fleet, kiosk)


# ---- events into rows ------------------------------------------------------------------------------------------------


def rows(fleet, model):
    with reading(fleet.office.context.engine) as session:
        return list(session.exec(select(model)))


def test_a_health_sample_is_one_row_however_often_it_comes(fleet):
    kiosk = fleet.enrolled("Laval")
    sample = HealthSampled(**stamped(fleet, cpu=0.2, memory=0.5, memory_bytes=1, disk_free=0.6, disk_free_bytes=2,
                                     uptime_s=3, agent_rss_bytes=4))  # fmt: skip
    tell(fleet, kiosk, sample)
    tell(fleet, kiosk, sample)
    [row] = rows(fleet, TerminalHealth)
    assert (row.id, row.terminal, row.cpu, row.temperature) == (sample.id, kiosk.id, 0.2, None)


def test_an_hour_that_cannot_be_believed_gives_way_to_the_hour_of_reception(fleet):
    kiosk, now = fleet.enrolled("Laval"), fleet.office.clock()
    lost = stamped(fleet, at=now - timedelta(days=9000), trusted=False)
    future = stamped(fleet, at=now + timedelta(days=400))
    honest = stamped(fleet, at=now - timedelta(days=3))
    for stamp in (lost, future, honest):
        tell(fleet, kiosk, StateChanged(**stamp, what="settings.applied", detail={"revision": 2}))
    assert [row.at for row in rows(fleet, TerminalEvent)] == [now, now, now - timedelta(days=3)]


def test_what_was_given_up_is_kept_with_its_numbers(fleet):
    kiosk = fleet.enrolled("Laval")
    tell(fleet, kiosk, Dropped(**stamped(fleet, from_=3, to=9, counts={"page.viewed": 7})))
    [row] = rows(fleet, TerminalEvent)
    assert (row.kind, row.detail) == ("dropped", {"from_": 3, "to": 9, "counts": {"page.viewed": 7}})
    assert "Mesures abandonnées" in fleet.office.signed_in("yanis").get(f"/bornes/{kiosk.id}").text


# ---- files -----------------------------------------------------------------------------------------------------------


def put(kiosk, body, kind, digest=None):
    path = f"/api/v1/terminal/files/{digest or digest_of(body)}"
    return kiosk.http("PUT", path, body=body, content_type=kind)


def test_a_screenshot_is_shown_to_who_operates_and_to_nobody_else(fleet):
    kiosk = fleet.enrolled("Laval")
    command = given(fleet, kiosk, "screenshot.take")
    assert put(kiosk, PNG, "image/png").status_code == 204
    answers(fleet, kiosk, command, "succeeded", file=digest_of(PNG))
    at = f"/bornes/{kiosk.id}/ecran/{digest_of(PNG)}"
    yanis = fleet.office.signed_in("yanis")
    assert at in yanis.get(f"/bornes/{kiosk.id}").text
    picture = yanis.get(at)
    assert (picture.content, picture.headers["content-type"]) == (PNG, "image/png")
    assert fleet.office.signed_in("maelle").get(at).status_code == 403
    assert fleet.office.client().get(at).status_code == 303
    assert yanis.get(f"/bornes/{kiosk.id}/ecran/{'0' * 64}").status_code == 404
    assert yanis.get(f"/bornes/{kiosk.id}/ecran/..%2F..%2Ffleet.db").status_code == 404


@pytest.mark.parametrize(
    ("body", "kind", "digest"),
    [
        (PNG, "image/png", "0" * 64),
        (PNG, "image/webp", None),
        (WEBP, "image/png", None),
        (b"<svg/>", "image/svg+xml", None),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused(fleet, body, kind, digest):
    kiosk = fleet.enrolled("Laval")
    assert refusal(put(kiosk, body, kind, digest)) == (422, "bad_file")
    assert not list((fleet.office.context.settings.data_dir).glob("files/*/*"))


def test_a_file_over_eight_megabytes_is_refused(fleet):
    kiosk = fleet.enrolled("Laval")
    assert refusal(put(kiosk, b"\x89PNG" + bytes(8 * 1024 * 1024), "image/png")) == (413, "too_large")


def test_only_the_newest_twenty_pictures_are_kept(fleet):
    kiosk = fleet.enrolled("Laval")
    for number in range(23):
        assert put(kiosk, PNG + bytes([number]), "image/png").status_code == 204
    kept = list((fleet.office.context.settings.data_dir / "files" / kiosk.id).iterdir())
    assert len(kept) == 20
    assert digest_of(PNG + bytes([22])) + ".png" in {path.name for path in kept}
