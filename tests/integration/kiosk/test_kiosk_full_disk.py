"""A kiosk whose disk is full: what the person who asks to be called back is told, on the real agent's real page."""

import contextlib
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.fleet import Fleet, Kiosk
from tests.integration.kiosk.walk import answer_contact, begin, go_on, section


@pytest.fixture
def laval(tmp_path: Path):
    """A terminal with the real pack, on a file system small enough to fill (contents leave 256 MiB of it free)."""
    with Fleet(tmp_path) as fleet:
        laval = fleet.add("Laval")
        label = fleet.publish()
        yield laval.start(disk="300m", request_bytes=2**18).shows(label)


def fill(disk: Path) -> Path:
    """Not a byte is left, nor of what is reserved for requests."""
    os.truncate(disk / "requests.db.reserve", 0)
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (2**20, 4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"\0" * size)
    assert shutil.disk_usage(disk).free == 0
    return filler


def waiting(laval: Kiosk, copies: Path) -> int:
    """How many requests are on the disk, from a copy that is whole."""
    copies.mkdir()
    for file in laval.state_dir.glob("requests.db*"):
        if "reserve" not in file.name:
            shutil.copy(file, copies)
    with closing(sqlite3.connect(copies / "requests.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return int(db.execute("SELECT count(*) FROM request").fetchone()[0])


def ask(page: Page) -> None:
    section(page, "rappel")
    answer_contact(page, "Zinzolin")
    page.locator(".cons").tap()
    go_on(page)


def test_a_full_disk_is_told_to_the_person_with_whom_to_ask_and_nothing_half_written_remains(
    laval: Kiosk, browser: Browser, ui: Path, tmp_path: Path
) -> None:
    page = browser.new_page(viewport={"width": 1920, "height": 1080}, has_touch=True)
    page.goto(laval.url)
    begin(page)
    filler = fill(laval.state_dir)
    ask(page)
    said = page.locator(".rc")
    expect(said).to_contain_text("n’est pas partie", timeout=30_000)
    expect(said).to_contain_text("plus de place")
    expect(said).to_contain_text("Demandez à l’accueil")  # the place has given no telephone number
    assert waiting(laval, tmp_path / "full") == 0
    assert all(b"Zinzolin" not in path.read_bytes() for path in laval.state_dir.rglob("*") if path.is_file())
    # Room again: the same page, the same agent, and the next one is kept.
    filler.unlink()
    page.reload()
    begin(page)
    ask(page)
    expect(page.locator(".rc")).not_to_contain_text("n’est pas partie")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert waiting(laval, tmp_path / "room") == 1
    page.close()
