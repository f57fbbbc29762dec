"""An operator's wish reaches the page, a new edition reaches seven terminals but no visit, a bad one goes back."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime

from playwright.sync_api import Playwright

from fleet_server.contents.build import Built, build
from fleet_server.contents.pack import read_pack
from tests.back_office import post
from tests.display import Display
from tests.e2e.real_window import open_window
from tests.fleet import PACK, Fleet, Kiosk, eventually
from wire.release import Manifest

VISIT = "33333333-3333-4333-8333-333333333333"


def begin_a_visit(kiosk: Kiosk) -> None:
    event = {"kind": "session.started", "session": VISIT, "n": 1, "language": "fr", "accessibility": [], "ago_ms": 0}
    with kiosk.client() as client:
        wanted = {"events": [event | {"idle_warning_s": 60, "idle_end_s": 90}]}
        assert client.post("/api/v1/events", json=wanted).status_code == 204


def end_the_visit(kiosk: Kiosk) -> None:
    event = {"kind": "session.ended", "session": VISIT, "n": 2, "language": "fr", "accessibility": [], "ago_ms": 0}
    with kiosk.client() as client:
        ended = event | {"reason": "user_exit", "interactions": 3, "active_ms": 9000, "dwell_ms": 9000}
        assert client.post("/api/v1/events", json={"events": [ended]}).status_code == 204


def beat(kiosk: Kiosk, in_visit: bool, failed: str = "") -> None:
    """What a page that paints says every two seconds."""
    shown = (kiosk.screen().get("release") or {}).get("id")
    body = {"frames": 100, "release": shown, "screen": "home" if in_visit else "attract", "in_visit": in_visit}
    with kiosk.client() as client:
        assert client.post("/api/v1/heartbeat", json=body | {"failed": failed}).status_code == 204


def test_a_setting_changes_the_page_in_the_real_window(tmp_path, screen: Display, playwright: Playwright):
    with Fleet(tmp_path) as fleet:
        laval = fleet.add("Laval")
        fleet.publish()
        window = open_window(laval, screen, playwright)
        window.tap(".start")
        window.see(".home")
        assert window.find(".home .welcome").count() == 0
        before = screen.picture(tmp_path / "before.png")

        operator = fleet.signed_in("yanis")
        page = f"/bornes/{laval.terminal}/reglages"
        assert post(operator, page, welcome_fr="Bonjour de Laval", revision="0").status_code == 303
        assert window.see(".home .welcome").inner_text() == "Bonjour de Laval"
        # What a person sees: the bar beside the words is drawn where nothing was.
        at = window.find(".home .welcome").bounding_box()
        assert at
        x, y = round(at["x"] + 3), round(at["y"] + at["height"] / 2)
        was = screen.pixel_of(before, x, y)
        eventually(lambda: screen.pixel(x, y) != was, what="it is on the screen")
        eventually(lambda: (reported(fleet, laval).get("settings") or {}).get("welcome") == {"fr": "Bonjour de Laval"})


def spoilt() -> Built:
    """An edition that no page can read: its index is of a format to come. Signed and whole all the same."""
    good = build(read_pack(PACK), "2026.50", datetime.now(UTC))
    index = next(file for file in good.manifest.files if file.path == "index.json")
    body = json.dumps(json.loads(good.files[index.sha256]) | {"format": 99}).encode()
    bad = index.model_copy(update={"sha256": hashlib.sha256(body).hexdigest(), "size": len(body)})
    files = tuple(bad if file.path == "index.json" else file for file in good.manifest.files)
    manifest: Manifest = good.manifest.model_copy(update={"files": files})
    return replace(good, manifest=manifest, raw=manifest.model_dump_json().encode(),
                   files={**good.files, bad.sha256: body})  # fmt: skip


def reported(fleet: Fleet, kiosk: Kiosk) -> dict:
    found = fleet.rows("SELECT report FROM terminal_live WHERE terminal = ?", kiosk.terminal)
    return json.loads(found[0][0]) if found and found[0][0] else {}


def test_a_wish_reaches_the_page_and_editions_reach_seven_terminals_but_no_visit(tmp_path):
    with Fleet(tmp_path) as fleet:
        kiosks = fleet.add_seven()
        fleet.publish()
        for kiosk in kiosks:
            kiosk.start()
        for kiosk in kiosks:
            kiosk.shows("2026.48")
        laval, busy = kiosks[0], kiosks[1]

        operator = fleet.signed_in("yanis")
        page = f"/bornes/{laval.terminal}/reglages"
        assert post(operator, page, welcome_fr="Bonjour de Laval", revision="0").status_code == 303
        eventually(lambda: laval.screen()["settings"]["welcome"].get("fr") == "Bonjour de Laval")
        eventually(lambda: (reported(fleet, laval).get("settings") or {}).get("welcome") == {"fr": "Bonjour de Laval"})
        assert "Bonjour de Laval" in operator.get(f"/bornes/{laval.terminal}").text

        begin_a_visit(busy)
        beat(busy, in_visit=True)
        fleet.publish(label="2026.49")
        for kiosk in kiosks:
            if kiosk is not busy:
                kiosk.shows("2026.49")
        beat(busy, in_visit=True)
        eventually(lambda: reported(fleet, busy)["content"]["phase"] == "waiting", what="it waits for the visit's end")
        assert busy.release() == "2026.48"
        end_the_visit(busy)
        beat(busy, in_visit=False)

        def shown_and_painted() -> bool:
            beat(busy, in_visit=False)
            return busy.release() == "2026.49"

        eventually(shown_and_painted, 120, what="the edition arrives after the visit")

        fleet.publish(spoilt())
        eventually(lambda: reported(fleet, laval)["content"]["phase"] in ("failed", "rolled_back"), 120)
        assert laval.release() == "2026.49"
        content = reported(fleet, laval)["content"]
        assert content["target"]["label"] == "2026.50"
        assert "format" in content["reason"]
        assert "2026.50" in operator.get(f"/bornes/{laval.terminal}").text
