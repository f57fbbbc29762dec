"""Publishing a version of the terminals' software: wheels, then the list that a key from elsewhere signs.

What is published is what the signed list says, and nothing else is kept of it: no table can disagree.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from securesystemslib.signer import Signer
from sqlmodel import Session
from tuf.api.metadata import TargetFile

from fleet_server.access.audit import record_act
from fleet_server.context import Context
from fleet_server.db import transaction
from fleet_server.releases.blobs import keep_file
from fleet_server.releases.metadata_files import MetadataFiles
from fleet_server.releases.repository import NotDelegated, Taken, repository
from fleet_server.settings import Settings
from fleet_server.software.folder import Made
from fleet_server.terminals.public import wish_software
from fleet_server.web.viewer import Viewer
from wire.software import MAX_SOFTWARE_MANIFEST_BYTES, SoftwareManifest, SoftwareRelease
from wire.state import Activation

MAX_NOTES = 280


@dataclass(frozen=True, slots=True)
class Published:
    """`size`: of all its wheels, in bytes; 0 where the manifest is no longer here. `at`: when it was prepared."""

    release: SoftwareRelease
    at: datetime | None
    notes: str
    files: int
    size: int


def publish_software(ctx: Context, made: Made, signers: Iterable[Signer], notes: str, viewer: Viewer | None,
                     kept: Callable[[], object] = lambda: None) -> bool:  # fmt: skip
    """True: terminals may be asked for it; False: staged, signatures are still lacking. May be done again.

    No terminal is asked for it yet. Raises `Taken`, `NotDelegated`, `NotThatFile`, `OSError`.
    """
    check_free(ctx.settings, made.release)
    for sha256, path in made.wheels.items():
        keep_file(ctx.settings.data_dir / "blobs", path, sha256)
        kept()
    version, now = made.release.version, ctx.now()
    told = {"at": now.isoformat(timespec="seconds")} | ({"notes": notes[:MAX_NOTES]} if notes else {})
    known = find_software(ctx.settings, version)
    done = repository(ctx.settings, ctx.keys).add_software(target_of(version), made.raw, signers, now, told)
    if known is None:
        act = "software.published" if done else "software.staged"
        with transaction(ctx.engine) as session:
            record_act(session, viewer, act, version, {"id": made.release.id}, now=now)
    return done


def wish_software_of(
    session: Session, ctx: Context, release: SoftwareRelease, terminal_ids: Iterable[str] | None,
    viewer: Viewer | None, activation: Activation = Activation(), reason: str = "",
) -> int:  # fmt: skip
    """Ask these terminals (None: all) to run it. Returns how many."""
    ids = None if terminal_ids is None else sorted(set(terminal_ids))
    count = wish_software(session, ctx, release, ids, activation)
    detail = {"count": count, "id": release.id} | ({"force": True} if activation.force else {})
    detail |= {"reason": reason} if reason else {}
    record_act(session, viewer, "software.wished", release.version, detail, now=ctx.now(), terminals=ids or [])
    return count


def check_free(settings: Settings, release: SoftwareRelease) -> None:
    """Raises `Taken` when this version is another release, `NotDelegated`."""
    if not _files(settings).exist() or _files(settings).current().software is None:
        raise NotDelegated
    known = find_software(settings, release.version)
    if known and known.release != release:
        raise Taken(release.version)


def software_releases(settings: Settings) -> list[Published]:
    """Newest first; empty where nothing was ever published."""
    files = _files(settings)
    role = files.current().software if files.exist() else None
    found = [_published(files, target) for target in role.signed.targets.values()] if role else []
    return sorted(found, key=lambda one: (one.at is not None, one.at, one.release.version), reverse=True)


def find_software(settings: Settings, version: str) -> Published | None:
    return next((one for one in software_releases(settings) if one.release.version == version), None)


def target_of(version: str) -> str:
    return f"software/{version}.json"


def _files(settings: Settings) -> MetadataFiles:
    return MetadataFiles(settings.data_dir / "releases")


def _published(files: MetadataFiles, target: TargetFile) -> Published:
    version, id = target.path.removeprefix("software/").removesuffix(".json"), target.hashes["sha256"]
    told = target.unrecognized_fields.get("custom", {})
    path = files.targets / "software" / f"{id}.{version}.json"
    manifest = None
    if path.exists() and path.stat().st_size <= MAX_SOFTWARE_MANIFEST_BYTES:
        manifest = SoftwareManifest.model_validate_json(path.read_bytes())
    at = datetime.fromisoformat(told["at"]) if "at" in told else None
    wheels = manifest.files if manifest else ()
    release = SoftwareRelease(version=version, id=id)
    return Published(release, at, str(told.get("notes", "")), len(wheels), sum(one.size for one in wheels))
