"""Requests whose time is over: erased with all that was sealed and done, counted, told; nothing else goes."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, select
from typer.testing import CliRunner

from fleet_server.access.models import AuditEntry
from fleet_server.cli import app as server_app
from fleet_server.db import transaction
from fleet_server.requests.acts import Deed, perform
from fleet_server.requests.models import ContactAct, ContactRequest
from fleet_server.requests.order import forget_order
from fleet_server.requests.purge import KEPT_CONVERTED, due, erased_on, past, purge
from fleet_server.requests.working_time import PARIS
from fleet_server.retention import forget_past, past_its_time
from tests.integration.requests.sealing import sealed_by

YEAR = timedelta(days=365)
NAMES = ("sylvie", "thierry", "jeanne", "omar")


def deposited(office, *days):
    """One request a number: left so many days ago."""
    today = office.clock().astimezone(PARIS).date()
    rows = [sealed_by(name) for name in NAMES[: len(days)]]
    with transaction(office.context.engine) as session:
        for row, ago in zip(rows, days, strict=True):
            row.day, row.state = (today - timedelta(days=ago)).isoformat(), "new"
            session.add(row)
        session.flush()
        return [row.id for row in rows]


def acted(office, request, *acts, ago):
    """By Maëlle, so many days ago."""
    at = office.clock() - timedelta(days=ago)
    with transaction(office.context.engine) as session:
        row = session.get_one(ContactRequest, request)
        for act in acts:
            perform(
                session, row, Deed(act, "maelle", "Maëlle Riou", at, "CIO" if act == "redirected" else ""), row.revision
            )


def left(office):
    with Session(office.context.engine) as session:
        return set(session.exec(select(ContactRequest.id))), {one.request for one in session.exec(select(ContactAct))}


def test_a_request_nobody_acted_upon_goes_twelve_months_after_its_day(office):
    old, young = deposited(office, 366, 365)
    assert purge(office.context) == 1
    assert left(office) == ({young}, set())
    office.clock.pass_by(timedelta(days=1))
    assert purge(office.context) == 1
    assert old != young


def test_twelve_months_run_from_the_last_contact_and_acts_go_with_the_request(office):
    closed, called, taken = deposited(office, 800, 800, 800)
    acted(office, closed, "take", "no_answer", "unreachable", ago=366)
    acted(office, called, "take", "no_answer", ago=364)
    acted(office, taken, "take", ago=366)
    assert purge(office.context) == 2
    assert left(office) == ({called}, {called})


def test_what_became_a_pathway_is_kept_as_long_as_a_file(office):
    long_ago, lately = deposited(office, 800, 800)
    acted(office, long_ago, "take", "answered", "converted", ago=KEPT_CONVERTED.days + 1)
    acted(office, lately, "take", "answered", "converted", ago=KEPT_CONVERTED.days - 1)
    assert purge(office.context) == 1
    assert left(office) == ({lately}, {lately})


def test_a_deposit_from_a_lost_clock_waits_for_a_person(office):
    (lost,) = deposited(office, 9_000)
    assert purge(office.context) == 0
    acted(office, lost, "take", "spam", ago=366)
    assert purge(office.context) == 1


def test_nothing_of_what_was_sealed_stays_in_the_file(office, tmp_path):
    (old,) = deposited(office, 400)
    with Session(office.context.engine) as session:
        sealed = session.get_one(ContactRequest, old).ciphertext.encode()
    written_anew = forget_order(office.context.engine)
    written_anew()
    assert sealed in on_disk(tmp_path)
    assert purge(office.context) == 1
    written_anew()
    assert sealed not in on_disk(tmp_path)
    assert old.encode() not in on_disk(tmp_path)


def on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("fleet.db*"))


def test_a_purge_is_one_line_of_the_audit_log_that_names_nobody(office):
    old, *_ = deposited(office, 400, 400, 1)
    gone = forget_past(office.context, turn_s=60)
    assert gone["contact_request"] == 2
    assert forget_past(office.context, turn_s=60)["contact_request"] == 0
    with Session(office.context.engine) as session:
        (line,) = session.exec(select(AuditEntry).where(AuditEntry.act == "request.purged")).all()
    assert (line.subject, line.detail) == ("", {"erased": 2, "kept_days": 365})
    assert old not in line.model_dump_json()


def test_a_dry_run_counts_and_erases_nothing(office):
    deposited(office, 400, 1)
    assert past_its_time(office.context) == {"contact_request": 1}
    assert len(left(office)[0]) == 2


def test_portions_follow_each_other_in_one_turn(office):
    deposited(office, 400, 401, 402)
    assert purge(office.context, most=2) == 2
    assert purge(office.context, most=2) == 1
    assert purge(office.context, most=2) == 0


@pytest.mark.parametrize("ago", [0, 1, 200, 364, 365, 366, 700, 766, 767, 9_000])
@pytest.mark.parametrize("acts", [(), ("take",), ("take", "answered", "converted")])
def test_the_day_that_the_page_names_is_the_one_on_which_it_goes(office, ago, acts):
    (request,) = deposited(office, ago)
    if acts:
        acted(office, request, *acts, ago=ago)
    with Session(office.context.engine) as session:
        row = session.get_one(ContactRequest, request)
        last = max((one.at for one in session.exec(select(ContactAct))), default=None)
        now = office.clock()
        ends = erased_on(row, last, YEAR, now)
        if ends is None:
            assert due(session, now, YEAR) == 0
            return
        noon = datetime(ends.year, ends.month, ends.day, 12, tzinfo=UTC)
        for day in (noon - timedelta(days=1), noon + timedelta(days=1)):
            if day > now:
                assert (len(session.exec(select(ContactRequest.id).where(past(day, YEAR))).all()) == 1) == (day > noon)
        if noon < now - timedelta(days=1):
            assert due(session, now, YEAR) == 1


def test_the_pages_say_when_a_request_goes_and_what_went(office):
    old, soon, lost = deposited(office, 400, 350, 9_000)
    acted(office, soon, "take", "spam", ago=350)
    maelle = office.signed_in("maelle")
    assert "dans l’heure" in maelle.get(f"/demandes/{old}").text
    assert "sera effacée le 9 déc. 2026" in said(maelle.get(f"/demandes/{soon}"))
    assert "n’a pas de date sûre" in maelle.get(f"/demandes/{lost}").text
    forget_past(office.context, turn_s=60)
    page = said(maelle.get("/demandes?etat=close"))
    assert "effacée 12 mois après le dernier contact" in page
    assert "1 demande sera effacée dans les 30 jours. Dernier passage : 1 demande effacée" in page
    assert maelle.get(f"/demandes/{old}").status_code == 404


def said(answer):
    assert answer.status_code == 200
    return " ".join(answer.text.replace("\u00a0", " ").split())


def test_the_command_line_says_first_what_would_go(tmp_path):
    assert CliRunner().invoke(server_app, ["forget", "--data-dir", str(tmp_path)]).exit_code == 1
    assert CliRunner().invoke(server_app, ["init", "--data-dir", str(tmp_path)]).exit_code == 0
    done = CliRunner().invoke(server_app, ["forget", "--dry-run", "--data-dir", str(tmp_path)])
    assert (done.exit_code, "0 lignes seraient effacées" in done.output) == (0, True), done.output
