"""Rollouts on the server's own rooms and database, by what terminals report."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event
from sqlmodel import Session, select

from fleet_server.access.audit_models import AuditEntry
from fleet_server.access.models import ApiToken  # noqa: F401 - its table
from fleet_server.db import transaction
from fleet_server.inventory.keep import keep
from fleet_server.releases.models import ContentRelease
from fleet_server.releases.publish import wish
from fleet_server.rollouts.acts import RolloutRefused
from fleet_server.rollouts.forecast import forecast, sentence
from fleet_server.rollouts.models import Rollout
from fleet_server.rollouts.plan import Plan, Target, Wave
from fleet_server.rollouts.seen import fleet as everyone
from fleet_server.rollouts.shown import counts_of, newest, shown
from fleet_server.terminals.desired import desired_of, merge_own_settings
from fleet_server.terminals.models import Terminal
from fleet_server.terminals.upkeep.acts import Wanted, plan
from tests.integration.rollouts.cast import ANNE, NEW, NEWER, OLD, YANIS, Cast
from wire.inventory import Board, Hardware, Inventory

SEVEN = ("Laval", "Cholet", "Segré", "Sablé", "Angers", "Nantes", "Saumur")


@pytest.fixture
def fleet(tmp_path):
    cast = Cast(tmp_path)
    cast.add(*SEVEN)
    return cast


def test_a_canary_then_the_others_each_by_its_own_report(fleet):
    canary = fleet.ids["Cholet"]
    number = fleet.roll_out(waves=(Wave(count=1, soak_s=600), Wave()), canaries=(canary,))
    fleet.turn()
    assert fleet.states(number)["Cholet"] == "in_progress"
    assert fleet.wanted("Cholet").release_id == NEW.id
    assert fleet.wanted("Laval").release_id == OLD.id
    fleet.says("Cholet", active=NEW, phase="verifying", caught_up=False)
    fleet.turn()
    assert fleet.states(number)["Cholet"] == "in_progress", "shown is not kept yet"
    fleet.shows(NEW, "Cholet")
    fleet.turn(2)
    fleet.wait(minutes=10)
    fleet.turn(2)
    assert set(fleet.states(number).values()) == {"succeeded", "in_progress"}
    fleet.shows(NEW, *SEVEN)
    fleet.turn(2)
    assert set(fleet.states(number).values()) == {"succeeded"}
    assert fleet.rollout(number).state == "finished"


def test_a_report_from_before_the_wish_is_no_success_and_no_failure(fleet):
    fleet.says("Laval", target=NEW, phase="failed", reason="disque plein")
    number = fleet.roll_out(target=Target(terminals=(fleet.ids["Laval"],)))
    fleet.turn()
    fleet.says("Laval", target=NEW, phase="failed", reason="disque plein", caught_up=False)
    fleet.turn()
    assert fleet.states(number) == {"Laval": "in_progress"}
    fleet.says("Laval", target=NEW, phase="failed", reason="disque plein")
    fleet.turn()
    assert fleet.states(number) == {"Laval": "failed"}


def test_a_success_that_goes_back_stops_it_and_gives_back_what_was_wished(fleet):
    number = fleet.roll_out(waves=(Wave(count=1), Wave()))
    fleet.turn()
    first = next(name for name, state in fleet.states(number).items() if state == "in_progress")
    fleet.shows(NEW, first)
    fleet.turn(3)
    fleet.wait(minutes=1)
    fleet.says(first, active=OLD, target=NEW, phase="rolled_back", reason="la page ne peint plus")
    fleet.turn()
    states = fleet.states(number)
    assert states.pop(first) == "failed"
    assert set(states.values()) == {"cancelled"}
    assert fleet.rollout(number).state == "stopped"
    assert "revenue en arrière" in fleet.rollout(number).reason
    assert {fleet.wanted(name).release_id for name in states} == {OLD.id}, "called back before they acted"


def test_stopped_before_anyone_began_nobody_stays_in_line_whatever_else_runs(fleet):
    first = fleet.roll_out(target=Target(terminals=(fleet.ids["Laval"],)), not_before=datetime(2027, 6, 1, tzinfo=UTC))
    fleet.roll_out(NEWER, target=Target(terminals=(fleet.ids["Cholet"],)))
    fleet.turn()
    fleet.act("stop", first)
    assert fleet.states(first) == {"Laval": "cancelled"}


@pytest.mark.parametrize(("why", "act"), [("", "retry"), ("le maire attend", "force")])
def test_another_try_gives_back_what_was_wished_before_the_first(fleet, why, act):
    number = fleet.roll_out(target=Target(terminals=(fleet.ids["Laval"],)), error_percent=100, success_percent=0,
                            waves=(Wave(soak_s=600), Wave()))  # fmt: skip
    fleet.turn()
    if act == "retry":
        fleet.says("Laval", target=NEW, phase="failed", reason="disque plein")
        fleet.turn()
    fleet.act(act, number, ANNE, why, "Laval")
    fleet.turn()
    assert fleet.states(number) == {"Laval": "in_progress"}
    fleet.act("stop", number)
    assert fleet.states(number) == {"Laval": "cancelled"}
    assert fleet.wanted("Laval").release_id == OLD.id


def test_one_that_is_silent_counts_as_failed_when_it_may_have_acted(fleet):
    fleet.quiet("Laval")
    number = fleet.roll_out(silent_s=3600, success_percent=50, error_percent=50)
    fleet.turn()
    others = [name for name in SEVEN if name != "Laval"]
    fleet.shows(NEW, *others)
    fleet.wait(minutes=59)
    fleet.shows(NEW, *others)
    fleet.turn()
    assert fleet.states(number)["Laval"] == "in_progress"
    fleet.wait(minutes=1)
    fleet.turn()
    assert fleet.states(number)["Laval"] == "timed_out"
    assert fleet.rollout(number).state == "finished"


def test_one_added_later_joins_and_one_that_is_retired_leaves(fleet):
    fleet.add("Vitré", "Ernée", groups=("mairies",))
    number = fleet.roll_out(target=Target(groups=("mairies",)), at_once=1)
    fleet.turn()
    fleet.add("Craon", groups=("mairies",))
    fleet.add("Nort", groups=("campus",))
    fleet.turn()
    assert sorted(fleet.states(number)) == ["Craon", "Ernée", "Vitré"]
    with transaction(fleet.ctx.engine) as session:
        session.get_one(Terminal, fleet.ids["Vitré"]).status = "decommissioned"
    fleet.turn()
    assert fleet.states(number)["Vitré"] == "removed"


def test_one_that_is_given_the_tag_later_joins_and_one_that_loses_it_stays(fleet):
    fleet.tag("pilote", "Laval")
    number = fleet.roll_out(target=Target(tags=("pilote",), editions=(OLD.label,)))
    fleet.turn()
    fleet.shows(NEW, "Laval")  # no longer what the target says of it; it stays in the rollout for that
    fleet.tag("pilote", "Cholet")
    fleet.turn(2)
    assert fleet.states(number) == {"Laval": "succeeded", "Cholet": "in_progress"}
    assert fleet.wanted("Segré").release_id == OLD.id


def test_a_model_is_what_the_inventory_says_it_is(fleet):
    with transaction(fleet.ctx.engine) as session:
        for name, model in (("Laval", "Wyse 5070"), ("Segré", "NUC 12")):
            machine = Inventory(agent="1.4.2", hardware=Hardware(board=Board(model=model)))
            keep(session, fleet.ids[name], name[0] * 64, machine, fleet.clock())
    number = fleet.roll_out(target=Target(models=("Wyse 5070",)))
    assert set(fleet.states(number)) == {"Laval"}


def test_who_is_to_come_first_must_be_one_of_them(fleet):
    with pytest.raises(RolloutRefused, match="Segré ne peut passer en premier"):
        fleet.roll_out(target=Target(terminals=(fleet.ids["Laval"],)), canaries=(fleet.ids["Segré"],))


def test_the_latest_rollout_wins_and_so_does_a_wish_made_by_hand(fleet):
    first = fleet.roll_out()
    fleet.turn()
    second = fleet.roll_out(NEWER, target=Target(terminals=(fleet.ids["Laval"], fleet.ids["Cholet"])))
    fleet.turn(2)
    assert fleet.states(first)["Laval"] == fleet.states(first)["Cholet"] == "removed"
    assert fleet.wanted("Laval").release_id == NEWER.id
    with transaction(fleet.ctx.engine) as session:
        row = session.exec(select(ContentRelease).where(ContentRelease.label == OLD.label)).one()
        wish(session, fleet.ctx, row, [fleet.ids["Cholet"]], None)
    fleet.turn()
    assert fleet.states(second) == {"Laval": "in_progress", "Cholet": "removed"}


def test_paused_nothing_begins_and_stopped_who_has_not_acted_is_called_back(fleet):
    number = fleet.roll_out(at_once=2)
    fleet.turn()
    fleet.act("pause", number)
    begun = [name for name, state in fleet.states(number).items() if state == "in_progress"]
    fleet.shows(NEW, begun[0])
    fleet.turn(2)
    assert sorted(fleet.states(number).values()) == ["in_progress"] + ["queued"] * 5 + ["succeeded"]
    fleet.act("resume", number)
    fleet.turn()
    assert list(fleet.states(number).values()).count("in_progress") == 2
    fleet.says(begun[1], active=NEW, phase="verifying")
    fleet.act("stop", number, reason="son coupé")
    assert sorted(fleet.states(number).values()) == ["cancelled"] * 5 + ["in_progress", "succeeded"]
    fleet.shows(NEW, begun[1])
    fleet.turn()
    assert fleet.states(number)[begun[1]] == "succeeded"


def test_stopped_between_two_turns_what_terminals_and_people_did_meanwhile_stays(fleet):
    number = fleet.roll_out(target=Target(terminals=(fleet.ids["Laval"], fleet.ids["Cholet"], fleet.ids["Segré"])))
    fleet.turn()
    fleet.shows(NEW, "Laval")
    with transaction(fleet.ctx.engine) as session:
        newer = session.exec(select(ContentRelease).where(ContentRelease.label == NEWER.label)).one()
        wish(session, fleet.ctx, newer, [fleet.ids["Cholet"]], None)
    fleet.act("stop", number)
    assert fleet.states(number) == {"Laval": "succeeded", "Cholet": "removed", "Segré": "cancelled"}
    wanted = {name: fleet.wanted(name).release_id for name in ("Laval", "Cholet", "Segré")}
    assert wanted == {"Laval": NEW.id, "Cholet": NEWER.id, "Segré": OLD.id}


def test_stopped_one_that_was_away_does_not_take_it_when_it_comes_back(fleet):
    number = fleet.roll_out(silent_s=3600, min_sample=2, error_percent=30, success_percent=0)
    fleet.turn()
    others = SEVEN[2:]
    fleet.says("Laval", target=NEW, phase="failed", reason="ne se vérifie pas")
    fleet.wait(minutes=60)
    for name in others:
        fleet.says(name, caught_up=False)
    fleet.turn()
    states = fleet.states(number)
    assert (fleet.rollout(number).state, states["Cholet"], states["Laval"]) == ("stopped", "timed_out", "failed")
    assert {fleet.wanted(name).release_id for name in SEVEN} == {OLD.id}
    assert fleet.act("retry", number, YANIS, "", "Cholet") == 1
    fleet.turn()
    assert fleet.wanted("Cholet").release_id == NEW.id


def test_what_was_wished_before_is_given_back_with_its_hours(fleet):
    night = {"hours": [{"begins": "02:00", "ends": "05:00"}]}
    laval = Target(terminals=(fleet.ids["Laval"],))
    fleet.roll_out(target=laval, window=night)
    fleet.turn()
    at_night = fleet.wanted("Laval").activation
    second = fleet.roll_out(NEWER, target=laval)
    fleet.turn()
    assert fleet.wanted("Laval").activation == {}
    fleet.act("stop", second)
    assert (fleet.wanted("Laval").release_id, fleet.wanted("Laval").activation) == (NEW.id, at_night)


def test_forced_are_only_those_that_wait_and_belong_to_it(fleet):
    number = fleet.roll_out(at_once=3, window={"hours": [{"begins": "02:00", "ends": "03:00"}]})
    fleet.turn()
    begun = [name for name, state in fleet.states(number).items() if state == "in_progress"]
    fleet.says(begun[0], active=NEW, phase="verifying")
    fleet.roll_out(NEWER, target=Target(terminals=(fleet.ids[begun[1]],)))
    retired = next(name for name, state in fleet.states(number).items() if state == "queued")
    with transaction(fleet.ctx.engine) as session:
        session.get_one(Terminal, fleet.ids[retired]).status = "decommissioned"
    for name in (begun[0], begun[1], retired):
        with pytest.raises(RolloutRefused, match="n’attend encore"):
            fleet.act("force", number, ANNE, "faille corrigée", name)


def test_who_is_in_a_later_rollout_is_not_drawn_into_an_earlier_one(fleet):
    fleet.tag("pilote", "Laval")
    first = fleet.roll_out(target=Target(tags=("pilote",)))
    second = fleet.roll_out(NEWER, target=Target(terminals=(fleet.ids["Cholet"],)), waves=(Wave(soak_s=600),))
    fleet.turn()
    fleet.shows(NEWER, "Cholet")
    fleet.turn()
    fleet.tag("pilote", "Cholet")
    fleet.turn(2)
    assert (fleet.states(first), fleet.states(second)) == ({"Laval": "in_progress"}, {"Cholet": "succeeded"})
    assert fleet.wanted("Cholet").release_id == NEWER.id


def test_that_the_place_must_be_closed_goes_with_the_wish(fleet):
    fleet.roll_out(window={"closed": True})
    fleet.turn()
    assert fleet.wanted("Laval").activation == {"closed": True}, "who comes back at nine in the morning waits as well"


def told(fleet, number):
    with Session(fleet.ctx.engine) as session:
        return shown(session, session.get_one(Rollout, number), fleet.clock())


def test_paused_it_is_said_who_has_been_asked_and_changes_all_the_same(fleet):
    night = {"hours": [{"begins": "02:00", "ends": "05:00"}]}
    number = fleet.roll_out(window=night, at_once=2)
    fleet.turn()
    fleet.act("pause", number)
    assert told(fleet, number).ahead == (
        ("en pause", "Aucune autre borne ne commence. Ce qui est en cours est suivi."),
        ("cette nuit à 2:00", "2 bornes, qui ont déjà la demande, changent quand même. Un arrêt les rappelle."),
    )


def test_who_waits_for_an_hour_here_says_which(fleet):
    night = {"hours": [{"begins": "02:00", "ends": "05:00"}]}
    number = fleet.roll_out({"values": {"idle_end_s": 120}}, window=night)
    fleet.turn()
    assert {line.said for wave in told(fleet, number).waves for line in wave} == {"commence cette nuit à 2:00"}


def test_what_goes_on_is_listed_however_much_was_made_after_it(fleet):
    first = fleet.roll_out(target=Target(terminals=(fleet.ids["Laval"],)), waves=(Wave(soak_s=600),))
    for _ in range(3):
        fleet.act("stop", fleet.roll_out(NEWER, target=Target(terminals=(fleet.ids["Cholet"],))))
    with Session(fleet.ctx.engine) as session:
        assert [one.id for one in newest(session, limit=2)] == [first, first + 3]
        assert counts_of(session, [first]) == {first: {"queued": 1}}


def test_hours_that_never_come_begin_nothing(fleet):
    opening = [{"day": day, "opens": "00:00", "closes": "23:59:59.999999"} for day in range(7)]
    with transaction(fleet.ctx.engine) as session:
        merge_own_settings(session, fleet.ctx, {"opening": opening}, [fleet.ids["Laval"]])
    number = fleet.roll_out(window={"hours": [{"begins": "12:00", "ends": "14:00"}], "closed": True})
    fleet.turn(2)
    assert fleet.states(number)["Laval"] == "queued"
    assert fleet.wanted("Laval").release_id == OLD.id
    assert fleet.act("force", number, ANNE, "le maire attend", "Laval") == 1


def test_settings_wait_no_longer_than_they_may_and_so_does_one_that_comes_later(fleet):
    fleet.add("Vitré", groups=("mairies",))
    night = {"hours": [{"begins": "23:00", "ends": "01:00"}], "latest_s": 3600}
    number = fleet.roll_out({"values": {"idle_end_s": 120}}, target=Target(groups=("mairies",)), window=night)
    fleet.turn()
    fleet.add("Ernée", groups=("mairies",))
    fleet.turn(2)
    assert fleet.states(number) == {"Vitré": "queued", "Ernée": "queued"}
    fleet.wait(minutes=60)
    fleet.turn()
    assert fleet.states(number) == {"Vitré": "in_progress", "Ernée": "in_progress"}
    assert fleet.row(number, "Vitré").effect_at == fleet.clock()


def test_a_text_keeps_its_other_languages_and_stopped_it_is_as_before(fleet):
    with transaction(fleet.ctx.engine) as session:
        merge_own_settings(session, fleet.ctx, {"welcome": {"en": "Welcome"}}, [fleet.ids["Laval"]])
    number = fleet.roll_out({"values": {"welcome": {"fr": "Bienvenue"}}})
    fleet.turn()
    assert fleet.own_settings("Laval") == {"welcome": {"en": "Welcome", "fr": "Bienvenue"}}
    fleet.act("stop", number)
    assert fleet.own_settings("Laval") == {"welcome": {"en": "Welcome"}}


def test_one_whose_own_settings_would_not_go_with_it_refuses_it(fleet):
    fleet.add("Vitré", groups=("mairies",))
    number = fleet.roll_out(
        {"values": {"idle_end_s": 90}}, target=Target(groups=("mairies",)), waves=(Wave(soak_s=60),)
    )
    fleet.add("Ernée", groups=("mairies",))
    with transaction(fleet.ctx.engine) as session:
        merge_own_settings(session, fleet.ctx, {"idle_warning_s": 85, "idle_end_s": 120}, [fleet.ids["Ernée"]])
    fleet.turn(2)
    assert fleet.states(number) == {"Vitré": "in_progress", "Ernée": "rejected"}
    assert "20 s pour répondre" in fleet.row(number, "Ernée").reason


def test_all_who_are_to_come_first_are_in_the_first_wave(fleet):
    first = tuple(fleet.ids[name] for name in ("Segré", "Nantes", "Angers"))
    number = fleet.roll_out(waves=(Wave(count=1), Wave()), canaries=first)
    assert {name for name in SEVEN if fleet.row(number, name).wave == 0} == {"Segré", "Nantes", "Angers"}


def test_those_that_failed_get_another_turn(fleet):
    number = fleet.roll_out(min_sample=1)
    fleet.turn()
    fleet.says("Laval", target=NEW, phase="failed", reason="disque plein")
    fleet.turn()
    assert fleet.rollout(number).state == "stopped"
    assert fleet.act("retry", number) == 1
    fleet.turn()
    assert fleet.states(number)["Laval"] == "in_progress"
    fleet.shows(NEW, "Laval")
    fleet.turn()
    assert fleet.states(number)["Laval"] == "succeeded"


def test_a_second_person_approves_never_the_author(fleet):
    number = fleet.roll_out(second_person=True)
    assert fleet.rollout(number).state == "waiting_for_approval"
    for act, by in (("start", ANNE), ("approve", None)):
        with pytest.raises(RolloutRefused):
            fleet.act(act, number, by)
    with pytest.raises(RolloutRefused, match="le vôtre"):
        fleet.act("approve", number)
    fleet.act("approve", number, ANNE)
    fleet.act("start", number)
    assert fleet.rollout(number).approved_by_name == "Anne Delorme"
    fleet.turn()
    assert "in_progress" in fleet.states(number).values()


def test_it_is_brought_by_day_and_takes_effect_at_night_on_both_sides_of_the_change(fleet):
    fleet.clock.at = datetime(2026, 10, 24, 20, 0, tzinfo=UTC)  # 22:00 in Paris, the night clocks go back
    fleet.shows(OLD, *SEVEN)
    number = fleet.roll_out(window={"hours": [{"begins": "02:30", "ends": "04:00"}]}, timeout_s=3600, silent_s=3600)
    fleet.turn()
    with Session(fleet.ctx.engine) as session:
        one = session.get_one(Terminal, fleet.ids["Laval"])
        wanted = desired_of(session, fleet.ctx.keys, [one])[one.id]
    assert wanted.release == NEW
    assert wanted.activation.not_before == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert wanted.activation.hours
    fleet.clock.at = datetime(2026, 10, 25, 1, 20, tzinfo=UTC)
    fleet.turn()
    assert set(fleet.states(number).values()) == {"in_progress"}, "within an hour of the first 2:30"
    fleet.clock.at = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    fleet.turn()
    assert set(fleet.states(number).values()) <= {"timed_out"}


def test_settings_wait_for_their_hours_on_the_server_and_keep_what_they_do_not_name(fleet):
    number = fleet.roll_out(
        {"values": {"idle_warning_s": 60, "idle_end_s": 120}}, window={"hours": [{"begins": "23:00", "ends": "01:00"}]}
    )
    fleet.turn()
    assert set(fleet.states(number).values()) == {"queued"}
    fleet.clock.at = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)  # 0:30 in Paris, past midnight
    fleet.turn()
    assert set(fleet.states(number).values()) == {"in_progress"}
    assert fleet.own_settings("Laval") == {"idle_warning_s": 60, "idle_end_s": 120}
    for name in SEVEN:
        fleet.says(name)
    fleet.turn(2)
    assert set(fleet.states(number).values()) == {"succeeded"}
    assert fleet.rollout(number).state == "finished"


def test_forced_it_goes_at_once_with_the_reason_in_the_audit_log(fleet):
    number = fleet.roll_out(waves=(Wave(count=1), Wave()), window={"hours": [{"begins": "02:00", "ends": "03:00"}]})
    fleet.turn()
    with pytest.raises(RolloutRefused, match="pourquoi"):
        fleet.act("force", number, ANNE, "", "Saumur")
    assert fleet.act("force", number, ANNE, "faille corrigée", "Saumur") == 1
    assert fleet.wanted("Saumur").activation == {"force": True}
    with Session(fleet.ctx.engine) as session:
        line = session.exec(select(AuditEntry).where(AuditEntry.act == "rollout.forced")).one()
    assert (line.who, line.terminals, line.detail["reason"]) == (
        "Anne Delorme", [fleet.ids["Saumur"]], "faille corrigée",
    )  # fmt: skip


def test_settings_that_would_cut_people_off_are_refused(fleet):
    for values, word in (
        ({"idle_warning_s": 89}, "répondre"),
        ({"idle_warning_s": 5}, "idle_warning_s"),
        ({"x": 1}, "inconnu"),
    ):
        with pytest.raises(RolloutRefused, match=word):
            fleet.roll_out({"values": values})


def test_a_turn_asks_the_database_as_often_for_seven_as_for_three_hundred(fleet):
    few = asked_in_a_turn(fleet, NEW)
    fleet.add(*(f"b{number}" for number in range(293)))
    assert asked_in_a_turn(fleet, NEWER) == few


def asked_in_a_turn(fleet, release):
    number, asked = fleet.roll_out(release), []

    def count(connection, cursor, statement, *rest):
        asked.append(statement)

    event.listen(fleet.ctx.engine, "before_cursor_execute", count)
    fleet.turn()
    event.remove(fleet.ctx.engine, "before_cursor_execute", count)
    assert set(fleet.states(number).values()) == {"in_progress"}
    fleet.act("stop", number)
    return len(asked)


def works_on(fleet, name, hours, begins=0):
    """Planned maintenance, from so many hours from now on."""
    now = fleet.clock()
    wanted = Wanted(now + timedelta(hours=begins), now + timedelta(hours=begins + hours), "écran", [fleet.ids[name]])
    with fleet.transaction() as session:
        plan(session, fleet.ctx, wanted, YANIS)


def test_nothing_begins_under_planned_maintenance_and_silence_there_is_no_failure(fleet):
    works_on(fleet, "Laval", 5)
    works_on(fleet, "Cholet", 10, begins=1)
    both = Target(terminals=(fleet.ids["Laval"], fleet.ids["Cholet"]))
    number = fleet.roll_out(target=both, silent_s=3 * 3600, error_percent=0, min_sample=1)
    fleet.turn()
    assert fleet.states(number) == {"Laval": "queued", "Cholet": "in_progress"}
    fleet.quiet("Cholet")
    fleet.wait(hours=6)
    fleet.turn()
    assert fleet.states(number) == {"Laval": "in_progress", "Cholet": "in_progress"}
    fleet.shows(NEW, "Laval")
    fleet.wait(hours=6, minutes=59)
    fleet.turn()
    assert fleet.states(number) == {"Laval": "succeeded", "Cholet": "in_progress"}
    fleet.wait(minutes=1)
    fleet.turn()
    assert fleet.states(number) == {"Laval": "succeeded", "Cholet": "timed_out"}, "an hour before, two after"
    assert fleet.rollout(number).state == "stopped"


def test_force_passes_planned_maintenance_over(fleet):
    works_on(fleet, "Laval", 5)
    number = fleet.roll_out(target=Target(terminals=(fleet.ids["Laval"],)))
    fleet.turn()
    assert fleet.states(number) == {"Laval": "queued"}
    fleet.act("force", number, YANIS, "le technicien est là", "Laval")
    assert fleet.states(number) == {"Laval": "in_progress"}


def test_what_will_happen_says_who_is_waited_for_and_until_when(fleet):
    fleet.clock.at = datetime(2026, 11, 24, 11, tzinfo=UTC)
    works_on(fleet, "Laval", 5)
    number = fleet.roll_out(target=Target(terminals=(fleet.ids["Laval"], fleet.ids["Cholet"])))
    fleet.turn()
    with Session(fleet.ctx.engine) as session:
        told = shown(session, fleet.rollout(number), fleet.clock())
    said = {line.name: line.said for wave in told.waves for line in wave}
    assert said == {"Laval": "en maintenance jusqu’à 17:00, écran", "Cholet": ""}
    assert told.ahead[:2] == (("à 17:00", "1 borne après ses travaux"), ("maintenant", "1 borne de la vague 1"))
    with Session(fleet.ctx.engine) as session:
        seen = [one for one in everyone(session, fleet.clock()).values() if one.name in ("Laval", "Cholet")]
    expected = forecast(Plan(), seen, {one.id: 0 for one in seen}, fleet.clock())
    said_before = "2 bornes : 1 maintenant, 1 à 17:00 ; Laval est en maintenance."
    assert sentence(expected, seen, fleet.clock()) == said_before


def test_a_turn_asks_the_same_number_of_questions_however_much_is_planned(fleet):
    number = fleet.roll_out()
    fleet.turn()

    def questions():
        asked = []

        def note(_connection, _cursor, statement, *_):
            asked.append(statement)

        event.listen(fleet.ctx.engine, "before_cursor_execute", note)
        with Session(fleet.ctx.engine) as session:
            shown(session, session.get_one(Rollout, number), fleet.clock())
        event.remove(fleet.ctx.engine, "before_cursor_execute", note)
        return len(asked)

    works_on(fleet, "Laval", 5)
    few = questions()
    for name in SEVEN:
        works_on(fleet, name, 5)
    assert questions() == few
