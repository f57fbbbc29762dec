"""What the page tells twice, because an answer was lost, is counted once, also by another run of the agent."""

from tests.fleet import Fleet, Kiosk, eventually
from wire.ids import uuid7


def tell(kiosk: Kiosk, *events: dict[str, object]) -> None:
    with kiosk.client() as client:
        common = {"session": None, "language": "fr", "accessibility": [], "ago_ms": 0}
        told = [common | {"n": n} | event for n, event in enumerate(events, 1)]
        assert client.post("/api/v1/events", json={"events": told}).status_code == 204


def test_an_event_outside_of_a_visit_that_is_told_twice_is_counted_once(tmp_path):
    with Fleet(tmp_path) as fleet:
        laval = fleet.add("Laval").start()
        started = {"kind": "attract.started", "id": uuid7(1, 1)}
        tell(laval, started)
        tell(laval, started, {"kind": "attract.ended", "id": uuid7(2, 2), "dwell_ms": 900})
        laval.kill()
        laval.start()
        tell(laval, started, {"kind": "attract.started", "id": uuid7(3, 3)})
        eventually(lambda: fleet.rows("SELECT 1 FROM usage_event WHERE id = ?", uuid7(3, 3)), what="the last has come")
        kinds = fleet.rows("SELECT kind FROM usage_event ORDER BY id")
        assert kinds == [("attract.started",), ("attract.ended",), ("attract.started",)]
