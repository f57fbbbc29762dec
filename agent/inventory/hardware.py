"""Which of the kernel's files say what the machine is."""

import platform

from agent.edid import read_edid
from agent.inventory.host import Host
from agent.inventory.reading import memory_bytes, processor, said_by_firmware, sound_cards, touch_devices
from wire.inventory import Board, Disk, Display, Hardware, Interface, Processor

_DMI = "sys/class/dmi/id"
_NET = "sys/class/net"
_DRM = "sys/class/drm"
_VIDEO = "sys/class/video4linux"
_ETHERNET = "1"
_PERMANENT = "0"
_KINDS = (("nvme", "nvme"), ("mmcblk", "mmc"))


def read_hardware(host: Host) -> Hardware:
    model, threads = processor(host.text("proc/cpuinfo", 512 * 1024))
    return Hardware(
        board=_board(host), processor=Processor(model=model, architecture=platform.machine(), threads=threads),
        memory_bytes=memory_bytes(host.text("proc/meminfo")), disks=tuple(_disks(host))[:16],
        interfaces=tuple(_interfaces(host))[:16], displays=tuple(_displays(host))[:8],
        touch=tuple(touch_devices(host.text("proc/bus/input/devices")))[:8], cameras=_cameras(host)[:8],
        sound=tuple(sound_cards(host.text("proc/asound/cards")))[:8],
    )  # fmt: skip


def _board(host: Host) -> Board:
    def said(name: str) -> str:
        return said_by_firmware(host.line(f"{_DMI}/{name}"))

    if host.is_there(_DMI):
        return Board(
            maker=said("sys_vendor") or said("board_vendor"), model=said("product_name") or said("board_name"),
            serial=said("product_serial") or said("board_serial"), firmware=said("bios_version"),
        )  # fmt: skip
    tree = "proc/device-tree"  # where there is no firmware that says so: ARM boards; a zero ends each text
    return Board(model=_zeroed(host.line(f"{tree}/model")), serial=_zeroed(host.line(f"{tree}/serial-number")))


def _zeroed(text: str) -> str:
    return said_by_firmware(text.replace("\0", ""))


def _disks(host: Host) -> list[Disk]:
    """Those with a device behind them; loops and memory have none."""
    found = []
    for name in host.entries("sys/block"):
        at = f"sys/block/{name}"
        sectors = host.line(f"{at}/size")
        # A reader of cards without a card, a drive without a disc.
        if not host.is_there(f"{at}/device") or not sectors.isdecimal() or int(sectors[:18]) == 0:
            continue
        found.append(Disk(
            name=name, bytes=int(sectors[:13]) * 512, kind=_kind(host, name), model=_model(host, at),
            removable=host.line(f"{at}/removable") == "1",
        ))  # fmt: skip
    return found


def _kind(host: Host, name: str) -> str:
    named = next((kind for start, kind in _KINDS if name.startswith(start)), "")
    spins = host.line(f"sys/block/{name}/queue/rotational")
    return named or {"0": "ssd", "1": "hdd"}.get(spins, "")


def _model(host: Host, at: str) -> str:
    return said_by_firmware(host.line(f"{at}/device/model")) or said_by_firmware(host.line(f"{at}/device/name"))


def _interfaces(host: Host) -> list[Interface]:
    """Of the machine's own; what a tunnel or a container makes comes and goes."""
    found = []
    for name in host.entries(_NET):
        at = f"{_NET}/{name}"
        if not host.is_there(f"{at}/device") or host.line(f"{at}/type") != _ETHERNET:
            continue
        wireless = host.is_there(f"{at}/wireless") or host.is_there(f"{at}/phy80211")
        made_with = host.line(f"{at}/addr_assign_type") == _PERMANENT
        mac = _mac(host.line(f"{at}/address")) if made_with else ""
        found.append(Interface(
            name=name, kind="wifi" if wireless else "ethernet", mac=mac,
            driver=host.target(f"{at}/device/driver").rpartition("/")[2][:120],
        ))  # fmt: skip
    return found


def _mac(text: str) -> str:
    parts = text.lower().split(":")
    whole = len(parts) == 6 and all(len(one) == 2 and set(one) <= set("0123456789abcdef") for one in parts)
    return ":".join(parts) if whole else ""


def _displays(host: Host) -> list[Display]:
    found = []
    for name in host.entries(_DRM):
        if "-" not in name or host.line(f"{_DRM}/{name}/status") != "connected":
            continue
        said = read_edid(host.raw(f"{_DRM}/{name}/edid", 512))
        known = said._asdict() if said else {}
        if not known.get("width_px"):  # the mode that the kernel prefers
            wide, _, high = host.line(f"{_DRM}/{name}/modes").partition("x")
            sizes = {"width_px": wide, "height_px": high}
            known |= {which: int(size) for which, size in sizes.items() if size.isdecimal() and len(size) < 6}
        found.append(Display(output=name.partition("-")[2][:120], **known))
    return found


def _cameras(host: Host) -> tuple[str, ...]:
    """By name: one camera shows several devices."""
    named = (host.line(f"{_VIDEO}/{name}/name") for name in host.entries(_VIDEO))
    return tuple(dict.fromkeys(name for name in named if name))
