"""A whole visit, by touch and by keyboard; what it tells, and what it leaves behind."""

import base64
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from playwright.sync_api import Page, expect

from tests.integration.kiosk.simulated_agent import SimulatedAgent, sealing
from tests.integration.kiosk.small_release import words
from tests.integration.kiosk.walk import AGAIN_MS, answer_contact, begin, go_on, home, section, tap
from wire.events import usage_events
from wire.request import ContactForm, SealedRequest, binding

STAMP = {
    "id": "0b0c1d2e-3f40-7a5b-8c6d-7e8f90a1b2c3",
    "at": "2026-11-24T10:00:00Z",
    "mono_ms": 1,
    "boot": "0b0c1d2e-3f40-4a5b-8c6d-7e8f90a1b2c3",
    "trusted": True,
    "software": "test",
}


def told(agent: SimulatedAgent, page: Page, kind: str, times: int = 1) -> None:
    """Waits until the agent was told this."""
    for _ in range(100):
        if agent.kinds().count(kind) >= times:
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"{kind} was not told {times} times: {agent.kinds()}")


def opened(sealed: dict[str, Any], key: X25519PrivateKey) -> ContactForm:
    """What the server reads."""
    raw = {name: base64.urlsafe_b64decode(sealed[name] + "==") for name in ("enc", "ciphertext")}
    suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_128_GCM)
    info = binding("laval-01", 1, sealed["consent"], sealed["id"])
    clear = suite.decrypt(raw["enc"] + raw["ciphertext"], key, info=info)
    return ContactForm.model_validate_json(clear)


def type_on_keys(page: Page, text: str) -> None:
    for letter in text:
        page.locator(f'.kbd [data-skbtn="{letter}"]').tap()
        page.wait_for_timeout(130)


def test_a_visit_by_touch_is_told_in_order(page: Page, agent: SimulatedAgent) -> None:
    begin(page)
    section(page, "metiers")
    page.locator(".kbd [data-skbtn]").first.wait_for()
    type_on_keys(page, "elec")
    tap(page, "Voir le métier")
    page.locator(".hit .x").first.tap()
    expect(page.get_by_role("heading", level=1)).to_have_text("Électricien / Électricienne")
    tap(page, "Garder")
    tap(page, "Qui peut m’aider")
    expect(page.locator(".hit .b")).to_have_text(
        ["Antenne fictive de Laval", "Maison fictive de Bonchamp", "Conseil régional fictif"]
    )
    page.locator(".hit .x").first.tap()
    expect(page.locator(".src")).to_contain_text("organisme fictif. Vérifié le 3 novembre 2026.")
    tap(page, "Me faire rappeler")
    answer_contact(page)
    page.locator(".cons").tap()
    go_on(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("C’est noté.")
    tap(page, "J’ai fini, effacer")
    tap(page, "Oui, tout effacer")
    told(agent, page, "attract.started", 2)
    visit = agent.events[: agent.kinds().index("session.ended") + 1]
    assert [(one["kind"], one.get("page", one.get("step"))) for one in visit] == [
        ("attract.started", None),
        ("attract.ended", None),
        ("session.started", None),
        ("page.viewed", "home"),
        ("page.left", "home"),
        ("page.viewed", "metiers"),
        ("page.left", "metiers"),
        ("page.viewed", "metiers/f1602"),
        ("page.left", "metiers/f1602"),
        ("page.viewed", "acteurs"),
        ("page.left", "acteurs"),
        ("page.viewed", "acteurs/antenne"),
        ("contact.started", None),
        ("page.left", "acteurs/antenne"),
        ("page.viewed", "rappel/reach"),
        ("contact.step.done", "reach"),
        ("page.left", "rappel/reach"),
        ("page.viewed", "rappel/when"),
        ("contact.step.done", "when"),
        ("page.left", "rappel/when"),
        ("page.viewed", "rappel/consent"),
        ("contact.step.done", "consent"),
        ("contact.submitted", None),
        ("page.left", "rappel/consent"),
        ("page.viewed", "rappel/receipt"),
        ("page.left", "rappel/receipt"),
        ("session.ended", None),
    ]
    ended = visit[-1]
    assert ended["reason"] == "user_exit"
    assert ended["interactions"] >= 15
    assert 0 < ended["active_ms"] <= ended["dwell_ms"]
    assert [one["n"] for one in visit[2:]] == list(range(1, len(visit) - 1))
    assert len({one["session"] for one in visit[2:]}) == 1


def test_what_is_told_is_what_the_contract_says(page: Page, agent: SimulatedAgent) -> None:
    begin(page)
    tap(page, "Accessibilité")
    tap(page, "Contraste fort")
    tap(page, "C’est bon")
    tap(page, "Français", exact=False)
    page.locator(".dialog").get_by_role("button", name="English").tap()
    tap(page, "I need help")
    told(agent, page, "help.requested")
    for event in agent.events:
        said = {name: value for name, value in event.items() if name != "ago_ms"}
        parsed = usage_events.validate_python(said | STAMP)
        assert set(said) <= set(type(parsed).model_fields), "a field the contract does not know"
    assert agent.events[-1]["language"] == "en"
    assert agent.events[-1]["accessibility"] == ["contrast"]


def test_one_key_closes_the_keyboard_of_the_occupations_and_says_what_is_seen_then(page: Page) -> None:
    begin(page)
    section(page, "metiers")
    page.locator(".kbd [data-skbtn]").first.wait_for()
    others = page.locator(".kbd .last button:not(.go)")
    expect(others).to_have_text(["Tout effacer", "Espace"])
    expect(page.locator(".kbd .last .go")).to_have_text("Fermer le clavier")
    page.locator(".kbd .last .go").tap()
    expect(page.locator(".kbd")).to_have_count(0)


def test_a_visit_by_keyboard_reaches_the_end(page: Page, agent: SimulatedAgent, server_key: X25519PrivateKey) -> None:
    def press_on(selector: str) -> None:
        """Tabs until the element has the focus, then presses Enter, as a switch or a keypad would."""
        for _ in range(90):
            page.keyboard.press("Tab")
            if page.evaluate("s => document.activeElement?.matches(s) ?? false", selector):
                break
        else:
            raise AssertionError(f"{selector} is out of reach of the Tab key")
        focused = "document.activeElement.closest('.input') ?? document.activeElement"
        ring = page.evaluate(f"getComputedStyle({focused}).boxShadow")
        assert ring != "none", f"{selector} shows no focus"
        page.wait_for_timeout(AGAIN_MS)
        page.keyboard.press("Enter")

    press_on(".start")
    page.locator(".home").wait_for()
    press_on(".tile[data-section=metiers]")
    page.locator(".kbd [data-skbtn]").first.wait_for()
    for letter in "soud":
        press_on(f"[data-skbtn={letter}]")
    press_on(".go")
    press_on(".hit .x")
    page.locator(".sh").wait_for()
    press_on(".sh .lamp")
    page.locator("#name").wait_for()
    for letter in "yan":
        press_on(f"[data-skbtn={letter}]")
    press_on("#phone")
    for digit in "0639980123":
        press_on(f'[data-skbtn="{digit}"]')
    press_on(".go")
    press_on(".choices .btn")
    press_on(".foot .lamp")
    press_on(".cons")
    press_on(".foot .lamp")
    page.locator(".rc").wait_for()
    press_on(".end")
    press_on(".er .lamp")
    told(agent, page, "session.ended")
    assert opened(agent.requests[0], server_key).phone == "0639980123"
    assert opened(agent.requests[0], server_key).name == "yan"


def test_a_request_is_sealed_in_the_page_and_read_by_the_server(
    page: Page, agent: SimulatedAgent, server_key: X25519PrivateKey
) -> None:
    begin(page)
    section(page, "rappel")
    answer_contact(page, name="Canari Jaune")
    page.locator(".cons").tap()
    go_on(page)
    page.locator(".rc").wait_for()
    sealed = agent.requests[0]
    SealedRequest.model_validate(sealed | {"terminal": "laval-01", "generation": 1, "day": "2026-11-24", "hour": 11})
    form = opened(sealed, server_key)
    assert (form.name, form.phone, form.channel) == ("Canari Jaune", "0639980123", "phone")
    assert (form.topic, form.when, form.origin) == ("metier", ("morning",), "home")
    assert "Canari" not in json.dumps(agent.requests + agent.events + agent.beats)
    assert not set(sealed) & {"name", "phone", "email"}


def test_nothing_leaves_without_consent(page: Page, agent: SimulatedAgent) -> None:
    begin(page)
    section(page, "rappel")
    answer_contact(page)
    expect(page.locator(".cons")).to_have_attribute("aria-checked", "false")
    go_on(page)
    expect(page.locator(".err")).to_contain_text("Touchez la case")
    assert agent.requests == []


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (429, {"error": "too_many", "phone": "0241000000"}, "Trop de demandes"),
        (507, {"error": "full", "phone": "0241000000"}, "plus de place"),
        (500, {"error": "broken"}, "n’a pas pu garder"),
    ],
)
def test_a_refused_request_says_so_and_whom_to_call(
    page: Page, agent: SimulatedAgent, status: int, body: dict[str, Any], said: str
) -> None:
    agent.answer_request = (status, body)
    begin(page)
    section(page, "rappel")
    answer_contact(page)
    page.locator(".cons").tap()
    go_on(page)
    expect(page.locator(".rc")).to_contain_text("n’est pas partie")
    expect(page.locator(".rc")).to_contain_text(said)
    expect(page.locator(".number")).to_have_text(re.compile("02.41.00.00.00" if "phone" in body else "02.40.99.00.00"))
    assert "contact.submitted" not in agent.kinds()


def test_offline_the_receipt_is_honest(page: Page, agent: SimulatedAgent) -> None:
    agent.answer_request = (201, {"online": False, "number": "0240990000", "promised_by": "2026-12-01"})
    begin(page)
    section(page, "rappel")
    answer_contact(page)
    page.locator(".cons").tap()
    go_on(page)
    expect(page.locator(".rc")).to_contain_text("partira au retour du réseau")
    expect(page.locator(".rc")).to_contain_text(re.compile("1er décembre 2026, appelez le 02.40.99.00.00"))


def test_a_form_is_sealed_again_when_the_key_has_changed(page: Page, agent: SimulatedAgent) -> None:
    fresh = X25519PrivateKey.generate()
    answer = agent.answer

    def changing(path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any] | None]:
        if path == "/api/v1/requests" and body["kid"] != "2026-b":
            agent.show(sealing=sealing(fresh, "2026-b"))
            return 409, {"error": "key_changed", "message": ""}
        return answer(path, body)

    agent.answer = changing  # type: ignore[method-assign]
    begin(page)
    section(page, "rappel")
    answer_contact(page)
    page.locator(".cons").tap()
    go_on(page)
    page.locator(".rc").wait_for()
    assert opened(agent.requests[0], fresh).name == "Yannick"


@pytest.mark.parametrize("language", ["Français simple", "English"])
def test_a_visit_speaks_the_language_chosen_on_the_attract_screen(
    page: Page, agent: SimulatedAgent, language: str
) -> None:
    code = {"Français simple": "fr-simple", "English": "en"}[language]
    tap(page, language)
    begin(page)
    told(agent, page, "page.viewed")
    assert agent.events[-1]["language"] == code
    assert ("language.changed", code) in [(one["kind"], one.get("to")) for one in agent.events]
    expect(page.locator("html")).to_have_attribute("lang", "en" if code == "en" else "fr")
    expect(page.locator(".dock .end")).to_have_text(words()["dock.end"].get(code, words()["dock.end"]["fr"]))


def test_the_trail_leads_back_and_the_search_is_still_there(page: Page) -> None:
    begin(page)
    section(page, "metiers")
    page.locator("#query").fill("chef")
    page.locator(".go").tap()
    page.locator(".hit .x").first.tap()
    tap(page, "Résultats")
    expect(page.locator("#query")).to_have_value("chef")
    home(page)
    expect(page.locator(".tile")).to_have_count(3)


def test_only_sections_the_release_holds_are_on_the_board(page: Page) -> None:
    begin(page)
    expect(page.locator(".tile .t")).to_have_text(["Métiers", "Qui peut m’aider", "Me faire rappeler"])


def test_a_listless_kiosk_makes_no_visit(open_page: Callable[..., Page], agent: SimulatedAgent) -> None:
    agent.show(release=None, mode="waiting", progress=0.42)
    page = open_page()
    expect(page.locator("main")).to_contain_text("La borne se prépare")
    expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "42")
    page.locator("main").tap()
    page.wait_for_timeout(300)
    assert agent.events == []
