"""What a machine is made of, from files as the kernel and Debian write them; and from whatever else may stand there."""

import gzip
import hashlib
import os
import random
import shutil
import subprocess
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.edid import read_edid
from agent.fleet import Rejected, Unreachable
from agent.inventory import reading
from agent.inventory.hardware import read_hardware
from agent.inventory.host import Host, plain
from agent.inventory.packages import read_debian, read_python
from agent.inventory.system import read_system
from agent.inventory.taken import MOST_SAID, NotTaken, Taken, take_apart
from agent.inventory.taking import read_inventory, take
from agent.inventory.teller import REST_S, Teller
from agent.starts import start_of, tell_start
from wire.inventory import MAX_PACKED_BYTES, Inventory, encode

DPKG = """\
Package: openssl
Status: install ok installed
Priority: optional
Architecture: amd64
Version: 3.0.14-1~deb12u2
Description: Secure Sockets Layer toolkit
 Package: not-this-one
 Version: 9

Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9+deb12u9

Package: libc6
Status: install ok installed
Architecture: i386
Version: 2.36-9+deb12u9

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1.0

Package: half
Status: install ok half-installed
Architecture: amd64
Version: 1.0

Package: last
Status: install ok installed
Architecture: all
Version: 1:2.0"""
INPUTS = """\
I: Bus=0011 Vendor=0001 Product=0001 Version=ab41
N: Name="AT Translated Set 2 keyboard"
P: Phys=isa0060/serio0/input0
B: EV=120013
B: KEY=402000000 3803078f800d001 feffffdfffefffff fffffffffffffffe

I: Bus=0003 Vendor=0eef Product=0001 Version=0210
N: Name="eGalax Inc. USB TouchController"
B: EV=b
B: KEY=400 0 0 0 0 0
B: ABS=3

I: Bus=0003 Vendor=222a Product=0001 Version=0110
N: Name="ILITEK ILITEK-TP"
B: EV=1b
B: KEY=400 0 0 0 0 0
B: ABS=3273800000000003

I: Bus=0003 Vendor=046d Product=c077 Version=0111
N: Name="Logitech USB Optical Mouse"
B: EV=17
B: KEY=ff0000 0 0 0 0
B: REL=903
"""
CARDS = """\
 0 [PCH            ]: HDA-Intel - HDA Intel PCH
                      HDA Intel PCH at 0xf7a30000 irq 128
 1 [USB            ]: USB-Audio - Jabra SPEAK 510
                      Jabra SPEAK 510 at usb-0000:00:14.0-2, full speed
"""


def edid(name=b"DELL U2419H", px=(1920, 1080), mm=(527, 296), serial=b"7X2M9"):
    """As a monitor's: `DEL`, a timing, its name and its number."""
    raw = bytearray(128)
    raw[:8], raw[8:10] = b"\x00\xff\xff\xff\xff\xff\xff\x00", (4 << 10 | 5 << 5 | 12).to_bytes(2, "big")
    raw[54:56] = b"\x02\x3a"
    raw[56], raw[58] = px[0] & 255, px[0] >> 8 << 4
    raw[59], raw[61] = px[1] & 255, px[1] >> 8 << 4
    raw[66], raw[67], raw[68] = mm[0] & 255, mm[1] & 255, mm[0] >> 8 << 4 | mm[1] >> 8
    for at, kind, text in ((72, 0xFC, name), (90, 0xFF, serial)):
        raw[at : at + 18] = b"\x00\x00\x00" + bytes([kind]) + b"\x00" + (text + b"\n").ljust(13)[:13]
    return bytes(raw)


@pytest.fixture
def kiosk(tmp_path):
    """A NUC with a touch screen, as files."""

    def put(path, text):
        at = tmp_path / path
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_bytes(text if isinstance(text, bytes) else text.encode())

    for name, text in {"sys_vendor": "Intel(R) Client Systems\n", "product_name": "NUC10i3FNH\n",
                       "board_name": "Default string\n", "bios_version": "FNCML357.0058\n"}.items():  # fmt: skip
        put(f"sys/class/dmi/id/{name}", text)
    put("proc/meminfo", "MemTotal:        7992340 kB\nMemFree:          123 kB\n")
    put("proc/cpuinfo", "".join(f"processor\t: {n}\nmodel name\t: Intel(R) Core(TM) i3-10110U\n\n" for n in range(4)))
    put("proc/bus/input/devices", INPUTS)
    put("proc/asound/cards", CARDS)
    for name, size, spins, removable in (("nvme0n1", 500118192, 0, 0), ("sda", 976773168, 1, 0), ("sdb", 0, 1, 1),
                                         ("loop0", 8, 0, 0), ("mmcblk0", 62333952, 0, 1)):  # fmt: skip
        put(f"sys/block/{name}/size", f"{size}\n")
        put(f"sys/block/{name}/removable", f"{removable}\n")
        put(f"sys/block/{name}/queue/rotational", f"{spins}\n")
        if name != "loop0":
            put(f"sys/block/{name}/device/model", f"Disk of {name}  \n")
    for name, mac, assigned in (("eno1", "1C:69:7A:01:02:03", 0), ("wlp0s20f3", "da:a1:19:00:00:01", 3)):
        put(f"sys/class/net/{name}/address", f"{mac}\n")
        put(f"sys/class/net/{name}/addr_assign_type", f"{assigned}\n")
        put(f"sys/class/net/{name}/type", "1\n")
        put(f"sys/class/net/{name}/device/uevent", "")
    (tmp_path / "sys/class/net/wlp0s20f3/phy80211").mkdir()
    (tmp_path / "sys/class/net/eno1/device/driver").symlink_to("../../bus/pci/drivers/e1000e")
    put("sys/class/net/lo/type", "772\n")
    put("sys/class/net/docker0/type", "1\n")
    put("sys/class/drm/card0-HDMI-A-1/status", "connected\n")
    put("sys/class/drm/card0-HDMI-A-1/edid", edid())
    put("sys/class/drm/card0-DP-1/status", "disconnected\n")
    put("sys/class/drm/card0-DP-2/status", "connected\n")
    put("sys/class/drm/card0-DP-2/modes", "1280x800\n1024x768\n")
    for name in ("video0", "video1"):
        put(f"sys/class/video4linux/{name}/name", "Integrated Camera: Integrated C\n")
    put("etc/os-release", 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\n')
    put("etc/debian_version", "12.11\n")
    put("etc/default/locale", "#  made by hand\nLANG=fr_FR.UTF-8\n")
    (tmp_path / "etc/localtime").symlink_to("/usr/share/zoneinfo/Europe/Paris")
    put("var/lib/dpkg/status", DPKG)
    return Host(tmp_path)


def test_a_kiosk_says_what_it_is_made_of(kiosk):
    found = read_hardware(kiosk)
    assert found.board.model_dump() == {
        "maker": "Intel(R) Client Systems", "model": "NUC10i3FNH", "serial": "", "firmware": "FNCML357.0058",
    }  # fmt: skip
    assert (found.processor.model, found.processor.threads) == ("Intel(R) Core(TM) i3-10110U", 4)
    assert found.memory_bytes == 7992340 * 1024
    assert [(one.name, one.kind, one.bytes, one.removable, one.model) for one in found.disks] == [
        ("mmcblk0", "mmc", 62333952 * 512, True, "Disk of mmcblk0"),
        ("nvme0n1", "nvme", 500118192 * 512, False, "Disk of nvme0n1"),
        ("sda", "hdd", 976773168 * 512, False, "Disk of sda"),
    ]
    assert [one.model_dump() for one in found.interfaces] == [
        {"name": "eno1", "kind": "ethernet", "mac": "1c:69:7a:01:02:03", "driver": "e1000e"},
        {"name": "wlp0s20f3", "kind": "wifi", "mac": "", "driver": ""},
    ]
    assert [one.model_dump(exclude_defaults=True) for one in found.displays] == [
        {"output": "DP-2", "width_px": 1280, "height_px": 800},
        {"output": "HDMI-A-1", "maker": "DEL", "name": "DELL U2419H", "serial": "7X2M9", "width_px": 1920,
         "height_px": 1080, "width_mm": 527, "height_mm": 296},
    ]  # fmt: skip
    assert found.touch == ("eGalax Inc. USB TouchController", "ILITEK ILITEK-TP")
    assert found.cameras == ("Integrated Camera: Integrated C",)
    assert found.sound == ("HDA-Intel - HDA Intel PCH", "USB-Audio - Jabra SPEAK 510")


def test_a_raspberry_pi_is_named_by_its_device_tree(tmp_path):
    (tmp_path / "proc/device-tree").mkdir(parents=True)
    (tmp_path / "proc/device-tree/model").write_bytes(b"Raspberry Pi 5 Model B Rev 1.0\0")
    (tmp_path / "proc/device-tree/serial-number").write_bytes(b"10000000abcdef01\0")
    board = read_hardware(Host(tmp_path)).board
    assert (board.model, board.serial) == ("Raspberry Pi 5 Model B Rev 1.0", "10000000abcdef01")


def test_its_system_and_packages_are_those_of_its_files(kiosk):
    system = read_system(kiosk)
    assert (system.name, system.release, system.timezone, system.locale) == (
        "Debian GNU/Linux 12 (bookworm)", "12.11", "Europe/Paris", "fr_FR.UTF-8",
    )  # fmt: skip
    assert read_debian(kiosk)[0] == {
        "openssl": "3.0.14-1~deb12u2", "libc6": "2.36-9+deb12u9", "libc6:i386": "2.36-9+deb12u9", "last": "1:2.0",
    }  # fmt: skip


def test_the_agents_own_packages_are_named_as_in_the_index(tmp_path):
    for name in ("pydantic_core-2.46.1.dist-info", "Paho.MQTT-2.2.0.dist-info", "tuf", "x.dist-info"):
        (tmp_path / "site-packages" / name).mkdir(parents=True)
    found, more = read_python([str(tmp_path), str(tmp_path / "site-packages")])
    assert (found, more) == ({"pydantic-core": "2.46.1", "paho-mqtt": "2.2.0"}, 0)
    assert read_python()[0]["pydantic"], "those that run this test"


def test_a_large_site_packages_is_told_whole_or_says_how_much_is_left_out(tmp_path):
    for number in range(200):
        (tmp_path / f"site-packages/a{number}").mkdir(parents=True)
        (tmp_path / f"site-packages/p{number:03}-1.0.dist-info").mkdir()
    path = [str(tmp_path / "site-packages")]
    found, more = read_python(path)
    assert (len(found), more) == (200, 0)
    found, more = read_python(path, 150)
    assert (len(found), found["p000"], more) == (150, "1.0", 50)


def test_debians_packages_past_the_bound_are_counted():
    many = (f"Package: p{n}\nStatus: install ok installed\nVersion: 1\n\n".encode() for n in range(30))
    lines = (line + b"\n" for one in many for line in one.split(b"\n")[:4])
    found, more = reading.debian_packages(lines, 10)
    assert (sorted(found), more) == (sorted(f"p{n}" for n in range(10)), 20)


def test_a_file_of_packages_is_looked_at_line_by_line():
    """Thirty megabytes of text, a few kilobytes held."""
    lines = (b"Description: " + b"x" * 4000 + b"\n" for _ in range(8_000))
    tracemalloc.start()
    assert reading.debian_packages(lines, 10) == ({}, 0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000


def test_what_goes_on_of_a_long_line_is_no_line_of_its_own(tmp_path):
    file = b"Package: a\nDescription: " + b"x" * (4096 - len("Description: ")) + b"Version: 9\nVersion: 1\n"
    (tmp_path / "status").write_bytes(file)
    assert [line[:10] for line in Host(tmp_path).lines("status", 2**20)] == [
        b"Package: a",
        b"Descriptio",
        b"Version: 1",
    ]


def test_this_very_machine_is_read_as_dpkg_says_it_and_within_a_moment():
    began = time.process_time()
    taken = take(Host())
    assert time.process_time() - began < 1
    assert len(taken.packed) < MAX_PACKED_BYTES
    raw = gzip.decompress(taken.packed)
    assert hashlib.sha256(raw).hexdigest() == taken.digest
    inventory = Inventory.model_validate_json(raw)
    assert encode(inventory) == raw
    asked = ["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package} ${Version}\n"]
    said = [
        line.split() for line in subprocess.run(asked, capture_output=True, text=True, check=True).stdout.splitlines()
    ]
    assert {name: inventory.packages[name] for _, name, _ in said if name in inventory.packages} == {
        name: version for status, name, version in said if status == "installed"
    }
    assert inventory.hardware.memory_bytes == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert take(Host()).digest == taken.digest, "nothing in it changes by itself"


async def test_the_agent_has_it_read_by_a_process_of_its_own():
    assert await take_apart() == take(Host())


GOOD = """echo '{"digest": "a", "model": "b"}'; echo packed"""


@pytest.mark.parametrize("script", [
    "exec sleep 9", "echo nothing; exit 3", "echo '{}'", "printf '\\000'", f"{GOOD}; exit 1", f"{GOOD}; kill -9 $$",
    f"{GOOD}; exec cat /dev/zero",
])  # fmt: skip
async def test_a_reader_that_hangs_or_fails_is_ended_and_tried_again_later(script):
    began = time.monotonic()
    with pytest.raises(NotTaken):
        await take_apart("sh", "-c", script, within_s=0.3)
    assert time.monotonic() - began < 2


async def test_what_a_reader_says_to_its_end_is_taken():
    assert await take_apart("sh", "-c", GOOD) == Taken("a", b"packed\n", "b")
    assert MOST_SAID > MAX_PACKED_BYTES + 500


def test_a_machine_without_any_of_these_files_is_an_inventory_too(tmp_path):
    found = read_inventory(Host(tmp_path))
    assert (found.hardware.disks, found.hardware.memory_bytes, found.packages) == ((), 0, {})
    assert Inventory.model_validate_json(encode(found)) == found


def test_a_pipe_or_a_device_in_the_place_of_a_file_is_not_waited_for(tmp_path):
    (tmp_path / "proc").mkdir()
    os.mkfifo(tmp_path / "proc/meminfo")
    (tmp_path / "proc/cpuinfo").symlink_to("/dev/zero")
    began = time.monotonic()
    read_hardware(Host(tmp_path))
    assert time.monotonic() - began < 2


def test_what_is_too_much_to_send_is_sent_with_fewer_packages(kiosk):
    dice = random.Random(4)
    with (kiosk.root / "var/lib/dpkg/status").open("a") as file:
        for number in range(7_900):
            version = f"{dice.getrandbits(470):x}"
            file.write(f"\n\nPackage: p{number}\nStatus: install ok installed\nVersion: {version}\nArchitecture: all")
    taken = take(kiosk)
    assert len(taken.packed) <= MAX_PACKED_BYTES
    told = Inventory.model_validate_json(gzip.decompress(taken.packed))
    assert 1_000 < len(told.packages) < 7_900
    assert told.packages_untold == 7_900 + 4 - len(told.packages), "and says how many more there are"


@given(st.binary(max_size=300))
def test_no_screen_can_say_anything_that_stops_us(raw):
    for said in (raw, b"\x00\xff\xff\xff\xff\xff\xff\x00" + raw):
        found = read_edid(said)
        assert found is None or (found.name + found.serial + found.maker).isprintable()


@given(st.text(max_size=400))
def test_no_text_of_the_kernel_can_stop_us(text):
    reading.assignments(text)
    reading.memory_bytes(text)
    reading.processor(text)
    reading.sound_cards(text)
    reading.touch_devices(text)
    reading.python_packages([text])
    reading.debian_packages(text.encode("utf-8", "replace").splitlines(keepends=True), 10)
    assert len(plain(text)) <= 120


# ---- told when the server lacks it -----------------------------------------------------------------------------------


class Server:
    def __init__(self):
        self.got, self.fails = [], None

    def put(self, digest, packed):
        if self.fails:
            raise self.fails
        self.got.append(digest)


@pytest.fixture
def server():
    return Server()


def teller(server, machine=lambda: "a", elapsed=lambda: 0.0):
    changed = []

    async def looked():
        return Taken(machine(), b"", "NUC")

    made = Teller(looked, server.put, lambda: changed.append(1), elapsed)
    return made, changed


async def test_it_is_sent_once_the_server_says_that_it_has_another_one(server):
    one, changed = teller(server)
    await one.turn()
    assert (one.digest, len(changed), server.got) == ("a", 1, []), "an older server takes none: nothing is sent to it"
    one.server_holds("")
    assert one.due.is_set()
    await one.turn()
    await one.turn()
    assert (server.got, len(changed)) == (["a"], 1)


async def test_a_server_back_from_a_backup_gets_it_again_and_one_that_has_it_is_left_alone(server):
    one, _ = teller(server)
    await one.turn()
    one.server_holds("a")
    assert not one.due.is_set()
    one.server_holds("of yesterday")
    await one.turn()
    one.server_holds("a")
    await one.turn()
    assert server.got == ["a"]


async def test_a_machine_that_changed_tells_it_without_being_asked(server):
    machine = {"is": "a"}
    one, changed = teller(server, lambda: machine["is"])
    one.server_holds("a")
    await one.turn()
    machine["is"] = "b"
    await one.turn()
    assert (server.got, one.digest, len(changed)) == (["b"], "b", 2)


async def test_no_network_is_tried_again(server):
    one, _ = teller(server)
    one.server_holds("")
    server.fails = Unreachable("no network")
    with pytest.raises(Unreachable):
        await one.turn()
    server.fails = None
    await one.turn()
    assert server.got == ["a"]


async def test_what_was_refused_is_sent_again_once_it_changed_or_after_a_long_rest(server):
    is_now = {"machine": "a", "s": 0.0}
    one, _ = teller(server, lambda: is_now["machine"], lambda: is_now["s"])
    server.fails = Rejected(422, "bad_inventory", "")
    one.server_holds("")
    await one.turn()
    server.fails = None
    for is_now["s"] in (60.0, REST_S - 1):
        one.due.clear()
        one.server_holds("")
        assert not one.due.is_set(), "a pull wakes nobody"
        await one.turn()
    assert server.got == []
    is_now["machine"] = "b"
    await one.turn()
    assert server.got == ["b"], "another document is another question"
    is_now["machine"] = "a"
    server.fails = Rejected(422, "bad_inventory", "")
    await one.turn()
    server.fails = None
    is_now["s"] += REST_S
    one.server_holds("b")
    assert one.due.is_set()
    await one.turn()
    assert server.got == ["b", "a"]


# ---- starts ----------------------------------------------------------------------------------------------------------


def test_a_start_of_the_machine_is_told_from_one_of_the_agent():
    assert start_of(None, "boot-1", "0.1.0") == ("machine.started", {"version": "0.1.0"})
    kept = {"machine": "boot-1", "version": "0.1.0"}
    assert start_of(kept, "boot-1", "0.1.0")[0] == "agent.started"
    assert start_of(kept, "boot-2", "0.2.0") == ("machine.started", {"version": "0.2.0", "before": "0.1.0"})
    assert start_of("damaged", "", "0.1.0")[0] == "machine.started"


async def test_a_start_that_could_not_be_told_is_told_the_next_time(tmp_path):
    told = []

    async def full(what, detail):
        raise OSError("full")

    async def tell(what, detail):
        told.append(what)

    await tell_start(tmp_path / "start.json", full)
    await tell_start(tmp_path / "start.json", tell)
    await tell_start(tmp_path / "start.json", tell)
    assert told == ["machine.started", "agent.started"]
    shutil.rmtree(tmp_path)
