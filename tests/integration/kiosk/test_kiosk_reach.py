"""The page for every eye, hand and screen: sizes, enlargement, contrast, reach, axe; and what it weighs."""

import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.integration.kiosk.simulated_agent import SimulatedAgent
from tests.integration.kiosk.small_release import ROOT
from tests.integration.kiosk.walk import begin, enlarge, every_screen, section, tap

AXE = ROOT / "kiosk_ui" / "node_modules" / "axe-core" / "axe.min.js"
FIRST_LOAD = 150 * 1024
SCREENS = {"landscape": (1920, 1080), "portrait": (1080, 1920), "small": (1280, 800)}

# Every key of the top layer: is it whole on the screen, is its word whole in it, is it large enough?
FAULTS = """least => {
    const top = document.querySelector('.dialog') ?? document.querySelector('.screen');
    const faults = [];
    for (const key of top.querySelectorAll('button, input')) {
        if (key.matches('.anywhere') || key.closest('.leaf-text')) continue;
        const box = key.getBoundingClientRect();
        const name = (key.getAttribute('aria-label') ?? key.textContent ?? key.id).trim().slice(0, 40) || key.id;
        if (box.width === 0) continue;
        if (box.left < -1 || box.top < -1 || box.right > innerWidth + 1 || box.bottom > innerHeight + 1)
            faults.push(`${name}: outside (${Math.round(box.right)}, ${Math.round(box.bottom)})`);
        if (key.matches('button') && Math.min(box.width, box.height) < least)
            faults.push(`${name}: ${Math.round(box.width)} × ${Math.round(box.height)} px`);
        if (key.matches('.btn, .hg-button') && key.scrollWidth > key.clientWidth + 1)
            faults.push(`${name}: its word is cut`);
        const middle = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
        if (middle && !key.contains(middle) && !middle.contains(key)) faults.push(`${name}: under ${middle.className}`);
    }
    const root = document.scrollingElement;
    if (root.scrollWidth > innerWidth) faults.push('the page scrolls sideways');
    return faults;
}"""


def axe(page: Page) -> list[str]:
    page.evaluate(AXE.read_text())
    found: list[dict[str, Any]] = page.evaluate("async () => (await axe.run()).violations")
    return [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found]


@pytest.fixture
def settled(open_page: Callable[..., Page]) -> Callable[..., Page]:
    """A page without motion, so that what is measured stands still."""

    def opened(screen: str) -> Page:
        width, height = SCREENS[screen]
        page = open_page(width, height, reduced_motion="reduce", bypass_csp=True)
        page.locator(".start").wait_for()
        return page

    return opened


@pytest.mark.parametrize("zoom", [100, 150, 200])
@pytest.mark.parametrize("screen", ["landscape", "portrait"])
def test_every_key_is_whole_and_large_enough(settled: Callable[..., Page], screen: str, zoom: int) -> None:
    page = settled(screen)
    enlarge(page, zoom)
    faults = {name: found for name in every_screen(page) if (found := page.evaluate(FAULTS, 56))}
    assert faults == {}


def test_every_key_is_whole_and_large_enough_on_a_small_screen(settled: Callable[..., Page]) -> None:
    page = settled("small")
    faults = {name: found for name in every_screen(page) if (found := page.evaluate(FAULTS, 56))}
    assert faults == {}


@pytest.mark.parametrize("option", ["", "Contraste"])
@pytest.mark.parametrize("screen", ["landscape", "portrait"])
def test_axe_finds_nothing_on_any_screen(settled: Callable[..., Page], screen: str, option: str) -> None:
    page = settled(screen)
    if option:
        tap(page, option)
    violations = {name: found for name in every_screen(page) if (found := axe(page))}
    assert violations == {}


@pytest.mark.parametrize("screen", ["landscape", "portrait"])
def test_in_low_reach_every_key_is_in_the_band(settled: Callable[..., Page], screen: str) -> None:
    page = settled(screen)
    tap(page, "Écran bas")
    highest, lowest = {"landscape": (216, 1080), "portrait": (920, 1784)}[screen]
    outside: dict[str, list[str]] = {}
    for name in every_screen(page):
        tops = page.evaluate(
            """() => [...document.querySelectorAll(document.querySelector('.dialog') ? '.dialog button' : 'button')]
                .filter(key => !key.matches('.anywhere') && key.getBoundingClientRect().width > 0)
                .map(key => [key.textContent, key.getBoundingClientRect().top, key.getBoundingClientRect().bottom])"""
        )
        wrong = [f"{text}: {top:.0f}–{bottom:.0f}" for text, top, bottom in tops if top < highest or bottom > lowest]
        if wrong:
            outside[name] = wrong
    assert outside == {}


def test_motion_stops_at_a_touch_and_where_the_system_asks(page: Page, settled: Callable[..., Page]) -> None:
    running = "document.getAnimations().filter(one => one.playState === 'running').length"
    assert page.evaluate(running) >= 1
    tap(page, "Arrêter l’animation")
    assert page.evaluate(running) == 0
    still = settled("landscape")
    assert still.evaluate("getComputedStyle(document.querySelector('.beam')).animationDuration") == "0s"


def test_a_page_is_announced_and_begins_at_its_title(page: Page) -> None:
    begin(page)
    expect(page.locator("[aria-live]")).to_have_text("Qu’est-ce qui vous intéresse ?")
    section(page, "acteurs")
    expect(page.locator("[aria-live]")).to_have_text("Près de Laval")
    assert page.evaluate("document.activeElement.tagName") == "H1"
    expect(page).to_have_title("Près de Laval — Balise")


def test_a_sheet_holds_the_focus_and_gives_it_back(page: Page) -> None:
    begin(page)
    page.get_by_role("button", name="Je veux de l’aide").focus()
    page.keyboard.press("Enter")
    for _ in range(8):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement === document.body || !!document.activeElement.closest('.dialog')")
    page.locator(".dialog .lamp").focus()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Je veux de l’aide")).to_be_focused()


# ---- one way to press ------------------------------------------------------------------------------------------------


def test_a_finger_that_slides_off_cancels(page: Page) -> None:
    begin(page)
    box = page.locator(".tile[data-section=metiers]").bounding_box()
    assert box
    page.mouse.move(box["x"] + 50, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(20, 900)
    page.mouse.up()
    page.wait_for_timeout(200)
    expect(page.locator(".home")).to_have_count(1)


def test_a_trembling_finger_presses_and_only_on_release(page: Page) -> None:
    begin(page)
    box = page.locator(".tile[data-section=metiers]").bounding_box()
    assert box
    page.mouse.move(box["x"] + 50, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 90, box["y"] + 20, steps=5)
    expect(page.locator(".tile[data-pressed]")).to_have_count(1)
    expect(page.locator(".home")).to_have_count(1)
    page.mouse.up()
    expect(page.locator("#query")).to_have_count(1)


def test_a_double_strike_is_one_press(page: Page) -> None:
    begin(page)
    section(page, "metiers")
    page.locator("#query").fill("soud")
    bookmark = page.locator(".hit .ibtn").first
    bookmark.dispatch_event("pointerdown")  # nothing but a real touch presses
    bookmark.dblclick()
    expect(page.locator(".dock .count")).to_have_text("1")
    page.wait_for_timeout(450)
    bookmark.tap()
    expect(page.locator(".dock .count")).to_have_count(0)


def test_slow_touch_ignores_a_brush(page: Page) -> None:
    begin(page)
    tap(page, "Accessibilité")
    tap(page, "Toucher lent")
    page.locator(".dialog .lamp").click(delay=300)
    expect(page.locator(".dialog")).to_have_count(0)
    page.locator(".tile[data-section=metiers]").click(delay=20)
    page.wait_for_timeout(200)
    expect(page.locator(".home")).to_have_count(1)
    page.locator(".tile[data-section=metiers]").click(delay=300)
    expect(page.locator("#query")).to_have_count(1)


# ---- words, weight, network ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["", "Français simple", "English"])
def test_no_screen_shows_a_key_instead_of_words(settled: Callable[..., Page], language: str) -> None:
    page = settled("landscape")
    if language:
        tap(page, language)
    raw = re.compile(r"\b[a-z]+\.[a-z]+(\.[a-z_]+)*\b|\{\w+\}|undefined|\[object")
    shown = {name: found for name in every_screen(page) if (found := raw.findall(page.inner_text("#app")))}
    assert shown == {}


def test_every_word_asked_for_is_in_the_pack() -> None:
    from tests.integration.kiosk.small_release import words

    known = words()
    asked: set[str] = set()
    counted: set[str] = set()
    for source in (ROOT / "kiosk_ui" / "src").rglob("*.ts*"):
        code = source.read_text()
        asked |= set(re.findall(r'(?<![\w.])t\("([^"]+)"', code))
        asked |= {key for pair in re.findall(r'(?<![\w.])t\([^"()`]*\? "([^"]+)" : "([^"]+)"', code) for key in pair}
        counted |= set(re.findall(r'(?<![\w.])tn\("([^"]+)"', code))
    asked |= {f"{key}.{form}" for key in counted for form in ("one", "other")}
    assert len(asked) > 100
    assert sorted(key for key in asked if key not in known) == []
    assert sorted(key for key, text in known.items() if not text.get("en")) == []


def test_the_first_load_is_light(ui: Path, page: Page, agent: SimulatedAgent) -> None:
    loaded: list[str] = page.evaluate(
        """performance.getEntriesByType('resource').map(one => new URL(one.name).pathname)
            .filter(path => /[.](js|css)$/.test(path))"""
    )
    weight = sum(len(gzip.compress((ui / path.lstrip("/")).read_bytes())) for path in set(loaded))
    assert loaded
    assert weight <= FIRST_LOAD
    lazy = [file.name for file in (ui / "assets").glob("*.js") if f"/assets/{file.name}" not in loaded]
    assert any(name.startswith("keyboard") for name in lazy)
    assert any(name.startswith("seal") for name in lazy)


def test_a_whole_visit_asks_nobody_but_the_agent(open_page: Callable[..., Page], agent: SimulatedAgent) -> None:
    page = open_page()
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.locator(".start").wait_for()
    for _ in every_screen(page):
        pass
    assert len(asked) > 5
    assert [url for url in asked if not url.startswith(f"{agent.origin}/")] == []
    assert complaints == []
    assert agent.strangers == []
    assert "ui.failed" not in agent.kinds()
    assert json.dumps(agent.events).count("http") == 0
