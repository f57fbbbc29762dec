"""What the screen says when no page can be kept alive: self-contained, nothing to load, nothing to run."""

from html import escape

_PAGE = """<!doctype html><html lang="fr"><meta charset="utf-8"><title>Borne hors service</title>
<style>*{box-sizing:border-box;margin:0}html{height:100%;overflow:hidden;background:#F6F0E3;color:#12222D;
font:430 28px/1.42 "Atkinson Hyperlegible Next","DejaVu Sans",sans-serif}
body{height:100%;display:grid;place-content:center;gap:32px;padding:56px}
svg{width:128px;height:128px;color:#12384D}h1{font-size:76px;line-height:1.1;letter-spacing:-.02em;max-width:16ch}
p{max-width:40ch}strong{font-size:76px;line-height:1.2;white-space:nowrap;border-bottom:10px solid #FFB21C}</style>
<svg viewBox="0 0 64 64" aria-hidden="true"><mask id="loire" maskUnits="userSpaceOnUse" width="64" height="64">
<path fill="#fff" d="M0 0h64v64H0z"/><path d="M44 26C30 28 22 33 27 40s19 7 16 15-18 6-24 12" fill="none" stroke="#000"
stroke-width="6.5"/></mask><circle cx="32" cy="11.5" r="9.5" fill="#FFB21C"/><path d="M23.5 25h17c1.2 0 2.2.8 2.5 2l8.3
32.3c.4 1.7-.8 3.2-2.5 3.2H15.2c-1.7 0-2.9-1.5-2.5-3.2L21 27c.3-1.2 1.3-2 2.5-2z" fill="currentColor"
mask="url(#loire)"/></svg>
<h1>Cette borne est hors service.</h1>
<p>Nous en sommes prévenus. Ce que vous étiez en train d’écrire est effacé.</p>
"""


def out_of_service_page(phone: str) -> str:
    """`phone` is the host's, as it is to be read; empty where none is known."""
    if phone:
        return (
            f"{_PAGE}<p>Pour avoir de l’aide tout de suite, appelez\u00a0:</p><p><strong>{escape(phone)}</strong></p>"
        )
    return f"{_PAGE}<p>Demandez de l’aide à l’accueil.</p>"
