"""Where the edition of a terminal stands: what is asked, how far it is, and what it shows meanwhile. Pure."""

from datetime import datetime

from fleet_server.terminals.progress import progress_in_words
from fleet_server.terminals.reasons import why
from fleet_server.terminals.software_standing import Standing
from wire.state import Desired, Reported

_COMING = ("downloading", "waiting", "verifying")
_REFUSED = ("failed", "rolled_back")


def content_standing(want: Desired, report: Reported | None, now: datetime) -> Standing:
    """`key` as in `web.vocabulary` (`content`): unknown, as_is (nothing is asked), current, wanted, a phase that is
    under way, failed, rejected, rolled_back. `said`: in words, for people."""
    if report is None:
        return Standing("unknown")
    content, wished = report.content, want.release
    if content.phase in _COMING:
        which = f"édition {content.target.label} : " if content.target else ""
        return Standing(content.phase, which + progress_in_words(content, want.settings.timezone, now))
    if content.phase in _REFUSED and content.target and content.target != content.active:
        key = "rejected" if content.rejected else content.phase
        again = ", un autre essai ne servirait à rien" if content.rejected else ""
        return Standing(key, f"édition {content.target.label} : {why(content.reason)}{again}")
    if wished is None:
        return Standing("as_is")
    if content.active == wished:
        return Standing("current")
    return Standing("wanted", "elle n’a pas encore commencé")
