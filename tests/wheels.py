"""Wheels made by hand, and the folder of a software release made of them: any version, any behaviour, at once."""

import base64
import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path

from fleet_server.software.folder import Made, seal


def wheel(folder: Path, name: str, version: str, files: Mapping[str, str]) -> Path:
    """One that pip installs. `files`: path in site-packages → text."""
    info = f"{name}-{version}.dist-info"
    inside = dict(files) | {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: balise-tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},sha256={_digest(text.encode())},{len(text.encode())}\n" for path, text in inside.items())
    inside[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in inside.items():
            archive.writestr(zipfile.ZipInfo(path, (2026, 11, 24, 0, 0, 0)), text)
    return made


def altered(wheel: Path, folder: Path, changes: Mapping[str, str | None]) -> Path:
    """The same wheel with other texts in it (None: without it), as whoever broke it would have built it."""
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / wheel.name
    with zipfile.ZipFile(wheel) as old:
        inside = {one.filename: old.read(one) for one in old.infolist() if not one.is_dir()}
    record = next(name for name in inside if name.endswith(".dist-info/RECORD"))
    inside |= {path: text.encode() for path, text in changes.items() if text is not None}
    inside = {path: data for path, data in inside.items() if changes.get(path, "") is not None}
    lines = [f"{path},sha256={_digest(data)},{len(data)}" for path, data in inside.items() if path != record]
    inside[record] = "\n".join([*lines, f"{record},,", ""]).encode()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for path, data in inside.items():
            archive.writestr(zipfile.ZipInfo(path, (2026, 11, 24, 0, 0, 0)), data)
    return made


def software_folder(folder: Path, version: str, files: Mapping[str, str] | None = None, name: str = "balise",
                    entry: str = "agent") -> Made:  # fmt: skip
    """A release of one wheel, to give to `publish_software` or to `balise software publish`."""
    wheel(folder / "wheels", name, "1.0", files or {f"{entry}/__init__.py": f"VERSION = {version!r}\n"})
    return seal(folder, version, entry=entry)


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
