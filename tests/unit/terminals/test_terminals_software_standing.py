"""Where a terminal's software stands, by table: what runs has the last word."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from fleet_server.terminals.opening import Opening
from fleet_server.terminals.software_standing import MOVING, standing
from fleet_server.terminals.states import Vitals, condition
from fleet_server.web.vocabulary import STATES
from wire.software import SoftwareRelease
from wire.state import Desired, Place, Reported, SealingKey, SoftwareState

NOW = datetime(2026, 11, 23, 9, 42, tzinfo=UTC)
BOOT = str(uuid.UUID(int=1))
OLD, NEW = SoftwareRelease(version="1.4.2", id="a" * 64), SoftwareRelease(version="1.5.0", id="b" * 64)
PLACE = Place(site="laval", name="Mairie", kind="mairie", commune="53130", commune_name="Laval", department="53",
              latitude=48.07, longitude=-0.77)  # fmt: skip


def want(software=NEW):
    return Desired(revision=3, name="Laval", place=PLACE, sealing_key=SealingKey(kid="k", public="p" * 43),
                   software=software)  # fmt: skip


def report(runs="1.4.2", revision=2, revision_seen=0, **state):
    return Reported(number=1, generation=1, boot=BOOT, at=NOW, clock_trusted=True, software=runs, revision=revision,
                    software_state=SoftwareState(**({"target": NEW, "revision": revision_seen} | state)))  # fmt: skip


@pytest.mark.parametrize(("wished", "said", "key"), [
    (NEW, None, "unknown"),
    (None, report(target=None), "as_is"),
    (None, report(release=OLD, target=OLD, phase="committed"), "as_is"),
    (NEW, report(release=OLD, phase="idle", target=None), "wanted"),
    (NEW, report(release=OLD, phase="downloading"), "downloading"),
    (NEW, report(phase="installing"), "installing"),
    (NEW, report(phase="restarting", waits_for="visit"), "restarting"),
    (NEW, report("1.5.0", phase="verifying"), "verifying"),
    (NEW, report("1.5.0", phase="rolling_back", reason="x"), "rolling_back"),
    (NEW, report(release=OLD, phase="rolled_back", reason="x"), "rolled_back"),
    (NEW, report(release=OLD, phase="failed", reason="x"), "failed"),
    (NEW, report(release=OLD, phase="failed", reason="x", rejected=True), "rejected"),
    (NEW, report("1.5.0", 3, release=NEW, phase="committed"), "current"),
    (NEW, report("1.5.0", 2, release=NEW, phase="committed"), "current"),
    # It had kept one, and runs another: put there by hand, a disk from elsewhere.
    (NEW, report("1.3.0", 3, release=NEW, phase="committed"), "drift"),
    (None, report("1.3.0", release=OLD, target=OLD, phase="committed"), "drift"),
    # Its update has seen the wish, is at rest, and confirmed nothing of what runs.
    (NEW, report("1.4.2", 3, phase="idle", target=None, revision_seen=3), "drift"),
    # The rest of the wish is applied, the update has not begun; an agent from before updates never will.
    (NEW, report("1.4.2", 3, phase="idle", target=None), "wanted"),
    (NEW, report("1.3.0", 2, phase="committed"), "drift"),
    # A failure of another version is not one of this.
    (NEW, report(release=OLD, phase="failed", target=OLD), "wanted"),
])  # fmt: skip
def test_what_is_shown_of_a_terminals_software(wished, said, key):
    found = standing(want(wished), said, NOW)
    assert found.key == key
    assert key in STATES["software"]
    assert found.differs == (key not in ("unknown", "as_is", "current"))


def test_a_later_change_of_settings_does_not_hide_a_drift():
    """The update has seen the wish that last asked for the software; the settings changed since."""
    wished = want().model_copy(update={"revision": 5, "software_revision": 3})
    assert standing(wished, report(revision=5, phase="idle", target=None, revision_seen=3), NOW).key == "drift"


@pytest.mark.parametrize(("said", "words"), [
    (report(phase="downloading", progress=0.42), "reçoit, 42 %"),
    (report(phase="downloading", lacks_bytes=3 * 10**9), "il lui manque"),
    (report(phase="downloading", waits_for="download_hours", waits_until=NOW + timedelta(hours=1)), "recevra à 11:42"),
    (report(phase="restarting", waits_for="visit"), "prête, attend la fin de la visite"),
    (report(phase="restarting", waits_for="hours", waits_until=NOW + timedelta(hours=16)), "redémarrera demain à 2:42"),
    (report(phase="installing"), "installe"),
    (report("1.5.0", phase="rolling_back", reason="ne dessine rien", previous="1.4.2"),
     "revient à 1.4.2 : ne dessine rien"),
    (report("1.3.0", 3, release=NEW, phase="committed"), "exécute 1.3.0, alors qu’elle avait gardé 1.5.0"),
    (report(phase="failed", reason="disque plein"), "disque plein"),
])  # fmt: skip
def test_it_is_told_in_words(said, words):
    assert words in standing(want(), said, NOW).said.replace("\u00a0", " ")


@pytest.mark.parametrize(("said", "key", "words"), [
    (report(phase="downloading", progress=0.5), "updating", "logiciel : reçoit, 50 %"),
    (report("1.3.0", 3, release=NEW, phase="committed"), "drift", "logiciel en dérive"),
    (report(phase="rolled_back", reason="ne dessine rien"), "degraded", "logiciel revenu en arrière"),
    (report(phase="failed", reason="trop vieux", rejected=True), "degraded", "logiciel pas installé"),
    (report("1.5.0", 3, release=NEW, phase="committed"), "online", "en attente de visite"),
])  # fmt: skip
def test_the_fleet_sees_it(said, key, words):
    found = condition("accepted", "", NOW, said, want(), NOW, Vitals(), Opening("open", ""), NOW)
    assert (found.key, found.detail.replace("\u00a0", " ")) == (key, words)


def test_every_phase_on_the_way_has_words():
    assert all(standing(want(), report(phase=phase), NOW).said for phase in MOVING)
