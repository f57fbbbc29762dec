"""Where a terminal's own software stands: what is wished, what its update says, and what really runs. Pure.

What runs has the last word: a terminal that runs something else than what it had committed is in drift, whatever was
said before.
"""

from dataclasses import dataclass
from datetime import datetime

from fleet_server.terminals.progress import coming, until_in_words
from fleet_server.terminals.reasons import why
from wire.software import UpdatePhase
from wire.state import Desired, Reported, SoftwareState

MOVING: frozenset[UpdatePhase] = frozenset({"downloading", "installing", "restarting", "verifying", "rolling_back"})


@dataclass(frozen=True, slots=True)
class Standing:
    """`key` as in `web.vocabulary`: unknown, as_is (nothing is wished), current, wanted, one of `MOVING`, failed,
    rejected, rolled_back, drift. `said`: in words, for people."""

    key: str
    said: str = ""

    @property
    def differs(self) -> bool:
        return self.key not in ("unknown", "as_is", "current")


def standing(want: Desired, report: Reported | None, now: datetime) -> Standing:
    if report is None:
        return Standing("unknown")
    wished, state, runs = want.software, report.software_state, report.software
    if state.phase in MOVING:
        return Standing(state.phase, _moving(state, want.settings.timezone, now))
    if state.release and state.release.version != runs:
        return Standing("drift", f"exécute {runs}, alors qu’elle avait gardé {state.release.version}")
    if wished is None:
        return Standing("as_is")
    if state.release == wished:
        return Standing("current")
    ended = state.phase in ("failed", "rolled_back") and state.target == wished
    if ended:
        return Standing("rejected" if state.rejected else state.phase, why(state.reason))
    # A report may say that the rest of the wish is applied before its update has begun: that is no drift.
    seen = state.revision >= (want.software_revision or want.revision)
    if seen or (state.phase == "committed" and state.target == wished):
        return Standing("drift", f"exécute {runs}, qu’aucune mise à jour n’a confirmée")
    return Standing("wanted", f"{wished.version} l’attend")


def _moving(state: SoftwareState, timezone: str, now: datetime) -> str:
    until = until_in_words(state.waits_until, timezone, now)
    match state.phase:
        case "downloading":
            return coming(state.progress, state.lacks_bytes, state.waits_for, until)
        case "rolling_back":
            return f"revient à {state.previous or 'la précédente'} : {why(state.reason)}"
        case "verifying":
            return "regarde si tout marche avant de la garder"
        case _ if state.waits_for in ("hours", "not_before"):
            return f"prête, redémarrera {until}"
        case _ if state.waits_for == "clock":
            return "prête, attend que son horloge soit sûre"
        case _ if state.waits_for:
            return "prête, attend la fin de la visite"
        case "installing":
            return "installe"
        case _:
            return "redémarre"
