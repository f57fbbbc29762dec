"""A software release in a folder, between the machine that makes it and the one that publishes it.

    <folder>/wheels/*.whl                everything that a terminal installs: ours, and what it needs
    <folder>/software/<version>.json     the manifest (`wire.software.SoftwareManifest`), whose SHA-256 is the release

The manifest holds no date and no machine's name: the same wheels are the same release.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from wire.software import MAX_SOFTWARE_MANIFEST_BYTES, SoftwareManifest, SoftwareRelease, Wheel

MAX_RELEASE_BYTES = 2 * 2**30
"""All wheels together. The window's are the heaviest, some 400 MB."""


class BadFolder(ValueError):
    """Not a release, or no longer the one that was made. The message is for the person, French."""


@dataclass(frozen=True, slots=True)
class Made:
    """A release whose wheels are here, each as its manifest says."""

    release: SoftwareRelease
    manifest: SoftwareManifest
    raw: bytes
    wheels: dict[str, Path]
    """SHA-256 → file."""

    @property
    def size(self) -> int:
        return sum(wheel.size for wheel in self.manifest.files)


def seal(folder: Path, version: str, python: str = ">=3.11", entry: str = "agent") -> Made:
    """Write the manifest of the wheels that are in the folder. Raises `BadFolder`, `OSError`."""
    paths = sorted((folder / "wheels").glob("*.whl"))
    try:
        wheels = tuple(Wheel(name=path.name, sha256=_digest(path), size=path.stat().st_size) for path in paths)
        manifest = SoftwareManifest(version=version, python=python, files=wheels, entry=entry)
    except ValidationError as error:
        raise BadFolder(_why(error, folder)) from error
    path = folder / "software" / f"{version}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(manifest.model_dump_json(indent=1).encode() + b"\n")
    return read(folder)


def read(folder: Path) -> Made:
    """Raises `BadFolder` for what terminals would refuse, `OSError`."""
    manifests = sorted((folder / "software").glob("*.json"))
    if len(manifests) != 1:
        raise BadFolder(f"{folder} n’est pas le dossier d’une version : « balise software build » en fait un.")
    path = manifests[0]
    if path.stat().st_size > MAX_SOFTWARE_MANIFEST_BYTES:
        raise BadFolder(f"{path} est trop gros : 1 Mio au plus.")
    raw = path.read_bytes()
    try:
        manifest = SoftwareManifest.model_validate_json(raw)
    except ValidationError as error:
        raise BadFolder(_why(error, path)) from error
    if path.name != f"{manifest.version}.json":
        raise BadFolder(f"{path} parle de la version {manifest.version} : le nom du fichier est celui de la version.")
    release = SoftwareRelease(version=manifest.version, id=hashlib.sha256(raw).hexdigest())
    made = Made(
        release, manifest, raw, {one.sha256: _wheel(folder / "wheels" / one.name, one) for one in manifest.files}
    )
    if made.size > MAX_RELEASE_BYTES:
        most = MAX_RELEASE_BYTES >> 20
        raise BadFolder(f"Ces roues sont trop grosses ensemble : {made.size >> 20} Mio, {most} au plus.")
    if twice := {one.name for one in manifest.files if sum(one.name == other.name for other in manifest.files) > 1}:
        raise BadFolder(f"{path} nomme deux fois {min(twice)}.")
    return made


def _wheel(path: Path, expected: Wheel) -> Path:
    if not path.is_file():
        raise BadFolder(f"Il manque {path} : refaites le dossier par « balise software build ».")
    if path.stat().st_size != expected.size or _digest(path) != expected.sha256:
        raise BadFolder(f"{path} n’est plus celui que nomme le manifeste : refaites le dossier.")
    return path


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _why(error: ValidationError, where: Path) -> str:
    """The first thing that is wrong, in words where we have some."""
    first = error.errors(include_url=False)[0]
    match first["loc"]:
        case ("version", *_):
            return f"La version « {first['input']} » ne convient pas : lettres, chiffres, « . + _ - », 64 au plus."
        case ("size", *_):
            return f"Une roue de {where} est vide, ou dépasse 1 Gio."
        case ("files", *_) if first["type"] == "too_short":
            return f"Il n’y a aucune roue (.whl) dans {where / 'wheels'}."
        case ("files", *_) if first["type"] == "too_long":
            return f"Trop de roues dans {where} : 500 au plus."
        case _:
            return f"{where} ne convient pas : {'.'.join(map(str, first['loc']))}, {first['msg']}."
