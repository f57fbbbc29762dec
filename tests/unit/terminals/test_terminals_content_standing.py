"""Where a terminal's edition stands, in one word and a sentence."""

import pytest

from fleet_server.terminals.content_standing import content_standing
from fleet_server.web.vocabulary import STATES
from tests.unit.terminals.test_terminals_states import NOW, WANT, report
from wire.state import ContentState, Release

OLD, NEW = Release(id="a" * 64, label="2026.47"), Release(id="b" * 64, label="2026.48")


@pytest.mark.parametrize(("wished", "content", "key", "said"), [
    (None, None, "unknown", ""),
    (None, {}, "as_is", ""),
    (None, {"active": OLD}, "as_is", ""),
    (OLD, {"active": OLD, "phase": "committed"}, "current", ""),
    (NEW, {"active": OLD, "phase": "committed"}, "wanted", "elle n’a pas encore commencé"),
    (NEW, {"active": OLD, "phase": "downloading", "target": NEW, "progress": 0.4}, "downloading",
     "édition 2026.48 : reçoit, 40 %"),
    (NEW, {"active": OLD, "phase": "waiting", "target": NEW}, "waiting",
     "édition 2026.48 : attend la fin de la visite"),
    (NEW, {"active": NEW, "phase": "verifying", "target": NEW}, "verifying", "édition 2026.48 : vérifie l’édition"),
    (NEW, {"active": OLD, "phase": "rolled_back", "target": NEW, "reason": "rien à l’écran"}, "rolled_back",
     "édition 2026.48 : rien à l’écran"),
    (NEW, {"active": OLD, "phase": "failed", "target": NEW, "reason": "trop lourde", "rejected": True}, "rejected",
     "édition 2026.48 : trop lourde, un autre essai ne servirait à rien"),
    (NEW, {"phase": "failed", "target": NEW}, "failed", "édition 2026.48 : sans dire pourquoi"),
    (OLD, {"active": OLD, "phase": "failed", "target": OLD, "reason": "ancien essai"}, "current", ""),
])  # fmt: skip
def test_it_is_what_the_terminal_reports_beside_what_is_asked(wished, content, key, said):
    want = WANT.model_copy(update={"release": wished})
    found = content_standing(want, None if content is None else report(content=ContentState(**content)), NOW)
    assert (found.key, found.said) == (key, said)
    assert key in STATES["content"]
