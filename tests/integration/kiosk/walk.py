"""The way through every screen of a visit, as fingers go."""

from collections.abc import Iterator

from playwright.sync_api import Page

AGAIN_MS = 450
"""A second press of the same key sooner than this is the same press."""


def tap(page: Page, name: str, *, exact: bool = False) -> None:
    """Touches the key that bears this name."""
    page.get_by_role("button", name=name, exact=exact).first.tap()


def begin(page: Page) -> None:
    page.locator(".start").tap()
    page.locator(".home").wait_for()


def enlarge(page: Page, zoom: int) -> None:
    """From the attract screen."""
    for _ in range({100: 0, 150: 1, 200: 2}[zoom]):
        page.locator(".at .dock .btn").first.tap()
        page.wait_for_timeout(AGAIN_MS)


def home(page: Page) -> None:
    page.locator(".dock .btn").first.tap()
    page.locator(".home").wait_for()


def section(page: Page, name: str) -> None:
    page.locator(f".tile[data-section={name}]").tap()


def go_on(page: Page) -> None:
    """The amber key of a contact step, on the keyboard or under the questions."""
    page.wait_for_timeout(AGAIN_MS)
    page.locator(".hg-button.go, .foot .lamp").tap()


def answer_contact(page: Page, name: str = "Yannick", phone: str = "0639980123") -> None:
    """From the first question to the consent, whether the questions come together or one by one."""
    page.locator("#name").fill(name)
    if not page.locator("#phone").count():
        go_on(page)
        page.locator(".choices").wait_for()
        go_on(page)
    page.locator("#phone").fill(phone)
    go_on(page)
    page.locator(".choices[data-name=topic]").wait_for()
    page.locator(".choices .btn").first.tap()
    if not page.locator(".choices[data-name=times]").count():
        go_on(page)
        page.locator(".choices[data-name=times]").wait_for()
    page.locator(".choices[data-name=times] .btn").first.tap()
    go_on(page)
    page.locator(".cons").wait_for()


def every_screen(page: Page) -> Iterator[str]:
    """Stops at each screen and each sheet, from the attract screen on; the name says which."""
    yield "attract"
    begin(page)
    yield "home"
    section(page, "metiers")
    page.locator(".kbd [data-skbtn]").first.wait_for()
    yield "metiers"
    page.locator("#query").fill("soud")
    page.locator(".hit").first.wait_for()
    yield "metiers typed"
    page.locator(".go").tap()
    page.locator(".kbd").wait_for(state="detached")
    yield "metiers results"
    page.locator(".hit .ibtn").first.tap()
    page.locator(".hit .x").first.tap()
    page.locator(".sh").wait_for()
    yield "metier"
    page.locator(".band .btn").first.tap()
    page.locator(".searching .btn").first.tap()
    page.locator(".shelf").first.wait_for()
    yield "domaines"
    page.locator(".shelf").last.tap()
    page.locator(".hit").first.wait_for()
    yield "domaine"
    home(page)
    section(page, "acteurs")
    page.locator(".hit").first.wait_for()
    yield "acteurs"
    page.locator(".headline .btn").tap()
    page.locator("#commune").fill("la")
    page.locator(".shelf").first.wait_for()
    page.locator(".kbd [data-skbtn]").first.wait_for()
    yield "commune"
    page.locator(".go").tap()
    page.locator(".hit .x").first.tap()
    page.locator(".sh").wait_for()
    yield "acteur"
    home(page)
    section(page, "rappel")
    page.locator("#name").wait_for()
    page.locator(".kbd [data-skbtn]").first.wait_for()
    yield "rappel reach"
    page.wait_for_timeout(AGAIN_MS)
    page.locator(".go").tap()
    page.locator(".err").first.wait_for()
    yield "rappel errors"
    answer_contact(page)
    yield "rappel consent"
    page.locator(".cons").tap()
    go_on(page)
    page.locator(".rc").wait_for()
    yield "rappel receipt"
    page.locator(".dock .btn").nth(1).tap()
    page.locator(".my").wait_for()
    yield "selection"
    page.locator(".dock .btn").nth(1).tap()
    page.locator(".help").wait_for()
    yield "help"
    page.locator(".dialog .lamp").tap()
    page.locator(".band .btn").nth(1).tap()
    page.locator(".options").wait_for()
    yield "options"
    page.locator(".dialog .lamp").tap()
    page.locator(".band .btn").nth(2).tap()
    page.locator(".options").wait_for()
    yield "languages"
    page.locator(".dialog [data-first]").tap()
    page.locator(".dock .end").tap()
    page.locator(".er").wait_for()
    yield "erase"
