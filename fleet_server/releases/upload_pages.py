"""/contenus/publier: a pack from the browser, as a .zip, checked as `balise content check` does, built and published.

One at a time. The file is streamed to the disk and taken in hand by a thread: neither the pages nor ingest wait for it.
"""

import asyncio
import errno
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile

from fleet_server.access.guard import Viewer, allow, allow_before_body, check_token
from fleet_server.contents.build import build
from fleet_server.contents.check import UI_SOURCES, checked
from fleet_server.contents.pack import Pack
from fleet_server.contents.zipped import MOST_ZIPPED, NotAPack, unpack
from fleet_server.context import Context, ContextDep
from fleet_server.db import reading
from fleet_server.releases.models import ContentRelease
from fleet_server.releases.publish import LabelTaken, free_label, publish, week_label
from fleet_server.web.pages import page, seen_other

router = APIRouter(include_in_schema=False)
PUBLISH = "/contenus/publier"
MOST_SENT = MOST_ZIPPED + 64 * 1024
"""The file, and the form around it."""
PATIENCE_S = 15 * 60
SHOWN = 100
LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
Operator = Annotated[Viewer, Depends(allow("operator", "admin"))]
Arriving = Annotated[Viewer, Depends(allow_before_body("operator", "admin"))]
_alone = Lock()


@router.get(PUBLISH)
def upload_page(request: Request, ctx: ContextDep, viewer: Operator) -> Response:
    return _page(request, ctx, viewer)


@router.post(PUBLISH)
async def upload(request: Request, ctx: ContextDep, viewer: Arriving) -> Response:
    if not _alone.acquire(blocking=False):
        raise HTTPException(409, "Une édition est en train d’être publiée : attendez une minute, puis recommencez.")
    try:
        async with asyncio.timeout(PATIENCE_S):
            form = await request.form(max_files=1, max_fields=3)
        try:
            return await run_in_threadpool(_take, request, ctx, viewer, form)
        finally:
            await form.close()
    except TimeoutError:  # an OSError too
        raise HTTPException(408, "Le fichier met trop longtemps à arriver : recommencez.") from None
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise HTTPException(507, "Le disque du serveur est plein : rien n’est publié.") from error
    finally:
        _alone.release()


def _take(request: Request, ctx: Context, viewer: Viewer, form: FormData) -> Response:
    check_token(request, viewer, str(form.get("csrf", "")))
    file, label = form.get("paquet"), str(form.get("label", "")).strip()
    errors = {}
    if not isinstance(file, UploadFile) or not file.size:
        errors["paquet"] = "Choisissez le .zip du paquet de contenus."
    if label and not LABEL.fullmatch(label):
        errors["label"] = "Le nom s’écrit en lettres sans accent, chiffres, points et tirets, 40 au plus."
    if errors or not isinstance(file, UploadFile):
        return _page(request, ctx, viewer, 422, errors=errors, label=label)
    try:
        with _folder(ctx.settings.data_dir / "incoming") as folder:
            pack = checked(unpack(file.file, folder), ctx.now().date(), UI_SOURCES if UI_SOURCES.is_dir() else None)
        if pack.grave:
            return _page(request, ctx, viewer, 422, label=label, **_findings(pack))
        row = _published(ctx, viewer, pack, label)
    except NotAPack as refused:
        return _page(request, ctx, viewer, 422, errors={"paquet": str(refused)}, label=label)
    except LabelTaken as taken:
        error = f"L’édition {taken} existe déjà : donnez un autre nom, ou aucun."
        return _page(request, ctx, viewer, 409, errors={"label": error}, label=label)
    ctx.live.touch("flotte")
    if pack.problems:
        return _page(request, ctx, viewer, 201, published=row, **_findings(pack))
    return seen_other(f"/editions/{row.label}", f"Édition {row.label} publiée. Aucune borne ne la demande encore.")


def _published(ctx: Context, viewer: Viewer, pack: Pack, label: str) -> ContentRelease:
    now = ctx.now()
    with reading(ctx.engine) as session:
        name = label or free_label(session, week_label(now.date()))
    return publish(ctx, build(pack, name, now), viewer)


@contextmanager
def _folder(incoming: Path) -> Iterator[Path]:
    """Empty, and gone afterwards; what a crash left there goes first."""
    shutil.rmtree(incoming, ignore_errors=True)
    incoming.mkdir(mode=0o700, parents=True)
    with TemporaryDirectory(dir=incoming) as folder:
        yield Path(folder)


def _findings(pack: Pack) -> dict[str, Any]:
    """The grave ones first: they are what has to be mended."""
    ordered = sorted(pack.problems, key=lambda one: (not one.grave, one))
    return {
        "findings": ordered[:SHOWN], "more": max(0, len(ordered) - SHOWN), "grave": len(pack.grave),
        "light": len(ordered) - len(pack.grave),
    }  # fmt: skip


def _page(request: Request, ctx: Context, viewer: Viewer, status: int = 200, **more: Any) -> Response:
    shown: dict[str, Any] = {
        "errors": {}, "findings": [], "label": "", "published": None, "most": MOST_ZIPPED,
        "week": week_label(ctx.now().date()),
    }  # fmt: skip
    return page(request, viewer, "releases/publier.html", status=status, **shown | more)
