"""Publishing a release: files, then the signed list, then the wish. Each step may be done again."""

from collections.abc import Callable, Iterable
from datetime import date

from sqlmodel import Session, col, select

from fleet_server.access.audit import record_act
from fleet_server.contents.build import Built
from fleet_server.context import Context
from fleet_server.db import reading, transaction
from fleet_server.releases.blobs import blob_path, keep_blob
from fleet_server.releases.models import ContentRelease
from fleet_server.releases.repository import repository
from fleet_server.terminals.public import wish_release
from fleet_server.web.viewer import Viewer
from wire.release import Manifest
from wire.state import Release


class LabelTaken(ValueError):
    """Another release already has this label."""


def publish(ctx: Context, built: Built, viewer: Viewer | None,
            kept: Callable[[], object] = lambda: None) -> ContentRelease:  # fmt: skip
    """Make it known and fetchable; no terminal is asked to run it yet. Raises `LabelTaken`, `OSError`.

    The disk is waited for before the transaction, which only records: what terminals tell meanwhile is taken. What a
    failure leaves behind (files, a signed name) serves nobody, and the next try. `kept` is called after each file, for
    whoever watches.
    """
    release, now = built.release, ctx.now()
    with reading(ctx.engine) as session:
        if known := _same(session, release):
            return known
    for content in built.files.values():
        keep_blob(ctx.settings.data_dir / "blobs", content)
        kept()
    repository(ctx.settings, ctx.keys).add(target_of(release.id), built.raw, now)
    with transaction(ctx.engine) as session:
        if known := _same(session, release):
            return known
        row = ContentRelease(
            id=release.id, label=release.label, pack=built.manifest.pack, built_at=built.manifest.built_at,
            published_at=now, published_by=viewer.name if viewer else "", files=len(built.manifest.files),
            size=sum({file.sha256: file.size for file in built.manifest.files}.values()),
        )  # fmt: skip
        session.add(row)
        record_act(session, viewer, "release.published", release.label, {"id": release.id}, now=now)
    return row


def _same(session: Session, release: Release) -> ContentRelease | None:
    """This very release, if it is published. Raises `LabelTaken` when another has its label."""
    known = session.exec(select(ContentRelease).where(ContentRelease.label == release.label)).first()
    if known is not None and known.id != release.id:
        raise LabelTaken(release.label)
    return known


def wish(session: Session, ctx: Context, row: ContentRelease, terminal_ids: Iterable[str] | None,
         viewer: Viewer | None, act: str = "release.wished") -> int:  # fmt: skip
    """Ask these terminals (None: all) to run it. Returns how many."""
    ids = None if terminal_ids is None else sorted(set(terminal_ids))
    count = wish_release(session, ctx, Release(id=row.id, label=row.label), ids)
    record_act(session, viewer, act, row.label, {"count": count}, now=ctx.now(), terminals=ids or [])
    return count


def only_by_rollout(ctx: Context) -> bool:
    """A second person approves whatever is asked of terminals: there is no way around a rollout but the server's own
    command line."""
    return ctx.settings.rollout_approval == "all"


def releases(session: Session, limit: int = 50) -> list[ContentRelease]:
    """Newest first."""
    query = select(ContentRelease).order_by(col(ContentRelease.published_at).desc(), col(ContentRelease.label).desc())
    return list(session.exec(query.limit(limit)))


def target_of(release_id: str) -> str:
    return f"releases/{release_id}.json"


def manifest_of(ctx: Context, release_id: str) -> Manifest | None:
    path = ctx.settings.data_dir / "releases" / "targets" / "releases" / f"{release_id}.{release_id}.json"
    return Manifest.model_validate_json(path.read_bytes()) if path.exists() else None


def blobs_are_here(ctx: Context, manifest: Manifest) -> bool:
    return all(blob_path(ctx.settings.data_dir / "blobs", file.sha256).exists() for file in manifest.files)


def week_label(day: date) -> str:
    """What people call an edition: the year and the week it was made in."""
    year, week, _ = day.isocalendar()
    return f"{year}.{week:02d}"


def free_label(session: Session, wanted: str) -> str:
    """`2026.48`, or `2026.48-2` when that week already has an edition."""
    taken = set(session.exec(select(ContentRelease.label).where(col(ContentRelease.label).startswith(wanted))))
    number, label = 1, wanted
    while label in taken:
        number += 1
        label = f"{wanted}-{number}"
    return label
