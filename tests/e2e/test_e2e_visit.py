"""The visitor's thread, from a finger on the real window to the people who read: counted without being known."""

import pytest
from playwright.sync_api import Page, Playwright, expect

from tests.display import Display
from tests.e2e.conftest import SignIn
from tests.e2e.real_window import RealWindow, open_window
from tests.e2e.traces import Sniffer, traces
from tests.fleet import Fleet, eventually

NAME, PHONE = "zélie-rosalba", "0639980147"
# However a program may write them: as typed, as read aloud on screen, as the standard for numbers has it.
NEEDLES = [NAME, NAME.removeprefix("zé"), PHONE, "06 39 98 01 47", "06\u00a039\u00a098\u00a001\u00a047", PHONE[1:]]
NEXT = ".hg-button.go, .foot .lamp"


def look_up_occupations(window: RealWindow) -> None:
    window.tap(".start")
    window.see(".home")
    assert window.looks_alive()
    window.tap(".tile[data-section=metiers]")
    window.type("plombier")
    window.see(".hit")
    window.tap(".dock .btn")
    window.see(".home")


def ask_to_be_called(window: RealWindow) -> None:
    window.tap(".tile[data-section=rappel]")
    window.tap("#name")
    window.type(NAME)
    expect(window.find("#name")).to_have_value(NAME)
    window.tap(NEXT)
    window.see(".choices")
    window.tap(NEXT)
    window.tap("#phone")
    window.type(PHONE)
    window.tap(NEXT)
    window.tap(".choices[data-name=topic] .btn")
    window.tap(NEXT)
    window.tap(".choices[data-name=times] .btn")
    window.tap(NEXT)
    window.tap(".cons")
    window.tap(NEXT)
    window.see(".rc")
    assert window.looks_alive()


def leave(window: RealWindow) -> None:
    window.tap(".dock .end")
    window.tap(".dialog .lamp, .er .lamp")
    window.see(".start")


def figures_of_pages(page: Page) -> dict[str, int]:
    """Fréquentation's own table: page → times seen."""
    rows = page.locator("section[aria-labelledby=titre-pages] tbody tr")
    cells = [row.locator("td").all_text_contents() for row in rows.all()]
    return {name: int(views) for name, views, *_ in cells}


@pytest.mark.parametrize("broker", ["embedded", "mosquitto"])
def test_a_visit_is_counted_and_a_request_is_read_and_found_nowhere_else(
    broker, tmp_path, screen: Display, playwright: Playwright, sign_in: SignIn
):
    with Fleet(tmp_path, broker) as fleet, Sniffer(fleet.mqtt_port) as sniffer:
        laval = fleet.add("Laval")
        fleet.publish()
        yanis = sign_in(fleet, "yanis")
        yanis.goto("/frequentation")
        expect(yanis.locator("#chiffres")).to_contain_text("Aucune visite sur cette période")

        window = open_window(laval, screen, playwright)
        look_up_occupations(window)
        ask_to_be_called(window)
        homes = window.homes()
        assert homes
        on_the_kiosk = traces(NEEDLES, [laval.state_dir, laval.log, *homes])
        leave(window)

        # Yanis has touched nothing since: the page lives.
        expect(yanis.locator("#chiffres")).to_contain_text("Laval")
        expect(yanis.locator("section[aria-labelledby=titre-pages]")).to_contain_text("Métiers")
        eventually(lambda: figures_of_pages(yanis).get("Accueil", 0) >= 2, what="the home page was seen twice")
        assert figures_of_pages(yanis)["Métiers"] == 1
        visit = eventually(lambda: whole_visit(fleet, laval.terminal), what="the visit's rows are all there")
        assert [n for n, _, _ in visit] == list(range(1, len(visit) + 1))
        assert (visit[0][1], visit[-1][1]) == ("session.started", "session.ended")
        pages = [page for _, kind, page in visit if kind == "page.viewed"]
        assert pages[:3] == ["home", "metiers", "home"]

        maelle = sign_in(fleet, "maelle")
        maelle.goto("/demandes")
        maelle.locator(".req-list .bl-row").first.click()
        read = maelle.locator("#lecture")
        expect(read).to_contain_text(NAME)
        expect(read.locator("a[href^='tel:']")).to_have_attribute("href", f"tel:{PHONE}")

        assert {"batch", "ack", "reported", "desired"} <= sniffer.channels()
        assert on_the_kiosk == []
        assert sniffer.traces(NEEDLES) == []
        # Server and broker too: database and its journal, keys' folder, logs, after it was read.
        assert traces(NEEDLES, [tmp_path]) == []
        laval.stop()
        fleet.server.stop()
        assert traces(NEEDLES, [tmp_path]) == []


def whole_visit(fleet: Fleet, terminal: str) -> list[tuple[int, str, str | None]]:
    """Its rows in the order of `n`, once its end is among them."""
    rows = fleet.rows(
        "select n, kind, page from usage_event where terminal = ? and session is not null order by n", terminal
    )
    return rows if any(kind == "session.ended" for _, kind, _ in rows) else []
