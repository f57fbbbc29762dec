"""What can be brought: how it is wished for in bulk, and what a terminal's report says of it."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sqlmodel import Session, col, select

from fleet_server.context import Context
from fleet_server.rollouts.engine import NOTHING, Fact
from fleet_server.rollouts.models import RolloutTerminal
from fleet_server.rollouts.seen import Seen
from fleet_server.terminals.models import TerminalDesired
from fleet_server.terminals.public import merge_own_settings, wish_release, wish_software
from fleet_server.terminals.reasons import reason_words, why
from wire.software import SoftwareRelease
from wire.state import Activation, Release
from wire.state import Settings as WireSettings

LEAST_TO_ANSWER_S = 20
_FAILED = ("failed", "rolled_back")
_SHOWN = ("downloading", "waiting", "verifying")
_ON_TRIAL = ("restarting", "verifying", "rolling_back")


class Kind(Protocol):
    """`what` is the rollout's own, checked when it was made."""

    def fact(self, what: Mapping[str, Any], row: RolloutTerminal, seen: Seen) -> Fact: ...

    def overtaken(self, what: Mapping[str, Any], seen: Seen) -> bool:
        """Whether something else is wished of it now than what this rollout wished."""
        ...

    def unfit(self, what: Mapping[str, Any], seen: Seen) -> str:
        """Why it can't be there, in words; empty when it may be wished."""
        ...

    def before(self, what: Mapping[str, Any], seen: Seen) -> dict[str, Any]:
        """What is wished of it now, to give back."""
        ...

    def wish(
        self, session: Session, ctx: Context, what: Mapping[str, Any], ids: Sequence[str], activation: Activation
    ) -> None: ...

    def give_back(self, session: Session, ctx: Context, before: Mapping[str, Any], ids: Sequence[str]) -> None: ...


class Content:
    """`{"id": digest, "label": "2026.48"}`"""

    def fact(self, what: Mapping[str, Any], row: RolloutTerminal, seen: Seen) -> Fact:
        content = (seen.report or {}).get("content")
        if not content:
            return NOTHING
        phase, active = content["phase"], (content["active"] or {}).get("id")
        named = (content["target"] or {}).get("id") == what["id"] and content.get("revision", 0) >= row.revision
        if row.state == "succeeded" and _said_since(row, seen) and (active != what["id"] or phase == "rolled_back"):
            label = (content["active"] or {}).get("label", "aucune édition")
            return Fact("gone_back", phase, f"montre {label} : {why(content['reason'])}")
        if phase == "committed" and active == what["id"] and _applied(row, seen):
            return Fact("succeeded", phase)
        if named and phase in _FAILED:
            return Fact(_failed(content), phase, reason_words(content["reason"]))
        if named and phase in _SHOWN:
            return Fact("", phase, reason_words(content["reason"]), acting=phase == "verifying")
        return NOTHING

    def overtaken(self, what: Mapping[str, Any], seen: Seen) -> bool:
        return bool(seen.release_id != what["id"])

    def unfit(self, what: Mapping[str, Any], seen: Seen) -> str:
        return ""

    def before(self, what: Mapping[str, Any], seen: Seen) -> dict[str, Any]:
        return {"id": seen.release_id, "label": seen.release_label, "activation": dict(seen.activation)}

    def wish(
        self, session: Session, ctx: Context, what: Mapping[str, Any], ids: Sequence[str], activation: Activation
    ) -> None:
        wish_release(session, ctx, Release(id=what["id"], label=what["label"]), ids, activation)

    def give_back(self, session: Session, ctx: Context, before: Mapping[str, Any], ids: Sequence[str]) -> None:
        known = Release(id=before["id"], label=before["label"]) if before.get("id") else None
        wish_release(session, ctx, known, ids, Activation.model_validate(before.get("activation", {})))


class Software:
    """`{"id": digest, "version": "1.2.0"}`"""

    def fact(self, what: Mapping[str, Any], row: RolloutTerminal, seen: Seen) -> Fact:
        report = seen.report or {}
        state = report.get("software_state")
        if not state:
            return NOTHING
        phase, runs = state["phase"], report["software"]
        committed = state["release"] or {}
        mine = (state["target"] or {}).get("id") == what["id"] and state["revision"] >= row.revision
        if row.state == "succeeded" and _said_since(row, seen):
            another = runs != what["version"] or committed.get("id", what["id"]) != what["id"]
            if another or phase in ("rolling_back", "rolled_back"):
                return Fact("gone_back", phase, f"exécute {runs} : {why(state['reason'])}")
        # What runs may still be on trial: only the commit, and the boot that made it, is success.
        confirmed = committed.get("id") == what["id"] and state["committed_boot"] and phase not in _ON_TRIAL
        if confirmed and runs == what["version"] and max(state["revision"], report["revision"]) >= row.revision > 0:
            return Fact("succeeded", phase)
        if mine and phase in _FAILED:
            return Fact(_failed(state), phase, reason_words(state["reason"]))
        if mine and phase not in ("idle", "committed"):
            return Fact("", phase, reason_words(state["reason"]), acting=phase in _ON_TRIAL)
        return NOTHING

    def overtaken(self, what: Mapping[str, Any], seen: Seen) -> bool:
        return bool(seen.software_id != what["id"])

    def unfit(self, what: Mapping[str, Any], seen: Seen) -> str:
        return ""

    def before(self, what: Mapping[str, Any], seen: Seen) -> dict[str, Any]:
        return {
            "id": seen.software_id, "version": seen.software_version, "activation": dict(seen.software_activation),
        }  # fmt: skip

    def wish(
        self, session: Session, ctx: Context, what: Mapping[str, Any], ids: Sequence[str], activation: Activation
    ) -> None:
        wish_software(session, ctx, SoftwareRelease(id=what["id"], version=what["version"]), ids, activation)

    def give_back(self, session: Session, ctx: Context, before: Mapping[str, Any], ids: Sequence[str]) -> None:
        known = SoftwareRelease(id=before["id"], version=before["version"]) if before.get("id") else None
        wish_software(session, ctx, known, ids, Activation.model_validate(before.get("activation", {})))


class Settings:
    """`{"values": {name: value}}`, set in each terminal's own layer; what it does not name stays as it is."""

    def fact(self, what: Mapping[str, Any], row: RolloutTerminal, seen: Seen) -> Fact:
        said = (seen.report or {}).get("settings")
        if not said or not _applied(row, seen):
            return NOTHING
        if all(_holds(said.get(name), value) for name, value in what["values"].items()):
            return Fact("succeeded")
        return Fact("gone_back", "", "ne les applique plus") if row.state == "succeeded" else NOTHING

    def overtaken(self, what: Mapping[str, Any], seen: Seen) -> bool:
        return any(not _holds(seen.own_settings.get(name), value) for name, value in what["values"].items())

    def unfit(self, what: Mapping[str, Any], seen: Seen) -> str:
        """Layers may each be right and wrong together."""
        whole = WireSettings.model_validate({**seen.settings, **what["values"]})
        if whole.idle_end_s >= whole.idle_warning_s + LEAST_TO_ANSWER_S:
            return ""
        return (
            f"{seen.name} demanderait « Toujours là ? » après {whole.idle_warning_s} s et finirait à "
            f"{whole.idle_end_s} s : il faut au moins {LEAST_TO_ANSWER_S} s pour répondre"
        )

    def before(self, what: Mapping[str, Any], seen: Seen) -> dict[str, Any]:
        return {"values": {name: seen.own_settings.get(name) for name in what["values"]}}

    def wish(
        self, session: Session, ctx: Context, what: Mapping[str, Any], ids: Sequence[str], activation: Activation
    ) -> None:
        merge_own_settings(session, ctx, what["values"], ids)

    def give_back(self, session: Session, ctx: Context, before: Mapping[str, Any], ids: Sequence[str]) -> None:
        merge_own_settings(session, ctx, before["values"], ids, whole=True)


KINDS: dict[str, Kind] = {"content": Content(), "software": Software(), "settings": Settings()}


AT_ONCE = ("settings",)
"""What a terminal applies as soon as it hears of it: its hours are waited for here."""


def wished_revisions(session: Session, ids: Sequence[str]) -> dict[str, int]:
    """What `wish` made of the revisions."""
    query = select(TerminalDesired.terminal, TerminalDesired.revision)
    return dict(session.exec(query.where(col(TerminalDesired.terminal).in_(ids))).all())


def _failed(state: Mapping[str, Any]) -> str:
    """`rejected`: another try would end alike, so none is offered."""
    return "rejected" if state.get("rejected") else "failed"


def _applied(row: RolloutTerminal, seen: Seen) -> bool:
    return bool(seen.report) and int((seen.report or {})["revision"]) >= row.revision > 0


def _said_since(row: RolloutTerminal, seen: Seen) -> bool:
    return bool(row.ended_at and seen.reported_at and seen.reported_at > row.ended_at)


def _holds(said: Any, value: Any) -> bool:
    if isinstance(value, dict) and isinstance(said, dict):
        return all(_holds(said.get(name), one) for name, one in value.items())
    return bool(said == value)
