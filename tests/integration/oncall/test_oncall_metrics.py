"""/metrics of a fleet whose state is known."""

from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import event

from fleet_server.broker import BrokerLink
from fleet_server.db import transaction
from fleet_server.oncall.fleet_metrics import fleet_metrics
from fleet_server.oncall.metrics import registry
from fleet_server.requests.api import keep
from fleet_server.settings import Settings
from fleet_server.terminals.models import TerminalLive
from fleet_server.terminals.registry import add_terminal
from fleet_server.terminals.upkeep.models import Maintenance, MaintenanceOf
from tests.integration.requests.sealing import message_by
from tests.sending import NOON, Ingest, Sender, dropped, told
from wire.software import SoftwareRelease
from wire.state import OutboxState, Place, Reported, SoftwareState

LAVAL = Place(site="laval", name="Mairie", kind="mairie", commune="53130", commune_name="Laval", department="53",
              latitude=48.07, longitude=-0.77)  # fmt: skip
BOOT = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
def ingest(tmp_path):
    return Ingest(f"sqlite:///{tmp_path / 'fleet.db'}")


@pytest.fixture
def measured(ingest) -> CollectorRegistry:
    link = BrokerLink(Settings(), lambda *_: None, lambda *_: None)
    return registry(ingest.engine, ingest.consumer, link, NOON, fleet_metrics(ingest.engine, lambda: ingest.now))


def add(ingest, name, heard=None, waiting=0, status="accepted", kept="0.1.0"):
    with transaction(ingest.engine) as session:
        terminal = add_terminal(session, name, LAVAL, [], NOON)
        terminal.status = status
        live = session.get_one(TerminalLive, terminal.id)
        if heard:
            said = SoftwareState(release=SoftwareRelease(version=kept, id="a" * 64))
            report = Reported(number=1, generation=1, boot=BOOT, at=heard, clock_trusted=True, software="0.1.0",
                              revision=0, outbox=OutboxState(waiting=waiting), software_state=said)  # fmt: skip
            live.heard_at = live.reported_at = heard
            live.connected, live.report = True, report.model_dump(mode="json")
        return terminal.id


def test_moments_are_timestamps_and_do_not_age_by_themselves(ingest, measured):
    laval = add(ingest, "Laval", heard=NOON - timedelta(minutes=3), waiting=12)
    ingest.now = datetime(2027, 1, 1, tzinfo=UTC)

    def value(name):
        return measured.get_sample_value(f"balise_terminal_{name}", {"terminal": laval})

    assert value("heard_timestamp_seconds") == (NOON - timedelta(minutes=3)).timestamp()
    assert value("reported_timestamp_seconds") == (NOON - timedelta(minutes=3)).timestamp()
    assert (value("connected"), value("wanted_revision"), value("applied_revision")) == (1, 1, 0)
    assert value("outbox_waiting_events") == 12
    assert value("software_drift") == 0
    drifted = {"terminal": add(ingest, "Cholet", heard=NOON, kept="0.2.0")}
    assert measured.get_sample_value("balise_terminal_software_drift", drifted) == 1
    assert measured.get_sample_value("balise_server_start_timestamp_seconds") == NOON.timestamp()


def test_a_terminal_never_heard_has_no_moment_and_a_pending_one_no_series(ingest, measured):
    silent, pending = add(ingest, "Cholet"), add(ingest, "Segré", status="pending")
    series = [sample for family in measured.collect() for sample in family.samples if "terminal" in sample.labels]
    assert {sample.labels["terminal"] for sample in series} == {silent}
    assert pending not in str(series)
    assert measured.get_sample_value("balise_terminal_heard_timestamp_seconds", {"terminal": silent}) is None


def test_maintenance_planned_or_ordered_is_a_series_by_which_alerts_are_kept_quiet(ingest, measured):
    laval, cholet = add(ingest, "Laval", heard=NOON), add(ingest, "Cholet", heard=NOON)
    with transaction(ingest.engine) as session:
        works = Maintenance(begins_at=NOON, ends_at=NOON + timedelta(hours=2), timezone="Europe/Paris", reason="écran",
                            by="Yanis Belkacem", made_at=NOON)  # fmt: skip
        session.add(works)
        session.flush()
        session.add(MaintenanceOf(maintenance=works.id, terminal=laval))
        live = session.get_one(TerminalLive, cholet)
        until = (NOON + timedelta(hours=1)).isoformat()
        live.report = live.report | {"maintenance_until": until}

    def values(minutes):
        ingest.now = NOON + timedelta(minutes=minutes)
        return [measured.get_sample_value("balise_terminal_maintenance", {"terminal": one}) for one in (laval, cholet)]

    assert [values(minutes) for minutes in (-1, 0, 60, 120)] == [[0, 1], [1, 1], [1, 0], [0, 0]]


def test_what_ingest_did_is_counted(ingest, measured):
    laval = Sender(kept=[told(), dropped(2, 5), told("hologram.shown")])
    ingest.turn(laval.batch(), b"garbage")
    ingest.turn(laval.batch())

    def batches(outcome):
        return measured.get_sample_value("balise_ingest_batches_total", {"outcome": outcome})

    assert (batches("taken"), batches("repeated"), batches("refused")) == (1, 1, 1)
    assert measured.get_sample_value("balise_ingest_events_total") == 3
    assert measured.get_sample_value("balise_ingest_quarantined_events") == 1
    assert measured.get_sample_value("balise_ingest_lost_events") == 4
    assert measured.get_sample_value("balise_broker_connected") == 0


def test_what_is_told_of_requests_does_not_tell_when_they_came(ingest, measured):
    def told():
        return [(family.name, sample.value) for family in measured.collect() if "request" in family.name
                for sample in family.samples]  # fmt: skip

    before = told()
    asked = message_by("jeanne", day="2026-11-24", hour=11)
    with transaction(ingest.engine) as session:
        keep(session, asked, None)
    assert told() == before == [("balise_requests_late", 0)]
    ingest.now = NOON + timedelta(days=7)
    assert told() == [("balise_requests_late", 1)]


def test_nothing_a_terminal_sends_becomes_a_label(ingest, measured):
    laval = Sender(kept=[told(page="metiers/a1101"), told("hologram.shown")])
    ingest.turn(laval.batch())
    labels = {value for family in measured.collect() for sample in family.samples for value in sample.labels.values()}
    assert not labels & {"metiers/a1101", "hologram.shown", laval.outbox, "laval-01"}


def test_the_number_of_queries_does_not_grow_with_the_fleet(ingest, measured):
    seen = []
    event.listen(ingest.engine, "before_cursor_execute", lambda *args: seen.append(args[2]))

    def queries():
        seen.clear()
        list(measured.collect())
        return len(seen)

    add(ingest, "Laval", heard=NOON)
    one = queries()
    for number in range(20):
        add(ingest, f"Cholet {number}", heard=NOON)
    assert queries() == one > 0
