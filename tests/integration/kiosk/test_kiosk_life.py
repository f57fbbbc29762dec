"""What happens around a visit: time that passes, the reset, a new release, an agent away, the other modes."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.integration.kiosk.simulated_agent import SimulatedAgent
from tests.integration.kiosk.small_release import NEWER, RELEASE, small_release
from tests.integration.kiosk.walk import AGAIN_MS, answer_contact, begin, section, tap

CANARY = "Canari-Zinzolin"


def until(page: Page, true: Callable[[], bool], what: str) -> None:
    for _ in range(200):
        if true():
            return
        page.wait_for_timeout(50)
    raise AssertionError(what)


# ---- time that passes ------------------------------------------------------------------------------------------------


@pytest.fixture
def timed(open_page: Callable[..., Page], agent: SimulatedAgent) -> Page:
    """A page whose clock the test moves."""
    page = open_page()
    page.clock.install()
    page.reload()
    page.locator(".start").wait_for()
    return page


def test_a_minute_without_a_touch_is_warned_and_half_a_minute_later_the_visit_ends(
    timed: Page, agent: SimulatedAgent
) -> None:
    begin(timed)
    section(timed, "metiers")
    timed.clock.run_for(59_000)
    expect(timed.get_by_role("alertdialog")).to_have_count(0)
    timed.clock.run_for(1_500)
    expect(timed.get_by_role("alertdialog")).to_contain_text("Vous êtes toujours là")
    expect(timed.get_by_role("alertdialog")).to_contain_text(re.compile("Dans (29|30).secondes"))
    expect(timed.get_by_role("button", name="Oui, je suis là")).to_be_focused()
    timed.clock.run_for(30_000)
    timed.locator(".start").wait_for()
    until(timed, lambda: "session.ended" in agent.kinds(), "the end was not told")
    ended = next(event for event in agent.events if event["kind"] == "session.ended")
    assert ended["reason"] == "timeout"
    assert ended["dwell_ms"] >= 90_000
    assert ended["active_ms"] < 10_000


def test_one_tap_stays_and_it_can_be_done_ten_times(timed: Page, agent: SimulatedAgent) -> None:
    begin(timed)
    for _ in range(11):
        timed.clock.run_for(75_000)
        timed.get_by_role("button", name="Oui, je suis là").tap()
        expect(timed.get_by_role("alertdialog")).to_have_count(0)
    assert "session.ended" not in agent.kinds()
    timed.clock.run_for(75_000)
    timed.locator(".sheet").tap(position={"x": 40, "y": 40})
    expect(timed.get_by_role("alertdialog")).to_have_count(0)


def test_typing_counts_as_being_there(timed: Page) -> None:
    begin(timed)
    section(timed, "metiers")
    for letter in "soudeur":
        timed.clock.run_for(20_000)
        timed.keyboard.type(letter)
    expect(timed.get_by_role("alertdialog")).to_have_count(0)


def test_enlarged_text_gives_twice_the_time(timed: Page, agent: SimulatedAgent) -> None:
    tap(timed, "Agrandir")
    begin(timed)
    timed.clock.run_for(100_000)
    expect(timed.get_by_role("alertdialog")).to_have_count(0)
    timed.clock.run_for(25_000)
    expect(timed.get_by_role("alertdialog")).to_have_count(1)
    until(timed, lambda: "session.started" in agent.kinds(), "no session")
    started = next(event for event in agent.events if event["kind"] == "session.started")
    assert (started["idle_warning_s"], started["idle_end_s"]) == (120, 180)


def test_the_times_set_by_the_operator_hold_without_reloading(timed: Page, agent: SimulatedAgent) -> None:
    begin(timed)
    agent.show(settings=agent.screen["settings"] | {"idle_warning_s": 20, "idle_end_s": 40})
    timed.wait_for_timeout(300)
    timed.clock.run_for(21_000)
    expect(timed.get_by_role("alertdialog")).to_have_count(1)


def test_options_chosen_before_a_visit_that_never_came_go_back(timed: Page) -> None:
    tap(timed, "Contraste")
    expect(timed.locator("html")).to_have_attribute("data-contrast", "high")
    timed.clock.run_for(80_000)
    expect(timed.locator("html")).to_have_attribute("data-contrast", "high")
    timed.clock.run_for(15_000)
    expect(timed.locator("html")).not_to_have_attribute("data-contrast", "high")


# ---- nothing stays ---------------------------------------------------------------------------------------------------


def test_a_canary_typed_in_a_visit_is_found_nowhere_after_it(page: Page, agent: SimulatedAgent) -> None:
    begin(page)
    section(page, "metiers")
    page.locator("#query").fill(CANARY)
    page.locator(".dock .btn").first.tap()
    section(page, "rappel")
    answer_contact(page, name=CANARY)
    page.evaluate("window.beforeReset = true")
    tap(page, "J’ai fini, effacer")
    tap(page, "Oui, tout effacer")
    page.wait_for_function("window.beforeReset === undefined")
    page.locator(".start").wait_for()
    kept: dict[str, Any] = page.evaluate(
        """async () => ({
            local: {...localStorage}, session: {...sessionStorage}, cookies: document.cookie,
            bases: (await indexedDB.databases()).map(base => base.name), caches: await caches.keys(),
            history: history.length, name: window.name, page: document.documentElement.outerHTML,
            fields: [...document.querySelectorAll('input')].map(field => field.value),
        })"""
    )
    page_left = kept.pop("page")
    assert kept == {
        "local": {}, "session": {}, "cookies": "", "bases": [], "caches": [], "history": kept["history"], "name": "",
        "fields": [],
    }  # fmt: skip
    assert CANARY not in page_left
    assert CANARY not in str(page.context.storage_state())
    assert CANARY not in str(agent.events) + str(agent.beats) + str(agent.requests)
    begin(page)
    section(page, "metiers")
    expect(page.locator("#query")).to_have_value("")
    page.go_back()
    page.locator("body").wait_for()
    assert CANARY not in page.content()


def test_options_and_choices_are_gone_with_the_visit(page: Page) -> None:
    tap(page, "Contraste")
    tap(page, "English")
    begin(page)
    section(page, "metiers")
    page.locator("#query").fill("soud")
    page.locator(".hit .ibtn").first.tap()
    expect(page.locator(".dock .count")).to_have_text("1")
    page.locator(".dock .end").tap()
    expect(page.get_by_role("alertdialog")).to_contain_text("Your kept choice will be erased")
    tap(page, "Yes, erase all")
    page.locator(".start").wait_for()
    expect(page.locator("html")).not_to_have_attribute("data-contrast", "high")
    begin(page)
    expect(page.locator(".dock .count")).to_have_count(0)
    expect(page.locator(".dock .end")).to_contain_text("J’ai fini")


# ---- the agent -------------------------------------------------------------------------------------------------------


def test_events_wait_for_an_agent_whose_spool_is_full_and_arrive_in_order(page: Page, agent: SimulatedAgent) -> None:
    agent.spool_full = True
    begin(page)
    section(page, "metiers")
    page.wait_for_timeout(AGAIN_MS)
    page.locator(".dock .btn").first.tap()
    page.wait_for_timeout(300)
    assert "session.started" not in agent.kinds()
    agent.spool_full = False
    until(page, lambda: agent.kinds().count("page.viewed") == 3, "the events were lost")
    visit = [event for event in agent.events if event["session"]]
    assert [event["n"] for event in visit] == list(range(1, len(visit) + 1))
    assert visit[0]["ago_ms"] >= visit[-1]["ago_ms"] > 0


def test_an_event_the_agent_refuses_costs_only_itself_and_is_told(page: Page, agent: SimulatedAgent) -> None:
    agent.refuse = "help.requested"
    begin(page)
    tap(page, "Je veux de l’aide")
    tap(page, "Continuer ma visite")
    section(page, "acteurs")
    until(page, lambda: "ui.failed" in agent.kinds(), "the refusal was not told")
    until(page, lambda: agent.kinds().count("page.viewed") == 2, "an event was lost")
    failed = next(event for event in agent.events if event["kind"] == "ui.failed")
    assert failed["where"] == "outgoing"
    assert "help.requested" not in agent.kinds()


def test_the_heartbeat_counts_painted_frames_and_names_the_release(page: Page, agent: SimulatedAgent) -> None:
    begin(page)
    until(page, lambda: len(agent.beats) >= 2 and agent.beats[-1]["in_visit"], "no heartbeat")
    beat = agent.beats[-1]
    assert beat["frames"] > 0
    assert (beat["release"], beat["screen"], beat["failed"]) == (RELEASE, "home", "")


def test_a_new_release_waits_for_the_visit_to_end(page: Page, agent: SimulatedAgent) -> None:
    agent.releases[NEWER] = small_release("2026.49", "Une autre route ?")
    begin(page)
    agent.show(release={"id": NEWER, "label": "2026.49"})
    page.wait_for_timeout(2_500)
    assert agent.beats[-1]["release"] == RELEASE
    tap(page, "J’ai fini, effacer")
    tap(page, "Oui, tout effacer")
    expect(page.locator("h1")).to_have_text("Une autre route ?")
    until(page, lambda: agent.beats[-1]["release"] == NEWER, "the new release was not reported")


def test_a_release_that_cannot_be_read_is_not_adopted_and_it_says_why(page: Page, agent: SimulatedAgent) -> None:
    broken = small_release("2026.49", "Une autre route ?")
    del broken["metiers/occupations.json"]
    agent.releases[NEWER] = broken
    agent.show(release={"id": NEWER, "label": "2026.49"})
    until(page, lambda: bool(agent.beats) and agent.beats[-1]["failed"] != "", "the failure was not reported")
    assert "metiers/occupations.json: 404" in agent.beats[-1]["failed"]
    assert agent.beats[-1]["release"] == RELEASE
    expect(page.locator("h1")).to_have_text("Et maintenant, quelle route prendre ?")
    assert agent.kinds().count("ui.failed") == 1


def test_a_reload_asked_by_the_operator_waits_for_the_visit_to_end(page: Page, agent: SimulatedAgent) -> None:
    begin(page)
    page.evaluate("window.same = true")
    agent.show(reload=1)
    page.wait_for_timeout(2_500)
    assert page.evaluate("window.same") is True
    agent.show(reload=1, name="Laval")
    tap(page, "J’ai fini, effacer")
    tap(page, "Oui, tout effacer")
    page.wait_for_function("window.same === undefined")


def test_a_changed_welcome_shows_at_once(page: Page, agent: SimulatedAgent) -> None:
    begin(page)
    agent.show(settings=agent.screen["settings"] | {"welcome": {"fr": "Bienvenue au forum de l’emploi."}})
    expect(page.locator(".welcome")).to_have_text("Bienvenue au forum de l’emploi.")


def test_a_touch_before_the_last_file_of_the_release_is_not_lost(
    open_page: Callable[..., Page], agent: SimulatedAgent
) -> None:
    agent.slow["metiers/occupations.json"] = 1.0
    page = open_page()
    begin(page)
    until(page, lambda: agent.kinds()[-1] == "page.viewed", "the visit did not begin")


def test_a_visit_that_is_not_to_be_measured_tells_nothing_more(page: Page, agent: SimulatedAgent) -> None:
    begin(page)
    tap(page, "Accessibilité")
    tap(page, "Ne pas mesurer ma visite")
    tap(page, "C’est bon")
    section(page, "metiers")
    page.locator(".dock .btn").first.tap()
    section(page, "rappel")
    answer_contact(page)
    page.locator(".cons").tap()
    page.wait_for_timeout(AGAIN_MS)
    page.locator(".foot .lamp").tap()
    page.locator(".rc").wait_for()
    assert agent.requests[0]["session"] is None
    until(page, lambda: agent.beats[-1]["in_visit"], "the agent does not know that someone is there")
    tap(page, "J’ai fini, effacer")
    tap(page, "Oui, tout effacer")
    until(page, lambda: agent.kinds().count("attract.started") == 2, "the page was not made anew")
    assert [kind for kind in agent.kinds() if not kind.startswith("attract")] == [
        "session.started",
        "page.viewed",
        "page.left",
        "session.ended",
    ]


# ---- the other modes -------------------------------------------------------------------------------------------------


def test_pairing_shows_a_big_code_and_the_server(open_page: Callable[..., Page], agent: SimulatedAgent) -> None:
    agent.show(mode="pairing", release=None, pairing={"code": "KX4P-9TQ2", "server": "balise.exemple.fr"})
    page = open_page()
    expect(page.locator(".code")).to_have_text("KX4P-9TQ2")
    expect(page.locator("main")).to_contain_text("balise.exemple.fr")
    size = page.locator(".code").evaluate("code => parseFloat(getComputedStyle(code).fontSize)")
    assert size >= 96


def test_out_of_service_gives_the_telephone_and_ends_the_visit(page: Page, agent: SimulatedAgent) -> None:
    begin(page)
    agent.show(mode="out_of_service")
    expect(page.locator("main")).to_contain_text("ne marche pas en ce moment")
    expect(page.locator(".number")).to_have_text(re.compile("02.40.99.00.00"))
    until(page, lambda: "session.ended" in agent.kinds(), "the visit did not end")
    assert next(event for event in agent.events if event["kind"] == "session.ended")["reason"] == "closing"


def test_a_kiosk_that_is_looked_for_shows_its_name(page: Page, agent: SimulatedAgent) -> None:
    expect(page.locator(".identify")).to_have_count(0)
    agent.show(identify_until="2999-01-01T00:00:00+00:00")
    expect(page.locator(".identify")).to_contain_text("Laval mairie")
    agent.show(identify_until=None)
    expect(page.locator(".identify")).to_have_count(0)


def test_a_page_that_is_closed_in_a_visit_tells_its_end(page: Page, agent: SimulatedAgent) -> None:
    begin(page)
    until(page, lambda: "page.viewed" in agent.kinds(), "no visit")
    page.reload()
    page.locator(".start").wait_for()
    until(page, lambda: "session.ended" in agent.kinds(), "the end was not told")
    assert next(event for event in agent.events if event["kind"] == "session.ended")["reason"] == "restart"
