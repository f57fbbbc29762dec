"""What a terminal is made of: hardware, system, packages. Facts about a machine, none about a person.

The document's name is the SHA-256 of its bytes (`encode`), so nothing in it may change by itself: no uptime, no free
space, no address of a network. It travels by HTTPS, gzipped, when the server says that it holds another one; the
report names it.
"""

from typing import Annotated

from pydantic import Field, StringConstraints

from wire.message import Message

MAX_INVENTORY_BYTES = 1024 * 1024
"""As it is read; about four times what a desktop of Debian fills."""
MAX_PACKED_BYTES = 256 * 1024
"""As it travels."""
MOST_PACKAGES = 8_000

Word = Annotated[str, StringConstraints(max_length=120)]
PackageName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9+._:-]{0,119}$")]
PackageVersion = Annotated[str, StringConstraints(min_length=1, max_length=120)]
Packages = Annotated[dict[PackageName, PackageVersion], Field(max_length=MOST_PACKAGES)]
Mac = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{2}(:[0-9a-f]{2}){5})?$")]
Size = Annotated[int, Field(ge=0, le=2**53)]
Millimetres = Annotated[int, Field(ge=0, le=100_000)]
Pixels = Annotated[int, Field(ge=0, le=100_000)]


class Board(Message):
    """As the firmware names the machine. `serial` is empty where only root may read it, which is most often."""

    maker: Word = ""
    model: Word = ""
    serial: Word = ""
    firmware: Word = ""

    @property
    def full_name(self) -> str:
        """`Dell Inc. OptiPlex 3080`; a maker that the model names already is not said twice."""
        said_already = self.model.casefold().startswith(self.maker.casefold().split(" ")[0])
        return self.model if said_already else f"{self.maker} {self.model}".strip()


class Processor(Message):
    model: Word = ""
    architecture: Word = ""
    threads: Annotated[int, Field(ge=0, le=4096)] = 0


class Disk(Message):
    """`kind`: `ssd`, `hdd`, `nvme`, `mmc`, or the kernel's own word."""

    name: Word
    bytes: Size = 0
    kind: Word = ""
    model: Word = ""
    removable: bool = False


class Interface(Message):
    """A network device of the machine's own. `mac` is the one it was made with, empty where it was given another."""

    name: Word
    kind: Word = ""
    mac: Mac = ""
    driver: Word = ""


class Display(Message):
    """A connected output, as the screen itself says (EDID): three letters of its maker, name, millimetres, pixels."""

    output: Word
    maker: Word = ""
    name: Word = ""
    serial: Word = ""
    width_px: Pixels = 0
    height_px: Pixels = 0
    width_mm: Millimetres = 0
    height_mm: Millimetres = 0


class Hardware(Message):
    board: Board = Board()
    processor: Processor = Processor()
    memory_bytes: Size = 0
    disks: Annotated[tuple[Disk, ...], Field(max_length=16)] = ()
    interfaces: Annotated[tuple[Interface, ...], Field(max_length=16)] = ()
    displays: Annotated[tuple[Display, ...], Field(max_length=8)] = ()
    touch: Annotated[tuple[Word, ...], Field(max_length=8)] = ()
    """Names of the devices that feel where a finger is."""
    cameras: Annotated[tuple[Word, ...], Field(max_length=8)] = ()
    sound: Annotated[tuple[Word, ...], Field(max_length=8)] = ()


class System(Message):
    host: Word = ""
    name: Word = ""
    """`Debian GNU/Linux 12 (bookworm)`"""
    release: Word = ""
    """`12.11`"""
    kernel: Word = ""
    python: Word = ""
    timezone: Word = ""
    locale: Word = ""


class Inventory(Message):
    """`packages`: of the system, name to version; `python_packages`: those the agent itself runs on. `packages_untold`:
    how many more there are at least, of both, than fit in here."""

    agent: Word = ""
    hardware: Hardware = Hardware()
    system: System = System()
    packages: Packages = {}
    python_packages: Packages = {}
    packages_untold: Size = 0


def encode(inventory: Inventory) -> bytes:
    """The same bytes for the same machine, whatever order it was read in."""
    ordered = inventory.model_copy(update={
        "packages": dict(sorted(inventory.packages.items())),
        "python_packages": dict(sorted(inventory.python_packages.items())),
    })  # fmt: skip
    return ordered.model_dump_json(exclude_defaults=True).encode()
