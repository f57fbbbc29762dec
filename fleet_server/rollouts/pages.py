"""/deploiements: what is under way and what waits, a new one, and one as it goes; acts and their confirmation."""

from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from sqlmodel import Session, col, func, select

from fleet_server.access.guard import Viewer, allow
from fleet_server.context import Context, ContextDep, Reading, Writing
from fleet_server.releases.publish import releases
from fleet_server.releases.software import software_releases
from fleet_server.rollouts.acts import ACTS, Asked, RolloutRefused, create, needs_second_person
from fleet_server.rollouts.forms import EMPTY, LISTS, TEXT_MAX, Typed, read
from fleet_server.rollouts.models import ACTIVE, Rollout
from fleet_server.rollouts.seen import Seen, fleet
from fleet_server.rollouts.shown import SORTS, Part, counts_of, newest, shown
from fleet_server.rollouts.whom import SEARCHED, TRAITS, choices, sought
from fleet_server.terminals.public import TooMany, chosen_ids
from fleet_server.web.pages import RailCount, fragment, page, seen_other

router = APIRouter(include_in_schema=False)
Operator = Annotated[Viewer, Depends(allow("operator", "admin"))]


class Gesture(NamedTuple):
    """`act` as in `acts.ACTS`; `done`: what the toast says; `asks`: its confirmation is a page of its own."""

    act: str
    done: str
    asks: bool = False


GESTURES = {
    "proposer": Gesture("submit", "Proposé."),
    "approuver": Gesture("approve", "Approuvé : il peut être lancé."),
    "renvoyer": Gesture("refuse", "Renvoyé à son auteur.", asks=True),
    "lancer": Gesture("start", "Lancé."),
    "pause": Gesture("pause", "En pause : aucune autre borne ne commence."),
    "reprendre": Gesture("resume", "Repris."),
    "arreter": Gesture("stop", "Arrêté.", asks=True),
    "reessayer": Gesture("retry", "Un nouvel essai est en file."),
    "forcer": Gesture("force", "Demandé sans attendre.", asks=True),
}
MOST_CHOSEN = 2000
"""As many as a target may name."""
_UNDO = {"pause": "reprendre"}


def rail_count(session: Session, viewer: Viewer) -> RailCount | None:
    """Those that go on; lit when one waits for this person's approval."""
    going = session.exec(select(func.count()).where(col(Rollout.state).in_(ACTIVE))).one()
    waits = select(func.count()).where(Rollout.state == "waiting_for_approval", col(Rollout.made_by) != viewer.id)
    waiting = session.exec(waits).one()
    return RailCount(going + waiting, you=waiting > 0) if going + waiting else None


@router.get("/deploiements")
def rollouts_page(request: Request, session: Reading, viewer: Operator) -> Response:
    return page(request, viewer, "rollouts/deploiements.html", **_list(session))


@router.get("/deploiements/lignes")
def rollouts_live(request: Request, session: Reading, viewer: Operator) -> Response:
    return fragment(request, viewer, "rollouts/deploiements-lignes.html", live=True, **_list(session))


@router.get("/deploiements/nouveau")
def new_page(request: Request, ctx: ContextDep, session: Reading, viewer: Operator, edition: str = "",
             genre: str = "", version: str = "") -> Response:  # fmt: skip
    """`genre=reglages`: its settings are open; `genre=logiciel`: for the software `version`.

    What a list of terminals was filtered by is ticked (`_searched`), and those it names: `terminal=ID`, repeated.
    """
    kind = {"reglages": "settings", "logiciel": "software"}.get(genre, EMPTY["kind"])
    chosen, text = _searched(request)
    whom = {"qui": "certaines", "texte": text} if chosen or text else {}
    given = {"kind": kind, "edition": edition[:40], "version": version[:64]}
    return _new(request, ctx, session, viewer, EMPTY | given | whom, chosen, Typed())


async def _ticked(request: Request) -> tuple[str, ...]:
    form = await request.form()
    try:
        return chosen_ids([str(one) for one in form.getlist("terminal")], str(form.get("terminals", "")))
    except TooMany as refused:
        raise HTTPException(422, str(refused)) from refused


@router.post("/deploiements/nouveau")
def new_for(request: Request, ctx: ContextDep, session: Reading, viewer: Operator,
            ids: Annotated[tuple[str, ...], Depends(_ticked)]) -> Response:  # fmt: skip
    """For the terminals that were ticked in a list, too many for an address. Nothing is made yet."""
    chosen = {"terminals": list(ids)} if ids else {}
    return _new(request, ctx, session, viewer, EMPTY | ({"qui": "certaines"} if ids else {}), chosen, Typed())


def _searched(request: Request) -> tuple[dict[str, list[str]], str]:
    """By the names of `SEARCHED`, and `text`."""
    asked = request.query_params
    found = {
        ours: [one[:80] for one in asked.getlist(theirs)[:MOST_CHOSEN] if one] for theirs, ours in SEARCHED.items()
    }
    return {name: values for name, values in found.items() if values}, asked.get("text", "")[:TEXT_MAX]


async def _posted(request: Request) -> tuple[dict[str, str], dict[str, list[str]]]:
    form = await request.form()
    texts = {name: value for name, value in form.items() if isinstance(value, str)}
    chosen = {name: [value for value in form.getlist(name) if isinstance(value, str)] for name in LISTS}
    # A list of terminals may send them in one field.
    return texts, chosen | {"terminals": [one for value in chosen["terminals"] for one in value.split(",") if one]}


Posted = Annotated[tuple[dict[str, str], dict[str, list[str]]], Depends(_posted)]


@router.post("/deploiements")
def make(request: Request, ctx: ContextDep, session: Writing, viewer: Operator, posted: Posted) -> Response:
    """A draft, shown with what it would do."""
    form, chosen = posted
    typed = read(form, chosen)
    if not typed.errors:
        kind: Any = form["kind"] if form.get("kind") in ("settings", "software") else "content"
        try:
            made = create(session, ctx, kind, typed.what, typed.target, typed.plan, Asked(viewer))
            return seen_other(f"/deploiements/{made.id}", "Brouillon gardé : rien n’est parti.")
        except RolloutRefused as refused:
            typed.errors["kind"] = str(refused)
    return _new(request, ctx, session, viewer, {**EMPTY, "seconde": "", "ferme": "", **form}, chosen, typed, 422)


def _part(etat: str = "", page: int = 1) -> Part:
    return Part(etat if etat in SORTS else "", min(max(page, 1), 10_000))


Looked = Annotated[Part, Depends(_part)]


@router.get("/deploiements/{number}")
def rollout_page(request: Request, ctx: ContextDep, session: Reading, viewer: Operator, number: int,
                 part: Looked) -> Response:  # fmt: skip
    return page(request, viewer, "rollouts/deploiement.html", **_one(session, ctx, viewer, number, part))


@router.get("/deploiements/{number}/direct")
def rollout_live(request: Request, ctx: ContextDep, session: Reading, viewer: Operator, number: int,
                 part: Looked) -> Response:  # fmt: skip
    return fragment(request, viewer, "rollouts/deploiement-corps.html", live=True,
                    **_one(session, ctx, viewer, number, part))  # fmt: skip


@router.get("/deploiements/{number}/{gesture}")
def confirm_page(request: Request, ctx: ContextDep, session: Reading, viewer: Operator, number: int,
                 gesture: str, borne: str = "") -> Response:  # fmt: skip
    asked = _gesture(gesture)
    if not asked.asks:
        return seen_other(f"/deploiements/{number}")
    values = _one(session, ctx, viewer, number) | {"gesture": gesture, "borne": borne, "error": "", "reason": ""}
    return page(request, viewer, "rollouts/confirmer.html", **values)


@router.post("/deploiements/{number}/{gesture}")
def act(request: Request, ctx: ContextDep, session: Writing, viewer: Operator, number: int, gesture: str,
        posted: Posted) -> Response:  # fmt: skip
    asked, row = _gesture(gesture), _row(session, number)
    form, chosen = posted
    reason = " ".join(form.get("reason", "").split())[:200]
    try:
        ACTS[asked.act](session, ctx, row, Asked(viewer, reason, tuple(chosen["terminals"])))
    except RolloutRefused as refused:
        if not asked.asks:
            raise HTTPException(409, str(refused)) from refused
        values = _one(session, ctx, viewer, number) | {"gesture": gesture, "borne": "", "reason": reason}
        return page(request, viewer, "rollouts/confirmer.html", status=409, error=str(refused), **values)
    undo = f"/deploiements/{number}/{_UNDO[gesture]}" if gesture in _UNDO else None
    done = "Proposé à une seconde personne." if row.state == "waiting_for_approval" else asked.done
    return seen_other(f"/deploiements/{number}", done, undo)


# ---- what the pages show -----------------------------------------------------------------------------------------


def _list(session: Session) -> dict[str, Any]:
    rows = newest(session)
    going = [one for one in rows if one.state in ACTIVE]
    waiting = [one for one in rows if one.state == "waiting_for_approval"]
    said = f"{len(going)} déploiement{'s' if len(going) > 1 else ''} en cours." if going else "Rien n’est en cours."
    if waiting:
        said += f" {len(waiting)} attend{'ent' if len(waiting) > 1 else ''} une seconde personne."
    return {"rollouts": rows, "counts": counts_of(session, [one.id or 0 for one in rows]), "sentence": said}


def _one(session: Session, ctx: Context, viewer: Viewer, number: int, part: Part | None = None) -> dict[str, Any]:
    """`part` None: every terminal, for a confirmation that names them."""
    row = _row(session, number)
    return {
        "shown": shown(session, row, ctx.now(), part), "rollout": row, "mine": row.made_by == viewer.id,
        "second": needs_second_person(ctx, row), "sorts": SORTS,
    }  # fmt: skip


def _new(
    request: Request, ctx: Context, session: Session, viewer: Viewer, form: Mapping[str, str],
    chosen: Mapping[str, list[str]], typed: Typed, status: int = 200,
) -> Response:  # fmt: skip
    seen = fleet(session, ctx.now())
    values = {
        "form": form, "chosen": chosen, "errors": typed.errors, "editions": releases(session),
        "versions": [one.release.version for one in software_releases(ctx.settings)],
        "criteria": _boxes(choices(seen), chosen), "bornes": _bornes(seen, chosen),
        "demanded": ctx.settings.rollout_approval == "all", "count": sum(one.in_service for one in seen.values()),
    }  # fmt: skip
    return page(request, viewer, "rollouts/nouveau.html", status=status, **values)


def _boxes(choices: Mapping[str, list[tuple[str, str]]], chosen: Mapping[str, list[str]]) -> list[Any]:
    """What was ticked has a box, also where no terminal has it any more."""
    found = []
    for name, boxes in choices.items():
        if name == "terminals":
            continue  # one by one, in a list of their own
        known = {value for value, _ in boxes}
        found.append((name, TRAITS[name][0], boxes + [(one, one) for one in chosen.get(name, ()) if one not in known]))
    return [one for one in found if one[2]]


def _bornes(seen: Mapping[str, Seen], chosen: Mapping[str, list[str]]) -> list[dict[str, Any]]:
    """Those in service, what is ticked first, also what is not in service: each with what the page's criteria ask."""
    known = [one for one in seen.values() if one.in_service]
    made = [
        {"id": one.id, "name": one.name, "place": one.place.name, "find": sought(one),
         "traits": {name: [value for value in traits(one) if value] for name, (_, traits) in TRAITS.items()}}
        for one in known
    ]  # fmt: skip
    ticked = {*chosen.get("terminals", ()), *chosen.get("canaries", ())}
    lost = ticked - {one.id for one in known}
    return [
        *({"id": one, "name": seen[one].name if one in seen else one, "place": "n’est pas en service", "find": one,
           "traits": {}} for one in sorted(lost)),
        *sorted(made, key=lambda one: one["id"] not in ticked),
    ]  # fmt: skip


def _gesture(name: str) -> Gesture:
    if name not in GESTURES:
        raise HTTPException(404, "Ce geste n’existe pas.")
    return GESTURES[name]


def _row(session: Session, number: int) -> Rollout:
    row = session.get(Rollout, number) if 0 < number < 2**31 else None
    if row is None:
        raise HTTPException(404, "Aucun déploiement n’a ce numéro.")
    return row
