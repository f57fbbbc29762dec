"""The outbox is killed before and after each of its statements, and its power cut at any length of its journal.

Each time the disk is taken as it is, opened again, and everything that had been promised must reach the server once.
"""

import shutil
from dataclasses import dataclass

import pytest
from agent_neighbours import SimulatedServer, apply, page, receipt, send, settle, stamp

from agent.outbox import Outbox
from wire.batch import Refused

CAP = 9_000


@dataclass
class Image:
    """A disk at one moment, what had been promised by then, what was being asked, and the server as it was."""

    directory: object
    promised: set[str]
    asked: set[str]
    server: SimulatedServer
    synced: int


class Disk:
    """An outbox whose every statement leaves an image of its files."""

    def __init__(self, directory):
        self.directory = directory
        self.live = directory / "live"
        self.live.mkdir()
        self.server = SimulatedServer()
        self.outbox = Outbox(self.live / "outbox.db", stamp, CAP)
        self.promised: set[str] = set()
        self.asked: set[str] = set()
        self.images: list[Image] = []
        self.synced = self.journal()
        self.outbox._spool._db.set_trace_callback(lambda _: self.take())

    def journal(self):
        return (self.live / "outbox.db-wal").stat().st_size

    def take(self):
        target = self.directory / f"{len(self.images):04d}"
        target.mkdir()
        for name in ("outbox.db", "outbox.db-wal"):
            shutil.copy(self.live / name, target / name)
        self.images.append(Image(target, set(self.promised), set(self.asked), self.server.backup(), self.synced))

    def tell(self, *told):
        self.asked = {event.id for event in told}
        self.outbox.enqueue(*told)
        self.promised |= self.asked
        self.asked = set()
        self.synced = self.journal()
        self.take()

    def exchange(self, answered=True):
        going = send(self.outbox)
        if going is None:
            return
        batch, payload = going
        self.take()
        answer = self.server.receive(payload)
        self.take()
        if answered:
            apply(self.outbox, batch, answer)
            if isinstance(answer, Refused):
                self.synced = self.journal()
            self.take()


def a_busy_week(disk):
    disk.tell(page(), receipt())
    disk.exchange(answered=False)
    disk.tell(*(page() for _ in range(4)))
    disk.exchange()
    disk.exchange()
    for _ in range(3):
        disk.tell(*(page() for _ in range(15)))  # past the cap: acknowledged ones go, then measurements are dropped
    disk.exchange()
    poisoned = receipt()
    disk.server.poison = {poisoned.id}
    disk.tell(poisoned, receipt())
    for _ in range(6):
        disk.exchange()
    assert disk.server.dropped() > 0
    disk.tell(page())
    disk.outbox.reset()
    disk.synced = disk.journal()
    disk.tell(page())
    disk.outbox.close()
    return disk.images


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return a_busy_week(Disk(tmp_path_factory.mktemp("crash")))


def must_be_whole(directory, image):
    server = image.server.backup()
    outbox = Outbox(directory / "outbox.db", stamp, CAP)
    last = receipt()
    outbox.enqueue(last)
    settle(outbox, server)
    outbox.close()
    kinds = [event["kind"] for event in server.events.values()]
    assert "outbox.replaced" not in kinds
    arrived = set(server.events)
    assert last.id in arrived
    aside = kinds.count("event.set_aside")
    missing = len(image.promised - arrived) - server.dropped() - aside
    # What was being told when the power went is there as a whole or not at all; dropped ones of it are counted.
    assert missing <= 0
    assert -missing <= len(image.asked)
    assert not server.lost


def test_killed_at_any_statement_it_keeps_what_it_promised(images, tmp_path):
    assert len(images) > 150
    for number, image in enumerate(images):
        must_be_whole(shutil.copytree(image.directory, tmp_path / str(number)), image)


def test_with_the_power_cut_at_any_length_of_the_journal_it_keeps_what_it_promised(images, tmp_path):
    cuts = 0
    for number, image in enumerate(images):
        journal = (image.directory / "outbox.db-wal").read_bytes()
        for length in range(image.synced, len(journal), 1536):
            cut = tmp_path / f"{number}-{length}"
            cut.mkdir()
            shutil.copy(image.directory / "outbox.db", cut)
            (cut / "outbox.db-wal").write_bytes(journal[:length])
            must_be_whole(cut, image)
            cuts += 1
    assert cuts > 100


def test_a_told_group_is_kept_whole_or_not_at_all(images, tmp_path):
    groups = 0
    for number, image in enumerate(images):
        if len(image.asked) < 2:
            continue
        disk = shutil.copytree(image.directory, tmp_path / str(number))
        outbox = Outbox(disk / "outbox.db", stamp, 2**30)
        rows = outbox._spool._db.execute("SELECT id, kind FROM event").fetchall()
        outbox.close()
        if not any(kind == "dropped" for _, kind in rows):
            assert len(image.asked & {identifier for identifier, _ in rows}) in (0, len(image.asked))
            groups += 1
    assert groups > 5
