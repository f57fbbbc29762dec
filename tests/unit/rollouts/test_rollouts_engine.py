"""The engine, whatever terminals say: hundreds of rollouts played to their end, and the rules that hold in all."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet_server.rollouts.engine import (
    OVER,
    Course,
    End,
    Fact,
    Join,
    Member,
    OpenWave,
    Recall,
    Settle,
    Soak,
    Start,
    decide,
    halt,
)
from fleet_server.rollouts.models import FAILED, WORKING
from fleet_server.rollouts.plan import Plan, Wave, wave_sizes
from fleet_server.terminals.upkeep.spells import Spell

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Played:
    """A rollout as the server keeps it: what was decided is done, and the clock moves."""

    def __init__(self, plan: Plan, names: list[str]) -> None:
        sizes = wave_sizes(plan, len(names))
        waves = [number for number, size in enumerate(sizes) for _ in range(size)]
        self.members = {
            name: Member(name, wave, place, heard_at=NOON)
            for place, (name, wave) in enumerate(zip(names, waves, strict=True))
        }
        self.course = Course("running", plan)
        self.now = NOON
        self.said: list[object] = []

    def turn(self, *newcomers: str) -> list[object]:
        fresh = [name for name in newcomers if name not in self.members]
        acts = decide(self.course, list(self.members.values()), fresh, self.now)
        for act in acts:
            self._do(act)
        self.said += acts
        return list(acts)

    def _do(self, act: object) -> None:
        match act:
            case Start(terminal=name):
                self._set(name, state="in_progress", started_at=self.now, effect_at=self.now)
            case Settle(terminal=name, state=state):
                self._set(name, state=state)
            case Join(terminal=name, wave=wave):
                self.members[name] = Member(name, wave, len(self.members), heard_at=self.now)
            case OpenWave(wave=wave):
                self.course = replace(self.course, wave=wave, soaking_since=None)
            case Soak(on=on):
                self.course = replace(self.course, soaking_since=self.now if on else None)
            case End("stopped"):
                self.course = replace(self.course, state="stopped")
            case End():
                self.course = replace(self.course, state="finished")

    def _set(self, name: str, **values: object) -> None:
        self.members[name] = replace(self.members[name], **values)  # type: ignore[arg-type]

    def says(self, name: str, outcome: str, acting: bool = False, step: str = "") -> None:
        self._set(name, fact=Fact(outcome, step, acting=acting), heard_at=self.now)

    def works_on(self, name: str, begins: timedelta, ends: timedelta) -> None:
        """Planned maintenance, counted from noon."""
        spell = Spell(NOON + begins, NOON + ends, "écran")
        self._set(name, works=(*self.members[name].works, spell))

    def states(self) -> dict[str, str]:
        return {name: one.state for name, one in self.members.items()}

    def pass_by(self, gap: timedelta) -> None:
        self.now += gap


def waves(*counts: int, soak_s: int = 0) -> tuple[Wave, ...]:
    return (*(Wave(count=count, soak_s=soak_s) for count in counts), Wave())


SEVEN = ["Laval", "Cholet", "Segré", "Sablé", "Nantes", "Angers", "Saumur"]


def test_a_canary_comes_first_and_the_next_wave_after_it_has_soaked():
    played = Played(Plan(waves=waves(1, 2, soak_s=600)), SEVEN)
    assert played.turn() == [Start("Laval")]
    played.says("Laval", "succeeded")
    assert played.turn() == [Settle("Laval", "succeeded"), Soak(on=True)]
    played.pass_by(9 * MINUTE)
    assert played.turn() == []
    played.pass_by(MINUTE)
    assert played.turn() == [OpenWave(1)]
    assert played.turn() == [Start("Cholet"), Start("Segré")]


def test_a_success_that_goes_back_stops_it_and_calls_back_who_has_not_acted():
    played = Played(Plan(waves=waves(1, 2, soak_s=60)), SEVEN)
    played.turn()
    played.says("Laval", "succeeded")
    played.turn()
    played.pass_by(MINUTE)
    played.turn()
    played.turn()
    played.says("Cholet", "", acting=True)
    played.says("Laval", "gone_back")
    acts = played.turn()
    assert acts[0] == Settle("Laval", "failed", "ne l’a plus")
    assert isinstance(acts[1], End)
    assert acts[1].state == "stopped"
    assert played.states() == {
        "Laval": "failed", "Cholet": "in_progress", "Segré": "cancelled", "Sablé": "cancelled", "Nantes": "cancelled",
        "Angers": "cancelled", "Saumur": "cancelled",
    }  # fmt: skip
    assert [act.give_back for act in acts if isinstance(act, Settle) and act.terminal == "Segré"] == [True]
    played.says("Cholet", "succeeded")
    assert played.turn() == [Settle("Cholet", "succeeded")], "who was past calling back is followed to its end"


def silent_for(played: Played, minutes: int) -> list[str]:
    """Turn after turn, a minute each: what becomes of Laval, which says nothing."""
    seen = []
    for _ in range(minutes):
        played.pass_by(MINUTE)
        played.turn()
        seen.append(played.states()["Laval"])
    return seen


def test_silence_under_planned_maintenance_is_no_failure_and_counts_on_when_it_ends_in_silence():
    played = Played(Plan(silent_s=600, timeout_s=86400), ["Laval"])
    played.works_on("Laval", 4 * MINUTE, 60 * MINUTE)
    played.works_on("Laval", 30 * MINUTE, 90 * MINUTE)
    played.turn()
    seen = silent_for(played, 96)
    assert seen == ["in_progress"] * 95 + ["timed_out"], "four minutes before, six after"


def test_the_time_to_finish_does_not_run_under_planned_maintenance_and_what_it_reports_still_counts():
    played = Played(Plan(silent_s=86400, timeout_s=600, success_percent=0, error_percent=100), ["Laval", "Cholet"])
    for name in ("Laval", "Cholet"):
        played.works_on(name, 5 * MINUTE, 60 * MINUTE)
    played.turn()
    played.pass_by(30 * MINUTE)
    played.says("Cholet", "failed")
    assert played.turn() == [Settle("Cholet", "failed")]
    assert silent_for(played, 34) == ["in_progress"] * 34
    assert silent_for(played, 1) == ["timed_out"]


def test_maintenance_that_was_over_before_excuses_nothing():
    played = Played(Plan(silent_s=600, timeout_s=86400), ["Laval"])
    played.works_on("Laval", -60 * MINUTE, 0 * MINUTE)
    played.turn()
    assert silent_for(played, 10) == ["in_progress"] * 9 + ["timed_out"]


def test_a_silent_terminal_counts_as_failed_before_the_rest_times_out():
    played = Played(Plan(silent_s=600, timeout_s=3600, success_percent=50, min_sample=7), SEVEN)
    played.turn()
    for name in SEVEN[1:]:
        played.says(name, "succeeded")
    played.pass_by(10 * MINUTE)
    assert played.turn()[-1] == End("finished")
    assert played.states()["Laval"] == "timed_out"
    assert list(played.states().values()).count("succeeded") == 6


def test_one_that_goes_on_talking_without_an_end_times_out():
    played = Played(Plan(silent_s=600, timeout_s=3600), ["Laval"])
    played.turn()
    for _ in range(59):
        played.pass_by(MINUTE)
        played.says("Laval", "")
        assert played.turn() == []
    played.pass_by(MINUTE)
    played.says("Laval", "")
    assert played.turn()[0] == Settle("Laval", "timed_out", "n’a pas fini à temps")


def test_a_late_truth_overrides_what_was_taken_for_silence():
    played = Played(Plan(waves=waves(2), silent_s=60, success_percent=0, error_percent=100), SEVEN)
    played.turn()
    played.says("Cholet", "succeeded")
    played.pass_by(MINUTE)
    played.turn()
    assert played.states()["Laval"] == "timed_out"
    played.says("Laval", "succeeded")
    played.turn()
    assert played.states()["Laval"] == "succeeded"


@pytest.mark.parametrize(("bad", "stops"), [(1, False), (2, True)])
def test_it_stops_once_more_fail_than_is_allowed_of_enough(bad, stops):
    plan = Plan(waves=waves(6), min_sample=6, error_percent=20, success_percent=0)
    played = Played(plan, SEVEN)
    played.turn()
    for number, name in enumerate(SEVEN[:6]):
        played.says(name, "failed" if number < bad else "succeeded")
    played.turn()
    assert (played.course.state == "stopped") is stops


@pytest.mark.parametrize("said", ["failed", "rejected"])
def test_too_few_are_no_sample_but_a_canary_that_fails_or_refuses_opens_no_other_wave(said):
    played = Played(Plan(waves=waves(1), min_sample=3), SEVEN)
    played.turn()
    played.says("Laval", said)
    acts = played.turn()
    assert played.course.state == "stopped"
    assert any(isinstance(act, End) and "vague 1 : 0 réussie sur 1" in act.reason for act in acts)


def test_of_a_wave_some_may_refuse_it():
    played = Played(Plan(waves=waves(5)), SEVEN)
    played.turn()
    for name in SEVEN[:5]:
        played.says(name, "rejected" if name == "Laval" else "succeeded")
    assert played.turn()[-1] == OpenWave(1), "four of five"


def test_one_that_is_tried_again_has_its_chance_whatever_failed_before():
    played = Played(Plan(waves=waves(4), min_sample=2, error_percent=20, success_percent=0), SEVEN)
    played.turn()
    for name in SEVEN[:3]:
        played.says(name, "failed")
    played.turn()
    assert played.course.state == "stopped"
    played.course = replace(played.course, state="running")
    played._set("Laval", state="queued", fact=Fact())
    assert played.turn() == [Start("Laval")]
    assert played.turn() == []
    played.says("Laval", "failed")
    played.turn()
    assert played.course.state == "stopped", "and is counted with the others once it has come to its end"


def test_stopped_who_is_away_or_failed_is_not_left_with_what_was_wished():
    played = Played(Plan(silent_s=600, success_percent=0, error_percent=60, min_sample=5), SEVEN)
    played.turn()
    for name in SEVEN:
        played._set(name, asked=True)
    played.says("Cholet", "failed", step="rolled_back")
    played.says("Segré", "rejected", step="failed")
    played.says("Sablé", "succeeded")
    played.turn()
    played._set("Saumur", asked=False)  # another wish is its own
    played.says("Angers", "", acting=True)
    played.pass_by(10 * MINUTE)
    played.says("Angers", "", acting=True)
    acts = played.turn()
    assert [act.state for act in acts if isinstance(act, End)] == ["stopped"]
    assert {act.terminal for act in acts if isinstance(act, Recall)} == {"Laval", "Nantes", "Cholet", "Segré"}
    assert played.states()["Angers"] == "in_progress", "it is past calling back"


def test_who_acted_when_it_stopped_and_fails_afterwards_is_not_left_with_it_either():
    played = Played(Plan(silent_s=600), SEVEN[:4])
    played.turn()
    for name in SEVEN[:4]:
        played._set(name, asked=True)
        played.says(name, "", acting=True)
    for act in halt(played.course, list(played.members.values()), "son coupé", played.now):
        played._do(act)
    played._do(End("stopped"))
    failed, silent, good, other = SEVEN[:4]
    played.says(failed, "failed", step="rolled_back")
    played.says(good, "succeeded")
    played.says(other, "failed", step="rolled_back")
    played._set(other, asked=False)  # another wish is its own
    assert [act.terminal for act in played.turn() if isinstance(act, Recall)] == [failed]
    assert played.turn() == [], "once"
    played.says(silent, "", acting=False)
    played.pass_by(10 * MINUTE)
    assert [act.terminal for act in played.turn() if isinstance(act, Recall)] == [silent]


def test_by_hand_what_is_put_there_after_a_success_is_not_taken_away():
    played = Played(Plan(waves=waves(2, soak_s=60)), SEVEN)
    played.turn()
    for name in SEVEN[:2]:
        played._set(name, asked=True)
        played.says(name, "succeeded")
    played.turn()
    played.says("Laval", "gone_back", step="committed")  # runs something else, and did not say that it failed
    assert not [act for act in played.turn() if isinstance(act, Recall)]


def test_a_person_who_stops_it_is_told_after_the_terminals():
    played = Played(Plan(waves=waves(4)), SEVEN)
    played.turn()
    played.says("Laval", "succeeded")
    played._set("Cholet", leaves="reprise par le déploiement 2")
    played.says("Segré", "", acting=True)
    assert halt(played.course, list(played.members.values()), "son coupé", played.now) == [
        Settle("Laval", "succeeded"), Settle("Cholet", "removed", "reprise par le déploiement 2"),
        Settle("Sablé", "cancelled", "son coupé", give_back=True),
        *(Settle(name, "cancelled", "son coupé") for name in SEVEN[4:]),
    ]  # fmt: skip


def test_what_does_not_fit_one_is_refused_before_it_is_wished():
    played = Played(Plan(waves=waves(2)), SEVEN)
    played._set("Laval", unfit="finirait trop tôt")
    played._set("Saumur", unfit="finirait trop tôt")
    assert played.turn() == [Settle("Laval", "rejected", "finirait trop tôt"), Start("Cholet")]


def test_a_late_truth_overrides_a_failure_too():
    played = Played(Plan(waves=waves(2), success_percent=0, error_percent=100), SEVEN)
    played.turn()
    played.says("Laval", "failed")
    played.turn()
    played.says("Laval", "succeeded")
    assert played.turn() == [Settle("Laval", "succeeded", "confirmée après coup")]


def test_paused_it_begins_nothing_follows_what_goes_on_and_lets_newcomers_in():
    played = Played(Plan(waves=waves(1)), SEVEN)
    played.turn()
    played.course = replace(played.course, state="paused")
    played.says("Laval", "succeeded")
    assert played.turn("Vitré") == [Settle("Laval", "succeeded"), Join("Vitré", 1)]
    assert played.turn("Vitré") == []
    played.course = replace(played.course, state="running")
    assert played.turn("Vitré") == [OpenWave(1)]
    assert Start("Vitré") in played.turn("Vitré")


def test_one_that_comes_while_the_last_wave_soaks_is_served_and_it_soaks_again():
    played = Played(Plan(waves=(Wave(soak_s=600),)), ["Laval"])
    played.turn()
    played.says("Laval", "succeeded")
    played.turn()
    played.pass_by(9 * MINUTE)
    assert played.turn("Vitré") == [Join("Vitré", 0), Soak(on=False)]
    assert played.turn("Vitré") == [Start("Vitré")], "once it was looked at: its hours, what fits it"
    played.says("Vitré", "succeeded")
    assert played.turn("Vitré")[-1] == Soak(on=True)
    played.pass_by(9 * MINUTE)
    assert played.turn("Vitré") == []


def test_who_is_overtaken_is_out_and_counts_for_nothing():
    played = Played(Plan(), ["Laval", "Cholet"])
    played.turn()
    played._set("Laval", leaves="reprise par le déploiement 2")
    played.says("Cholet", "succeeded")
    assert played.turn() == [
        Settle("Laval", "removed", "reprise par le déploiement 2"), Settle("Cholet", "succeeded"), End("finished"),
    ]  # fmt: skip


def test_what_waits_for_its_hour_does_not_run_out_of_time():
    played = Played(Plan(silent_s=600, timeout_s=600), ["Laval"])
    played.turn()
    played._set("Laval", effect_at=NOON + timedelta(hours=14))
    played.pass_by(timedelta(hours=14))
    assert played.turn() == []
    played.pass_by(10 * MINUTE)
    assert isinstance(played.turn()[0], Settle)


PLANS = st.builds(
    Plan,
    waves=st.lists(
        st.builds(Wave, count=st.none() | st.integers(1, 6), soak_s=st.sampled_from([0, 60, 600])), min_size=1,
        max_size=4,
    ).map(tuple),
    at_once=st.integers(0, 4), per_hour=st.integers(0, 6), success_percent=st.integers(0, 100),
    error_percent=st.integers(0, 100), min_sample=st.integers(1, 6), timeout_s=st.just(3600), silent_s=st.just(1800),
)  # fmt: skip
OUTCOMES = st.sampled_from(["succeeded", "succeeded", "succeeded", "failed", "rejected", "silent", "gone_back"])


@settings(max_examples=300, deadline=None)
@given(plan=PLANS, fates=st.lists(OUTCOMES, min_size=1, max_size=12), data=st.data())
def test_whatever_they_say_it_keeps_its_rules_and_comes_to_an_end(plan, fates, data):
    names = [f"b-{number:02}" for number in range(len(fates))]
    played = Played(plan, names)
    started: list[datetime] = []
    for _ in range(400):
        before, course = played.states(), played.course
        late = data.draw(st.sampled_from(["", "", "", "tard"])) if len(played.members) < len(names) + 1 else ""
        acts = played.turn(*([late] if late else []))
        check_rules(plan, course, before, played, acts, started)
        if played.course.state != "running":
            break
        for name, fate in zip(names, fates, strict=True):
            one = played.members[name]
            if one.state == "in_progress" and fate != "silent":
                played.says(name, "succeeded" if fate == "gone_back" else fate)
            elif one.state == "succeeded" and fate == "gone_back" and data.draw(st.booleans()):
                played.says(name, "gone_back")
        if "tard" in played.members and played.members["tard"].state == "in_progress":
            played.says("tard", "succeeded")
        played.pass_by(data.draw(st.sampled_from([MINUTE, 10 * MINUTE, 61 * MINUTE])))
    assert played.course.state in ("stopped", "finished")
    if played.course.state == "finished":
        assert all(state in OVER for state in played.states().values())
    else:
        assert "queued" not in played.states().values()


def check_rules(plan, course, before, played, acts, started):
    after, begun = played.states(), [act.terminal for act in acts if isinstance(act, Start)]
    started += [played.now] * len(begun)
    assert all(before.get(name, "queued") == "queued" for name in begun)
    assert all(played.members[name].wave <= course.wave for name in begun)
    if begun and plan.at_once:
        assert list(after.values()).count("in_progress") <= plan.at_once
    if begun and plan.per_hour:
        assert sum(at > played.now - timedelta(hours=1) for at in started) <= plan.per_hour
    back = [name for name, state in before.items() if state == "succeeded" and after[name] != "succeeded"]
    assert all(after[name] == "failed" for name in back)
    if back:
        assert played.course.state == "stopped"
    if played.course.wave > course.wave:
        ended = [one for one in played.members.values() if one.wave == course.wave]
        assert not any(one.state in WORKING for one in ended)
        good = sum(one.state == "succeeded" for one in ended)
        bad = sum(one.state in FAILED for one in ended)
        assert not bad or good * 100 >= plan.success_percent * (good + bad)
    assert len({act.terminal for act in acts if isinstance(act, Start | Settle)}) == sum(
        isinstance(act, Start | Settle) for act in acts
    ), "one thing at a time for each"


@given(plan=PLANS, total=st.integers(0, 2000))
def test_waves_take_everyone_once(plan, total):
    sizes = wave_sizes(plan, total)
    assert sum(sizes) == total
    assert min(sizes) >= 0
    assert len(sizes) == len(plan.waves)


@given(percent=st.floats(0.1, 100), total=st.integers(1, 2000))
def test_a_share_is_at_least_one(percent, total):
    assert wave_sizes(Plan(waves=(Wave(percent=percent), Wave())), total)[0] >= 1
