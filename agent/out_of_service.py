"""What the screen says when no page can be kept alive: self-contained, nothing to load, nothing to run."""

from html import escape

_PAGE = """<!doctype html><html lang="fr"><meta charset="utf-8"><title>Borne hors service</title>
<style>html,body{{height:100%;margin:0}}body{{display:grid;place-content:center;gap:1.2rem;padding:8vw;
background:#F6F0E3;color:#12222D;font:500 2rem/1.42 "Atkinson Hyperlegible Next","DejaVu Sans",sans-serif}}
h1{{font-size:4.2rem;line-height:1.1;margin:0;max-width:18ch}}p{{margin:0;max-width:34ch}}
b{{font-size:3.2rem;white-space:nowrap;display:inline-block;border-bottom:8px solid #FFB21C}}
i{{display:block;width:5rem;height:5rem;border-radius:50%;background:#FFB21C;border:6px solid #12384D}}</style>
<i aria-hidden="true"></i><h1>Cette borne est hors service.</h1>
<p>Nous en sommes prévenus. Rien de ce que vous avez tapé n’a été gardé.</p>{help}</html>"""


def out_of_service_page(phone: str) -> str:
    """`phone` is the host's, as it is to be read; empty where none is known."""
    if phone:
        line = f"<p>Pour être aidé·e tout de suite, appelez :</p><p><b>{escape(phone)}</b></p>"
    else:
        line = "<p>Demandez de l’aide à l’accueil.</p>"
    return _PAGE.format(help=line)
