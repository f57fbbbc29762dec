"""What the server wants: verified, latest wins, kept over reboots, of this enrolment only."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.desired import DesiredState
from wire.sign import Foreign, Outdated, Unreadable, seal
from wire.state import Desired, Place, SealingKey

SERVER = Ed25519PrivateKey.generate()
LAVAL = Place(
    site="laval", name="Mairie", kind="mairie", commune="53130", commune_name="Laval", department="53", latitude=48.0,
    longitude=-0.7,
)  # fmt: skip


@dataclass
class Laval:
    terminal: str = "laval-01"
    generation: int = 1
    signing_keys = (SERVER.public_key(),)


def wish(revision):
    key = SealingKey(kid="k1", public="A" * 43)
    return Desired(revision=revision, name="Laval", place=LAVAL, sealing_key=key)


def sealed(revision, terminal="laval-01", generation=1, key=SERVER, use="desired"):
    return seal(use, wish(revision), terminal, generation, key)


@pytest.fixture
def desired(tmp_path):
    return DesiredState(tmp_path / "desired.json", Laval())


def test_the_latest_wins_and_outlives_the_power(desired, tmp_path):
    told = []
    desired.changed = told.append
    for revision in (1, 2, 2, 5):
        desired.open(sealed(revision))
    with pytest.raises(Outdated):
        desired.open(sealed(4))
    assert [each.revision for each in told] == [1, 2, 5]
    assert DesiredState(tmp_path / "desired.json", Laval()).current == wish(5)


@pytest.mark.parametrize(
    ("raw", "error", "counted"),
    [
        (b"", Unreadable, "unreadable"),
        (b"a.b.c", Unreadable, "unreadable"),
        (sealed(9, terminal="cholet-01"), Foreign, "foreign"),
        (sealed(9, generation=2), Foreign, "foreign"),
        (sealed(9, key=Ed25519PrivateKey.generate()), Foreign, "foreign"),
        (sealed(9, use="state"), Foreign, "foreign"),
    ],
)
def test_what_is_not_for_this_terminal_by_its_server_changes_nothing_and_is_counted(desired, raw, error, counted):
    desired.open(sealed(1))
    with pytest.raises(error):
        desired.open(raw)
    assert desired.current == wish(1)
    assert desired.refused == {counted: 1}


def test_a_new_enrolment_begins_its_revisions_again(desired, tmp_path):
    desired.open(sealed(40))
    fresh = DesiredState(tmp_path / "desired.json", Laval(generation=2))
    assert fresh.revision == 0
    fresh.open(sealed(1, generation=2))
    assert fresh.revision == 1


@pytest.mark.parametrize("kept", [b"", b"{}", b"[]", b'{"terminal": "laval-01", "generation": 1, "desired": {}}'])
def test_a_damaged_file_is_pulled_again(tmp_path, kept):
    (tmp_path / "desired.json").write_bytes(kept)
    assert DesiredState(tmp_path / "desired.json", Laval()).current is None


def test_a_push_and_a_pull_at_once_do_not_meet_on_the_disk(desired, tmp_path):
    with ThreadPoolExecutor(8) as threads:
        for revision in range(1, 40):
            for done in [threads.submit(desired.open, sealed(revision)) for _ in range(8)]:
                done.result()
    assert DesiredState(tmp_path / "desired.json", Laval()).revision == 39
