"""What a screen says of itself: VESA E-EDID 1.4, the 128 bytes that the kernel shows under /sys/class/drm. Pure."""

from typing import NamedTuple

_HEADER = b"\x00\xff\xff\xff\xff\xff\xff\x00"
_SERIAL, _NAME = 0xFF, 0xFC


class Edid(NamedTuple):
    """`maker`: the three letters that UEFI gives out. Sizes of the image, in pixels and millimetres; 0 where unsaid."""

    maker: str
    name: str
    serial: str
    width_px: int
    height_px: int
    width_mm: int
    height_mm: int


def read_edid(raw: bytes) -> Edid | None:
    """None for what is no EDID. Sizes are those of the first detailed timing, which the screen prefers."""
    if len(raw) < 128 or raw[:8] != _HEADER:
        return None
    letters = int.from_bytes(raw[8:10], "big")
    maker = "".join(chr(64 + (letters >> shift & 31)) for shift in (10, 5, 0))
    number = int.from_bytes(raw[12:16], "little")
    said = {block[3]: _text(block[5:18]) for block in _blocks(raw) if block[:3] == b"\x00\x00\x00"}
    return Edid(
        maker if maker.isalpha() else "", said.get(_NAME, ""), said.get(_SERIAL) or (str(number) if number else ""),
        *_sizes(raw[54:72]),
    )  # fmt: skip


def _blocks(raw: bytes) -> list[bytes]:
    return [raw[at : at + 18] for at in (54, 72, 90, 108)]


def _sizes(timing: bytes) -> tuple[int, int, int, int]:
    if timing[:2] == b"\x00\x00":  # a text, not a timing
        return (0, 0, 0, 0)
    return (
        timing[2] | (timing[4] & 0xF0) << 4,
        timing[5] | (timing[7] & 0xF0) << 4,
        timing[12] | (timing[14] & 0xF0) << 4,
        timing[13] | (timing[14] & 0x0F) << 8,
    )


def _text(raw: bytes) -> str:
    """Up to the line feed that ends it."""
    said = raw.partition(b"\n")[0].decode("ascii", "replace").strip()
    return "".join(one for one in said if one.isprintable() and one != "\ufffd")
