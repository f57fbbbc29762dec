"""Software by waves: done means that what runs was committed, and says so from after the commit."""

import pytest
from sqlmodel import Session

from fleet_server.db import reading
from fleet_server.releases.software import wish_software_of
from fleet_server.rollouts.acts import Asked, RolloutRefused, create
from fleet_server.rollouts.plan import Plan, Wave
from fleet_server.terminals.desired import desired_of
from fleet_server.terminals.models import Terminal
from tests.integration.rollouts.cast import ALL, NEW, YANIS
from tests.integration.rollouts.software_cast import LATER, SoftwareCast

ONE_THEN_REST = (Wave(count=1), Wave())


@pytest.fixture
def fleet(tmp_path):
    made = SoftwareCast(tmp_path)
    made.add("Laval", "Mayenne", "Segré")
    return made


def rolled_out(fleet, version="1.5.0", **plan):
    return fleet.roll_out({"version": version}, kind="software", **plan)


def desired(fleet, name):
    with Session(fleet.ctx.engine) as session:
        one = session.get_one(Terminal, fleet.ids[name])
        return desired_of(session, fleet.ctx.keys, [one])[one.id]


def test_only_what_was_committed_and_runs_is_success(fleet):
    number = rolled_out(fleet, waves=ONE_THEN_REST)
    fleet.turn()
    assert fleet.states(number) == {"Laval": "in_progress", "Mayenne": "queued", "Segré": "queued"}
    assert desired(fleet, "Laval").software == fleet.released["1.5.0"]
    assert desired(fleet, "Mayenne").software is None
    on_trial = {"runs": "1.5.0", "boot": LATER}
    for phase, said in (
        ("downloading", {"progress": 0.5}), ("installing", {}), ("restarting", {}), ("verifying", on_trial),
        # Runs, and even has the new release in its state, but the trial has not ended.
        ("verifying", on_trial | {"release": fleet.released["1.5.0"], "committed_boot": LATER}),
        # Committed, it says, but what runs is another, or no boot has confirmed it.
        ("committed", {"release": fleet.released["1.5.0"], "committed_boot": LATER}),
        ("committed", on_trial | {"release": fleet.released["1.5.0"]}),
        ("committed", on_trial | {"release": fleet.released["1.6.0"], "committed_boot": LATER}),
    ):  # fmt: skip
        fleet.updates("Laval", phase, **said)
        fleet.turn()
        assert fleet.states(number)["Laval"] == "in_progress", (phase, said)
    fleet.commits("Laval")
    fleet.turn(2)
    assert fleet.states(number) == {"Laval": "succeeded", "Mayenne": "in_progress", "Segré": "in_progress"}
    fleet.commits("Mayenne", "Segré")
    fleet.turn(2)
    assert fleet.rollout(number).state == "finished"


@pytest.mark.parametrize(("phase", "rejected", "state"), [
    ("failed", False, "failed"), ("rolled_back", False, "failed"), ("failed", True, "rejected"),
])  # fmt: skip
def test_a_failure_has_its_reason_and_what_is_refused_for_good_is_not_tried_again(fleet, phase, rejected, state):
    number = rolled_out(fleet, min_sample=9)
    fleet.turn()
    fleet.updates("Laval", phase, reason="ne dessine rien", rejected=rejected)
    fleet.turn()
    assert fleet.states(number)["Laval"] == state
    assert fleet.row(number, "Laval").reason == "ne dessine rien"
    if state == "rejected":
        with pytest.raises(RolloutRefused, match="en échec"):
            fleet.act("retry", number, YANIS, "", "Laval")
    else:
        assert fleet.act("retry", number, YANIS, "", "Laval") == 1


def test_a_failure_of_an_earlier_wish_does_not_count(fleet):
    number = rolled_out(fleet)
    fleet.turn()
    fleet.updates("Laval", "failed", reason="ancienne", report_of=1)
    fleet.turn()
    assert fleet.states(number)["Laval"] == "in_progress"


@pytest.mark.parametrize("back", ["by itself", "by hand"])
def test_who_goes_back_after_success_stops_it_and_the_rest_is_called_back(fleet, back):
    number = rolled_out(fleet, waves=ONE_THEN_REST)
    fleet.turn()
    fleet.commits("Laval")
    fleet.turn(2)
    fleet.updates("Mayenne", "verifying", runs="1.5.0", boot=LATER)  # past calling back
    fleet.updates("Segré", "downloading", progress=0.2)
    fleet.wait(minutes=1)
    if back == "by itself":
        fleet.updates("Laval", "rolled_back", reason="ne dessine rien")
    else:
        fleet.updates("Laval", "committed", runs="1.3.0-main", release=None)
    fleet.turn()
    row = fleet.rollout(number)
    assert (row.state, row.reason) == ("stopped", "une borne est revenue en arrière après avoir réussi")
    assert fleet.states(number) == {"Laval": "failed", "Mayenne": "in_progress", "Segré": "cancelled"}
    assert desired(fleet, "Segré").software is None
    assert desired(fleet, "Mayenne").software == fleet.released["1.5.0"]
    fleet.commits("Mayenne")
    fleet.turn()
    assert fleet.states(number)["Mayenne"] == "succeeded"


def test_a_later_version_takes_over_and_software_leaves_contents_alone(fleet):
    first = rolled_out(fleet)
    fleet.turn()
    content = fleet.roll_out()
    second = rolled_out(fleet, "1.6.0")
    fleet.turn(2)
    assert set(fleet.states(first).values()) == {"removed"}
    assert set(fleet.states(content).values()) == {"in_progress"}
    assert set(fleet.states(second).values()) == {"in_progress"}
    assert desired(fleet, "Laval").software == fleet.released["1.6.0"]


def test_hours_travel_with_the_wish_and_a_version_that_is_not_published_is_refused(fleet):
    rolled_out(fleet, window={"hours": [{"begins": "02:00", "ends": "05:00"}], "latest_s": 3600})
    fleet.turn()
    wished = desired(fleet, "Laval")
    assert [span.begins.hour for span in wished.software_activation.hours] == [2]
    assert wished.software_activation.by is not None
    assert wished.activation.hours == ()
    with reading(fleet.ctx.engine) as session, pytest.raises(RolloutRefused, match="Aucune version publiée"):
        create(session, fleet.ctx, "software", {"version": "9"}, ALL, Plan(), Asked(YANIS))


def test_by_hand_one_terminal_is_asked_and_it_is_in_the_log(fleet):
    with fleet.transaction() as session:
        assert wish_software_of(session, fleet.ctx, fleet.released["1.6.0"], [fleet.ids["Segré"]], YANIS) == 1
    assert desired(fleet, "Segré").software == fleet.released["1.6.0"]
    assert desired(fleet, "Laval").software is None


def test_an_edition_that_can_never_be_shown_is_refused_for_good_too(fleet):
    number = fleet.roll_out(min_sample=9)
    fleet.turn()
    fleet.says("Laval", target=NEW, phase="failed", reason="format inconnu", rejected=True)
    fleet.turn()
    assert fleet.states(number)["Laval"] == "rejected"
    with pytest.raises(RolloutRefused, match="en échec"):
        fleet.act("retry", number, YANIS, "", "Laval")
