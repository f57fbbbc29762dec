"""What an operator may put on the screen: a line for whoever is there, a quiet page, the commissioning bench."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser import violations
from tests.integration.kiosk.simulated_agent import SimulatedAgent
from tests.integration.kiosk.test_kiosk_life import until
from tests.integration.kiosk.walk import begin, section

LATER = "2999-01-01T00:00:00+00:00"


def test_a_message_stands_over_a_visit_and_hinders_nothing(page: Page, agent: SimulatedAgent) -> None:
    begin(page)
    agent.show(message={"text": "L’accueil ferme à 17 h <b>", "until": LATER})
    expect(page.get_by_role("status").filter(has_text="L’accueil ferme à 17 h <b>")).to_be_visible()
    assert violations(page) == []
    section(page, "metiers")
    expect(page.locator("#query")).to_be_visible()
    agent.show(message=None)
    expect(page.locator(".message")).to_have_count(0)


def test_a_message_goes_when_its_time_is_over(page: Page, agent: SimulatedAgent) -> None:
    agent.show(message={"text": "Déjà passé", "until": "2020-01-01T00:00:00+00:00"})
    agent.show(identify_until=LATER)
    expect(page.locator(".identify")).to_be_visible()
    expect(page.locator(".message")).to_have_count(0)


def test_maintenance_ends_a_visit_shows_a_quiet_page_and_gives_the_screen_back(
    page: Page, agent: SimulatedAgent
) -> None:
    begin(page)
    until(page, lambda: bool(agent.beats), "no heartbeat")
    visited = agent.beats[-1]["page"]
    agent.show(mode="maintenance", maintenance_until=LATER)
    expect(page.get_by_role("heading", name="Borne en maintenance")).to_be_visible()
    expect(page.get_by_text("02 40 99 00 00")).to_be_visible()
    until(page, lambda: "session.ended" in agent.kinds(), "the end was not told")
    until(page, lambda: agent.beats[-1]["page"] != visited, "the page was not loaded anew, to forget the visit")
    until(page, lambda: agent.beats[-1]["screen"] == "maintenance", "the page does not say what it shows")
    assert violations(page) == []
    agent.show(mode="normal", maintenance_until=None)
    page.locator(".start").wait_for()


def test_each_loading_of_the_page_has_a_name_of_its_own(page: Page, agent: SimulatedAgent) -> None:
    until(page, lambda: bool(agent.beats), "no heartbeat")
    before = agent.beats[-1]["page"]
    page.reload()
    until(page, lambda: agent.beats[-1]["page"] != before, "the new page has no name of its own")


def test_the_bench_measures_every_rung_and_counts_the_cells_touched(
    open_page: Callable[..., Page], agent: SimulatedAgent
) -> None:
    page = open_page()
    page.locator(".start").wait_for()
    agent.show(bench={"id": "b-1", "touch_s": 60})
    expect(page.get_by_role("heading", name="Banc de mise en service")).to_be_visible()
    cells = page.locator(".cells button")
    cells.first.wait_for(timeout=90_000)
    assert violations(page) == []
    cells.first.tap()
    expect(page.get_by_role("heading", name="1 / 24")).to_be_visible()
    # The other fingers of many hands, before the page has drawn anew.
    cells.evaluate_all("""all => all.slice(1).forEach(
        one => one.dispatchEvent(new PointerEvent("pointerdown", {bubbles: true})))""")
    until(page, lambda: bool(agent.benches), "the page told nothing")
    [told] = agent.benches
    assert (told["id"], told["cells"], told["touched"]) == ("b-1", 24, 24)
    assert [one["rung"] for one in told["video"]] == ["720p", "S", "M", "L"]
    flat = told["video"][0]
    assert flat["codec"]
    assert flat["fps"] > 0
    assert 0 <= flat["dropped"] <= 1
    assert told["texture"] >= 2048
    assert (told["width"], told["height"]) == (1920, 1080)
    agent.show(bench=None)
    expect(page.locator(".bench")).to_have_count(0)


STALLED = """
window.decoders = [];
window.VideoDecoder = class extends VideoDecoder {
  constructor(init) { super(init); window.decoders.push(this); }
  flush() { return new Promise(() => undefined); }
};
"""


def test_a_rung_that_is_given_up_leaves_no_decoder_at_work(
    open_page: Callable[..., Page], agent: SimulatedAgent
) -> None:
    page = open_page()
    page.clock.install()
    page.add_init_script(STALLED)  # a graphics driver that never answers
    page.reload()
    page.locator(".start").wait_for()
    agent.show(bench={"id": "b-2", "touch_s": 0})
    until(page, lambda: page.evaluate("decoders.length") == 1, "nothing is decoded")
    page.clock.fast_forward(15_000)
    until(page, lambda: bool(agent.benches), "the page told nothing")
    assert [rung["fps"] for rung in agent.benches[0]["video"]] == [None] * 4
    assert page.evaluate("decoders.map((one) => one.state)") == ["closed"]
