"""What terminals send of themselves: proved, bounded, kept once, and what it changes told."""

import gzip
import hashlib
import random
import re
import tracemalloc
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import Session, SQLModel, func, select

from fleet_server.db import connect, transaction
from fleet_server.inventory.keep import MOST_CHANGES, BadInventory, inventory_of, keep, unpacked
from fleet_server.inventory.models import InventoryChange, Package, PackageSet, TerminalInventory
from fleet_server.retention import forget_past
from fleet_server.terminals.models import Terminal
from tests.integration.inventory.cast import LAVAL, path_of, sends, with_hardware
from wire.inventory import MAX_INVENTORY_BYTES, MAX_PACKED_BYTES, Inventory, encode


def rows(fleet, query):
    with Session(fleet.office.context.engine) as session:
        return list(session.exec(query).all())


def test_the_server_says_what_it_holds_and_keeps_what_it_lacks(fleet):
    laval = fleet.enrolled("Laval")
    assert laval.state().inventory == ""
    digest = sends(laval)
    assert laval.state().inventory == digest
    with Session(fleet.office.context.engine) as session:
        assert inventory_of(session, session.get_one(TerminalInventory, laval.id)) == LAVAL
    assert rows(fleet, select(InventoryChange)) == []


def test_what_a_document_changes_becomes_history_once(fleet):
    laval = fleet.enrolled("Laval")
    sends(laval)
    fleet.office.clock.pass_by(timedelta(hours=6))
    grown = with_hardware(memory_bytes=7_900_000_000)
    newer = grown.model_copy(update={"packages": LAVAL.packages | {"openssl": "3.0.15"}})
    for _ in range(2):
        sends(laval, newer)
    found = {row.part: row.lines for row in rows(fleet, select(InventoryChange))}
    assert found == {
        "memory": [["", "4\u00a0Go", "8\u00a0Go"]], "package": [["openssl", "3.0.14", "3.0.15"]],
    }  # fmt: skip


def test_terminals_installed_alike_share_their_packages(fleet):
    laval, cholet = fleet.enrolled("Laval"), fleet.enrolled("Cholet")
    sends(laval)
    sends(cholet, with_hardware(memory_bytes=7_900_000_000))
    assert rows(fleet, select(func.count()).select_from(PackageSet)) == [1]
    sends(cholet, LAVAL.model_copy(update={"packages": {"bash": "5.2"}}))
    assert rows(fleet, select(func.count()).select_from(PackageSet)) == [2]
    sends(laval, LAVAL.model_copy(update={"packages": {"bash": "5.2"}}))
    fleet.office.clock.pass_by(timedelta(hours=25))
    assert forget_past(fleet.office.context)["inventory_set"] == 1, "what no terminal has any more"
    assert rows(fleet, select(Package.name).order_by(Package.name)) == ["bash", "pydantic"]


def bomb():
    return gzip.compress(b" " * (MAX_INVENTORY_BYTES + 1))


@pytest.mark.parametrize(("body", "said"), [
    (b"{}", "gzip"), (gzip.compress(encode(LAVAL))[:-9], "coupé"), (bomb(), "octets"),
    (gzip.compress(b'{"hardware": {"memory_bytes": -1}}'), "hardware.memory_bytes"), (gzip.compress(b"[]"), ""),
    (gzip.compress(b'{"packages": {"a b": "1"}}'), "packages"), (b"", "coupé"),
], ids=["not packed", "cut", "bomb", "bad value", "a list", "bad name", "empty"])  # fmt: skip
def test_what_is_no_inventory_is_refused_with_the_reason_and_changes_nothing(fleet, body, said):
    laval = fleet.enrolled("Laval")
    digest = sends(laval)
    raw = gzip.decompress(body) if said in ("hardware.memory_bytes", "packages", "") else body
    answer = laval.http("PUT", path_of(hashlib.sha256(raw).hexdigest()), body=body, content_type="application/gzip")
    assert (answer.status_code, answer.json()["error"]) == (422, "bad_inventory")
    assert said in answer.json()["message"]
    assert laval.state().inventory == digest


def test_a_small_body_that_opens_into_a_large_one_is_never_held():
    packed = gzip.compress(bytes(64_000_000), 9)
    assert len(packed) < MAX_PACKED_BYTES
    tracemalloc.start()
    with pytest.raises(BadInventory):
        unpacked(packed, "0" * 64)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * MAX_INVENTORY_BYTES


def test_the_name_is_held_to_the_content_and_the_sender_to_a_proof(fleet):
    laval, cholet = fleet.enrolled("Laval"), fleet.enrolled("Cholet")
    body = gzip.compress(encode(LAVAL))
    assert laval.http("PUT", path_of("0" * 64), body=body).json()["error"] == "bad_inventory"
    foreign = cholet.prove("PUT", path_of("0" * 64), body)
    other = laval.http("PUT", path_of("1" * 64), body=body, proof=foreign)
    assert (other.status_code, other.json()["error"]) == (401, "proof_foreign")
    large = random.Random(1).randbytes(MAX_PACKED_BYTES + 1)
    assert laval.http("PUT", path_of("0" * 64), body=large).status_code == 413
    assert rows(fleet, select(TerminalInventory)) == []


def test_a_terminal_that_sends_without_an_end_waits_and_holds_up_no_other(fleet):
    laval, cholet = fleet.enrolled("Laval"), fleet.enrolled("Cholet")
    body = b"no gzip"
    codes = [laval.http("PUT", path_of("0" * 64), body=body).status_code for _ in range(21)]
    assert codes == [422] * 20 + [429]
    late = laval.http("PUT", path_of("0" * 64), body=body)
    assert (late.json()["error"], int(late.headers["retry-after"])) == ("too_many", 3600)
    sends(cholet)
    fleet.office.clock.pass_by(timedelta(hours=1))
    sends(laval)


def test_packages_that_no_document_holds_are_said_to_be_there(fleet):
    laval = fleet.enrolled("Laval")
    sends(laval, LAVAL.model_copy(update={"packages_untold": 1234}))
    yanis = fleet.office.signed_in("yanis")
    for page in ("materiel", "paquets"):
        assert re.search(r"moins 1\s234\sde plus", yanis.get(f"/bornes/{laval.id}/{page}").text)


def test_the_history_of_one_terminal_has_an_end(fleet):
    laval = fleet.enrolled("Laval")
    sends(laval)
    now = fleet.office.clock()
    with transaction(fleet.office.context.engine) as session:
        session.add_all(
            InventoryChange(terminal=laval.id, at=now, part="memory", lines=[[str(n), "", ""]])
            for n in range(MOST_CHANGES)
        )
        keep(session, laval.id, "f" * 64, Inventory(agent="2"), now)
    kept = rows(fleet, select(InventoryChange.lines).order_by(InventoryChange.id))
    assert len(kept) == MOST_CHANGES
    assert kept[0] != [["0", "", ""]]


def test_a_retired_change_goes_with_the_other_events(fleet):
    laval = fleet.enrolled("Laval")
    at = fleet.office.clock()
    with transaction(fleet.office.context.engine) as session:
        for days in (366, 364):
            session.add(InventoryChange(terminal=laval.id, at=at - timedelta(days=days), part="memory", lines=[]))
    assert forget_past(fleet.office.context)["inventory_change"] == 1


def test_a_thousand_terminals_cost_little(tmp_path):
    """On the disk: sets are shared, so that a fleet is not a thousand times the packages of one."""
    engine = connect(f"sqlite:///{tmp_path / 'fleet.db'}")
    SQLModel.metadata.create_all(engine)
    packages = {f"package-{n}": "1.0-1" for n in range(1_500)}
    now = datetime(2026, 11, 24, tzinfo=UTC)
    with transaction(engine) as session:
        session.add_all(Terminal(id=f"b-{n}", name=f"Borne {n}", created_at=now) for n in range(1_000))
    for start in range(0, 1_000, 250):
        with transaction(engine) as session:
            for n in range(start, start + 250):
                keep(session, f"b-{n}", f"{n:064x}", LAVAL.model_copy(update={"packages": packages}), now)
    assert (tmp_path / "fleet.db").stat().st_size < 4_000_000
