"""/reglages and /bornes/{id}/reglages: what is wished, for all, a group or one terminal; wanted → reported, live."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from sqlmodel import Session, col, select

from fleet_server.access.audit import record_act
from fleet_server.access.guard import Viewer, allow
from fleet_server.context import Context, ContextDep, Reading, Writing
from fleet_server.terminals.cards import Card, cards
from fleet_server.terminals.desired import change_settings
from fleet_server.terminals.layers import layers_of, merged, settings_of
from fleet_server.terminals.models import SettingLayer, Terminal
from fleet_server.terminals.named import in_service
from fleet_server.terminals.setting_forms import DAYS, LANGUAGES, LEAST_TO_ANSWER_S, Typed, read_form, shown, words_of
from fleet_server.web.pages import fragment, page, seen_other
from wire.state import Settings

router = APIRouter(include_in_schema=False)
Operator = Annotated[Viewer, Depends(allow("operator", "admin"))]
LABELS = {
    "idle_warning_s": "« Toujours là ? » après", "idle_end_s": "Fin de visite après", "host_phone": "Téléphone du lieu",
    "download_kbit_s": "Débit maximal", "download_hours": "Heures de téléchargement",
    **{f"welcome_{code}": f"Accueil, {language}" for code, language in LANGUAGES.items()},
    **{f"opening_{number}": day for number, day in enumerate(DAYS)},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One line of *souhaité et rapporté*."""

    name: str
    want: str
    got: str

    @property
    def differs(self) -> bool:
        return self.want != self.got


@dataclass(frozen=True, slots=True)
class Scope:
    """Whom a form speaks of."""

    scope: str
    target: str
    title: str
    terminals: tuple[str, ...]
    url: str


def reported_rows(card: Card) -> list[Row]:
    got = words_of(card.report.settings) if card.report and card.report.settings else []
    said = dict(got)
    rows = [Row("Contenu", card.wanted_release, card.release)]
    return rows + [Row(name, want, said.get(name, "–")) for name, want in words_of(card.want.settings)]


async def typed_form(request: Request) -> dict[str, str]:
    return {name: value for name, value in (await request.form()).items() if isinstance(value, str)}


Form = Annotated[dict[str, str], Depends(typed_form)]


@router.get("/reglages")
def common_page(request: Request, ctx: ContextDep, session: Reading, viewer: Operator, groupe: str = "") -> Response:
    return _form_page(request, ctx, session, viewer, _common(session, groupe))


@router.post("/reglages")
def save_common(request: Request, ctx: ContextDep, session: Writing, viewer: Operator, form: Form,
                groupe: str = "") -> Response:  # fmt: skip
    return _save(request, ctx, session, viewer, _common(session, groupe), form)


@router.get("/bornes/{terminal_id}/reglages")
def terminal_settings(request: Request, ctx: ContextDep, session: Reading, viewer: Operator,
                      terminal_id: str) -> Response:  # fmt: skip
    return _form_page(request, ctx, session, viewer, _one(session, terminal_id))


@router.post("/bornes/{terminal_id}/reglages")
def save_terminal(request: Request, ctx: ContextDep, session: Writing, viewer: Operator, terminal_id: str,
                  form: Form) -> Response:  # fmt: skip
    return _save(request, ctx, session, viewer, _one(session, terminal_id), form)


@router.get("/reglages/suivi")
def progress(request: Request, ctx: ContextDep, session: Reading, viewer: Operator, groupe: str = "",
             borne: str = "") -> Response:  # fmt: skip
    """Which terminals have confirmed what is wished of them: swapped in as their reports come."""
    scope = _one(session, borne) if borne else _common(session, groupe)
    concerned = [card for card in cards(session, ctx) if card.terminal.id in scope.terminals]
    return fragment(request, viewer, "terminals/reglages-suivi.html", concerned=concerned)


# ---- within ------------------------------------------------------------------------------------------------------


def _common(session: Session, group: str) -> Scope:
    terminals = session.exec(select(Terminal).where(Terminal.status != "decommissioned")).all()
    if not group:
        return Scope("all", "", "Réglages communs", tuple(one.id for one in terminals), "/reglages")
    members = tuple(one.id for one in terminals if group in one.groups)
    if not members:
        raise HTTPException(404, "Aucune borne n’est dans ce groupe.")
    return Scope("group", group, f"Réglages du groupe « {group} »", members, f"/reglages?groupe={quote(group)}")


def _one(session: Session, terminal_id: str) -> Scope:
    terminal = in_service(session, terminal_id)
    return Scope("terminal", terminal.id, f"Réglages de {terminal.name}", (terminal.id,),
                 f"/bornes/{terminal.id}/reglages")  # fmt: skip


def _inherited(session: Session, scope: Scope) -> dict[str, Any]:
    """What holds when this scope sets nothing."""
    layers = session.exec(select(SettingLayer)).all()
    if scope.scope == "terminal":
        groups = session.get_one(Terminal, scope.target).groups
        wider = [one for one in layers_of(scope.target, groups, layers) if one.scope != "terminal"]
    else:
        wider = [one for one in layers if scope.scope == "group" and one.scope == "all"]
    return Settings().model_dump(mode="json") | merged(wider)


def _clashes(session: Session, scope: Scope, values: dict[str, Any], now: datetime) -> dict[str, str]:
    """Layers may each be right and wrong together: whom would this leave with an end before its warning?"""
    fresh = SettingLayer(scope=scope.scope, target=scope.target, values=values, changed_at=now)
    mine = (scope.scope, scope.target)
    layers = [one for one in session.exec(select(SettingLayer)) if (one.scope, one.target) != mine]
    for terminal in session.exec(select(Terminal).where(col(Terminal.id).in_(scope.terminals)).order_by(Terminal.name)):
        whole = settings_of(terminal.id, terminal.groups, [*layers, fresh])
        if whole.idle_end_s < whole.idle_warning_s + LEAST_TO_ANSWER_S:
            sentence = f"{terminal.name} demanderait « Toujours là ? » après {whole.idle_warning_s} s et finirait "
            sentence += f"à {whole.idle_end_s} s : il faut au moins {LEAST_TO_ANSWER_S} s pour répondre."
            return {"idle_end_s": sentence}
    return {}


def _form_page(request: Request, ctx: Context, session: Session, viewer: Viewer, scope: Scope,
               form: dict[str, str] | None = None, typed: Typed | None = None, conflict: dict[str, Any] | None = None,
               status: int = 200) -> Response:  # fmt: skip
    layer = session.get(SettingLayer, (scope.scope, scope.target))
    now_set = shown(layer.values if layer else {})
    groups = sorted({group for one in session.exec(select(Terminal)) for group in one.groups})
    values = {
        "scope": scope, "fields": now_set | (form or {}), "was": now_set,
        "inherited": shown(_inherited(session, scope)),
        "errors": typed.errors if typed else {}, "conflict": conflict or {}, "labels": LABELS, "languages": LANGUAGES,
        "days": DAYS, "revision": layer.revision if layer else 0, "groups": groups, "layer": layer,
        "concerned": [card for card in cards(session, ctx) if card.terminal.id in scope.terminals],
    }  # fmt: skip
    return page(request, viewer, "terminals/reglages.html", status=status, **values)


def _save(request: Request, ctx: Context, session: Session, viewer: Viewer, scope: Scope,
          form: dict[str, str]) -> Response:  # fmt: skip
    typed = read_form(form)
    layer = session.get(SettingLayer, (scope.scope, scope.target))
    if not typed.errors:
        typed.errors |= _clashes(session, scope, typed.values, ctx.now())
    if typed.errors:
        return _form_page(request, ctx, session, viewer, scope, form, typed, status=422)
    if layer and form.get("revision") != str(layer.revision):
        return _conflict(request, ctx, session, viewer, scope, form, layer)
    before = layer.values if layer else {}
    if typed.values == before:
        return seen_other(scope.url, "Rien n’a changé : rien n’est envoyé.")
    count = change_settings(session, ctx, scope.scope, scope.target, typed.values, viewer.name, scope.terminals)
    changed = sorted(name for name in {*typed.values, *before} if typed.values.get(name) != before.get(name))
    record_act(session, viewer, "terminal.settings_changed", scope.target or "toutes",
               {"scope": scope.scope}, now=ctx.now(), terminals=scope.terminals or [],
               before={name: before.get(name) for name in changed},
               after={name: typed.values.get(name) for name in changed})  # fmt: skip
    whom = "à 1 borne" if count == 1 else f"à {count} bornes"
    return seen_other(scope.url, f"Demandé {whom}. Chacune confirme entre deux visites.")


def _conflict(request: Request, ctx: Context, session: Session, viewer: Viewer, scope: Scope, form: dict[str, str],
              layer: SettingLayer) -> Response:  # fmt: skip
    """Someone saved meanwhile: nothing typed is lost, and the form now stands on the newer revision."""
    theirs = shown(layer.values)
    differing = {name: theirs[name] for name in theirs if form.get(name, "").strip() != theirs[name]}
    conflict = {"who": layer.changed_by, "at": layer.changed_at, "fields": differing}
    return _form_page(request, ctx, session, viewer, scope, form, conflict=conflict, status=409)
