"""What changed between two inventories, and how it reads."""

import pytest

from fleet_server.inventory.diff import changes
from fleet_server.inventory.keep import system_of
from fleet_server.inventory.words import change_detail, change_title, memory_words
from wire.inventory import Board, Disk, Display, Hardware, Interface, Inventory, System

GIB = 2**30
LAVAL = Inventory(
    agent="0.1.0",
    hardware=Hardware(
        board=Board(maker="Intel Corporation", model="NUC10i3FNH", serial="G6FN"), memory_bytes=3_920_000_000,
        disks=(Disk(name="sda", bytes=128_000_000_000, kind="ssd", model="SanDisk"),),
        interfaces=(Interface(name="eno1", kind="ethernet", mac="1c:69:7a:01:02:03", driver="e1000e"),),
        displays=(Display(output="HDMI-A-1", maker="DEL", name="U2419H", width_px=1920, height_px=1080),),
        touch=("ILITEK-TP",), cameras=("C920", "C920"),
    ),
    system=System(name="Debian GNU/Linux 12 (bookworm)", release="12.11", kernel="6.1.0-35-amd64"),
    packages={"openssl": "3.0.14", "bash": "5.2", "curl": "7.88"}, python_packages={"pydantic": "2.46.1"},
)  # fmt: skip


def with_hardware(**changed):
    return LAVAL.model_copy(update={"hardware": LAVAL.hardware.model_copy(update=changed)})


def read(after, before=LAVAL):
    """As a page shows it: title, detail."""
    return [(change_title(part, lines), change_detail(lines)) for part, lines in changes(before, after).items()]


def test_the_same_machine_has_not_changed():
    assert read(LAVAL.model_copy(deep=True)) == []


@pytest.mark.parametrize(("after", "told"), [
    (with_hardware(memory_bytes=7_900_000_000), [("Mémoire changée", "4 Go → 8 Go")]),
    (with_hardware(memory_bytes=3_918_000_000), []),
    (with_hardware(disks=(Disk(name="sda", bytes=256_000_000_000, kind="ssd", model="SanDisk"),)),
     [("Disque remplacé", "sda 128 Go, SSD, SanDisk → 256 Go, SSD, SanDisk")]),
    (with_hardware(displays=(Display(output="HDMI-A-1", maker="IVM", name="PL2792", width_px=2560, height_px=1440),)),
     [("Écran remplacé", "HDMI-A-1 DEL U2419H, 1920 × 1080 px → IVM PL2792, 2560 × 1440 px")]),
    (with_hardware(displays=()), [("Écran retiré", "HDMI-A-1 DEL U2419H, 1920 × 1080 px en moins")]),
    (with_hardware(cameras=("C920",)), [("Caméra retirée", "C920 en moins")]),
    (with_hardware(touch=("ILITEK-TP", "eGalax")), [("Surface tactile ajoutée", "eGalax en plus")]),
    (with_hardware(board=LAVAL.hardware.board.model_copy(update={"serial": "H7"})),
     [("Machine remplacée", "n° de série G6FN → H7")]),
    (with_hardware(board=LAVAL.hardware.board.model_copy(update={"firmware": "58"})),
     [("Machine changée", "micrologiciel 58 en plus")]),
    (LAVAL.model_copy(update={"packages": LAVAL.packages | {"openssl": "3.0.15"}}),
     [("Paquet changé", "openssl 3.0.14 → 3.0.15")]),
    (LAVAL.model_copy(update={"packages": {"openssl": "3.0.15", "bash": "5.3", "nano": "7", "vim": "9"}}),
     [("5 paquets changés", "bash 5.2 → 5.3 ; curl 7.88 en moins ; nano 7 en plus ; et 2 autres")]),
    (LAVAL.model_copy(update={"agent": "0.2.0"}), [("Logiciel de la borne changé", "0.1.0 → 0.2.0")]),
])  # fmt: skip
def test_each_change_reads_in_one_line(after, told):
    assert [(title, detail.replace("\u00a0", " ")) for title, detail in read(after)] == told


@pytest.mark.parametrize(("octets", "words"), [
    (1_900_000_000, "2 Go"), (7_600_000_000, "8 Go"), (32_900_000_000, "32 Go"), (460_000_000, "0,5 Go"),
    (5 * 10**9, "4,7 Go"), (3 * 10**12, "2 794,0 Go"), (0, ""),
])  # fmt: skip
def test_memory_reads_as_it_is_sold(octets, words):
    assert memory_words(octets).replace("\u00a0", " ") == words


def test_a_machine_and_its_system_have_one_name_each():
    assert LAVAL.hardware.board.full_name == "Intel Corporation NUC10i3FNH"
    assert Board(maker="Dell Inc.", model="Dell Wyse 5070").full_name == "Dell Wyse 5070"
    assert system_of(LAVAL) == "Debian GNU/Linux 12.11"
    assert system_of(Inventory(system=System(name="Debian GNU/Linux trixie/sid"))) == "Debian GNU/Linux trixie/sid"
