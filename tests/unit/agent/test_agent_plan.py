"""`plan`: one example each, then for every state that can be, that the steps lead to the wish and never disturb."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from agent.activation import NOW, Verdict
from agent.plan import (
    Activate,
    ApplySettings,
    Confirm,
    Fetch,
    Have,
    Hold,
    Phase,
    RollBack,
    Step,
    StopFetching,
    Wait,
    is_reached,
    plan,
)
from wire.state import Desired, Place, Release, SealingKey, Settings

OLD, NEW, OTHER = (Release(id=letter * 64, label=letter) for letter in "abc")
LAVAL = Place(
    site="laval", name="Mairie de Laval", kind="mairie", commune="53130", commune_name="Laval", department="53",
    latitude=48.07, longitude=-0.77,
)  # fmt: skip


def wish(release: Release | None = NEW, revision: int = 5, idle_end_s: int = 90) -> Desired:
    return Desired(
        revision=revision, name="Laval", place=LAVAL, release=release, settings=Settings(idle_end_s=idle_end_s),
        sealing_key=SealingKey(kid="k1", public="A" * 43),
    )  # fmt: skip


QUIET = Have(
    phase=Phase(name="committed", target=OLD, revision=4), active=OLD, stored=frozenset({OLD.id}),
    applied=wish(OLD, 4),
)  # fmt: skip
STORED = replace(QUIET, stored=frozenset({OLD.id, NEW.id}))
SWITCHED = replace(STORED, active=NEW, phase=Phase(name="verifying", target=NEW, revision=5, was_painting=True))


def test_without_a_wish_nothing_is_done() -> None:
    assert plan(None, QUIET) == ()


def test_what_lacks_is_fetched() -> None:
    assert plan(wish(), QUIET) == (Fetch(NEW, 5),)


def test_while_it_arrives_or_rests_after_a_failure_nothing_is_begun_again() -> None:
    assert plan(wish(), replace(QUIET, fetching=NEW.id)) == ()
    assert plan(wish(), replace(QUIET, resting=True)) == ()


def test_another_wish_ends_the_fetch_of_the_first() -> None:
    assert plan(wish(OTHER), replace(QUIET, fetching=NEW.id))[0] == StopFetching(NEW.id)


def test_a_release_is_activated_between_visitors_only() -> None:
    assert plan(wish(), STORED) == (Activate(NEW, 5),)
    assert plan(wish(), replace(STORED, activation=Verdict("visit"))) == (Wait(NEW, 5),)


def test_outside_of_its_hours_nothing_is_asked_for_and_what_comes_is_stopped() -> None:
    closed = replace(QUIET, download=Verdict("download_hours"))
    assert plan(wish(), closed) == (Hold(NEW, 5),)
    assert plan(wish(), replace(closed, resting=True)) == (Hold(NEW, 5),)
    held = replace(closed, phase=Phase(name="downloading", target=NEW, revision=5))
    assert plan(wish(), held) == ()
    assert plan(wish(), replace(held, fetching=NEW.id))[0] == StopFetching(NEW.id)
    assert plan(wish(), replace(held, download=NOW)) == (Fetch(NEW, 5),)


def test_a_fetch_under_another_limit_is_begun_again_under_the_new_one() -> None:
    slower = wish()
    slower = slower.model_copy(update={"settings": slower.settings.model_copy(update={"download_kbit_s": 500})})
    applied = replace(QUIET, applied=slower, fetching=NEW.id)
    assert plan(slower, applied) == (StopFetching(NEW.id),)
    assert plan(slower, replace(applied, fetching_at=500)) == ()


def test_settings_are_applied_even_during_a_visit() -> None:
    assert plan(wish(OLD, 5, idle_end_s=120), replace(QUIET, activation=Verdict("visit")))[0] == ApplySettings(
        wish(OLD, 5, 120)
    )


def test_a_switched_release_waits_for_its_gate_then_stays_or_goes() -> None:
    assert plan(wish(), SWITCHED) == ()
    assert plan(wish(), replace(SWITCHED, verdict="")) == (Confirm(NEW, 5),)
    assert plan(wish(), replace(SWITCHED, verdict="blank")) == (RollBack(NEW, "blank"),)


def test_a_gate_that_is_open_is_not_overtaken_by_another_wish() -> None:
    assert plan(wish(OTHER, 6), SWITCHED) == ()


def test_a_roll_back_that_was_cut_off_is_finished() -> None:
    cut = replace(SWITCHED, phase=Phase(name="rolled_back", target=NEW, revision=5, reason="blank"))
    assert plan(wish(), cut) == (RollBack(NEW, "blank"),)


def test_a_switch_that_was_cut_off_before_it_happened_is_begun_again() -> None:
    cut = replace(STORED, phase=Phase(name="verifying", target=NEW, revision=5))
    assert plan(wish(), cut) == (Activate(NEW, 5),)


def test_a_release_that_failed_its_gate_is_left_alone_until_another_revision_wishes_it() -> None:
    failed = replace(STORED, phase=Phase(name="rolled_back", target=NEW, revision=5, reason="blank"))
    assert plan(wish(revision=5), failed) == ()
    assert plan(wish(revision=6), failed) == (Activate(NEW, 6),)


def test_a_wish_for_what_is_active_is_confirmed_as_such_once() -> None:
    unconfirmed = replace(QUIET, phase=Phase(name="failed", target=NEW, revision=6))
    assert plan(wish(OLD, 7), unconfirmed) == (Confirm(OLD, 7),)
    # Another revision, of settings alone, asks nothing of the content.
    assert plan(wish(OLD, 7), QUIET) == ()
    assert is_reached(wish(OLD, 7), QUIET)


def test_only_a_confirmed_release_counts_as_reached() -> None:
    settled = replace(SWITCHED, phase=Phase(name="committed", target=NEW, revision=5))
    assert is_reached(wish(), settled)
    assert not is_reached(wish(), SWITCHED)
    assert not is_reached(wish(), replace(STORED, phase=Phase(name="rolled_back", target=NEW, revision=5)))


# ---- for every state that can be ------------------------------------------------------------------------------------

releases = st.sampled_from([OLD, NEW, OTHER])
phases = st.builds(
    Phase, name=st.sampled_from(["idle", "downloading", "waiting", "verifying", "committed", "rolled_back", "failed"]),
    target=st.none() | releases, revision=st.integers(1, 6), reason=st.sampled_from(["", "blank"]),
    was_painting=st.booleans(),
)  # fmt: skip
wishes = st.builds(wish, st.none() | releases, st.integers(1, 6), st.sampled_from([90, 120]))
states = st.builds(
    Have, phase=phases, active=st.none() | releases, stored=st.frozensets(releases.map(lambda one: one.id)),
    applied=st.none() | wishes, verdict=st.sampled_from([None, "", "blank"]),
    fetching=st.none() | releases.map(lambda one: one.id), resting=st.booleans(),
    fetching_at=st.sampled_from([0, 1000]), download=st.sampled_from([NOW, Verdict("download_hours")]),
    activation=st.sampled_from([NOW, Verdict("visit"), Verdict("hours")]),
)  # fmt: skip


def after(step: Step, have: Have, previous: Release | None = OLD) -> Have:
    """The world as the executor leaves it, at its best."""
    match step:
        case ApplySettings(desired):
            return replace(have, applied=desired)
        case Fetch(release, revision):
            phase = Phase(name="downloading", target=release, revision=revision)
            return replace(have, phase=phase, stored=have.stored | {release.id})
        case StopFetching():
            return replace(have, fetching=None)
        case Hold(release, revision):
            return replace(have, phase=Phase(name="downloading", target=release, revision=revision))
        case Wait(release, revision):
            return replace(have, phase=Phase(name="waiting", target=release, revision=revision))
        case Activate(release, revision):
            phase = Phase(name="verifying", target=release, revision=revision)
            return replace(have, phase=phase, active=release, verdict=None)
        case Confirm(release, revision):
            return replace(have, phase=Phase(name="committed", target=release, revision=revision))
        case RollBack(release, reason):
            phase = have.phase.model_copy(update={"name": "rolled_back", "target": release, "reason": reason})
            back = previous if previous and previous.id != release.id else None
            return replace(have, phase=phase, active=back)


@given(wishes, states)
def test_a_release_is_never_switched_while_a_visitor_is_there(want: Desired, have: Have) -> None:
    for step in plan(want, replace(have, activation=Verdict("visit"))):
        assert not isinstance(step, Activate)


@given(wishes, states)
def test_outside_of_the_hours_nothing_is_activated_and_nothing_fetched(want: Desired, have: Have) -> None:
    for step in plan(want, replace(have, activation=Verdict("hours"), download=Verdict("download_hours"))):
        assert not isinstance(step, Activate | Fetch)


@given(wishes, states)
def test_nothing_is_activated_that_is_not_whole(want: Desired, have: Have) -> None:
    for step in plan(want, have):
        assert not isinstance(step, Activate) or step.release.id in have.stored


@given(wishes, states)
def test_the_steps_come_to_an_end(want: Desired, have: Have) -> None:
    """Left alone, with a network and a page that paints, every state comes to rest in a few steps."""
    have = replace(have, download=NOW, activation=NOW, resting=False)
    for _ in range(12):
        verifying = have.phase.name == "verifying"
        have = replace(have, fetching=None, verdict="" if verifying else have.verdict)
        steps = plan(want, have)
        if not steps:
            break
        have = after(steps[0], have)
    assert plan(want, have) == ()
    gave_up = have.phase.name in ("failed", "rolled_back") and have.phase.revision == want.revision
    assert is_reached(want, have) or gave_up


@given(wishes, states)
def test_a_failing_gate_never_makes_a_storm(want: Desired, have: Have) -> None:
    """Whatever fails its gate is activated at most once for one wish."""
    have = replace(have, download=NOW, activation=NOW, resting=False)
    activated = 0
    for _ in range(20):
        have = replace(have, fetching=None, verdict="blank" if have.phase.name == "verifying" else None)
        steps = plan(want, have)
        if not steps:
            break
        activated += isinstance(steps[0], Activate)
        have = after(steps[0], have)
    assert activated <= 1
    assert plan(want, replace(have, fetching=None)) == ()


@given(wishes, states)
def test_a_crash_after_any_step_leads_to_the_same_end(want: Desired, have: Have) -> None:
    """The phase is saved first: with the phase of a step and the world from before it, the plan goes on."""
    have = replace(have, download=NOW, activation=NOW, resting=False, fetching=None)
    steps = plan(want, have)
    if not steps:
        return
    torn = replace(have, phase=after(steps[0], have).phase)
    test_the_steps_come_to_an_end.hypothesis.inner_test(want, torn)  # type: ignore[attr-defined]
