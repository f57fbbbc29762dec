"""The real window, under Xvfb and openbox, on the real local API, with a small page of the tests' own.

`kiosk` is the screen's side of a terminal that is not enrolled: page, visit, window and watchdog are the shipped ones.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from agent.clock import Clock
from agent.kiosk import Kiosk
from agent.serve import listen
from tests.display import Display, display, happens

PAGE = """<!doctype html><html lang="fr"><meta charset="utf-8"><title>Essai</title>
<link rel="stylesheet" href="/assets/page.css"><body><h1 id="said">Bonjour</h1><script src="/assets/page.js"></script>
</body></html>"""
STYLE = """html,body{height:100%;margin:0;background:linear-gradient(90deg,#ffb21c,#12384d 50%,#1f5e2e)}
h1{margin:0;padding:2rem;font:700 4rem sans-serif;color:#fff}"""
SCRIPT = """
const token = new URLSearchParams(location.hash.slice(1)).get('k');
const headers = {authorization: `Bearer ${token}`, 'content-type': 'application/json'};
let frames = 0, screen = 'home';
const paint = () => { frames += 1; requestAnimationFrame(paint); };
requestAnimationFrame(paint);
const beat = () => fetch('/api/v1/heartbeat', {method: 'POST', headers,
  body: JSON.stringify({frames, release: null, screen, in_visit: false, failed: ''})}).then(() => { frames = 0; });
setInterval(beat, 500); beat();
const said = text => { document.getElementById('said').textContent = text; screen = text; };
// What the tests ask for comes with the name that the agent gives the terminal's screen.
let seen = -1;
const acts = {
  hang: () => { for (;;); },
  leave: () => { location.href = 'http://127.0.0.1:9/elsewhere'; },
  form: () => { screen = 'rappel/name'; },
};
(async () => {
  for (;;) {
    const answer = await fetch(`/api/v1/screen?seen=${seen}`, {headers});
    const told = await answer.json();
    seen = told.version;
    const act = told.pairing ? told.pairing.code : '';
    if (acts[act]) acts[act](); else if (act) said(await probe(act, told.pairing.server));
  }
})().catch(problem => said(`problem-${problem}`));
const outcome = promise => promise.then(() => 'let-through', () => 'refused');
async function probe(act, elsewhere) {
  if (act === 'fetch') return act + '-' + await outcome(fetch(elsewhere, {mode: 'no-cors'}));
  if (act === 'picture') return act + '-' + await outcome(new Promise((yes, no) => {
    const picture = new Image(); picture.onload = yes; picture.onerror = no; picture.src = elsewhere; }));
  if (act === 'camera')
    return act + '-' + await outcome(navigator.mediaDevices.getUserMedia({video: true, audio: true}));
  if (act === 'popup') return act + '-' + (window.open(elsewhere) ? 'let-through' : 'refused');
  if (act === 'alert') { alert('bonjour'); return act + '-' + (confirm('?') ? 'let-through' : 'refused'); }
  if (act === 'bridge') {  // it would be injected a little after the page has loaded
    await new Promise(later => setTimeout(later, 1500));
    const touched = window.pywebview || window.qt || !String(alert).includes('native code');
    return act + '-' + (touched ? 'let-through' : 'refused');
  }
  if (act === 'storage') { const had = localStorage.getItem('visitor'); localStorage.setItem('visitor', 'Alice');
    return act + '-' + (had ? 'let-through' : 'refused'); }
  return act;
}
"""


@pytest.fixture(scope="session")
def screen() -> Iterator[Display]:
    with display() as shown:
        yield shown


@pytest.fixture
def ui(tmp_path: Path) -> Path:
    folder = tmp_path / "ui"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(PAGE)
    (folder / "assets" / "page.css").write_text(STYLE)
    (folder / "assets" / "page.js").write_text(SCRIPT)
    return folder


@pytest.fixture
async def kiosk(screen: Display, ui: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Kiosk]:
    for name, value in screen.env.items():
        monkeypatch.setitem(os.environ, name, value)
    monkeypatch.delitem(os.environ, "WAYLAND_DISPLAY", raising=False)
    one = Kiosk(tmp_path / "state", Clock(tmp_path / "clock"), ui, listen(0), window=True)
    running = asyncio.create_task(one.run())
    try:
        await happens(lambda: one.page.is_painting(5) or running.done(), "the page paints")
        assert not running.done(), running.exception()
        yield one
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await running
