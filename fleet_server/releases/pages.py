"""/contenus and /editions/{label}: what is published, what is where, ask terminals for it, go back."""

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from sqlmodel import Session, select

from fleet_server.access.guard import Viewer, allow
from fleet_server.context import Context, ContextDep, Reading, Writing
from fleet_server.evaluation.counting import today_in_paris
from fleet_server.releases.changes import changes, contents_of, soon_out_of_date
from fleet_server.releases.expiry import warnings
from fleet_server.releases.models import ContentRelease
from fleet_server.releases.publish import blobs_are_here, manifest_of, only_by_rollout, releases, wish
from fleet_server.releases.repository import repository
from fleet_server.releases.software import Published, software_releases
from fleet_server.releases.upload_pages import router as upload_router
from fleet_server.releases.whereabouts import Edition, editions, step_of
from fleet_server.terminals.cards import Card, cards
from fleet_server.web.pages import fragment, page, seen_other

router = APIRouter(include_in_schema=False)
router.include_router(upload_router)
Operator = Annotated[Viewer, Depends(allow("operator", "admin"))]
Chosen = Annotated[list[str], Form()]
CHANGES_SHOWN = 40
VERSIONS_SHOWN = 20
_BY_ROLLOUT = "Ici une seconde personne approuve ce qui part : préparez un déploiement."
NAMED = 4
"""More names than this in one sentence are a number."""


@router.get("/contenus")
def contents_page(request: Request, ctx: ContextDep, session: Reading, viewer: Operator) -> Response:
    return page(request, viewer, "releases/contenus.html", **_overview(session, ctx))


@router.get("/contenus/direct")
def contents_live(request: Request, ctx: ContextDep, session: Reading, viewer: Operator) -> Response:
    return fragment(request, viewer, "releases/contenus-corps.html", live=True, **_overview(session, ctx))


@router.get("/editions/{label}")
def edition_page(request: Request, ctx: ContextDep, session: Reading, viewer: Operator, label: str) -> Response:
    return page(request, viewer, "releases/edition.html", **_edition(session, ctx, label))


@router.get("/editions/{label}/demander")
def ask_page(request: Request, ctx: ContextDep, session: Reading, viewer: Operator, label: str) -> Response:
    shown = _asking(session, ctx, label)
    if only_by_rollout(ctx):
        return seen_other("/deploiements/nouveau", _BY_ROLLOUT)
    return page(request, viewer, "releases/demander.html", errors={}, **shown)


@router.post("/editions/{label}/demander")
def ask(request: Request, ctx: ContextDep, session: Writing, viewer: Operator, label: str,
        terminal: Chosen = []) -> Response:  # fmt: skip  # noqa: B006 - FastAPI copies it
    """Wish this edition of the terminals that were ticked: all, some, never none by accident."""
    row = _row(session, label)
    shown = _asking(session, ctx, label)
    if only_by_rollout(ctx):
        return seen_other("/deploiements/nouveau", f"Rien n’est parti. {_BY_ROLLOUT}")
    chosen = [card for card in shown["cards"] if card.terminal.id in terminal]
    if not chosen:
        errors = {"terminal": "Cochez au moins une borne, ou ne faites rien."}
        return page(request, viewer, "releases/demander.html", status=422, errors=errors, **shown)
    manifest = manifest_of(ctx, row.id)
    if manifest is None or not blobs_are_here(ctx, manifest):
        raise HTTPException(409, f"L’édition {label} n’est plus entière sur ce serveur : publiez-la de nouveau.")
    act = "release.rolled_back" if shown["backwards"] else "release.wished"
    count = wish(session, ctx, row, [card.terminal.id for card in chosen], viewer, act)
    return seen_other("/contenus", f"Édition {label} demandée à {count} borne{'s' if count > 1 else ''}.")


# ---- what the pages show -----------------------------------------------------------------------------------------


def _overview(session: Session, ctx: Context) -> dict[str, Any]:
    rows, terminals = releases(session), cards(session, ctx)
    shown = editions(rows, terminals)
    return {
        "editions": shown, "cards": terminals, "step_of": partial(step_of, now=ctx.now()),
        "sentence": _sentence(shown, terminals), "software": _software(ctx, terminals),
        "drifting": sum(card.software.key == "drift" for card in terminals),
        "newest": shown[0] if shown else None, "back_to": _back_to(shown), "current": None,
        "trust": warnings(repository(ctx.settings, ctx.keys), ctx.now(), ctx.settings.data_dir) if ctx.keys else [],
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Version:
    """Of the terminals' software: how many run it, and of how many it is wished. `published` None: by hand, or from
    before."""

    version: str
    published: Published | None
    runs: int
    wanted: int


def _software(ctx: Context, terminals: list[Card]) -> list[Version]:
    """Published ones, newest first, then what runs besides."""
    runs = Counter(card.report.software for card in terminals if card.report)
    wanted = Counter(card.want.software.version for card in terminals if card.want.software)
    published = software_releases(ctx.settings)[:VERSIONS_SHOWN]
    if not published:
        return []
    known = {one.release.version: one for one in published}
    others = sorted((runs.keys() | wanted.keys()) - known.keys())[:VERSIONS_SHOWN]
    return [Version(name, known.get(name), runs[name], wanted[name]) for name in (*known, *others)]


def _edition(session: Session, ctx: Context, label: str) -> dict[str, Any]:
    row, overview = _row(session, label), _overview(session, ctx)
    known: list[Edition] = overview["editions"]
    place = next((place for place, one in enumerate(known) if one.row.id == row.id), None)
    before = known[place + 1].row if place is not None and place + 1 < len(known) else None
    contents = contents_of(ctx, row.id)
    found = changes(contents_of(ctx, before.id) if before else {}, contents)
    here = Edition(row) if place is None else known[place]
    return overview | {
        "edition": here, "current": row.label, "before": before, "changes": found[:CHANGES_SHOWN],
        "more": max(0, len(found) - CHANGES_SHOWN), "total": len(found), "whole": bool(contents),
        "soon": soon_out_of_date(contents, today_in_paris(ctx.now())), "backwards": _backwards(row, known),
    }  # fmt: skip


def _asking(session: Session, ctx: Context, label: str) -> dict[str, Any]:
    row, terminals = _row(session, label), cards(session, ctx)
    known = editions(releases(session), terminals)
    there = [card for card in terminals if card.want.release and card.want.release.id == row.id]
    return {
        "row": row, "cards": sorted(terminals, key=lambda card: card.terminal.name),
        "step_of": partial(step_of, now=ctx.now()),
        "backwards": _backwards(row, known), "already": {card.terminal.id for card in there},
    }  # fmt: skip


def _row(session: Session, label: str) -> ContentRelease:
    row = session.exec(select(ContentRelease).where(ContentRelease.label == label)).first()
    if row is None:
        raise HTTPException(404, f"Aucune édition ne s’appelle {label}.")
    return row


def _backwards(row: ContentRelease, known: list[Edition]) -> bool:
    """Some terminal is asked for an edition that was published after this one."""
    return any(one.wanted and one.row.published_at > row.published_at for one in known)


def _back_to(known: list[Edition]) -> Edition | None:
    """The edition before the newest one wanted: where *roll back* leads."""
    place = next((place for place, one in enumerate(known) if one.wanted), None)
    return known[place + 1] if place is not None and place + 1 < len(known) else None


def _sentence(known: list[Edition], terminals: list[Card]) -> str:
    if not known:
        return "Rien n’est encore publié."
    wanted = [one for one in known if one.wanted]
    if not wanted:
        return f"L’édition {known[0].row.label} est prête ; aucune borne ne la demande encore."
    behind = [card.terminal.name for card in terminals if card.want.release and card.release != card.wanted_release]
    if not behind:
        return f"Toutes les bornes montrent ce qui est souhaité : {' et '.join(one.row.label for one in wanted)}."
    if len(behind) == 1:
        return f"{behind[0]} n’a pas encore l’édition souhaitée."
    if len(behind) > NAMED:
        return f"{len(behind)} bornes n’ont pas encore l’édition souhaitée."
    return f"{', '.join(behind[:-1])} et {behind[-1]} n’ont pas encore l’édition souhaitée."
