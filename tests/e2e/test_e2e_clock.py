"""Three months off, the clock at 2000: the terminal comes back by itself, and says what it had to say once."""

from pathlib import Path

from tests.fleet import Fleet, Kiosk, eventually

FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
LOST = {"LD_PRELOAD": str(FAKETIME), "FAKETIME": "@2000-01-01 00:00:00", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def tell_a_visit(kiosk: Kiosk, session: str) -> None:
    common = {"session": session, "language": "fr", "accessibility": [], "ago_ms": 0}
    started = {"kind": "session.started", "n": 1, "idle_warning_s": 60, "idle_end_s": 90} | common
    viewed = {"kind": "page.viewed", "n": 2, "page": "home"} | common
    with kiosk.client() as client:
        assert client.post("/api/v1/events", json={"events": [started, viewed]}).status_code == 204


def test_a_terminal_back_after_three_months_with_its_clock_at_2000_finds_the_time_and_sends_all(tmp_path):
    with Fleet(tmp_path) as fleet:
        laval = fleet.add("Laval")
        fleet.publish()
        laval.start().shows("2026.48")
        laval.stop()
        assert fleet.server
        fleet.server.stop()
        laval.start(env=LOST)
        tell_a_visit(laval, "11111111-1111-4111-8111-111111111111")
        assert laval.screen()["clock_trusted"] is False
        assert '"timestamp": "2000-01-01' in laval.log.read_text(), "the clock was not set back"
        fleet.start_server()
        eventually(lambda: laval.screen().get("clock_trusted"), 120, what="the terminal learns the time")
        eventually(lambda: fleet.rows("SELECT count(*) FROM usage_event WHERE kind = 'page.viewed'")[0][0], 120)
        tell_a_visit(laval, "22222222-2222-4222-8222-222222222222")
        eventually(lambda: fleet.rows("SELECT count(*) FROM usage_event WHERE kind = 'page.viewed'")[0][0] == 2, 120)
        told = fleet.rows("SELECT session, kind, trusted, day FROM usage_event WHERE session LIKE '22222222%'")
        assert all(trusted and day > 20260000 for _, _, trusted, day in told)
        assert fleet.rows("SELECT count(*) FROM ingest_loss") == [(0,)]
